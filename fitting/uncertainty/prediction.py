"""Predictions with bands, and how far beyond the rows they are."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fitting.arrays import Array
from fitting.solve.solution import Solution
from fitting.uncertainty.intervals import prediction_interval

FAR_OUT = 1.5  # decades beyond the rows


class FarOut(UserWarning):
    """A prediction far beyond the rows that the law was fitted to."""


@dataclass(frozen=True)
class Prediction:
    """Values (m,) with a band, and how many decades each lies beyond the range of the fitted rows (0: inside).

    The band says how well the rows settle the constants of this law; it can't say that the law holds so far out.
    """

    value: Array
    low: Array
    high: Array
    beyond: Array
    level: float


def predicted(
    result: Solution, data: Mapping[str, Any], level: float, noise: bool, group: str | None
) -> Prediction:
    """Values with sandwich bands; a `FarOut` warning where they lie far beyond the rows."""
    columns = {v: np.atleast_1d(np.asarray(data[v], dtype=float)) for v in result.law.used if v in data}
    even = dict(zip(columns, np.broadcast_arrays(*columns.values()), strict=True)) if columns else {}
    value, low, high = prediction_interval(result, even, level, noise=noise, group=group)
    beyond = distance_beyond(result, even)
    if float(beyond.max()) > FAR_OUT:
        warnings.warn(
            f"predictions up to {beyond.max():.1f} decades beyond the fitted rows: the band takes the law for true there",
            FarOut,
            stacklevel=3,
        )
    return Prediction(value, low, high, beyond, level)


def distance_beyond(result: Solution, columns: Mapping[str, Array]) -> Array:
    """Largest distance beyond the range of any column, in decades; in ranges for columns that are not positive."""
    out = np.zeros(1)
    for name, column in columns.items():
        have, there = result.problem.rows.columns[name], column
        unit = 1.0
        if have.min() > 0 and there.min() > 0:
            have, there = np.log10(have), np.log10(there)
        else:
            unit = float(np.ptp(have)) or 1.0
        out = np.maximum(out, np.maximum(have.min() - there, there - have.max()) / unit)
    return out
