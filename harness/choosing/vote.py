"""Votes: one value a row from many laws' predictions, kept within reach of the group's own targets."""

from __future__ import annotations

import numpy as np


def median(predictions: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Weighted median over laws, row by row and target by target.

    Args:
        predictions: (M, m, T) of M laws.
        weights: (M,) or None for equal ones.

    Returns:
        (m, T); the mean of two values where just half of the weight lies below the upper one.
    """
    if weights is None:
        return np.median(predictions, axis=0)
    order = np.argsort(predictions, axis=0, kind="stable")
    values = np.take_along_axis(predictions, order, axis=0)
    share = np.cumsum(weights[order], axis=0) / weights.sum()
    low = np.argmax(share >= 0.5 - 1e-9, axis=0)
    high = np.argmax(share > 0.5 + 1e-9, axis=0)
    return (np.take_along_axis(values, low[None], 0)[0] + np.take_along_axis(values, high[None], 0)[0]) / 2


def clipped(
    z: np.ndarray, group: np.ndarray, train_z: np.ndarray, train_group: np.ndarray, room: np.ndarray
) -> np.ndarray:
    """Predictions kept within a group's range of training targets and `room` ranges more.

    Args:
        z: (m, T) predictions on the scale.
        group: (m,) labels; a group without training rows has the range of all.
        room: (m,) of every row, in ranges of the targets.
    """
    out = z.copy()
    every = np.ptp(train_z, axis=0)
    for label in dict.fromkeys(group.tolist()):
        here = group == label
        rows = train_z[train_group == label]
        own = rows if len(rows) else train_z
        low, high = own.min(axis=0), own.max(axis=0)
        # A group of nearly equal targets still has room: a tenth of the range of all.
        span = room[here, None] * np.maximum(high - low, 0.1 * every)
        out[here] = np.clip(z[here], low - span, high + span)
    return out
