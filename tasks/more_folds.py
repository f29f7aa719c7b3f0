"""Further cuts of the training rows, which judge finalists: deeper, along other features, in the corner, inside.

The standard folds guide a search. These are asked of a few dozen laws at its end.
"""

from __future__ import annotations

import numpy as np

from tasks.rows import Rows
from tasks.spec import TaskSpec
from tasks.split import MIN_FIT_ROWS, Fold, _cut, _rank, _scorable, outwardness

DEEP = 0.5
SIDE = 0.2
INSIDE = 0.3


def more_folds(spec: TaskSpec, train: Rows, standard: tuple[Fold, ...]) -> tuple[Fold, ...]:
    """Named cuts of other kinds than the standard folds; a kind that can't be cut, or cuts the same rows, is left out.

    Returns:
        Those of "half", "side", "corner" and "inside" that exist, in this order.
    """
    makers = {"half": _deep, "side": _side, "corner": _corner, "inside": _inside}
    found: list[Fold] = []
    for name, make in makers.items():
        hidden = np.zeros(len(train), dtype=bool)
        for _, index in train.by_group():
            mask = make(spec, train.X[index])
            if mask.any() and (~mask).sum() >= MIN_FIT_ROWS:
                hidden[index] = mask
        taken = any(np.array_equal(np.flatnonzero(hidden), f.validation) for f in (*standard, *found))
        if not taken and _scorable(train.y[hidden]):
            found.append(Fold(name, np.flatnonzero(~hidden), np.flatnonzero(hidden)))
    return tuple(found)


def _deep(spec: TaskSpec, X: np.ndarray) -> np.ndarray:
    """Half of the rows of a group, the outer one."""
    if not spec.extrapolate:
        return np.zeros(len(X), dtype=bool)
    return _cut(outwardness(spec, X), DEEP)


def _side(spec: TaskSpec, X: np.ndarray) -> np.ndarray:
    """The outer rows along another feature: that of the most levels among those no axis names."""
    others = [j for j, name in enumerate(spec.feature_names) if name not in spec.axis_features]
    levels = {j: len(np.unique(X[:, j])) for j in others}
    if not levels or max(levels.values()) < 3:
        return np.zeros(len(X), dtype=bool)
    return _cut(_rank(X[:, max(levels, key=lambda j: levels[j])]), SIDE)


def _corner(spec: TaskSpec, X: np.ndarray) -> np.ndarray:
    """The rows that are far out in two features at once."""
    levels = {j: len(np.unique(X[:, j])) for j in range(X.shape[1])}
    axes = [spec.feature_names.index(a) for a in spec.axis_features]
    ranked = sorted(levels, key=lambda j: (j not in axes, -levels[j]))[:2]
    if len(ranked) < 2 or min(levels[j] for j in ranked) < 3:
        return np.zeros(len(X), dtype=bool)
    return _cut(np.stack([_rank(X[:, j]) for j in ranked]).min(axis=0), SIDE)


def _inside(spec: TaskSpec, X: np.ndarray) -> np.ndarray:
    """Rows drawn at random, equal rows of features together."""
    points, place = np.unique(X, axis=0, return_inverse=True)
    drawn = np.random.default_rng(0).permutation(len(points))[: round(INSIDE * len(points))]
    return np.isin(place.reshape(len(X)), drawn)
