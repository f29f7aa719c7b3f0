"""Profiles: the best objective with one constant held, along that constant; and intervals from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from fitting.arrays import Array
from fitting.columns import frame
from fitting.solve.newton import minimise
from fitting.solve.problem import Problem
from fitting.solve.solution import Solution
from fitting.uncertainty.covariance import covariance, degrees, mean_curvature, scale
from fitting.uncertainty.interval import Interval


@dataclass(frozen=True, slots=True)
class Profile:
    """Best objective along one constant.

    Attributes:
        name: the constant; value: (m,) where it was held; objective: (m,) mean cost of the best refit.
        root: (m,) signed square root of the rise, in units that compare with Student's t.
    """

    name: str
    value: np.ndarray
    objective: np.ndarray
    root: np.ndarray

    def to_frame(self) -> Any:
        """One row a value, as a pandas data frame."""
        return frame({self.name: self.value, "objective": self.objective, "root": self.root})


def profile(result: Solution, name: str, values: np.ndarray | None = None, width: float = 4.0) -> Profile:
    """Refit with one constant held at each of `values` (default: 25 points over +-`width` standard errors)."""
    slot = list(result.constants).index(name)
    if values is None:
        values = _around(result, slot, width, 25)
    values = np.unique(np.append(np.asarray(values, dtype=float), result.theta[slot]))
    costs, best = _held(result, slot, values)
    return Profile(name, values, costs / _size(result), _roots(result, slot, values, costs, best))


def profile_interval(result: Solution, name: str, level: float = 0.95) -> Interval:
    """Where the profile's root crosses Student's t; a side that never crosses ends at the constant's bound."""
    slot = list(result.constants).index(name)
    value = float(result.theta[slot])
    left = degrees(result)
    if left <= 0:
        return Interval(value, np.nan, np.nan, level, "profile")
    t = float(special.stdtrit(left, 0.5 + level / 2))
    low, high = result.problem.low[slot], result.problem.high[slot]
    ends = []
    for sign, bound in ((-1.0, low), (1.0, high)):
        near, far, width = value, None, 2.5
        for _ in range(4):  # walk out until the root passes t
            grid = _side(result, slot, sign, width)
            grid = np.clip(grid, low, high)
            costs, best = _held(result, slot, grid)
            root = np.abs(_roots(result, slot, grid, costs, best))
            beyond = np.flatnonzero(root >= t)
            if len(beyond):
                k = int(beyond[0])
                far, near = float(grid[k]), float(grid[k - 1]) if k else value
                break
            near = float(grid[-1])
            width *= 4.0
        if far is None:
            ends.append(float(bound))
            continue
        for _ in range(2):  # two rounds of eight points: 1e-4 of the first bracket, then interpolate
            grid = np.linspace(near, far, 10)
            costs, best = _held(result, slot, grid)
            root = np.abs(_roots(result, slot, grid, costs, best))
            k = int(np.argmax(root >= t)) or 1
            near, far = float(grid[k - 1]), float(grid[k])
        share = (t - root[k - 1]) / max(root[k] - root[k - 1], 1e-300)
        ends.append(near + float(np.clip(share, 0, 1)) * (far - near))
    return Interval(value, ends[0], ends[1], level, "profile")


def _error(result: Solution, slot: int) -> float:
    variance = float(covariance(result)[slot, slot])
    return np.sqrt(variance) if variance > 0 else 0.1 * abs(float(result.theta[slot])) or 0.1


def _logged(result: Solution, slot: int) -> bool:
    return bool(result.problem.low[slot] >= 0 and result.theta[slot] > 0)


def _side(result: Solution, slot: int, sign: float, width: float) -> np.ndarray:
    """Points on one side of the optimum, up to `width` standard errors (of the log for positive constants)."""
    value, error = float(result.theta[slot]), _error(result, slot)
    steps = np.linspace(0.1, 1.0, 8) * width
    if _logged(result, slot):
        return value * np.exp(sign * np.minimum(steps * min(error / value, 3.0), 300.0))
    return value + sign * steps * error


def _around(result: Solution, slot: int, width: float, count: int) -> np.ndarray:
    half = [
        np.concatenate([_side(result, slot, sign, width * s) for s in (0.5, 1.0)]) for sign in (-1.0, 1.0)
    ]
    values = np.unique(np.concatenate(half))[: 4 * count]
    inside: Array = np.clip(values, result.problem.low[slot], result.problem.high[slot])
    return inside


def _held(result: Solution, slot: int, values: np.ndarray) -> tuple[np.ndarray, float]:
    """Sums of costs with the constant held at each value, and at the optimum; one batch."""
    problem = result.problem
    name = list(result.constants)[slot].split("[")[0]
    if (
        name in problem.centred.shifts or name in problem.recast.changes
    ):  # the held constant must keep its raw units
        bounds = {c: problem.box[c] for c in problem.law.constants}
        problem = Problem.of(
            problem.law, problem.rows, problem.loss, bounds, None, problem.free, frozenset({name})
        )
    theta = np.tile(result.theta, (len(values) + 1, 1))
    theta[:-1, slot] = values
    low, high = problem.bounds_inside()
    low, high = np.tile(low, (len(theta), 1)), np.tile(high, (len(theta), 1))
    inside = problem.inward(theta)
    at = _inner_slot(problem, slot)
    low[:, at] = high[:, at] = inside[:, at]
    # far out, the best start is the neighbour's end: a second pass begins there
    batch = minimise(problem.inner, problem.objective(), inside, low, high)
    again = np.roll(batch.theta, 1, axis=0)
    again[:, at] = inside[:, at]
    second = minimise(problem.inner, problem.objective(), again, low, high)
    costs = np.minimum(batch.objective, second.objective)
    return costs[:-1], float(costs[-1])


def _inner_slot(problem: Problem, slot: int) -> int:
    for name, s in zip(problem.law.constants, problem.model.slots, strict=True):
        if slot in s:
            return int(problem.inner.slots[problem.inner.law.constants.index(name)][slot - s[0]])
    raise AssertionError(slot)


def _size(result: Solution) -> float:
    w = result.problem.rows.weights
    half = 0.5 if result.loss.huber_delta == np.inf else 1.0
    return half * (result.n_points if w is None else float(w.sum()))


def _roots(result: Solution, slot: int, values: np.ndarray, costs: np.ndarray, best: float) -> np.ndarray:
    """Signed root of the rise, in units of the estimator's variance times the loss's mean curvature."""
    unit = scale(result) * mean_curvature(result)
    rise = np.maximum(costs - best, 0.0)
    signed: Array = np.sign(values - result.theta[slot]) * np.sqrt(2.0 * rise / max(unit, 1e-300))
    return signed
