"""Held-out rows of a user's own table: cut once, beyond the rest, when the task is added."""

from __future__ import annotations

import numpy as np

from tasks.axis import axis_values
from tasks.errors import BadTable
from tasks.rows import Rows
from tasks.spec import TaskSpec
from tasks.split import outwardness

MIN_TRAIN_ROWS = 3
MIN_TRAIN_LEVELS = 2


def cut_outer(spec: TaskSpec, rows: Rows, share: float) -> np.ndarray:
    """Mask of the outermost rows of every group, whole levels of the axis together.

    A group that would keep fewer than three rows or two levels keeps all of them in train.

    Args:
        spec: names the axis.
        share: of each group's rows, as near as levels allow.

    Raises:
        BadTable: no group can be cut; the message says what is missing.
    """
    held = np.zeros(len(rows), dtype=bool)
    for _, index in rows.by_group():
        places = outwardness(spec, rows.X[index])
        levels = np.unique(places)[MIN_TRAIN_LEVELS:]
        masks = [places >= level for level in levels]
        masks = [m for m in masks if (~m).sum() >= MIN_TRAIN_ROWS]
        if masks:
            held[index] = min(masks, key=lambda m: abs(m.mean() - share))
    if not held.any():
        axis = ", ".join(spec.extrapolate)
        raise BadTable(
            f"no rows can be held out: some group needs at least {MIN_TRAIN_LEVELS + 1} different values of {axis} "
            f"and {MIN_TRAIN_ROWS + 1} rows; the table has {len(rows)} rows in {len(rows.groups())} groups"
        )
    return held


def cut_reach(spec: TaskSpec, rows: Rows, factor: float) -> np.ndarray:
    """Mask of the rows of every group that lie within `factor` of its largest value along the axis.

    So each group is asked to reach that far beyond its own training rows, whatever its range.

    Raises:
        BadTable: no group keeps enough rows below.
    """
    (axis,) = spec.extrapolate
    held = np.zeros(len(rows), dtype=bool)
    for _, index in rows.by_group():
        values = axis_values(axis, spec.feature_names, rows.X[index])
        beyond = values > values.max() / factor
        if (~beyond).sum() >= MIN_TRAIN_ROWS and len(np.unique(values[~beyond])) >= MIN_TRAIN_LEVELS:
            held[index] = beyond
    if not held.any():
        raise BadTable(
            f"--heldout-within {factor:g}: no group keeps {MIN_TRAIN_ROWS} rows and {MIN_TRAIN_LEVELS} values of {axis} below its largest "
            f"divided by {factor:g}; ask for a smaller factor"
        )
    return held


def cut_dealt(rows: Rows, share: float) -> np.ndarray:
    """Mask of rows dealt out at random (seed 0) where nothing extrapolates; rows of equal features stay together.

    Raises:
        BadTable: too few different rows.
    """
    points, place = np.unique(rows.X, axis=0, return_inverse=True)
    n = round(share * len(points))
    if n < 1 or len(points) - n < MIN_TRAIN_ROWS:
        raise BadTable(f"no rows can be held out: the table has {len(points)} different rows of features")
    chosen = np.random.default_rng(0).permutation(len(points))[:n]
    return np.isin(place.reshape(len(rows)), chosen)


def check_scorable(spec: TaskSpec, heldout: Rows) -> None:
    """A score compares the spread of the errors with that of the targets: without a spread there is none.

    Raises:
        BadTable: fewer than two held-out rows, or targets that are all equal.
    """
    for t, name in enumerate(spec.target_names):
        if len(heldout) < 2 or np.ptp(heldout.y[:, t]) == 0:
            what = "row is" if len(heldout) == 1 else f"rows, all with {name}={heldout.y[0, t]:g}, are"
            raise BadTable(
                f"no score exists: {len(heldout)} {what} held out, and R2 needs two or more whose targets differ; hold out more"
            )


def cut_above(spec: TaskSpec, rows: Rows, limits: dict[str, float]) -> np.ndarray:
    """Mask of the rows beyond given values: in any of them, or in all where the spec says corner.

    Raises:
        BadTable: no row lies beyond, or a group keeps too few rows.
    """
    beyond = np.stack([rows.X[:, spec.feature_names.index(name)] > value for name, value in limits.items()])
    held: np.ndarray = np.logical_and.reduce(beyond) if spec.corner else np.logical_or.reduce(beyond)
    rule = (" and " if spec.corner else " or ").join(f"{name} > {value:g}" for name, value in limits.items())
    if not held.any():
        raise BadTable(f"no row has {rule}; nothing would be held out")
    for label, index in rows.by_group():
        kept = int((~held[index]).sum())
        if held[index].any() and kept < MIN_TRAIN_ROWS:
            raise BadTable(
                f"holding out {rule} leaves group {label!r} {kept} of {len(index)} rows; "
                f"at least {MIN_TRAIN_ROWS} must stay in train"
            )
    return held


def check_axes(spec: TaskSpec, rows: Rows) -> None:
    """The axis must vary, or nothing lies beyond anything.

    Raises:
        BadTable: an axis has one value in the whole table.
    """
    for name in spec.extrapolate:
        values = axis_values(name, spec.feature_names, rows.X)
        if values.min() == values.max():
            raise BadTable(f"{name} is {values[0]:g} in every row; an axis to extrapolate along must vary")
