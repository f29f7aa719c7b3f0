"""Approach 3 as the source fits it: L-BFGS-B over all five constants, for comparison with ours.

Three choices: optimise E, A, B or their logs (`lse`, the log-sum-exp form); squared residuals of L or of log L
(`log_loss`); start from the best cell of a grid or from one random point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from fitting import BadOption, LossSurface
from studies.fitting_methods.sampling import Runs

LOW = np.array([1e-6, 1e-6, 1e-6, 0.01, 0.01])
HIGH = np.array([10.0, 1e6, 1e6, 0.99, 0.99])
TOLERANCES = {"ftol": 1e-15, "gtol": 1e-15}
AT_BOUND = 1e-4  # share of the interval


@dataclass(frozen=True)
class StartGrid:
    """Cells to start from: `side` values an axis.

    Attributes:
        amplitudes: log10 of the smallest and largest A and B.
    """

    side: int = 4
    amplitudes: tuple[float, float] = (1.0, 4.0)

    def axes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """E; A and B; both exponents."""
        return (
            np.linspace(0.1, 5.0, self.side),
            np.logspace(*self.amplitudes, self.side),
            np.linspace(0.05, 0.95, self.side),
        )

    def best(self, runs: Runs) -> np.ndarray:
        """(5,) cell with the lowest sum of squares of L, also where log L is fitted: as the source does."""
        E, A, exponents = self.axes()
        u = (A[:, None, None] * np.exp(-np.outer(exponents, np.log(runs.N)))).reshape(-1, len(runs.N))
        v = (A[:, None, None] * np.exp(-np.outer(exponents, np.log(runs.D)))).reshape(-1, len(runs.N))
        lowest, cell = np.inf, (0, 0, 0)
        for e, value in enumerate(E):
            for i in range(len(u)):
                f = v + (value + u[i])
                r = runs.L - f
                cost = np.einsum("ij,ij->i", r, r)
                j = int(np.argmin(cost))
                if cost[j] < lowest:
                    lowest, cell = cost[j], (e, i, j)
        e, i, j = cell
        n = self.side
        return np.array([E[e], A[i // n], A[j // n], exponents[i % n], exponents[j % n]])


def random_start(rng: np.random.Generator) -> np.ndarray:
    """(5,) constants, uniform within the bounds: what the source calls a naive start."""
    return rng.uniform(LOW, HIGH)


@dataclass(frozen=True)
class Fitted:
    """Where an optimiser ended.

    Attributes:
        rss: sum of squared residuals of L, whatever was optimised.
        status: "ok", "bound", "max_iter" or "abnormal".
    """

    surface: LossSurface
    rss: float
    iterations: int
    status: str


def fit_approach_3(
    runs: Runs,
    *,
    lse: bool = False,
    log_loss: bool = False,
    start: StartGrid | np.ndarray | None = None,
    maxiter: int = 10_000,
    gradient: str = "analytic",
    ftol: float = TOLERANCES["ftol"],
) -> Fitted:
    """Approach 3 by L-BFGS-B.

    Args:
        lse: optimise log E, log A, log B. log_loss: squares of log L; needs lse.
        start: a grid to search, or (5,) constants.
        gradient: "analytic" or "3-point" differences.
    """
    if log_loss and not lse:
        raise BadOption("fit_approach_3: log_loss needs lse")
    start = StartGrid() if start is None else start
    theta = start.best(runs) if isinstance(start, StartGrid) else np.asarray(start, dtype=float)
    x, z = np.log(runs.N), np.log(runs.D)
    y = np.log(runs.L) if log_loss else runs.L
    low, high = LOW.copy(), HIGH.copy()
    if lse:
        low[:3], high[:3] = np.log(low[:3]), np.log(high[:3])
        theta = np.concatenate([np.log(theta[:3]), theta[3:]])
    J = np.empty((5, len(y)))

    def cost(p: np.ndarray) -> tuple[float, np.ndarray]:
        E, A, B = np.exp(p[:3]) if lse else p[:3]
        np.exp(-p[3] * x, out=J[1])
        np.exp(-p[4] * z, out=J[2])
        J[0] = E if lse else 1.0
        if lse:
            J[1] *= A
            J[2] *= B
            f = J[0] + J[1] + J[2]
            np.multiply(J[1], -x, out=J[3])
            np.multiply(J[2], -z, out=J[4])
        else:
            f = E + A * J[1] + B * J[2]
            np.multiply(J[1], -A * x, out=J[3])
            np.multiply(J[2], -B * z, out=J[4])
        r = y - np.log(f) if log_loss else y - f
        g = J @ (r / f if log_loss else r)
        return float(r @ r), -2 * g

    analytic = gradient == "analytic"
    found = minimize(
        cost if analytic else lambda p: cost(p)[0],
        np.clip(theta, low, high),
        jac=True if analytic else "3-point",
        method="L-BFGS-B",
        bounds=np.column_stack([low, high]),
        options={"maxiter": maxiter, "ftol": ftol, "gtol": TOLERANCES["gtol"], "maxfun": 10**6},
    )
    p = found.x
    near = AT_BOUND * (high - low)
    at_bound = bool(
        ((p <= low + near) | (p >= high - near))[3:].any() or ((p <= low) | (p >= high))[:3].any()
    )
    status = {0: "ok", 1: "max_iter"}.get(found.status, "abnormal")
    constants = np.concatenate([np.exp(p[:3]), p[3:]]) if lse else p
    E, A, B, alpha, beta = constants.tolist()
    surface = LossSurface(alpha, beta, A, B, E)
    r = runs.L - surface.loss(runs.N, runs.D)
    return Fitted(surface, float(r @ r), int(found.nit), "bound" if at_bound and status == "ok" else status)
