"""Simulated IsoFLOP data from a known surface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fitting.errors import BadOption
from fitting.vpnls.values import LossSurface

DEFAULT_BUDGETS = (1e17, 1e18, 1e19, 1e20, 1e21)


def simulate_isoflop_data(
    *,
    alpha: float,
    beta: float,
    A: float,
    B: float,
    E: float,
    compute_budgets: Sequence[float] = DEFAULT_BUDGETS,
    n_points_per_budget: int = 15,
    log_range: float = 1.0,
    noise_std: float = 0.002,
    seed: int = 42,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """IsoFLOP runs of L = E + A/N**alpha + B/D**beta, C = 6 N D.

    Args:
        compute_budgets: C of each IsoFLOP, FLOPs.
        n_points_per_budget: sizes per budget, log-spaced over +-`log_range` decades around N_opt(C).
        noise_std: Gaussian noise of the loss, drawn once for all rows from `default_rng(seed)`.

    Returns:
        N, D, L, each (budgets * points,).
    """
    for name, value in (("alpha", alpha), ("beta", beta), ("A", A), ("B", B)):
        if not value > 0:
            raise BadOption(f"{name} must be > 0, got {value!r}")
    budgets = np.asarray(compute_budgets, dtype=float)
    if budgets.ndim != 1 or not len(budgets) or not (np.isfinite(budgets) & (budgets > 0)).all():
        raise BadOption("compute_budgets: expected a list of budgets > 0 in FLOPs")
    if n_points_per_budget < 1:
        raise BadOption(f"n_points_per_budget must be >= 1, got {n_points_per_budget!r}")
    G = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
    N_opt = G * (budgets / 6) ** (beta / (alpha + beta))
    offsets = np.linspace(-log_range, log_range, n_points_per_budget)
    N = (10 ** (np.log10(N_opt)[:, None] + offsets)).ravel()
    D = np.repeat(budgets, n_points_per_budget) / (6 * N)
    L = E + A / N**alpha + B / D**beta
    noise = np.random.default_rng(seed).normal(0.0, noise_std, len(L)) if noise_std > 0 else 0.0
    return N, D, L + noise


@dataclass(frozen=True, slots=True)
class IsoFlopExperiment:
    """A design of IsoFLOP runs: budgets, runs a budget, and how far they lie from the best size.

    Fields are the arguments of `simulate_isoflop_data`; `run` gives what it gives for a surface.
    """

    compute_budgets: Sequence[float] = DEFAULT_BUDGETS
    n_points_per_budget: int = 15
    log_range: float = 1.0
    noise_std: float = 0.002
    seed: int = 42

    def run(self, surface: LossSurface) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """N, D, L of the design's runs on a surface."""
        return simulate_isoflop_data(
            alpha=surface.alpha,
            beta=surface.beta,
            A=surface.A,
            B=surface.B,
            E=surface.E,
            compute_budgets=self.compute_budgets,
            n_points_per_budget=self.n_points_per_budget,
            log_range=self.log_range,
            noise_std=self.noise_std,
            seed=self.seed,
        )
