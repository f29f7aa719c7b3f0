"""Approach 2 on simulated runs, and its errors against the true surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fitting import ApproachResult, LossSurface, approach_2, fit_vpnls
from studies.fitting_methods.sampling import Runs, Sampling
from studies.fitting_methods.surfaces import intercepts


@dataclass(frozen=True)
class Case:
    """A surface, where it was sampled, and what Approach 2 made of the noise-free runs."""

    surface: LossSurface
    sampling: Sampling
    fit: ApproachResult

    @staticmethod
    def of(surface: LossSurface, sampling: Sampling) -> Case:
        runs = sampling.runs(surface)
        return Case(surface, sampling, fit_approach_2(runs))

    @property
    def a_error(self) -> float:
        """Relative error of a."""
        return self.fit.a / self.surface.a - 1

    @property
    def b_error(self) -> float:
        return self.fit.b / self.surface.b - 1

    @property
    def intercept_errors(self) -> tuple[float, float]:
        """Errors of a0 and b0 (log10 units) relative to their sizes."""
        a0, b0 = intercepts(self.surface)
        return (self.fit.a0 - a0) / abs(a0), (self.fit.b0 - b0) / abs(b0)

    @property
    def vertex_errors(self) -> np.ndarray:
        """Relative error of the N at each budget's vertex, (budgets,)."""
        return self.fit.N_vertex / self.surface.N_opt(self.fit.C) - 1

    def token_errors(self, C) -> np.ndarray:
        """Relative error of the D_opt extrapolated to C."""
        return self.fit.D_opt(C) / self.surface.D_opt(C) - 1


def fit_approach_2(runs: Runs) -> ApproachResult:
    return approach_2(runs.N, runs.D, runs.L, runs.C)


def exact_surface(runs: Runs) -> LossSurface:
    """Ours: exact Newton VPNLS."""
    return fit_vpnls(runs.N, runs.D, runs.L).to_loss_surface()
