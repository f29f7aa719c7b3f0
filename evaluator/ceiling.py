"""The noise ceiling: how well any function of the features could do.

Where rows of one group share all their features but not their targets, no function of the
features can predict them all. The best it can do is their mean.
"""

from __future__ import annotations

import numpy as np

from evaluator.metric import score
from tasks.rows import Rows


def best_predictions(rows: Rows) -> np.ndarray:
    """Mean target of the rows that share group and features, for every row: (n, T)."""
    best = np.empty_like(rows.y, dtype=float)
    for _, index in rows.by_group():
        _, place = np.unique(rows.X[index], axis=0, return_inverse=True)
        place = place.ravel()
        sums = np.zeros((place.max() + 1, rows.y.shape[1]))
        np.add.at(sums, place, rows.y[index])
        best[index] = (sums / np.bincount(place)[:, None])[place]
    return best


def noise_ceiling(rows: Rows) -> float:
    """Best pooled R2 that any function of features and group can reach on these rows.

    1.0 where no two rows share their features; NaN where a target does not vary at all.
    """
    return score(rows.y, best_predictions(rows), rows.group).r2
