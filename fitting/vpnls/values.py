"""What goes into `fit_vpnls` and comes out: bounds, options, surfaces, results; names and fields are vpnls's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fitting.errors import BadOption
from fitting.solve.losses import Loss
from fitting.status import FitStatus

NAMES = ("E", "A", "B", "alpha", "beta")


@dataclass(frozen=True, slots=True)
class Bounds:
    """Box of the five constants. The default intervals of E, A and B stand for "not negative"."""

    E: tuple[float, float] = (1e-6, 10.0)
    A: tuple[float, float] = (1e-6, 1e6)
    B: tuple[float, float] = (1e-6, 1e6)
    alpha: tuple[float, float] = (0.01, 0.99)
    beta: tuple[float, float] = (0.01, 0.99)

    def __post_init__(self) -> None:
        for name in NAMES:
            pair = getattr(self, name)
            try:
                low, high = map(float, pair)
            except (TypeError, ValueError):
                raise BadOption(f"bounds: {name} must be a pair (low, high), got {pair!r}") from None
            if not (0 <= low <= high and low < np.inf):
                raise BadOption(f"bounds: {name} needs 0 <= low <= high, got {pair!r}")

    def box(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper bounds that are kept, (5,) each.

        An interval of E, A or B left at its default is not a choice: zero and large amplitudes are allowed.
        """
        default = _DEFAULT_AMPLITUDES
        pairs = [(0.0, np.inf) if getattr(self, n) == default.get(n) else getattr(self, n) for n in NAMES]
        low, high = zip(*pairs, strict=True)
        return np.array(low, dtype=float), np.array(high, dtype=float)

    def to_list(self) -> list[tuple[float, float]]:
        """The five intervals in the order E, A, B, alpha, beta."""
        return [getattr(self, name) for name in NAMES]


SurfaceBounds = Bounds
_DEFAULT_AMPLITUDES = {"E": (1e-6, 10.0), "A": (1e-6, 1e6), "B": (1e-6, 1e6)}


def bounds(
    *,
    E: tuple[float, float] = (1e-6, 10.0),
    A: tuple[float, float] = (1e-6, 1e6),
    B: tuple[float, float] = (1e-6, 1e6),
    alpha: tuple[float, float] = (0.01, 0.99),
    beta: tuple[float, float] = (0.01, 0.99),
) -> Bounds:
    """Box of the five constants for `fit_vpnls`."""
    return Bounds(*(tuple(pair) if isinstance(pair, list) else pair for pair in (E, A, B, alpha, beta)))


@dataclass(frozen=True, slots=True)
class LBFGSBOptions:
    """Options of the "scipy" and "jax" methods."""

    ftol: float = 1e-15
    gtol: float = 1e-15
    maxiter: int = 10_000

    def to_dict(self) -> dict[str, float | int]:
        """The options by name, as SciPy takes them."""
        return {"ftol": self.ftol, "gtol": self.gtol, "maxiter": self.maxiter}


@dataclass(frozen=True, slots=True)
class LossSurface:
    """L = E + A/N**alpha + B/D**beta and its best allocation of compute, C = 6 N D. Fields stand in the order of vpnls."""

    alpha: float
    beta: float
    A: float
    B: float
    E: float

    @property
    def a(self) -> float:
        """N_opt ~ C**a."""
        return self.beta / (self.alpha + self.beta)

    @property
    def b(self) -> float:
        """D_opt ~ C**b."""
        return self.alpha / (self.alpha + self.beta)

    @property
    def G(self) -> float:
        """N_opt = G (C/6)**a."""
        return float((self.alpha * self.A / (self.beta * self.B)) ** (1 / (self.alpha + self.beta)))

    def loss(self, N: ArrayLike, D: ArrayLike) -> Any:
        """Loss at N parameters and D tokens."""
        N, D = np.asarray(N, dtype=float), np.asarray(D, dtype=float)
        return self.E + self.A * N**-self.alpha + self.B * D**-self.beta

    def N_opt(self, C: ArrayLike) -> Any:
        return self.G * (np.asarray(C, dtype=float) / 6) ** self.a

    def D_opt(self, C: ArrayLike) -> Any:
        return (np.asarray(C, dtype=float) / 6) ** self.b / self.G


@dataclass(frozen=True)
class FitResult:
    """A fitted surface.

    Attributes:
        E, A, B, alpha, beta: constants, in the units of N and D.
        loss_value: the objective, whatever the method: mean squared residual, or mean Huber.
        rss: sum of squared residuals.
        n_points: rows.
        loss_function: the loss.
        status, status_message: how the fit ended; BOUND_HIT names the constants.
        warnings: why the constants may not be told apart (columns that move together, too few rows), and which bounds hold the fit.
    """

    E: float
    A: float
    B: float
    alpha: float
    beta: float
    loss_value: float
    rss: float
    n_points: int
    loss_function: Loss
    status: FitStatus
    status_message: str
    warnings: tuple[str, ...] = field(default=(), kw_only=True)

    @property
    def a(self) -> float:
        """N_opt ~ C**a."""
        return self.beta / (self.alpha + self.beta)

    @property
    def b(self) -> float:
        """D_opt ~ C**b."""
        return self.alpha / (self.alpha + self.beta)

    def to_loss_surface(self) -> LossSurface:
        return LossSurface(self.alpha, self.beta, self.A, self.B, self.E)

    def predict(self, N: ArrayLike, D: ArrayLike) -> Any:
        """Loss at N parameters and D tokens."""
        return self.to_loss_surface().loss(N, D)


VPNLSResult = FitResult


@dataclass(frozen=True)
class NewtonResult(FitResult):
    n_iter: int


@dataclass(frozen=True)
class GridResult(FitResult):
    resolution: float


@dataclass(frozen=True)
class ScipyResult(FitResult):
    n_iter: int
    scipy_message: str


@dataclass(frozen=True)
class JaxResult(FitResult):
    n_iter: int
