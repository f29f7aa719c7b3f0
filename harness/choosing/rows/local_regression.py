"""Local linear regression: a plane in logs through the rows near the one asked for.

Cleveland (1979), with a bandwidth counted from the nearest row on, so that a row far beyond the others still has the
edge of the table for its neighbours. The last levels tell the slope along the axis, this the slopes along all features.
"""

from __future__ import annotations

import numpy as np

from evaluator.controls import standardised
from tasks.rows import Rows
from tasks.spec import TaskSpec

BANDWIDTH = 0.4
"""Of the Gaussian weights, in standard deviations of the features."""

RIDGE = 1e-3
"""Pull of the slopes to zero, as a share of the weights' sum: a feature that is one value nearby tells no slope."""

LIMIT = 50.0


def local_regression(
    spec: TaskSpec, train: Rows, z: np.ndarray, X: np.ndarray, group: np.ndarray
) -> np.ndarray:
    """(m, T) values for rows X (m, F) of labels group (m,), from targets z (n, T) on the scale, group by group."""
    known = dict(train.by_group())
    out = np.empty((len(X), z.shape[1]))
    for label in dict.fromkeys(group.tolist()):
        here = np.flatnonzero(group == label)
        rows = known.get(label, np.arange(len(train)))
        Z, Z_new = standardised(train.X[rows], X[here])
        for i, new in zip(here, Z_new, strict=True):
            out[i] = _at(Z - new, z[rows])
    return np.clip(out, -LIMIT, LIMIT)


def _at(Z: np.ndarray, z: np.ndarray) -> np.ndarray:
    """The plane's value at the origin."""
    distance = np.sqrt((Z**2).sum(axis=1))
    w = np.exp(-0.5 * ((distance - distance.min()) / BANDWIDTH) ** 2)
    H = np.column_stack([np.ones(len(Z)), Z])
    pull = np.diag([0.0, *[RIDGE * w.sum()] * Z.shape[1]])
    slopes: np.ndarray = np.linalg.solve((H * w[:, None]).T @ H + pull, (H * w[:, None]).T @ z)
    return slopes[0]
