"""How far beyond the fitted rows a row lies: in ranges of the rows, in logs where their range is wide."""

from __future__ import annotations

import numpy as np

from tasks.rows import Rows
from tasks.spec import TaskSpec

WIDE = 3.0
"""A positive feature that spans more than this factor is measured in logs."""


def beyond(spec: TaskSpec, train: Rows, X: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Distance of every row beyond the training rows of its group; 0 inside their range.

    The largest over features counts, and over the product of the axes where rows of the corner are asked for: a
    run may be the largest in compute and in neither of its factors.

    Args:
        X: (m, F) features.
        group: (m,) labels; a row of a group without training rows is measured against all of them.

    Returns:
        (m,) distances, in ranges.
    """
    out = np.zeros(len(X))
    known = dict(train.by_group())
    axes = np.array([spec.feature_names.index(a) for a in spec.axis_features], dtype=int)
    all_low, all_high = train.X.min(axis=0), train.X.max(axis=0)
    logged = (all_low > 0) & (all_high > WIDE * all_low)
    whole, asked = _logs(train.X, logged), _logs(X, logged)
    for label in dict.fromkeys(group.tolist()):
        here = np.flatnonzero(group == label)
        rows = known.get(label, np.arange(len(train)))
        columns = [(whole[rows, j], whole[:, j], asked[here, j]) for j in range(X.shape[1])]
        if spec.corner and len(axes) > 1 and logged[axes].all():
            columns.append(
                (
                    whole[np.ix_(rows, axes)].sum(axis=1),
                    whole[:, axes].sum(axis=1),
                    asked[np.ix_(here, axes)].sum(axis=1),
                )
            )
        for own, every, new in columns:
            span = np.ptp(own) or np.ptp(every)
            if span > 0:
                away = np.maximum(new - own.max(), own.min() - new) / span
                out[here] = np.maximum(out[here], np.where(away > 1e-9, away, 0.0))
    return out


def _logs(X: np.ndarray, logged: np.ndarray) -> np.ndarray:
    least = np.where(logged, 1e-300, 1.0)
    return np.where(logged, np.log(np.where(logged, np.maximum(X, least), 1.0)), X)
