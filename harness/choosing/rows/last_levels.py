"""What the outermost rows say by themselves: a line through the last levels of the axis, and the residual there.

A law, and a median of laws, is fitted to all rows and may miss the last ones. The line knows nothing else. Alone it
is a poor forecast; folds tell where it is the better one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

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
        paths = _Paths(Z, z[rows], n_levels)
        for i, new in zip(here, Z_new, strict=True):
            line[i], near = _line(axes, paths, new)
            last[i] = rows[near]
    return Local(line, last)


@dataclass(slots=True)
class _Paths:
    """Lines through the last levels of one group, each found once for all rows that lie beside one another.

    Attributes:
        Z: (n, F) standardised features; z: (n, T) targets.
        known: (axis, the row's other features) -> value at the last level, slope (None with a single level), last level
            and the rows there.
    """

    Z: np.ndarray
    z: np.ndarray
    n_levels: int
    known: dict[tuple[int, bytes], tuple[np.ndarray, np.ndarray | None, float, np.ndarray]] = field(
        default_factory=dict
    )

    def of(self, axis: int, new: np.ndarray) -> tuple[np.ndarray, np.ndarray | None, float, np.ndarray]:
        place = np.delete(new, axis)
        key = axis, place.tobytes()
        if key not in self.known:
            self.known[key] = _path(self.Z, self.z, axis, place, self.n_levels)
        return self.known[key]


def _line(axes: list[int], paths: _Paths, new: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    Z = paths.Z
    if not axes:
        near = _nearest(Z, new, np.arange(len(Z)))
        return paths.z[near].mean(axis=0), near
    axis = axes[int(np.argmax([new[a] - Z[:, a].max() for a in axes]))]
    value, slope, level, near = paths.of(axis, new)
    if slope is None:
        return value, near
    return np.clip(value + slope * (new[axis] - level), -LIMIT, LIMIT), near


def _path(
    Z: np.ndarray, z: np.ndarray, axis: int, place: np.ndarray, n_levels: int
) -> tuple[np.ndarray, np.ndarray | None, float, np.ndarray]:
    others = [j for j in range(Z.shape[1]) if j != axis]
    levels = np.unique(Z[:, axis])[::-1][:n_levels]
    # On every level the rows nearest to those of the level outside it: a path inwards from the row asked for.
    path = []
    for level in levels:
        path.append(_nearest(Z[:, others], place, np.flatnonzero(Z[:, axis] == level)))
        place = Z[path[-1][0], others]
    values = np.stack([z[rows].mean(axis=0) for rows in path])
    if len(levels) < 2:
        return values[0], None, float(levels[0]), path[0]
    off = levels - levels.mean()
    slope = (off[:, None] * (values - values.mean(axis=0))).sum(axis=0) / (off**2).sum()
    return values[0], slope, float(levels[0]), path[0]


def _nearest(Z: np.ndarray, new: np.ndarray, rows: np.ndarray) -> np.ndarray:
    distance = ((Z[rows] - new) ** 2).sum(axis=1)
    return rows[distance <= distance.min() + SAME]
