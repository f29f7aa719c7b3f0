"""A free polynomial in the logs of the columns: a fit of a law that is worse than it has likely ended in a wrong place."""

from __future__ import annotations

import numpy as np

from fitting.solve.newton import target_delta
from fitting.solve.problem import Problem

MANY_ROWS = 30  # rows that carry six free terms
PAYS = 0.7  # their cost must come so far below that of the fit, each per row to spare
RANK = 1e-9


def worse_than_free(problem: Problem, value: float) -> bool:
    """Whether a free polynomial in the logs of the columns does better: a quadratic, or for a single column one of fifth
    degree, which pays for its terms."""
    rows = problem.rows
    x = [c for c in rows.columns.values() if c.max() > c.min()]
    x = [np.log(c) if c.min() > 0 else c for c in x]
    x = [(c - c.mean()) / (c.std() or 1.0) for c in x]
    terms = [np.ones(rows.n), *x, *(a * b for i, a in enumerate(x) for b in x[i:])]
    plain = len(terms)
    if rows.n < plain + 3:
        return False
    if len(x) == 1 and rows.n >= MANY_ROWS:
        square = terms[2]
        terms += [square * x[0], square * square, square * square * x[0]]
    costs = free_costs(problem, np.array(terms).T, (plain, len(terms)))
    left = rows.n - problem.inner.n_slots
    return bool(
        value > costs[0] or (len(terms) > plain and left * costs[1] < PAYS * (rows.n - len(terms)) * value)
    )


def free_costs(problem: Problem, table: np.ndarray, counts: tuple[int, int]) -> list[float]:
    """Costs of free combinations of the first so many columns, fitted by least squares."""
    rows = problem.rows
    root = 1.0 if rows.weights is None else np.sqrt(rows.weights)
    t = np.log(rows.y) if problem.loss.log else rows.y
    Q, R = np.linalg.qr(table * np.reshape(root, (-1, 1)))
    size = np.abs(R.diagonal())
    found = Q.T @ (t * root)
    objective = problem.objective()
    delta, one = np.full((1, 1), target_delta(objective)), np.arange(1)
    out = []
    with np.errstate(all="ignore"):
        for k in dict.fromkeys(counts):
            use = size[:k] > RANK * size[0]  # columns that others stand in for say nothing
            f = Q[:, :k] @ (found[:k] * use) / root
            f = np.where(np.isfinite(f), f, t)  # rows of weight zero
            f = np.exp(f) if problem.loss.log else f
            out.append(float(objective.cost(f[None], delta, one)[0]))
    return out
