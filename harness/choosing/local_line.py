"""What the outermost rows say by themselves: a line through the last two levels, and the residual there.

A law, and a median of laws, is fitted to all rows and may miss the last ones. The line knows nothing else. Alone it
is a poor forecast; folds tell where it is the better one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluator.controls import standardised
from tasks.rows import Rows
from tasks.spec import TaskSpec

SAME = 1e-9
LIMIT = 50.0


@dataclass(frozen=True, slots=True)
class Local:
    """The last rows near each row to predict.

    Attributes:
        line: (m, T) the line's value on the scale.
        last: for each row, the training rows (integers) of the last level that are nearest to it.
    """

    line: np.ndarray
    last: list[np.ndarray]


def local(spec: TaskSpec, train: Rows, z: np.ndarray, X: np.ndarray, group: np.ndarray) -> Local:
    """The line and the last rows for every row of X.

    Of several axes the one counts in which the row lies farthest beyond the training rows. Without an axis, or with a
    single level, the value is that of the nearest rows.

    Args:
        z: (n, T) training targets on the scale.
        X, group: rows to predict.
    """
    axes = [spec.feature_names.index(a) for a in spec.axis_features]
    known = dict(train.by_group())
    line = np.empty((len(X), z.shape[1]))
    last: list[np.ndarray] = [np.empty(0, dtype=int)] * len(X)
    for label in dict.fromkeys(group.tolist()):
        here = np.flatnonzero(group == label)
        rows = known.get(label, np.arange(len(train)))
        Z, Z_new = standardised(train.X[rows], X[here])
        for i, new in zip(here, Z_new, strict=True):
            line[i], near = _line(axes, Z, z[rows], new)
            last[i] = rows[near]
    return Local(line, last)


def _line(axes: list[int], Z: np.ndarray, z: np.ndarray, new: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if not axes:
        near = _nearest(Z, new, np.arange(len(Z)))
        return z[near].mean(axis=0), near
    axis = axes[int(np.argmax([new[a] - Z[:, a].max() for a in axes]))]
    others = [j for j in range(Z.shape[1]) if j != axis]
    levels = np.unique(Z[:, axis])
    outer = _nearest(Z[:, others], new[others], np.flatnonzero(Z[:, axis] == levels[-1]))
    last = z[outer].mean(axis=0)
    if len(levels) < 2:
        return last, outer
    inner = _nearest(Z[:, others], Z[outer[0], others], np.flatnonzero(Z[:, axis] == levels[-2]))
    slope = (last - z[inner].mean(axis=0)) / (levels[-1] - levels[-2])
    return np.clip(last + slope * (new[axis] - levels[-1]), -LIMIT, LIMIT), outer


def _nearest(Z: np.ndarray, new: np.ndarray, rows: np.ndarray) -> np.ndarray:
    distance = ((Z[rows] - new) ** 2).sum(axis=1)
    return rows[distance <= distance.min() + SAME]
