"""The controls recover what they claim to, from bare features, group by group."""

import numpy as np
import pytest

from evaluator.controls import LOG_LIMIT, all_controls, standardised
from tasks.rows import Rows
from tasks.spec import Column, TaskSpec

SEED = 411
NAMES = ["training mean", "last point", "last two points in logs", "log-linear", "log-quadratic"]


def spec(features=2, targets=1, extrapolate=("x0",)):
    return TaskSpec(
        name="toy",
        title="toy",
        features=tuple(Column(f"x{j}") for j in range(features)),
        targets=tuple(Column(f"y{t}") for t in range(targets)),
        extrapolate=extrapolate,
    )


def grid(*levels):
    return np.stack(np.meshgrid(*levels, indexing="ij"), axis=-1).reshape(-1, len(levels)).astype(float)


def rows(X, law, label="a"):
    y = np.asarray(law(X), dtype=float)
    return Rows(X, y.reshape(len(X), -1), np.full(len(X), label))


def ask(name, train, X, group=None, **kwargs):
    X = np.asarray(X, dtype=float)
    group = np.full(len(X), "a") if group is None else np.asarray(group)
    kwargs = {"features": X.shape[1], "targets": train.y.shape[1], **kwargs}
    return all_controls()[name](spec(**kwargs), train, X, group)


def test_names_and_order_are_those_of_the_scoreboard():
    assert list(all_controls()) == NAMES
    assert all(control.__doc__ for control in all_controls().values())


@pytest.mark.parametrize("name", NAMES)
def test_every_control_answers_in_shape_for_many_groups_targets_and_read_only_rows(name):
    rng = np.random.default_rng(SEED)
    X = rng.uniform(1, 9, (30, 3))
    X.setflags(write=False)
    train = Rows(X, rng.uniform(1, 2, (30, 2)), np.array([f"g{i % 4}" for i in range(30)]))
    asked = rng.uniform(1, 20, (7, 3))
    group = np.array([f"g{i % 5}" for i in range(7)])  # g4 has no training rows
    out = ask(name, train, asked, group)
    assert out.shape == (7, 2)
    assert np.isfinite(out).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_group_of_one_row_is_answered_by_that_row(name):
    train = Rows(np.array([[2.0, 3.0]]), np.array([[1.25]]), np.array(["a"]))
    np.testing.assert_allclose(ask(name, train, [[8.0, 1.0], [-1.0, 0.0]]), 1.25, rtol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_groups_do_not_see_each_other(name):
    rng = np.random.default_rng(SEED)
    X = rng.uniform(1, 9, (12, 2))
    one, two = rows(X, lambda X: 1 + X[:, 0], "a"), rows(X, lambda X: 500 * X[:, 1], "b")
    both = Rows(np.vstack([X, X]), np.vstack([one.y, two.y]), np.concatenate([one.group, two.group]))
    asked = rng.uniform(9, 20, (5, 2))
    np.testing.assert_array_equal(ask(name, one, asked), ask(name, both, asked))


def test_training_mean_is_the_mean_of_the_group():
    train = Rows(np.ones((4, 1)), np.array([[1.0], [3.0], [10.0], [20.0]]), np.array(["a", "a", "b", "b"]))
    out = ask("training mean", train, [[5.0], [5.0]], ["b", "a"])
    np.testing.assert_array_equal(out, [[15.0], [2.0]])


def test_last_point_is_the_outermost_row_that_matches_in_the_other_features():
    train = rows(grid([1, 2, 4], [10, 100]), lambda X: X[:, 0] + X[:, 1])
    out = ask("last point", train, [[8, 10], [8, 95], [64, 2000]])
    np.testing.assert_array_equal(out[:, 0], [14, 104, 104])


def test_last_point_averages_rows_with_equal_features():
    train = Rows(np.array([[1.0], [2.0], [2.0]]), np.array([[9.0], [1.0], [2.0]]), np.full(3, "a"))
    assert ask("last point", train, [[4.0]])[0, 0] == 1.5


def test_last_point_without_an_axis_is_the_nearest_row():
    train = rows(grid([1, 10, 100], [1, 10, 100]), lambda X: X[:, 0] + 1000 * X[:, 1])
    out = ask("last point", train, [[9, 120], [0.5, 1]], extrapolate=())
    np.testing.assert_array_equal(out[:, 0], [100010, 1001])


def test_last_point_with_two_axes_is_nearest_in_both_together():
    train = rows(grid([1, 10, 100], [1, 10, 100])[:-1], lambda X: X[:, 0] + 1000 * X[:, 1])
    assert ask("last point", train, [[100, 11]], extrapolate=("x0", "x1"))[0, 0] == 10100


@pytest.mark.parametrize("exponent", [-0.3, 0.7])
def test_last_two_points_recover_a_power_law_beyond_the_range(exponent):
    def law(X):
        return 3.0 * X[:, 0] ** exponent * X[:, 1] ** 0.2

    train = rows(grid([1, 2, 4, 8], [10, 30, 90]), law)
    asked = grid([16, 200], [10, 30, 90])
    np.testing.assert_allclose(ask("last two points in logs", train, asked)[:, 0], law(asked), rtol=1e-12)


def test_last_two_points_take_a_negative_target_as_it_is():
    def law(X):
        return -5.0 + 0.25 * np.log(X[:, 0])

    train = rows(grid([1, 2, 4, 8]), law)
    asked = np.array([[16.0], [1000.0]])
    np.testing.assert_allclose(ask("last two points in logs", train, asked)[:, 0], law(asked), rtol=1e-12)


def test_last_two_points_follow_the_axis_that_is_farthest_beyond():
    def law(X):
        return X[:, 0] ** -0.5 * X[:, 1] ** 0.25

    train = rows(grid([1, 2, 4], [1, 2, 4]), law)
    asked = np.array([[64.0, 4.0], [4.0, 64.0]])
    out = ask("last two points in logs", train, asked, extrapolate=("x0", "x1"))
    np.testing.assert_allclose(out[:, 0], law(asked), rtol=1e-12)


def test_last_two_points_are_the_last_point_without_a_second_level():
    train = rows(grid([4], [1, 2]), lambda X: X[:, 1])
    asked = np.array([[8.0, 2.1], [8.0, 0.9]])
    np.testing.assert_array_equal(ask("last two points in logs", train, asked)[:, 0], [2, 1])


def test_two_close_levels_stay_within_what_floats_can_hold():
    train = Rows(np.array([[1.0], [2.0], [2.0 + 1e-12]]), np.array([[1.0], [1.0], [9.0]]), np.full(3, "a"))
    out = ask("last two points in logs", train, [[1e6]])
    assert out[0, 0] == np.exp(LOG_LIMIT)


def test_log_linear_recovers_an_exact_surface():
    def law(X):
        logs = np.log(X)
        return np.stack([4 - 0.2 * logs[:, 0] + 0.1 * logs[:, 1], -1 + logs[:, 1]], axis=1)

    train = rows(grid([1, 3, 9], [1e6, 1e8, 1e9]), law)
    asked = grid([27, 300], [1e10, 1e12])
    np.testing.assert_allclose(ask("log-linear", train, asked), law(asked), rtol=1e-10)


def test_log_quadratic_recovers_an_exact_surface():
    def law(X):
        u, v = np.log(X).T
        return 4 - 0.2 * u + 0.1 * v + 0.03 * u * u - 0.02 * u * v + 0.01 * v * v

    train = rows(grid([1, 3, 9], [1e6, 1e8, 1e9]), law)
    asked = grid([27, 300], [1e10, 1e12])
    np.testing.assert_allclose(ask("log-quadratic", train, asked)[:, 0], law(asked), rtol=1e-9)


def test_features_that_are_not_positive_are_used_as_they_are():
    def law(X):
        return 2 + 3 * X[:, 0] - X[:, 1]

    train = rows(grid([-1, 0, 1], [0, 0.5]), law)
    asked = np.array([[2.0, 0.7], [-4.0, 1.0]])
    np.testing.assert_allclose(ask("log-linear", train, asked)[:, 0], law(asked), rtol=1e-12)


def test_regressions_with_fewer_rows_than_columns_pass_through_the_rows():
    rng = np.random.default_rng(SEED)
    X = rng.uniform(1, 9, (3, 4))
    train = rows(X, lambda X: X.sum(axis=1))
    for name in ("log-linear", "log-quadratic"):
        np.testing.assert_allclose(ask(name, train, X), train.y, rtol=1e-10)


@pytest.mark.parametrize("name", ["last point", "last two points in logs", "log-linear", "log-quadratic"])
def test_units_do_not_matter(name):
    rng = np.random.default_rng(SEED)
    X, asked = rng.integers(1, 6, (20, 2)).astype(float), rng.uniform(6, 12, (4, 2))
    train = rows(X, lambda X: X[:, 0] ** -0.3 + X[:, 1] ** 0.1)
    millions = Rows(train.X * [1e-6, 1e9], train.y, train.group)
    np.testing.assert_allclose(ask(name, train, asked), ask(name, millions, asked * [1e-6, 1e9]), rtol=1e-8)


def test_standardised_features_keep_a_constant_column_finite():
    Z, Z_new = standardised(np.array([[5.0, 1.0], [5.0, 2.0]]), np.array([[10.0, 4.0]]))
    np.testing.assert_allclose(Z, [[0, -1], [0, 1]], atol=1e-12)
    np.testing.assert_allclose(Z_new, [[np.log(2), 3]], rtol=1e-12)
