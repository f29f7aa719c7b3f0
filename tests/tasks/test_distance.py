"""How far beyond the rows."""

import numpy as np
import pytest

from tasks.distance import beyond
from tasks.rows import Rows
from tasks.spec import Column, TaskSpec


def plane(corner=False, levels=6):
    N, D = np.meshgrid(np.geomspace(1e6, 1e9, levels), np.geomspace(1e8, 1e11, levels))
    X = np.column_stack([N.ravel(), D.ravel()])
    y = 2 + 400 * X[:, :1] ** -0.34 + 400 * X[:, 1:] ** -0.28
    spec = TaskSpec(
        "toy", "toy", (Column("N"), Column("D")), (Column("L"),), extrapolate=("N", "D"), corner=corner
    )
    return spec, Rows(X, y, np.array(["a"] * len(X)))


def test_distance_is_in_ranges_of_logs_and_nothing_inside():
    spec, train = plane()
    X = np.array([[1e9, 1e11], [3e7, 1e9], [1e12, 1e9], [1e6 / 10, 1e8]])
    assert beyond(spec, train, X, np.array(["a"] * 4)) == pytest.approx([0, 0, 1, 1 / 3])


def test_in_the_corner_the_product_of_the_axes_counts():
    spec, train = plane(corner=True)
    inner = train.take(train.X.prod(axis=1) < 1e18)
    X = np.array([[1e9, 1e11]])
    assert beyond(spec, inner, X, np.array(["a"]))[0] > 0.3
    flat, _ = plane(corner=False)
    assert beyond(flat, inner, X, np.array(["a"]))[0] == 0
