"""Folds lie beyond the rows that fit, in whole levels, and can be scored."""

import numpy as np
import pytest

from tasks import BadTable
from tasks.rows import Rows
from tasks.spec import Column, TaskSpec
from tasks.split import outwardness, validation_folds


def spec(*axes, corner=False):
    return TaskSpec(
        "toy", "toy", (Column("N"), Column("D")), (Column("L"),), "group", extrapolate=axes, corner=corner
    )


def grid(n_levels=10, groups=("a",)):
    N, D = np.meshgrid(10.0 ** np.arange(n_levels), 10.0 ** np.arange(n_levels))
    X = np.column_stack([N.ravel(), D.ravel()])
    X = np.concatenate([X] * len(groups))
    y = np.log(X).sum(axis=1, keepdims=True)
    return Rows(X, y, np.repeat(groups, n_levels**2))


def test_one_axis_hides_its_outermost_levels():
    rows = grid()
    folds = validation_folds(spec("N"), rows)
    assert [f.name for f in folds] == ["outer 10%", "outer 20%", "outer 30%"]
    for fold, levels in zip(folds, (1, 2, 3), strict=True):
        assert len(np.unique(rows.X[fold.validation, 0])) == levels
        assert rows.X[fold.validation, 0].min() > rows.X[fold.train, 0].max()


def test_far_out_in_any_axis_or_in_the_corner():
    rows = grid()
    either = validation_folds(spec("N", "D"), rows)[0]
    assert (rows.X[either.validation].max(axis=1) > rows.X[either.train].max()).all()
    corner = validation_folds(spec("N", "D", corner=True), rows)[0]
    inside = set(map(tuple, rows.X[corner.train]))
    assert all((n, 1.0) in inside and (1.0, d) in inside for n, d in rows.X[corner.validation]), (
        "only their meeting is new"
    )


def test_without_an_axis_the_rim_is_hidden():
    rows = grid()
    fold = validation_folds(spec(), rows)[0]
    far = np.abs(rows.X - rows.X.mean(axis=0)).sum(axis=1)
    assert far[fold.validation].mean() > far[fold.train].mean()


def test_groups_are_cut_one_by_one():
    rows = grid(6, ("a", "b"))
    rows.X[rows.group == "b"] *= 1e6
    for fold in validation_folds(spec("N"), rows):
        assert set(rows.group[fold.validation]) == {"a", "b"}


def test_order_of_rows_does_not_matter():
    rows = grid()
    order = np.random.default_rng(3).permutation(len(rows))
    for one, other in zip(
        validation_folds(spec("N"), rows), validation_folds(spec("N"), rows.take(order)), strict=True
    ):
        assert set(one.validation) == set(order[other.validation])


def test_units_of_the_axis_do_not_matter():
    rows = grid()
    assert np.array_equal(outwardness(spec("N"), rows.X), outwardness(spec("N"), rows.X * 1e-6))


@pytest.mark.parametrize("n", [5, 6, 8])
def test_a_tiny_table_still_gets_a_fold_that_can_be_scored(n):
    x = 10.0 ** np.arange(n)
    rows = Rows(np.column_stack([x, np.ones(n)]), np.arange(float(n))[:, None], np.full(n, "a"))
    folds = validation_folds(spec("N"), rows)
    assert folds
    for fold in folds:
        assert len(fold.validation) >= 2 and len(fold.train) >= 3


@pytest.mark.parametrize(
    "rows",
    [
        Rows(np.ones((9, 2)), np.arange(9.0)[:, None], np.full(9, "a")),
        Rows(np.arange(6.0).reshape(3, 2), np.arange(3.0)[:, None], np.full(3, "a")),
        Rows(np.arange(20.0).reshape(10, 2), np.ones((10, 1)), np.full(10, "a")),
    ],
    ids=["one level", "three rows", "constant target"],
)
def test_what_cannot_be_cut_is_refused(rows):
    with pytest.raises(BadTable, match="no validation fold can be cut"):
        validation_folds(spec("N"), rows)
