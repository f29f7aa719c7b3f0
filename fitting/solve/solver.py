"""From a problem to its best constants: starts from a coarse grid, active-set Newton from each, a second opinion where it stalls."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fitting.errors import BadOption
from fitting.law.law import Law
from fitting.solve.data import Rows
from fitting.solve.losses import Loss
from fitting.solve.newton import Batch, minimise
from fitting.solve.problem import Problem
from fitting.solve.rescue import trust_region
from fitting.solve.roles import roles
from fitting.solve.start import starts as grid_starts


def solve(
    problem: Problem, count: int | None, start: Mapping[str, float] | None
) -> tuple[np.ndarray, Batch, int]:
    """Best of the starts: constants (P,), the batch, and which of it won."""
    law, rows = problem.law, problem.rows
    if count is not None and not (isinstance(count, int) and count >= 1):
        raise BadOption(f"starts must be an integer >= 1, got {count!r}")
    theta = first_points(problem, count or default_starts(law, rows, problem.loss))
    if start:
        law.check_names(start, "start")
        point = theta[0].copy()
        for name, value in start.items():
            point[problem.inner.slots[problem.inner.law.constants.index(name)]] = float(value)
        raw = problem.outward(point[None])[0]
        for name, s in zip(law.constants, problem.model.slots, strict=True):
            if name in start:
                raw[s] = float(start[name])
        theta = np.vstack([problem.inward(raw[None]), theta])
    low, high = problem.bounds_inside()
    batch = minimise(problem.inner, problem.objective(), theta, low, high)
    best = int(np.argmin(batch.objective))
    if np.isfinite(batch.objective[best]) and not batch.converged[best]:
        rescued = trust_region(
            problem.inner, problem.loss, rows.y, rows.weights, batch.theta[best], low, high
        )
        again = minimise(problem.inner, problem.objective(), rescued[None], low, high, warm=True)
        if again.objective[0] <= batch.objective[best]:
            batch.theta[best], batch.objective[best] = again.theta[0], again.objective[0]
            batch.converged[best] = again.converged[0]
            batch.steps[best] += again.steps[0]
    batch.theta = problem.outward(batch.theta)
    return batch.theta[best], batch, best


def default_starts(law: Law, rows: Rows, loss: Loss) -> int:
    """More starts where one basin can't be counted on: many nonlinear constants, few rows, no linear part."""
    k = len(law.nonlinear)
    count = {0: 1, 1: 1, 2: 1, 3: 3}.get(k, 6)
    if rows.n < 40 or not loss.two_sided or not law.linear:
        count = max(count, 4)
    if loss.huber_delta != np.inf and k >= 3:
        count += 2
    return count


def first_points(problem: Problem, count: int) -> np.ndarray:
    """Starts in the slots of the centred model: the coarse grid, and with groups the groups' own fits too."""
    law, rows, inner = problem.inner.law, problem.rows, problem.inner
    weights = rows.weights
    if problem.loss.log:  # relative errors, nearly
        weights = (1.0 if weights is None else weights) / rows.y**2
    box = [problem.box[c] for c in law.constants]
    low, high = np.array(box, dtype=float).T
    parts = roles(problem.law, [rows.columns[v] for v in problem.law.used])
    theta = grid_starts(law, inner.columns, rows.y, weights, parts, low, high, count)
    if not problem.free:
        return theta
    spread = np.empty((len(theta) + 1, inner.n_slots))
    own = np.empty((len(rows.labels), law.n_constants))
    for g in range(len(rows.labels)):
        mask = rows.group == g
        some = [c[mask] if len(c) == rows.n else c for c in inner.columns]
        w = None if weights is None else weights[mask]
        own[g] = grid_starts(law, some, rows.y[mask], w, parts, low, high, 1)[0]
    for k, s in enumerate(inner.slots):
        spread[:-1, s] = theta[:, k : k + 1]
        spread[-1, s] = own[:, k] if len(s) > 1 else np.median(own[:, k])
    return spread
