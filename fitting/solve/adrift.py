"""Constants that run away: the search says it has converged, and ten times the value would fit as well."""

from __future__ import annotations

import numpy as np

from fitting.arrays import Array
from fitting.solve.newton import minimise
from fitting.solve.problem import Problem

CONDITION = 1e5  # of the slopes, each of size one: beyond it some constants move together
TIMES = 10.0
SAME = 1e-5  # share of the objective that is no difference
STEPS = 40
MOST = 6  # constants looked at


def adrift(problem: Problem, theta: np.ndarray) -> list[int]:
    """Slots of the constants at the optimum `theta` (P,) that the rows don't hold: set to ten times their value, the others
    fitted again, the objective stays what it is."""
    if _held_by_nature(problem):
        return []
    inside = problem.inward(theta[None])[0]
    objective = problem.objective()
    low, high = problem.bounds_inside()
    with np.errstate(all="ignore"):
        found = minimise(problem.inner, objective, inside[None], low, high, warm=True, max_steps=1)
        cost = float(found.objective[0])
        slots = [s for s in _loose(problem, inside, cost) if low[s] < TIMES * inside[s] < high[s]]
    if not slots:
        return []
    starts = np.repeat(inside[None], 2 * len(slots), axis=0)
    linear = np.concatenate(
        [
            np.full(len(s), c in problem.inner.law.linear)
            for c, s in zip(problem.inner.law.constants, problem.inner.slots, strict=True)
        ]
    )
    held = np.repeat(slots, 2)
    for row, slot in enumerate(held):
        if row % 2:  # as c and A go together in c + A*exp(k*x), and k against them
            others = [s for s in slots if s != slot]
            starts[row, others] *= np.where(linear[others] == linear[slot], TIMES, 1 / TIMES)
        starts[row, slot] = TIMES * inside[slot]
    rows = np.arange(len(starts))
    lows, highs = np.tile(low, (len(starts), 1)), np.tile(high, (len(starts), 1))
    lows[rows, held] = highs[rows, held] = starts[rows, held]
    again = minimise(problem.inner, objective, starts, lows, highs, warm=True, max_steps=STEPS)
    same = again.objective <= (1 + SAME) * cost
    return [s for s in slots if same[held == s].any()]


def _held_by_nature(problem: Problem) -> bool:
    """Whether bounds hold all there is: positive amplitudes of powers with exponents that have a sign."""
    law = problem.inner.law
    if not law.nonlinear:
        return True
    plain = all(part.kind == "exponent" and not part.both_signs for part in problem.parts.values())
    return plain and all(problem.inner_box[c][0] >= 0 for c in law.linear)


def _loose(problem: Problem, inside: Array, cost: float) -> list[int]:
    """Slots whose standard error is larger than the value, or that others can stand in for."""
    _, J, _ = problem.inner.full(inside[None], curved=False)
    low, high = problem.bounds_inside()
    size = np.sqrt((J[0] * J[0]).sum(axis=1))
    keep = np.flatnonzero((low < high) & (size > 0) & np.isfinite(size))
    left = problem.rows.n - len(keep)
    if not len(keep) or left <= 0:
        return []
    _, S, V = np.linalg.svd(J[0, keep].T / size[keep], full_matrices=False)
    spread = np.sqrt(2 * cost / left * np.square(V.T / np.maximum(S, 1e-300)).sum(axis=1)) / size[keep]
    part = np.abs(V[-1])
    together = (S[0] > CONDITION * S[-1]) & (part > 0.2 * part.max())
    unsure = (spread > np.abs(inside[keep])) | together
    return [int(s) for s in keep[unsure & (inside[keep] != 0)][:MOST]]
