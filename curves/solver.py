"""Our solver: F and A are projected out of a coarse search over shapes, then all constants move together.

At fixed shape constants the fit is a line y = F + A*g in a box, a convex problem that reweighted least squares solves
for a whole grid of shapes at once. The best local minima of that grid, over the whole box of shape constants, start
Levenberg-Marquardt steps on reweighted residuals with an active set on the exact bounds. The absolute loss is reached
through Huber losses of falling scale, and its line is solved exactly at the end. Several prefixes are fitted at once.

Source: Golub and Pereyra 1973 (variable projection); Holland and Welsch 1977 (reweighting).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from curves.forms import Form
from curves.problem import CurveProblem

STARTS = 3
"""Local minima of the coarse grid that are refined."""
STEPS = 40
"""Most Levenberg-Marquardt steps at one scale of the loss."""
SCALES = (0.05, 0.005, 0.0005)
"""Huber scales, as shares of the prefix's range, through which the absolute loss is reached."""
CELLS = 60_000
"""Numbers (prefixes x shapes x points) in one block of the coarse grid: what fits a core's cache."""

TOGETHER = 3_000
"""Numbers (prefixes x points) that take Levenberg-Marquardt steps together."""

Solution = tuple[float, float, np.ndarray, bool]


def solve(problem: CurveProblem, form: Form) -> Solution:
    """F, A, (k,) theta of the least objective found, and whether the steps came to rest."""
    return solve_many([problem], form)[0]


def solve_many(problems: Sequence[CurveProblem], form: Form) -> list[Solution]:
    """`solve` for several prefixes with one loss at once; each solution is as if solved alone."""
    most = max(len(p.y) for p in problems)
    block = max(1, TOGETHER // most)
    found: list[Solution] = []
    for i in range(0, len(problems), block):
        found += _solve_block(problems[i : i + block], form)
    return found


class _Block:
    """Prefixes padded to one length: tau, y and point weights (P, n); boxes (P, 2 + k) in F, A, ln theta."""

    def __init__(self, problems: Sequence[CurveProblem], form: Form) -> None:
        n = max(len(p.y) for p in problems)
        self.form = form
        self.tau = np.array([np.pad(p.tau, (0, n - len(p.tau)), mode="edge") for p in problems])
        self.y = np.array([np.pad(p.y, (0, n - len(p.y)), mode="edge") for p in problems])
        self.share = np.array([(np.arange(n) < len(p.y)) / len(p.y) for p in problems])
        self.delta = np.array([p.delta for p in problems])
        self.span = np.array([max(np.ptp(p.y), 1e-6) for p in problems])
        low, high = np.log(form.low), np.log(form.high)
        self.low = np.array([[p.F_low, 0.0, *low] for p in problems])
        self.high = np.array([[p.F_high, p.A_high, *high] for p in problems])

    def rows(self, index: np.ndarray) -> _Block:
        out = object.__new__(_Block)
        out.form = self.form
        for name in ("tau", "y", "share", "delta", "span", "low", "high"):
            setattr(out, name, getattr(self, name)[index])
        return out


def _solve_block(problems: Sequence[CurveProblem], form: Form) -> list[Solution]:
    mae = problems[0].loss == "mae"
    block = _Block(problems, form)
    few = max(1, CELLS // (block.y.shape[1] * len(form.spread)))
    cuts = [np.arange(i, min(i + few, len(problems))) for i in range(0, len(problems), few)]
    parts = [_coarse(block.rows(cut), mae) for cut in cuts]
    value, F, A = (np.concatenate(part) for part in zip(*parts, strict=True))
    starts = [_minima(v, form) for v in value]
    owner = np.repeat(np.arange(len(problems)), [len(s) for s in starts])
    which = np.concatenate(starts)
    x = np.column_stack([F[owner, which], A[owner, which], np.log(form.spread)[which]])
    wide = block.rows(owner)
    for scale in [wide.span * s for s in SCALES] if mae else [wide.delta]:
        x, rest = _steps(wide, x, scale)
    reached = (wide.share * _size(wide, x, mae)).sum(axis=1)
    solutions: list[Solution] = []
    for i, problem in enumerate(problems):
        mine = np.flatnonzero(owner == i)
        best = mine[np.argmin(reached[mine])]
        end, drop = float(x[best, 0]), float(x[best, 1])
        theta = np.clip(np.exp(x[best, 2:]), form.low, form.high)
        if mae:
            end, drop = _least_absolute(problem, form.shape(problem.tau, theta), end, drop)
        solutions.append((end, drop, theta, bool(rest[best])))
    return solutions


def _huber(residual: np.ndarray, scale: np.ndarray) -> np.ndarray:
    size = np.abs(residual)
    near = np.minimum(size, scale)
    return np.asarray(near * (size - 0.5 * near))


def _size(block: _Block, x: np.ndarray, mae: bool) -> np.ndarray:
    residual = x[:, :1] + x[:, 1:2] * block.form.shape(block.tau, np.exp(x[:, 2:])) - block.y
    return np.abs(residual) if mae else _huber(residual, block.delta[:, None])


def _coarse(block: _Block, mae: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Objective, F and A, each (P, K), of nearly the best line at every shape of the coarse grid."""
    G = block.form.shape(block.tau[:, None, :], block.form.spread)
    middle = (block.share * block.y).sum(axis=1)[:, None]
    y = (block.y - middle)[:, None, :]
    low, high, A_high = block.low[:, :1] - middle, block.high[:, :1] - middle, block.high[:, 1:2]
    scale = (SCALES[1] * block.span if mae else block.delta)[:, None, None]
    share = block.share[:, None, :]
    w = np.broadcast_to(share, G.shape)
    for _ in range(5 if mae else 4):
        wG = w * G
        Sw, Sg, Sy = w.sum(axis=-1), wG.sum(axis=-1), (w * y).sum(axis=-1)
        Sgg, Sgy = np.einsum("pkn,pkn->pk", wG, G), (wG * y).sum(axis=-1)
        A = (Sw * Sgy - Sg * Sy) / np.maximum(Sw * Sgg - Sg * Sg, 1e-300)
        F = (Sy - A * Sg) / Sw
        inside = np.minimum(np.maximum(F, low), high)
        out = (inside != F) | (A < 0)
        F = inside
        A = np.where(out, (Sgy - F * Sg) / np.maximum(Sgg, 1e-300), A)
        A = np.minimum(np.maximum(A, 0.0), A_high)
        residual = y - F[..., None] - A[..., None] * G
        w = share * scale / np.maximum(np.abs(residual), scale)
    size = np.abs(residual) if mae else _huber(residual, scale)
    return (share * size).sum(axis=-1), F + middle, A


def _minima(value: np.ndarray, form: Form) -> np.ndarray:
    """Indices of the best local minima of (K,) values over the coarse grid, the best first."""
    k = len(form.theta)
    side = round(len(value) ** (1 / k))
    padded = np.pad(value.reshape((side,) * k), 1, constant_values=np.inf)
    inner = (slice(1, -1),) * k
    lowest = np.ones((side,) * k, dtype=bool)
    for axis in range(k):
        for shift in (-1, 1):
            lowest &= padded[inner] <= np.roll(padded, shift, axis)[inner]
    found = np.flatnonzero(lowest.ravel())
    return found[np.argsort(value[found], kind="stable")][:STARTS]


def _steps(block: _Block, x: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Levenberg-Marquardt steps from (S, 2 + k) starts under a Huber loss; and which starts came to rest."""
    x = np.clip(x, block.low, block.high)
    S, p = x.shape
    damping = np.full(S, 1e-2)
    rest = np.zeros(S, dtype=bool)
    live = np.arange(S)
    part = block
    residual, J = _linearised(part, x)
    value = (part.share * _huber(residual, scale[:, None])).sum(axis=1)
    diagonal = np.arange(p)
    for _ in range(STEPS):
        s = scale[live, None]
        w = part.share * s / np.maximum(np.abs(residual), s)
        wJ = w[..., None] * J
        H = np.swapaxes(wJ, 1, 2) @ J
        gradient = (wJ * residual[..., None]).sum(axis=1)
        here = x[live]
        held = ((here <= part.low) & (gradient > 0)) | ((here >= part.high) & (gradient < 0))
        free = ~held
        H = H * (free[:, :, None] & free[:, None, :])
        H[:, diagonal, diagonal] = np.where(
            free, H[:, diagonal, diagonal] * (1 + damping[live, None]) + 1e-14, 1.0
        )
        move = -np.linalg.solve(H, np.where(free, gradient, 0.0)[..., None])[..., 0]
        move[:, 2:] = np.clip(move[:, 2:], -2.0, 2.0)
        there = np.clip(here + move, part.low, part.high)
        new_residual, new_J = _linearised(part, there)
        new = (part.share * _huber(new_residual, s)).sum(axis=1)
        better = new < value[live]
        gain = value[live] - new
        still = (~better & (damping[live] > 1e6)) | (better & (gain <= 1e-9 * np.abs(new) + 1e-18))
        damping[live] = np.where(better, damping[live] * 0.2, np.maximum(damping[live], 1e-8) * 6)
        x[live] = np.where(better[:, None], there, here)
        value[live] = np.where(better, new, value[live])
        residual = np.where(better[:, None], new_residual, residual)
        J = np.where(better[:, None, None], new_J, J)
        rest[live] = still
        if still.all():
            break
        if still.any():
            keep = np.flatnonzero(~still)
            live, part, residual, J = live[keep], part.rows(keep), residual[keep], J[keep]
    return x, rest


def _linearised(block: _Block, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(S, n) residuals and their (S, n, 2 + k) derivatives by F, A and ln theta."""
    h = 1e-6
    u = x[:, 2:]
    k = u.shape[1]
    # forward differences; from the upper bound backwards, so that no shape outside its box is asked for
    sign = np.where(u + h > block.high[:, 2:], -h, h)
    moved = np.exp(u[:, None, :] + np.concatenate([np.zeros((1, k)), np.eye(k)]) * sign[:, None, :])
    G = block.form.shape(block.tau[:, None, :], moved)
    g, A = G[:, 0], x[:, 1:2]
    J = np.empty((*g.shape, 2 + k))
    J[..., 0], J[..., 1] = 1.0, g
    for j in range(k):
        J[..., 2 + j] = A * (G[:, 1 + j] - g) / sign[:, j : j + 1]
    return x[:, :1] + A * g - block.y, J


def _least_absolute(problem: CurveProblem, g: np.ndarray, F: float, A: float) -> tuple[float, float]:
    """The exact least-absolute line in the box near (F, A): convex in A alone, golden section."""
    y = problem.y

    def of(A: float) -> tuple[float, float]:
        values = np.sort(y - A * g)
        middle = 0.5 * (values[(len(values) - 1) // 2] + values[len(values) // 2])
        F = min(max(float(middle), problem.F_low), problem.F_high)
        return float(np.abs(values - F).mean()), F

    ratio = (5**0.5 - 1) / 2
    left, right = 0.95 * A, min(1.05 * A, problem.A_high)
    one, two = right - ratio * (right - left), left + ratio * (right - left)
    at_one, at_two = of(one), of(two)
    for _ in range(24):
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
