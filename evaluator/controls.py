"""Simple methods that every scoreboard shows: a law that doesn't beat them has found nothing.

They are ours, run in-process, and see what a program sees: training rows with targets, held-out rows
as bare features. Each group is treated on its own. Features enter as logs where all training values of
the group are positive, and as they are otherwise (shares that may be 0, a feature that is a log already).
A held-out row of a group without training rows is predicted from all training rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tasks.rows import Rows
from tasks.spec import TaskSpec

Control = Callable[[TaskSpec, Rows, np.ndarray, np.ndarray], np.ndarray]
"""control(spec, train, X, group) -> (m, T) predictions for held-out features X (m, F) and labels group (m,)."""

SAME = 1e-9
"""Distances, in standardised features, that differ by less than this are equal: their rows are averaged."""

LOG_LIMIT = 50.0
"""Log targets are cut to +-50, so that two close levels can't throw a line out of what floats can hold."""

_Method = Callable[[Sequence[int], np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""method(axes, Z, y, Z_new): standardised features (n, F), targets (n, T), features (m, F) -> (m, T)."""


def all_controls() -> dict[str, Control]:
    """Name as shown -> control, in the order shown."""
    return {
        "training mean": _control(training_mean),
        "last point": _control(last_point),
        "last two points in logs": _control(last_two_points),
        "log-linear": _control(log_linear),
        "log-quadratic": _control(log_quadratic),
    }


def _control(method: _Method) -> Control:
    """Run a method group by group, on standardised features."""

    def control(spec: TaskSpec, train: Rows, X: np.ndarray, group: np.ndarray) -> np.ndarray:
        axes = [spec.feature_names.index(name) for name in spec.axis_features]
        X, group = np.asarray(X, dtype=float), np.asarray(group)
        out = np.empty((len(X), train.y.shape[1]))
        known = dict(train.by_group())
        for label in dict.fromkeys(group.tolist()):
            asked = np.flatnonzero(group == label)
            rows = known.get(label, np.arange(len(train)))
            Z, Z_new = standardised(train.X[rows], X[asked])
            out[asked] = method(axes, Z, train.y[rows], Z_new)
        return out

    control.__doc__ = method.__doc__
    return control


def standardised(X: np.ndarray, X_new: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features in logs where positive, with mean 0 and standard deviation 1 over the training rows.

    A feature that does not vary is only centred. A held-out value <= 0 of a feature whose training values
    are all positive is taken as the smallest of them.

    Args:
        X: (n, F) training features of one group.
        X_new: (m, F) held-out features.

    Returns:
        (n, F) and (m, F).
    """
    Z, Z_new = np.array(X, dtype=float), np.array(X_new, dtype=float)
    for j in range(Z.shape[1]):
        if (Z[:, j] > 0).all():
            Z_new[:, j] = np.log(np.where(Z_new[:, j] > 0, Z_new[:, j], Z[:, j].min()))
            Z[:, j] = np.log(Z[:, j])
    mean, spread = Z.mean(axis=0), Z.std(axis=0)
    spread = np.where(spread > 1e-12 * (1.0 + np.abs(mean)), spread, 1.0)
    return (Z - mean) / spread, (Z_new - mean) / spread


def training_mean(axes: Sequence[int], Z: np.ndarray, y: np.ndarray, Z_new: np.ndarray) -> np.ndarray:
    """Mean target of the group's training rows."""
    return np.broadcast_to(y.mean(axis=0), (len(Z_new), y.shape[1]))


def last_point(axes: Sequence[int], Z: np.ndarray, y: np.ndarray, Z_new: np.ndarray) -> np.ndarray:
    """Target of the training row that is nearest along the axis, and among those in the other features.

    Beyond the training range the nearest rows along the axis are the outermost ones. Several axes
    count together, by Euclidean distance; without an axis the row nearest in all features is taken.
    """
    others = _others(axes, Z)
    out = np.empty((len(Z_new), y.shape[1]))
    for i, z in enumerate(Z_new):
        near = _nearest(Z[:, list(axes)], z[list(axes)], np.arange(len(Z)))
        out[i] = y[_nearest(Z[:, others], z[others], near)].mean(axis=0)
    return out


def last_two_points(axes: Sequence[int], Z: np.ndarray, y: np.ndarray, Z_new: np.ndarray) -> np.ndarray:
    """Straight line in the log of the axis through the last two levels.

    On each level the row nearest in the other features is taken; the inner level is matched to the row
    taken on the outer one. The target is a log too where all its training values are positive. Of several axes the one
    counts in which the held-out row lies farthest beyond the training rows, the first one when they tie.
    Without an axis, or with a single level along it, this is the last point.
    """
    out = last_point(axes, Z, y, Z_new)
    logged = (y > 0).all(axis=0)
    target = np.where(logged, np.log(np.where(logged, y, 1.0)), y)
    for i, z in enumerate(Z_new):
        if not axes:
            break
        axis = axes[int(np.argmax([z[a] - Z[:, a].max() for a in axes]))]
        levels = np.unique(Z[:, axis])
        if len(levels) < 2:
            continue
        others = _others([axis], Z)
        outer = _nearest(Z[:, others], z[others], np.flatnonzero(Z[:, axis] == levels[-1]))
        inner = _nearest(Z[:, others], Z[outer[0], others], np.flatnonzero(Z[:, axis] == levels[-2]))
        last, before = target[outer].mean(axis=0), target[inner].mean(axis=0)
        line = last + (last - before) * (z[axis] - levels[-1]) / (levels[-1] - levels[-2])
        out[i] = np.where(logged, np.exp(np.clip(line, -LOG_LIMIT, LOG_LIMIT)), line)
    return out


def log_linear(axes: Sequence[int], Z: np.ndarray, y: np.ndarray, Z_new: np.ndarray) -> np.ndarray:
    """Least squares of the target on 1 and the features in logs; of minimum norm where rows are too few."""
    return _regress(_linear(Z), y, _linear(Z_new))


def log_quadratic(axes: Sequence[int], Z: np.ndarray, y: np.ndarray, Z_new: np.ndarray) -> np.ndarray:
    """Least squares on 1, the features in logs, their squares and products; of minimum norm where rows are too few."""
    return _regress(_quadratic(Z), y, _quadratic(Z_new))


def _others(axes: Sequence[int], Z: np.ndarray) -> list[int]:
    return [j for j in range(Z.shape[1]) if j not in axes]


def _nearest(Z: np.ndarray, z: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Those of `rows` with the least distance to z; all of them when there are no features to compare."""
    distance = np.sqrt(((Z[rows] - z) ** 2).sum(axis=1))
    nearest: np.ndarray = rows[distance <= distance.min() + SAME]
    return nearest


def _linear(Z: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(Z)), Z])


def _quadratic(Z: np.ndarray) -> np.ndarray:
    j, k = np.triu_indices(Z.shape[1])
    return np.column_stack([_linear(Z), Z[:, j] * Z[:, k]])


def _regress(A: np.ndarray, y: np.ndarray, A_new: np.ndarray) -> np.ndarray:
    predicted: np.ndarray = A_new @ np.linalg.lstsq(A, y, rcond=None)[0]
    return predicted
