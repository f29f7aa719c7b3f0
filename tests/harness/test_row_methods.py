"""What rows near the edge say by themselves: each method where its answer is known. Seeds are in the tests."""

import numpy as np
import pytest

from evaluator.scale import Scale
from harness.choosing.rows import kriging as kriging_module
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
    assert [ask(kriging, train, X[[i]])[0] for i in range(3)] == pytest.approx(together, rel=1e-10)
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


def of_rows(n, d, seed=5):
    rng = np.random.default_rng(seed)
    Z = rng.normal(size=(n, d))
    y = np.tanh(Z[:, 0]) + 0.3 * Z[:, -1] + 0.05 * rng.normal(size=n)
    return Z, (y - y.mean()) / y.std()


def covariance(A, B, lengths, variance):
    """Of a Gaussian process with a plane of unknown coefficients: Rasmussen and Williams, equations 2.31 and 2.39."""
    away = ((A[:, None] - B[None]) / lengths) ** 2
    return variance * np.exp(-0.5 * away.sum(axis=2)) + 4.0 * (1 + A @ B.T)


def minus_log_posterior(Z, y, logs):
    """The textbook's, with priors of wide reach: lengths of a standard deviation, little noise."""
    K = covariance(Z, Z, np.exp(logs[:-2]), np.exp(logs[-2])) + np.exp(logs[-1]) * np.eye(len(y))
    means, sds = np.array([0.5] * Z.shape[1] + [-1.0, -5.0]), np.array([1.0] * Z.shape[1] + [2.0, 3.0])
    fits = 0.5 * y @ np.linalg.solve(K, y) + 0.5 * np.linalg.slogdet(K)[1]
    return fits + 0.5 * (((logs - means) / sds) ** 2).sum(), 0.5 * (((logs - means) / sds) ** 2).sum()


@pytest.mark.parametrize("logs", [[0.2, 1.0, -1.0, -3.0], [-1.5, 2.5, 2.0, -2.0], [1.0, -0.5, -7.0, 0.5]])
def test_scales_are_judged_by_the_posterior_of_the_textbook(logs):
    """A slip in it still gives smooth curves, only worse ones, so that nothing else would show it."""
    Z, y = of_rows(25, 2)
    wanted, _ = minus_log_posterior(Z, y, np.array(logs))
    assert Posterior(Z, y).cost(np.array(logs))[0] == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize(
    ("beyond", "end"),
    [
        ([-2.7, 1, -1, -3], [-2.0, 1, -1, -3]),
        ([0.2, 4.2, -1, -3], [0.2, 3.0, -1, -3]),
        ([0.2, 1, -9.5, -3], [0.2, 1, -8.0, -3]),
        ([0.2, 1, 4.4, -3], [0.2, 1, 3.0, -3]),
        ([0.2, 1, -1, -15.0], [0.2, 1, -1, -12.0]),
        ([0.2, 1, -1, 2.5], [0.2, 1, -1, 1.0]),
    ],
)
def test_beyond_what_scales_may_be_the_rows_have_no_say(beyond, end):
    """Lengths of a hundred standard deviations or noise far above the targets are no better than the bound is."""
    Z, y = of_rows(25, 2)
    posterior = Posterior(Z, y)
    (_, far), (_, near) = (minus_log_posterior(Z, y, np.array(logs, dtype=float)) for logs in (beyond, end))
    values = [posterior.cost(np.array(logs, dtype=float))[0] for logs in (beyond, end)]
    assert values[0] - far == pytest.approx(values[1] - near)


def test_predictions_are_those_of_the_textbook_at_the_scales_found():
    Z, y = of_rows(30, 2)
    z, new = 3.0 + 0.5 * y, np.array([[0.3, -0.2], [4.0, 1.0]])
    process = kriging_module._process(Z.tobytes(), Z.shape, z.tobytes())
    posterior = Posterior(Z, (z - z.mean()) / z.std())
    noise = np.linspace(-12, 1, 651)
    scales = [*np.log(process.lengths), np.log(process.variance)]
    best = np.exp(min(noise, key=lambda n: posterior.cost(np.array([*scales, n]))[0]))
    K = covariance(Z, Z, process.lengths, process.variance) + best * np.eye(30)
    shared = covariance(new, Z, process.lengths, process.variance)
    wanted = z.mean() + z.std() * shared @ np.linalg.solve(K, (z - z.mean()) / z.std())
    assert process.at(new) == pytest.approx(wanted, rel=3e-3)
    end = [*scales, np.log(best)]
    for step in 0.2 * np.eye(4):
        assert (
            posterior.cost(end + step)[0] > posterior.cost(np.array(end))[0] < posterior.cost(end - step)[0]
        )


def values(rows, z, X):
    train = Rows(np.exp(rows), np.zeros((len(rows), 1)), np.full(len(rows), "a"))
    return kriging(SPEC, train, np.asarray(z, dtype=float)[:, None], np.exp(X), np.full(len(X), "a"))[:, 0]


def test_three_rows_are_a_mean_four_a_plane_and_what_runs_off_ends_on_the_scale():
    """Three rows show no more than where they are; a value of e**50 would drown every mean it enters."""
    rows = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    assert values(rows[:3], [0.0, 1.0, 5.0], np.array([[2.0, 0.0]])) == pytest.approx([2.0])
    assert values(rows, [0.0, 1.0, 5.0, 6.0], np.array([[2.0, 0.0]]))[0] < 2.9, (
        "the plane falls towards there"
    )
    assert values(rows, [70.0] * 4, rows).tolist() == [50.0] * 4
    assert values(rows, [-70.0] * 4, rows).tolist() == [-50.0] * 4


def test_of_many_rows_the_outer_ones_are_kept_and_an_even_share_of_the_rest():
    """A forecast hangs on the outermost rows; the cost is cubic in all of them."""
    Z = np.random.default_rng(3).normal(size=(1000, 3))
    kept = kriging_module._thinned(Z, [0])
    assert len(kept) == MOST_ROWS == 300 and (np.diff(kept) > 0).all()
    place = np.sort(np.argsort(np.argsort(Z[:, 0]))[kept])
    assert place[150:].tolist() == list(range(850, 1000)) and (place[0], place[149]) == (0, 849)
    assert set(np.diff(place[:150])) == {5, 6}
    for axes, used in (([0, 1], Z[:, :2]), ([], Z)):
        far = np.argsort(used.max(axis=1))[-150:]
        assert set(far) <= set(kriging_module._thinned(Z, axes)), "far out in any of them is far out"
    assert kriging_module._thinned(Z[:300], [0]).tolist() == list(range(300))
