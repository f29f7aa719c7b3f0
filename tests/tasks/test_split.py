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


def column(x, y=None, groups=None):
    """Rows along N with D held; targets rise with N unless given."""
    x = np.asarray(x, dtype=float)
    y = np.log(x) if y is None else np.asarray(y, dtype=float)
    groups = np.full(len(x), "a") if groups is None else np.asarray(groups)
    return Rows(np.column_stack([x, np.ones(len(x))]), y.reshape(len(x), -1), groups)


def test_a_tenth_a_fifth_and_a_third_are_hidden_and_half_only_where_those_show_nothing():
    """Depths that differ tell a law that is right near the rows from one that is right far out."""
    x = 2.0 ** np.arange(20)
    folds = validation_folds(spec("N"), column(x))
    assert [f.name for f in folds] == ["outer 10%", "outer 20%", "outer 35%"]
    assert [len(f.validation) for f in folds] == [2, 4, 7]
    flat = column(x, np.minimum(np.arange(20.0), 12.0))
    (fold,) = validation_folds(spec("N"), flat)
    assert fold.name == "outer 50%" and fold.validation.tolist() == list(range(10, 20))


def test_how_far_out_is_a_rank_of_levels():
    X = np.array([[1.0, 5.0], [10.0, 5.0], [10.0, 7.0], [100.0, 9.0]])
    assert outwardness(spec("N"), X).tolist() == [0.0, 0.5, 0.5, 1.0]
    assert outwardness(spec("N", "D"), X).tolist() == [0.0, 0.5, 0.5, 1.0]
    assert outwardness(spec("N", "D"), X[::-1] * [1, -1]).tolist() == [1.0, 0.5, 1.0, 1.0]
    assert outwardness(spec("N", "D", corner=True), X[::-1] * [1, -1]).tolist() == [0.0, 0.5, 0.5, 0.0]
    assert outwardness(spec("N"), X[:1]).tolist() == [0.0]


def test_without_an_axis_how_far_out_is_the_distance_in_standard_deviations():
    """Raw units would let the feature with the largest numbers decide alone."""
    X = np.array([[1.0, 1e6], [2.0, 1e6], [4.0, 3e6], [9.0, 3e6], [9.0, 2e6]])
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    _, order = np.unique((Z**2).sum(axis=1).round(9), return_inverse=True)
    assert outwardness(spec(), X) == pytest.approx(order / order.max())
    still = np.column_stack([X[:, 0], np.full(5, 7.0)])
    assert outwardness(spec(), still).tolist() == outwardness(spec(), X[:, :1]).tolist(), (
        "what does not vary is no distance"
    )


def test_of_two_levels_the_outer_one_is_hidden():
    rows = column(np.repeat([1.0, 10.0], 4), np.arange(8.0))
    (fold,) = validation_folds(spec("N"), rows)
    assert (fold.name, fold.validation.tolist()) == ("outer 50%", [4, 5, 6, 7])


def test_three_rows_fit_and_two_are_hidden_at_least():
    (fold,) = validation_folds(spec("N"), column(10.0 ** np.arange(5)))
    assert (fold.train.tolist(), fold.validation.tolist()) == ([0, 1, 2], [3, 4])
    with pytest.raises(BadTable):
        validation_folds(spec("N"), column(10.0 ** np.arange(4)))


def test_every_target_has_to_vary_over_the_hidden_rows():
    """Where one does not its metric does not exist, and a fold without it would weigh the other target twice."""
    x = 2.0 ** np.arange(10)
    y = np.column_stack([np.arange(10.0), np.minimum(np.arange(10.0), 7.0)])
    folds = validation_folds(spec("N"), column(x, y))
    assert [f.validation.tolist() for f in folds] == [[5, 6, 7, 8, 9]]


def test_folds_of_one_name_are_told_apart_and_equal_ones_given_once():
    rows = column(np.arange(1.0, 1001.0))
    folds = validation_folds(spec("N"), rows, (0.101, 0.104, 0.104))
    assert [(f.name, len(f.validation)) for f in folds] == [("outer 10%", 101), ("outer 10.40%", 104)]
    assert [len(f.train) for f in folds] == [899, 896]


def test_groups_too_small_to_be_cut_help_each_other():
    """Of two or three rows a group shows no slope; every second group is asked for its outer level in turn."""
    x, groups = np.tile([1.0, 10.0], 5), np.repeat(list("abcde"), 2)
    x[-1] = 1.0  # the last group has one level and hides nothing
    folds = validation_folds(spec("N"), column(x, np.arange(10.0), groups))
    assert [f.name for f in folds] == ["outermost of group 1 in 2", "outermost of group 2 in 2"]
    assert [f.validation.tolist() for f in folds] == [[1, 5], [3, 7]]
    assert [len(f.train) for f in folds] == [8, 8]


def test_without_an_axis_every_row_but_those_at_an_edge_is_hidden_once():
    """A fold that hid the ends of a range would ask for extrapolation, which such a task is not about."""
    rng = np.random.default_rng(5)
    X = rng.permutation(60).reshape(30, 2).astype(float)
    X = np.concatenate([X, X[:3]])  # rows of equal features go together
    rows = Rows(X, X.sum(axis=1, keepdims=True), np.full(33, "a"))
    folds = validation_folds(spec(), rows)
    assert [f.name for f in folds] == [f"part {i} of 4" for i in (1, 2, 3, 4)]
    counts = np.bincount(np.concatenate([f.validation for f in folds]), minlength=33)
    assert set(counts.tolist()) == {0, 1}
    for fold in folds:
        assert sorted([*fold.train, *fold.validation]) == list(range(33))
        fits = X[fold.train]
        assert (fits.min(axis=0) == X.min(axis=0)).all() and (fits.max(axis=0) == X.max(axis=0)).all()
        assert 5 <= len(fold.validation) <= 9
    edge = (X.min(axis=0) == X).any(axis=1) | (X.max(axis=0) == X).any(axis=1)
    assert (counts[~edge] == 1).all(), "inner rows are each asked for once"
    assert [counts[i] == counts[30 + i] for i in range(3)] == [True] * 3


def test_without_an_axis_a_small_group_keeps_its_rows():
    X = np.concatenate(
        [np.random.default_rng(1).uniform(0, 1, (40, 2)), [[0.5, 0.1], [0.1, 0.5], [0.4, 0.4], [0.3, 0.3]]]
    )
    rows = Rows(X, X.sum(axis=1, keepdims=True), np.repeat(["large", "small"], [40, 4]))
    for fold in validation_folds(spec(), rows):
        fitted = rows.group[fold.train]
        assert (fitted == "small").sum() >= 3 and (fitted == "large").sum() >= 25


def test_units_of_features_without_an_axis_do_not_matter():
    """A mixture's shares and a model's billions must count alike for how far out a row is."""
    X = np.random.default_rng(7).lognormal(0, 1, (40, 3))
    wanted = outwardness(spec(), X)
    for units in ([1e-4, 1e9, 1.0], [1e9, 1e-4, 1e-4]):
        assert outwardness(spec(), X * units) == pytest.approx(wanted)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    assert (np.argsort(wanted, kind="stable") == np.argsort((Z**2).sum(axis=1), kind="stable")).all(), (
        "by the distance as the crow flies"
    )


def test_rows_that_are_equally_far_out_share_a_place_whatever_rounding_says():
    """Mirrored mixtures lie equally far from the middle; the last bit of a sum must not split a fold between them."""
    steps = 0.1 * np.arange(1, 8)
    X = 0.3 + np.concatenate([np.column_stack([s * steps, steps[::-1]]) for s in (1, -1)])
    X = np.concatenate([X, 0.6 - X])
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    assert len(np.unique((Z**2).sum(axis=1))) > len(np.unique(outwardness(spec(), X)))
    assert len(np.unique(outwardness(spec(), X))) == 4, "steps 1 and 7, 2 and 6, 3 and 5, 4 twice"


def test_the_outer_of_two_levels_is_as_far_out_as_any():
    """Else an axis with two levels would count half beside one with many."""
    X = np.array([[1.0, 5.0], [10.0, 5.0], [10.0, 7.0], [100.0, 5.0]])
    assert outwardness(spec("D"), X).tolist() == [0.0, 0.0, 1.0, 0.0]
    assert outwardness(spec("N", "D"), X).tolist() == [0.0, 0.5, 1.0, 1.0]


def test_two_levels_left_are_enough_to_fit():
    """Two show a slope; to keep more would leave the deep folds of a small table shallow."""
    rows = column(np.repeat([1.0, 10.0, 100.0, 1000.0], 3), np.arange(12.0))
    fold, *_ = validation_folds(spec("N"), rows, (0.5,))
    assert fold.validation.tolist() == list(range(6, 12))


def inner_counts(folds, rows, label):
    """How often each row of a group is hidden."""
    hidden = np.concatenate([f.validation for f in folds])
    return np.bincount(hidden, minlength=len(rows))[rows.group == label].tolist()


def test_without_an_axis_a_group_of_three_is_never_cut_and_one_of_four_is_once_three_stay():
    """Three rows are what a group keeps at least; a group that has them to spare is asked for the others."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.uniform(1, 2, 40), [0.1, 0.2, 0.3], [0.1, 0.25, 0.26, 0.4]])
    rows = column(x, np.sin(40 * x), np.repeat(["many", "three", "four"], [40, 3, 4]))
    folds = validation_folds(spec(), rows)
    assert len(folds) == 4
    assert inner_counts(folds, rows, "three") == [0, 0, 0]
    assert inner_counts(folds, rows, "four") == [0, 1, 1, 0]
    for fold in folds:
        assert (rows.group[fold.train] == "four").sum() >= 3 and len(fold.train) > 20


def test_without_an_axis_a_part_that_can_t_be_scored_is_left_out_and_one_alone_is_none():
    """A part whose targets don't vary has no metric; a single part would guide the search by a quarter of the rows alone."""
    x = np.random.default_rng(2).uniform(1, 2, 40)
    parts = validation_folds(spec(), column(x))
    at_edge = [int(np.argmin(x)), int(np.argmax(x))]

    def with_targets_in(*chosen):
        y = np.zeros(40)
        y[at_edge] = 1.0, 2.0
        for part in chosen:
            y[parts[part].validation] = x[parts[part].validation]
        return [f.name for f in validation_folds(spec(), column(x, y))]

    assert with_targets_in(0, 2) == ["part 1 of 4", "part 3 of 4"]
    assert not any("part" in name for name in with_targets_in(1))
