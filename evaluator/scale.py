"""The scale on which errors of extrapolation are compared: logs of positive targets, standard deviations of others.

Pooled NMSE is decided by the groups and rows with large targets. An error in logs is relative: every group and every
slice of a table counts alike, and a fold of one table can be set beside a fold of another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.rows import Rows

LEAST = 1e-3
"""A prediction for a positive target counts as no less than this share of the least target."""

FAR = 10.0
"""An error of one row counts as no more than this: a prediction that runs off is very bad, not infinitely so."""


@dataclass(frozen=True, slots=True)
class Scale:
    """To the scale of errors and back, per target.

    Attributes:
        logged: (T,) whether the target is positive in every training row.
        least: (T,) smallest prediction of a logged target.
        unit: (T,) standard deviation over the training rows, for the others.
    """

    logged: np.ndarray
    least: np.ndarray
    unit: np.ndarray

    @classmethod
    def of(cls, train: Rows) -> Scale:
        """The scale of a task, from its training rows."""
        y = train.y
        spread = y.std(axis=0)
        return cls(y.min(axis=0) > 0, LEAST * y.min(axis=0), np.where(spread > 0, spread, 1.0))

    def to(self, y: np.ndarray) -> np.ndarray:
        """(..., T) targets or predictions on the scale."""
        y = np.asarray(y, dtype=float)
        logs = np.log(np.maximum(y, np.where(self.logged, self.least, 1.0)))
        return np.asarray(np.where(self.logged, logs, y / self.unit))

    def back(self, z: np.ndarray) -> np.ndarray:
        """(..., T) values of the scale as targets."""
        z = np.asarray(z, dtype=float)
        return np.asarray(np.where(self.logged, np.exp(np.clip(z, -700.0, 700.0)), z * self.unit))


def scale_errors(z: np.ndarray, p: np.ndarray, group: np.ndarray) -> dict[str, float]:
    """Root mean square error on the scale of each group, a mean over targets.

    Args:
        z, p: (n, T) targets and predictions, both on the scale.
        group: (n,) labels.
    """
    labels, place = np.unique(group, return_inverse=True)
    square = np.minimum(np.abs(z - p), FAR) ** 2
    counts = np.bincount(place)
    sums = np.stack([np.bincount(place, column) for column in square.T], axis=1)
    return dict(zip(labels.tolist(), np.sqrt(sums / counts[:, None]).mean(axis=1).tolist(), strict=True))


def scale_error(z: np.ndarray, p: np.ndarray, group: np.ndarray) -> float:
    """Root mean square error on the scale, a mean over groups and targets; see `scale_errors`."""
    return float(np.mean(list(scale_errors(z, p, group).values())))
