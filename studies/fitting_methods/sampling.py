"""How a simulated study picks its runs: width of each IsoFLOP, drift and offset of its centre, noise."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fitting import BadOption, LossSurface

BUDGETS = (1e17, 1e18, 1e19, 1e20, 1e21)
WIDTHS = tuple(np.linspace(0.3, 2.0, 20).tolist())
NAMED_WIDTHS = {"narrow": WIDTHS[0], "medium": WIDTHS[10], "wide": WIDTHS[19]}
SPANS = {f"+-{k}x": float(np.log10(k)) for k in (2, 4, 8, 16)}


@dataclass(frozen=True)
class Runs:
    """Simulated or measured runs: (n,) parameters, tokens, loss, and the budget that each row belongs to."""

    N: np.ndarray
    D: np.ndarray
    L: np.ndarray
    C: np.ndarray

    def with_loss(self, L: np.ndarray) -> Runs:
        return replace(self, L=L)


@dataclass(frozen=True)
class Sampling:
    """Where the runs of each budget lie.

    Attributes:
        half_width: W; sizes are evenly spaced in log10 N over +-W decades around the centre.
        budgets: FLOPs. points: runs per budget.
        drift: decades by which the centre has moved below N_opt at the largest budget; none at the smallest, linear
            in log C between. Positive: models too small.
        scale: the centre is N_opt / scale at every budget.
    """

    half_width: float
    budgets: tuple[float, ...] = BUDGETS
    points: int = 15
    drift: float = 0.0
    scale: float = 1.0

    def __post_init__(self):
        if not (self.half_width > 0 and self.points >= 1 and self.scale > 0 and len(self.budgets)):
            raise BadOption(
                f"Sampling: needs half_width > 0, points >= 1, scale > 0 and a budget, got {self!r}"
            )

    def runs(self, surface: LossSurface) -> Runs:
        """Noise-free runs on a surface, budget by budget."""
        C = np.asarray(self.budgets, dtype=float)
        log_C = np.log10(C)
        span = np.ptp(log_C)
        f = (log_C - log_C.min()) / span if span > 0 else np.zeros(len(C))
        centre = np.log10(surface.N_opt(C)) - np.log10(self.scale) - self.drift * f
        N = 10 ** (centre[:, None] + np.linspace(-self.half_width, self.half_width, self.points)).ravel()
        C = np.repeat(C, self.points)
        D = C / (6 * N)
        return Runs(N, D, surface.loss(N, D), C)
