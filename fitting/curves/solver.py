"""Our solver: F and A are projected out, shape constants searched from several starts.

At fixed shape constants the fit is a line y = F + A*g in a box, a convex problem solved for a whole grid of shapes at
once by reweighted least squares; what is left is a search in one or two dimensions, so a coarse grid over the whole
box, then pattern search from its best local minima, needs no derivatives and does not mind the kinks of MAE.

Source: Golub and Pereyra 1973 (variable projection); Holland and Welsch 1977 (reweighting).
"""

from __future__ import annotations

from itertools import product

import numpy as np

from fitting.curves.forms import Form
from fitting.curves.problem import Problem

STARTS = 3
"""Local minima of the coarse grid that are refined."""
TOLERANCE = 2e-3
"""The pattern search ends at this step in ln(theta)."""


def solve(problem: Problem, form: Form) -> tuple[float, float, np.ndarray, bool]:
    """F, A, (k,) theta of the least objective found, and whether the search came to rest inside its rounds."""
    grid = np.log(form.spread)
    low, high = np.log(form.low), np.log(form.high)
    value = _project(problem, form, grid, 6)[0]
    best = _minima(value, grid)
    k = grid.shape[1]
    stencil = np.array([o for o in product((-1, 0, 1), repeat=k) if any(o)], dtype=float)
    if k == 1:
        stencil = np.array([[-1.0], [-0.5], [0.5], [1.0]])
    centre, at = grid[best], value[best]
    step = np.tile((high - low) / (round(len(grid) ** (1 / k)) - 1) / 2, (len(best), 1))
    for _ in range(40):
        points = np.clip(centre[:, None] + stencil * step[:, None], low, high)
        found = _project(problem, form, points.reshape(-1, k), 6)[0].reshape(len(centre), -1)
        pick = np.argmin(found, axis=1)
        rows = np.arange(len(centre))
        better = found[rows, pick] < at - 1e-12
        centre = np.where(better[:, None], points[rows, pick], centre)
        at = np.where(better, found[rows, pick], at)
        step = np.where(better[:, None], step, step / 3 if k == 2 else step / 2.5)
        # a start that is clearly beaten stops costing time
        keep = (step.max(axis=1) > TOLERANCE) & (at <= 1.5 * at.min() + 1e-12)
        keep[np.argmin(at)] = True
        if step[np.argmin(at)].max() <= TOLERANCE:
            break
        centre, at, step = centre[keep], at[keep], step[keep]
    theta = centre[np.argmin(at)][None]
    F, A = (float(v[0]) for v in _project(problem, form, theta, 60)[1:])
    if problem.loss == "mae":
        F, A = _least_absolute(problem, form.shape(problem.tau, np.exp(theta))[0], F, A)
    return F, A, np.clip(np.exp(theta[0]), form.low, form.high), bool(step[np.argmin(at)].max() <= TOLERANCE)


def _minima(value: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Indices of the best local minima of the coarse grid, the best first."""
    k = grid.shape[1]
    side = round(len(grid) ** (1 / k))
    padded = np.pad(value.reshape((side,) * k), 1, constant_values=np.inf)
    inner = tuple(slice(1, -1) for _ in range(k))
    lowest = np.ones((side,) * k, dtype=bool)
    for axis in range(k):
        for shift in (-1, 1):
            lowest &= padded[inner] <= np.roll(padded, shift, axis)[inner]
    found = np.flatnonzero(lowest.ravel())
    return found[np.argsort(value[found], kind="stable")][:STARTS]


def _project(
    problem: Problem, form: Form, log_theta: np.ndarray, rounds: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Objective, F and A, each (K,), of the best line at every one of (K, k) shapes."""
    G = form.shape(problem.tau, np.exp(log_theta))
    middle = problem.y.mean()
    y = problem.y - middle
    low, high = problem.F_low - middle, problem.F_high - middle
    eps = problem.delta if problem.loss == "huber" else max(1e-4 * np.ptp(y), 1e-9)
    w = np.ones_like(G)
    GG = G * G
    for _ in range(rounds):
        wG = w * G
        Sw, Sg, Sy = w.sum(axis=-1), wG.sum(axis=-1), w @ y
        Sgg, Sgy = np.einsum("kn,kn->k", w, GG), wG @ y
        det = np.maximum(Sw * Sgg - Sg * Sg, 1e-300)
        A = (Sw * Sgy - Sg * Sy) / det
        F = (Sy - A * Sg) / Sw
        out = (F < low) | (F > high)
        F = np.minimum(np.maximum(F, low), high)
        A = np.where(out | (A < 0), (Sgy - F * Sg) / np.maximum(Sgg, 1e-300), A)
        far = A > problem.A_high
        A = np.minimum(np.maximum(A, 0.0), problem.A_high)
        if far.any():
            F = np.where(far, np.minimum(np.maximum((Sy - A * Sg) / Sw, low), high), F)
        residual = y - F[:, None] - A[:, None] * G
        w = eps / np.maximum(np.abs(residual), eps)
    return problem.objective(residual), F + middle, A


def _least_absolute(problem: Problem, g: np.ndarray, F: float, A: float) -> tuple[float, float]:
    """The exact least-absolute line in the box near (F, A): convex in A alone, golden section."""
    y = problem.y

    def of(A: float) -> tuple[float, float]:
        F = float(np.clip(np.median(y - A * g), problem.F_low, problem.F_high))
        return float(np.abs(y - F - A * g).mean()), F

    ratio = (5**0.5 - 1) / 2
    left, right = 0.8 * A, min(1.25 * A, problem.A_high)
    one, two = right - ratio * (right - left), left + ratio * (right - left)
    at_one, at_two = of(one), of(two)
    for _ in range(32):
        if at_one[0] <= at_two[0]:
            right, two, at_two = two, one, at_one
            one = right - ratio * (right - left)
            at_one = of(one)
        else:
            left, one, at_one = one, two, at_two
            two = left + ratio * (right - left)
            at_two = of(two)
    best = min((float(np.abs(y - F - A * g).mean()), F, A), (*at_one, one), (*at_two, two))
    return best[1], best[2]
