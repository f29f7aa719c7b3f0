"""The methods that are mixed with the laws' vote, by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from harness.choosing.rows.kriging import kriging
from harness.choosing.rows.last_levels import local
from tasks.rows import Rows
from tasks.spec import TaskSpec

Method = Callable[[TaskSpec, Rows, np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""method(spec, train, z, X, group) -> (m, T): targets z (n, T) of the training rows on the scale, rows to predict."""


def last_two_levels(
    spec: TaskSpec, train: Rows, z: np.ndarray, X: np.ndarray, group: np.ndarray
) -> np.ndarray:
    """A line through the last two levels of the axis."""
    return local(spec, train, z, X, group).line


def last_four_levels(
    spec: TaskSpec, train: Rows, z: np.ndarray, X: np.ndarray, group: np.ndarray
) -> np.ndarray:
    """A line from the last level on, with the slope of the last four."""
    return local(spec, train, z, X, group, 4).line


METHODS: dict[str, Method] = {
    "last two levels": last_two_levels,
    "last four levels": last_four_levels,
    "kriging": kriging,
}
