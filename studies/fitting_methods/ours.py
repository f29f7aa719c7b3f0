"""Our fit of the surface, exact Newton VPNLS, with a confidence interval for the exponent a."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from fitting import FitResult, LossSurface, fit_vpnls
from studies.fitting_methods.sampling import Runs


@dataclass(frozen=True)
class Exact:
    """Fitted surface and the standard error of a (of b too: a + b = 1); nan without spare rows or at a bound."""

    fit: FitResult
    a_error: float
    spare_rows: int

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Student t interval of a on the linearised fit."""
        half = float(stats.t.ppf(0.5 + level / 2, max(self.spare_rows, 1))) * self.a_error
        return self.fit.a - half, self.fit.a + half


def exact(runs: Runs) -> Exact:
    """Fit and linearise."""
    fit = fit_vpnls(runs.N, runs.D, runs.L)
    spare = len(runs.L) - 5
    variance = a_variance(fit.to_loss_surface(), runs)
    error = (
        float(np.sqrt(fit.rss / spare * variance)) if spare > 0 and min(fit.A, fit.B) > 0 else float("nan")
    )
    return Exact(fit, error, spare)


def a_variance(surface: LossSurface, runs: Runs) -> float:
    """Variance of a fitted to these runs when the loss has noise of variance one, to first order."""
    x, z = np.log(runs.N), np.log(runs.D)
    u, v = np.exp(-surface.alpha * (x - x.mean())), np.exp(-surface.beta * (z - z.mean()))
    # amplitudes of the centred columns: the exponents' variances don't depend on how A and B are written
    A = surface.A * np.exp(-surface.alpha * x.mean())
    B = surface.B * np.exp(-surface.beta * z.mean())
    J = np.column_stack([np.ones_like(x), u, v, -A * u * (x - x.mean()), -B * v * (z - z.mean())])
    size = np.linalg.norm(J, axis=0)
    if not size.min() > 0:
        return float("nan")
    _, S, V = np.linalg.svd(J / size, full_matrices=False)
    if S[-1] < 1e-13 * S[0]:
        return float("inf")
    total = (surface.alpha + surface.beta) ** 2
    g = np.array([0, 0, 0, -surface.beta / total, surface.alpha / total]) / size
    return float((((V @ g) / S) ** 2).sum())
