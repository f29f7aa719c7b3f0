"""VPNLS as the source fits it: E, A, B solved inside a search over (alpha, beta), by four optimisers."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize, nnls

from fitting import BadOption, FitError, LossSurface
from studies.fitting_methods.approach3 import AT_BOUND, TOLERANCES, Fitted
from studies.fitting_methods.sampling import Runs

LOW, HIGH = 0.01, 0.99
GRID = (0.05, 0.95)
WORST_CONDITION = 1e12
OPTIMISERS = ("lbfgs", "lbfgs-3point", "nelder-mead", "grid")


def grid_cells(runs: Runs, side: int) -> np.ndarray:
    """(2,) exponents of the cell with the lowest sum of squares, E, A, B >= 0.

    The free optimum of every cell comes from moments of centred columns; only cells that could win and break a sign
    are solved by NNLS.
    """
    axis = np.linspace(*GRID, side)
    x, z, y = np.log(runs.N), np.log(runs.D), runs.L
    u = np.exp(-np.outer(axis, x - x.mean()))
    v = np.exp(-np.outer(axis, z - z.mean()))
    um, vm, ym = u.mean(axis=1), v.mean(axis=1), y.mean()
    uc, vc, yc = u - um[:, None], v - vm[:, None], y - ym
    uu, vv = np.einsum("ij,ij->i", uc, uc)[:, None], np.einsum("ij,ij->i", vc, vc)
    uy, vy, uv = (uc @ yc)[:, None], vc @ yc, uc @ vc.T
    with np.errstate(all="ignore"):
        det = uu * vv - uv * uv
        A, B = (uy * vv - vy * uv) / det, (vy * uu - uy * uv) / det
        rss = yc @ yc - A * uy - B * vy
        E = ym - A * um[:, None] - B * vm
    rss = np.where(np.isfinite(rss) & (det > 1e-14 * uu * vv), rss, np.inf)
    legal = (E >= 0) & (A >= 0) & (B >= 0)
    best, cell = np.inf, (0, 0)
    for index in np.argsort(rss, axis=None):
        i, j = divmod(int(index), side)
        if not rss[i, j] < best:
            break  # a sign only raises the sum of squares
        cost = rss[i, j]
        if not legal[i, j]:
            cost = nnls(np.column_stack([np.ones_like(y), u[i], v[j]]), y)[1] ** 2
        if cost < best:
            best, cell = cost, (i, j)
    return axis[list(cell)]


def fit_projected(runs: Runs, *, optimiser: str = "lbfgs", side: int = 32, maxiter: int = 10_000) -> Fitted:
    """VPNLS by one of the source's optimisers.

    Args:
        optimiser: "lbfgs" (least squares inside, envelope gradient), "lbfgs-3point", "nelder-mead" (NNLS inside) or
            "grid" (the best cell).
        side: cells an axis of the starting grid.

    Raises:
        FitError: fewer than 4 rows, or columns that can't be told apart.
    """
    if optimiser not in OPTIMISERS:
        raise BadOption(f"fit_projected: expected one of {', '.join(OPTIMISERS)}, got {optimiser!r}")
    if len(runs.L) < 4:
        raise FitError(f"fit_projected: needs at least 4 rows, got {len(runs.L)}")
    x, z, y = np.log(runs.N), np.log(runs.D), runs.L
    M = np.ones((len(y), 3))

    def columns(p: np.ndarray) -> np.ndarray:
        M[:, 1], M[:, 2] = np.exp(-p[0] * x), np.exp(-p[1] * z)
        return M

    def solve(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        # columns of very unlike size: scaled, so that least squares keeps all digits
        size = np.linalg.norm(columns(p), axis=0)
        coef = np.linalg.lstsq(M / size, y, rcond=None)[0] / size
        return coef, y - M @ coef

    def with_gradient(p: np.ndarray) -> tuple[float, np.ndarray]:
        coef, r = solve(p)
        return float(r @ r), 2 * np.array([coef[1] * (r @ (x * M[:, 1])), coef[2] * (r @ (z * M[:, 2]))])

    def by_nnls(p: np.ndarray) -> float:
        size = np.linalg.norm(columns(p), axis=0)
        return float(nnls(M / size, y)[1] ** 2)

    start = grid_cells(runs, side)
    status, iterations, p = "ok", 0, start
    box = [(LOW, HIGH)] * 2
    if optimiser == "nelder-mead":
        found = minimize(
            by_nnls, start, method="Nelder-Mead", bounds=box, options={"xatol": 1e-10, "fatol": 1e-15}
        )
        p, iterations, status = found.x, int(found.nit), {0: "ok"}.get(found.status, "max_iter")
    elif optimiser != "grid":
        analytic = optimiser == "lbfgs"
        found = minimize(
            with_gradient if analytic else lambda q: with_gradient(q)[0],
            start,
            jac=True if analytic else "3-point",
            method="L-BFGS-B",
            bounds=box,
            options={"maxiter": maxiter, **TOLERANCES},
        )
        p, iterations = found.x, int(found.nit)
        status = {0: "ok", 1: "max_iter"}.get(found.status, "abnormal")
    if optimiser in ("nelder-mead", "grid"):
        size = np.linalg.norm(columns(p), axis=0)
        coef = nnls(M / size, y)[0] / size
    else:
        coef = solve(p)[0]
    if np.linalg.cond(columns(p) / np.linalg.norm(M, axis=0)) > WORST_CONDITION:
        raise FitError("fit_projected: the columns can't be told apart (condition number above 1e12)")
    margin = AT_BOUND * (HIGH - LOW)
    if status == "ok" and ((p <= LOW + margin).any() or (p >= HIGH - margin).any() or (coef < 0).any()):
        status = "bound"
    (E, A, B), (alpha, beta) = coef.tolist(), p.tolist()
    surface = LossSurface(alpha, beta, A, B, E)
    r = y - surface.loss(runs.N, runs.D)
    return Fitted(surface, float(r @ r), iterations, status)
