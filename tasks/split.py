"""Validation folds: cut out of train, beyond the fitted range, as the held-out rows are.

A search is guided by these folds alone. Each fold hides the outermost training rows along the
axis the task extrapolates in, at its own depth, so a law is judged by what it does beyond the rows
it was fitted on. Held-out rows play no part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.axis import axis_values
from tasks.errors import BadTable
from tasks.rows import Rows
from tasks.spec import TaskSpec

DEPTHS = (0.10, 0.20, 0.35)
"""Share of the rows of a group hidden by each fold, before rounding to whole levels of the axis."""

LAST_RESORT = 0.5
"""Share tried where none of the depths leaves rows that can be scored, as in very small tables."""

PARTS = 4
"""Parts that the rows of a task without an axis are dealt into; each is hidden once."""

MIN_FIT_ROWS = 3
"""A group keeps all its rows in the fit where a fold would leave it fewer than this."""


@dataclass(frozen=True, slots=True)
class Fold:
    """One cut of the training rows.

    Attributes:
        name: "outer 11%", the share of training rows hidden.
        train: integer row indices that fit.
        validation: integer row indices that guide selection, beyond the fitted range.
    """

    name: str
    train: np.ndarray
    validation: np.ndarray


def outwardness(spec: TaskSpec, X: np.ndarray) -> np.ndarray:
    """How far out each row of one group lies, in [0, 1].

    Along an axis a row's place is the rank of its level among the distinct levels. With several
    axes the largest place counts when being far out in one is enough, and the smallest when the
    held-out rows sit in the corner (`spec.corner`). With no axis, the distance from the centre
    of the standardised features is ranked.

    Args:
        X: (n, F) features of one group.

    Returns:
        (n,) places; ties share one.
    """
    if not spec.extrapolate:
        spread = X.std(axis=0)
        distance = np.sqrt((((X - X.mean(axis=0)) / np.where(spread > 0, spread, 1.0)) ** 2).sum(axis=1))
        return _rank(np.round(distance, 9))
    places = np.stack([_rank(axis_values(axis, spec.feature_names, X)) for axis in spec.extrapolate])
    place: np.ndarray = places.min(axis=0) if spec.corner else places.max(axis=0)
    return place


def _rank(values: np.ndarray) -> np.ndarray:
    levels, index = np.unique(values, return_inverse=True)
    return index / max(len(levels) - 1, 1)


def _cut(places: np.ndarray, share: float) -> np.ndarray:
    """Mask of the hidden rows: whole levels, as near to `share` of the rows as levels allow."""
    levels = np.unique(places)
    if len(levels) < 2:
        return np.zeros(len(places), dtype=bool)
    # At least two levels stay in the fit where there are three: one level shows no slope.
    lowest = 2 if len(levels) > 2 else 1
    masks = [places >= level for level in levels[lowest:]]
    masks = [m for m in masks if (~m).sum() >= MIN_FIT_ROWS]
    if not masks:
        return np.zeros(len(places), dtype=bool)
    return min(masks, key=lambda m: abs(m.mean() - share))


def _scorable(y: np.ndarray) -> bool:
    """Whether the metric exists: every target varies over the hidden rows."""
    return len(y) > 1 and bool((y.max(axis=0) > y.min(axis=0)).all())


def validation_folds(spec: TaskSpec, train: Rows, depths: tuple[float, ...] = DEPTHS) -> tuple[Fold, ...]:
    """Folds of the training rows, shallowest first; equal folds are given once.

    Args:
        spec: names the axis, and whether held-out rows are a corner.
        train: training rows; groups are cut one by one.
        depths: share of rows to hide, per fold. A task without an axis takes no account of them.

    Raises:
        BadTable: no group has two levels along the axis and enough rows to hide any.
    """
    if not spec.extrapolate:
        dealt = _dealt_folds(train)
        if dealt:
            return dealt
    folds: list[Fold] = []
    for share in (*depths, LAST_RESORT):
        if share == LAST_RESORT and folds:
            break
        hidden = np.zeros(len(train), dtype=bool)
        for _, index in train.by_group():
            hidden[index] = _cut(outwardness(spec, train.X[index]), share)
        if not _scorable(train.y[hidden]) or any(
            np.array_equal(np.flatnonzero(hidden), f.validation) for f in folds
        ):
            continue
        name = f"outer {100 * hidden.mean():.0f}%"
        if any(name == f.name for f in folds):
            name = f"outer {100 * hidden.mean():.2f}%"
        folds.append(Fold(name, np.flatnonzero(~hidden), np.flatnonzero(hidden)))
    folds = folds or _folds_of_every_second_group(spec, train)
    if not folds:
        axis = ", ".join(spec.extrapolate) or "distance from the centre"
        raise BadTable(
            f"task {spec.name!r}: no validation fold can be cut: some group needs at least two levels along "
            f"{axis}, {MIN_FIT_ROWS} training rows inside and two beyond whose targets differ"
        )
    return tuple(folds)


def _folds_of_every_second_group(spec: TaskSpec, train: Rows) -> list[Fold]:
    """Folds of last resort, for groups of two or three rows: every second group hides its outermost level, the others keep theirs.

    What a group of so few rows can't show, all of them together can: each is asked to predict one level from the rest.
    """
    folds = []
    for part in range(2):
        hidden = np.zeros(len(train), dtype=bool)
        for k, (_, index) in enumerate(train.by_group()):
            places = outwardness(spec, train.X[index])
            if k % 2 == part and len(np.unique(places)) > 1:
                hidden[index] = places == places.max()
        if _scorable(train.y[hidden]):
            name = f"outermost of group {part + 1} in 2"
            folds.append(Fold(name, np.flatnonzero(~hidden), np.flatnonzero(hidden)))
    return folds


def _dealt_folds(train: Rows) -> tuple[Fold, ...]:
    """Folds where nothing extrapolates: rows dealt at random into parts, each hidden once.

    Held-out rows of such a task lie beyond the range in no single feature, so a fold does not hide the rows
    that a feature's range hangs on: they stay in every fit. Equal rows of features are hidden
    together, in one group as in all others.
    """
    points, place = np.unique(train.X, axis=0, return_inverse=True)
    place = place.reshape(len(train))
    part_of = np.empty(len(points), dtype=int)
    part_of[np.random.default_rng(0).permutation(len(points))] = np.arange(len(points)) % PARTS
    folds = []
    for part in range(PARTS):
        hidden = part_of[place] == part
        for _, index in train.by_group():
            X = train.X[index]
            shown = ~hidden[index]
            for j in range(X.shape[1]):
                for edge in (X[:, j].min(), X[:, j].max()):
                    at_edge = X[:, j] == edge
                    if not (at_edge & shown).any():
                        hidden[index[at_edge]] = False
                        shown = ~hidden[index]
            if shown.sum() < MIN_FIT_ROWS:
                hidden[index] = False
        if hidden.any() and _scorable(train.y[hidden]):
            folds.append(Fold(f"part {part + 1} of {PARTS}", np.flatnonzero(~hidden), np.flatnonzero(hidden)))
    return tuple(folds) if len(folds) > 1 else ()
