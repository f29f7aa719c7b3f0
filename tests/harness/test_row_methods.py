"""What rows near the edge say by themselves: each method where its answer is known. Seeds are in the tests."""

import numpy as np
import pytest

from evaluator.scale import Scale
from harness.choosing.rows.kriging import MOST_ROWS, Posterior, kriging
from harness.choosing.rows.last_levels import local
from harness.choosing.rows.methods import METHODS
from tasks.rows import Rows
from tasks.spec import Column, TaskSpec

SPEC = TaskSpec("toy", "toy", (Column("N"), Column("D")), (Column("L"),), None, extrapolate=("N",))


def rows_of(law, n_levels=8, noise=0.0, seed=0):
    N, D = (g.ravel() for g in np.meshgrid(np.geomspace(1e6, 1e9, n_levels), np.geomspace(1e9, 1e11, 5)))
    y = law(N, D) * np.exp(noise * np.random.default_rng(seed).normal(size=len(N)))
    return Rows(np.column_stack([N, D]), y[:, None], np.full(len(N), "a"))


def ask(method, train, X, group=None):
    scale = Scale.of(train)
    labels = np.full(len(X), "a") if group is None else group
    return scale.back(method(SPEC, train, scale.to(train.y), X, labels))[:, 0]


def product(N, D):
    return 40 * N**-0.1 * D**-0.05


@pytest.mark.parametrize("name", METHODS)
def test_a_product_of_powers_is_a_plane_in_logs_and_goes_on_beyond_the_rows(name):
    X = np.array([[4e9, 1e10], [1e10, 1e9]])
    assert ask(METHODS[name], rows_of(product), X) == pytest.approx(product(*X.T), rel=0.01)


def bent(N, D):
    return 1.0 + 0.3 * np.tanh(2 * (np.log10(N) - 7.5)) + 0.1 * (np.log10(D) - 9) ** 2


def test_kriging_follows_what_no_plane_can():
    X = np.array([[3e7, 2e10], [2e8, 3e9]])
    truth = bent(*X.T)
    assert ask(kriging, rows_of(bent), X) == pytest.approx(truth, rel=0.02)
    assert np.abs(ask(METHODS["last four levels"], rows_of(bent), X) / truth - 1).max() > 0.02


def test_four_levels_are_steadier_than_two_where_rows_are_noisy():
    X = np.array([[4e9, 1e10]])
    errors = {
        name: [
            float(np.log(ask(METHODS[name], rows_of(product, noise=0.02, seed=s), X) / product(*X.T))[0])
            for s in range(40)
        ]
        for name in ("last two levels", "last four levels")
    }
    assert np.std(errors["last four levels"]) < 0.7 * np.std(errors["last two levels"])


def test_what_kriging_says_of_a_row_does_not_depend_on_the_rows_asked_with_it():
    train = rows_of(bent, n_levels=2 * MOST_ROWS // 5, noise=0.01)
    assert len(train) > MOST_ROWS
    X = np.array([[2e9, 1e10], [1e6, 1e9], [5e9, 9e10]])
    together = ask(kriging, train, X)
    assert [ask(kriging, train, X[[i]])[0] for i in range(3)] == pytest.approx(together, rel=1e-12)
    assert ask(kriging, train, train.X[:20]) == pytest.approx(bent(*train.X[:20].T), rel=0.05)


@pytest.mark.parametrize("name", METHODS)
def test_few_rows_equal_targets_and_a_group_without_rows_are_answered(name):
    one = Rows(np.array([[1e6, 1e9]]), np.array([[3.0]]), np.array(["a"]))
    assert ask(METHODS[name], one, np.array([[1e9, 1e9]])) == pytest.approx([3.0])
    flat = rows_of(lambda N, D: np.full(len(N), 2.5))
    assert ask(METHODS[name], flat, np.array([[1e10, 1e12]])) == pytest.approx([2.5])
    X = np.array([[4e9, 1e10]])
    assert ask(METHODS[name], rows_of(product), X, np.array(["b"])) == pytest.approx(product(*X.T), rel=0.01)


def test_without_an_axis_the_line_is_the_nearest_row():
    spec = TaskSpec("toy", "toy", (Column("N"), Column("D")), (Column("L"),), None, extrapolate=())
    train = rows_of(product)
    found = local(spec, train, np.log(train.y), train.X[[3]] * 1.01, np.array(["a"]), 4)
    assert found.line[0, 0] == pytest.approx(np.log(train.y[3, 0])) and found.last[0].tolist() == [3]


def test_slopes_of_the_posterior_are_those_of_its_value_and_the_prior_alone_counts_beyond_the_bounds():
    rng = np.random.default_rng(3)
    Z = rng.normal(size=(30, 2))
    y = np.sin(2 * Z[:, 0]) + 0.1 * rng.normal(size=30)
    posterior = Posterior(Z, (y - y.mean()) / y.std())
    for logs in ([0.3, -0.4, -0.7, -3.0], [0.1, 3.5, 3.2, -2.0]):
        at = np.array(logs)
        steps = 1e-6 * np.eye(4)
        numeric = [(posterior.cost(at + h)[0] - posterior.cost(at - h)[0]) / 2e-6 for h in steps]
        assert posterior.cost(at)[1] == pytest.approx(numeric, rel=1e-5, abs=1e-7)
