"""What the outermost rows say by themselves: a line through the last levels of the axis, and the residual there.

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


def local(
    spec: TaskSpec, train: Rows, z: np.ndarray, X: np.ndarray, group: np.ndarray, n_levels: int = 2
) -> Local:
    """The line and the last rows for every row of X.

    The line passes through the last level; its slope is that of least squares over the last `n_levels`. Of several
    axes the one counts in which the row lies farthest beyond the training rows. Without an axis, or with a single
    level, the value is that of the nearest rows.

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
            line[i], near = _line(axes, Z, z[rows], new, n_levels)
            last[i] = rows[near]
    return Local(line, last)


def _line(
    axes: list[int], Z: np.ndarray, z: np.ndarray, new: np.ndarray, n_levels: int
) -> tuple[np.ndarray, np.ndarray]:
    if not axes:
        near = _nearest(Z, new, np.arange(len(Z)))
        return z[near].mean(axis=0), near
    axis = axes[int(np.argmax([new[a] - Z[:, a].max() for a in axes]))]
    others = [j for j in range(Z.shape[1]) if j != axis]
    levels = np.unique(Z[:, axis])[::-1][:n_levels]
    # On every level the rows nearest to those of the level outside it: a path inwards from the row asked for.
    path, place = [], new[others]
    for level in levels:
        path.append(_nearest(Z[:, others], place, np.flatnonzero(Z[:, axis] == level)))
        place = Z[path[-1][0], others]
    values = np.stack([z[rows].mean(axis=0) for rows in path])
    if len(levels) < 2:
        return values[0], path[0]
    off = levels - levels.mean()
    slope = (off[:, None] * (values - values.mean(axis=0))).sum(axis=0) / (off**2).sum()
    return np.clip(values[0] + slope * (new[axis] - levels[0]), -LIMIT, LIMIT), path[0]


def _nearest(Z: np.ndarray, new: np.ndarray, rows: np.ndarray) -> np.ndarray:
    distance = ((Z[rows] - new) ** 2).sum(axis=1)
    return rows[distance <= distance.min() + SAME]
