"""Held-out rows of a user's own table: cut once, beyond the rest, when the task is added."""

from __future__ import annotations

import numpy as np

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


def cut_above(spec: TaskSpec, rows: Rows, limits: dict[str, float]) -> np.ndarray:
    """Mask of the rows beyond given values: in any of them, or in all where the spec says corner.

    Raises:
        BadTable: no row lies beyond, or a group keeps too few rows.
    """
    beyond = np.stack([rows.X[:, spec.feature_names.index(name)] > value for name, value in limits.items()])
    held = beyond.all(axis=0) if spec.corner else beyond.any(axis=0)
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
        values = rows.X[:, spec.feature_names.index(name)]
        if values.min() == values.max():
            raise BadTable(f"{name} is {values[0]:g} in every row; an axis to extrapolate along must vary")
