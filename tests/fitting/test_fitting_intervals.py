"""Intervals of constants and predictions against the textbook, and what may be asked of them."""

import numpy as np
import pytest
from fitting_cases import simulated
from scipy import stats

from fitting import BadOption, fit, log_huber, prediction_interval
from fitting.uncertainty.profile import profile_interval
from fitting.uncertainty.sandwich import spread_along

SURFACE = "E + A*N**-alpha + B*D**-beta"
BUDGETS = np.repeat([1.0, 2.0, 3.0, 4.0, 5.0], 15)


@pytest.fixture(scope="module")
def surface():
    return fit(SURFACE, simulated(noise_std=0.01))


@pytest.fixture(scope="module")
def line():
    """A straight line through 30 rows, its design, and its sum of squares."""
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 3, 30)
    y = 1 + 2 * x + 0.1 * rng.standard_normal(30)
    return fit("c + m*x", {"x": x, "y": y}, nonnegative=False), np.column_stack([np.ones(30), x]), y


@pytest.mark.parametrize("method", ["sandwich", "covariance"])
@pytest.mark.parametrize("level", [0.5, 0.95])
def test_amplitudes_have_intervals_in_logs_and_exponents_plain_ones(surface, method, level):
    """An amplitude spans decades and can't be negative: a plain interval of it may hold zero and miss the upper side."""
    spread = np.sqrt(np.diagonal(surface.covariance("plain" if method == "covariance" else "sandwich")))
    left = np.full(5, 75 - 5.0) if method == "covariance" else spread_along(surface)[1]
    found = surface.intervals(level, method)
    ts = stats.t.ppf(0.5 + level / 2, left)
    for (name, value), sd, t in zip(surface.constants.items(), spread, ts, strict=True):
        low, high = found[name].low, found[name].high
        if name in ("E", "A", "B"):
            assert (low, high) == pytest.approx(
                (value * np.exp(-t * sd / value), value * np.exp(t * sd / value))
            )
        else:
            assert (low, high) == pytest.approx((value - t * sd, value + t * sd))
        assert (found[name].level, found[name].method, found[name].value) == (level, method, value)


def test_an_amplitude_of_either_sign_has_a_plain_interval(line):
    result, X, y = line
    t = stats.t.ppf(0.975, 28)
    s2 = ((y - X @ np.linalg.lstsq(X, y, rcond=None)[0]) ** 2).sum() / 28
    sd = np.sqrt(s2 * np.diagonal(np.linalg.inv(X.T @ X)))
    for (name, interval), half in zip(result.intervals(method="covariance").items(), t * sd, strict=True):
        assert (interval.low, interval.high) == pytest.approx(
            (result.constants[name] - half, result.constants[name] + half)
        )


def test_an_amplitude_that_the_rows_don_t_settle_has_an_upper_end_all_the_same():
    """Its factor would overflow; an end that is no number could be neither printed nor compared."""
    x = np.array([1.0, 1.0 + 1e-9, 1.0 + 2e-9, 1.0 + 3e-9])
    found = fit("E + A*x**-0.5", {"x": x, "y": 1 + x**-0.5 + np.array([1.0, -1.0, -1.0, 1.0])})
    interval = found.intervals(method="covariance")
    for name in ("E", "A"):
        if found.constants[name] > 0 and np.isfinite(interval[name].high):
            assert interval[name].high <= found.constants[name] * np.exp(700.0)


def test_names_choose_and_keep_their_order(surface):
    assert list(surface.intervals(names=["beta", "A"])) == ["beta", "A"]
    assert surface.intervals(names=["A"])["A"] == surface.intervals()["A"]
    assert list(surface.intervals(method="profile", names=["beta"])) == ["beta"]


def test_without_rows_to_spare_no_interval_is_made_up():
    """As many constants as rows leave nothing to tell the noise by; of one row more the t is that of one."""
    x = np.array([1.0, 2.0, 4.0])
    full = fit("c + m*x", {"x": x[:2], "y": np.array([1.0, 2.0])}, nonnegative=False)
    for method in ("sandwich", "covariance"):
        assert all(np.isnan([i.low, i.high]).all() for i in full.intervals(method=method).values())
    over = fit("c + m*x", {"x": x, "y": np.array([1.0, 2.5, 4.0])}, nonnegative=False)
    sd = np.sqrt(np.diagonal(over.covariance("plain")))
    interval = over.intervals(method="covariance")["m"]
    assert interval.high - interval.low == pytest.approx(2 * stats.t.ppf(0.975, 1) * sd[1])


def test_clusters_leave_fewer_degrees_than_there_are_clusters(surface):
    """Rows of a cluster share their errors, so five budgets are five looks at the noise, not seventy-five."""
    variance, left = spread_along(surface, clusters=BUDGETS)
    place = list(surface.constants).index("alpha")
    assert variance == pytest.approx(np.diagonal(surface.covariance(clusters=BUDGETS)))
    assert 1 <= left[place] <= 4
    found = surface.intervals(clusters=BUDGETS)["alpha"]
    half = stats.t.ppf(0.975, left[place]) * np.sqrt(variance[place])
    assert (found.high - found.low) / 2 == pytest.approx(half)
    _, each = spread_along(surface, clusters=np.arange(75))
    assert 4 < each[place] <= 70, "rows by themselves are many looks"


def test_predictions_have_the_bands_of_a_regression(line):
    """Of the line, and of a new row, which has noise of its own."""
    result, X, y = line
    new = np.array([0.5, 2.0, 9.0])
    s2 = ((y - X @ np.linalg.lstsq(X, y, rcond=None)[0]) ** 2).sum() / 28
    at = np.column_stack([np.ones(3), new])
    variance = s2 * np.einsum("ij,jk,ik->i", at, np.linalg.inv(X.T @ X), at)
    for noise, more in ((False, 0.0), (True, s2)):
        half = stats.t.ppf(0.9, 28) * np.sqrt(variance + more)
        value, low, high = prediction_interval(result, {"x": new}, 0.8, noise=noise, method="covariance")
        assert value == pytest.approx(result.predict({"x": new}))
        assert (low, high) == (pytest.approx(value - half), pytest.approx(value + half))
    value, low, high = prediction_interval(result, {"x": new})
    spread, left = spread_along(result, at)
    assert spread == pytest.approx(np.einsum("ij,jk,ik->i", at, result.covariance(), at))
    assert high - value == pytest.approx(stats.t.ppf(0.975, left) * np.sqrt(spread)), (
        "the sandwich at 95 %, of the line"
    )
    assert value - low == pytest.approx(high - value)


def test_noise_of_a_fit_in_logs_grows_with_the_value():
    data = simulated(noise_std=0.01)
    result = fit(SURFACE, data, loss=log_huber(1e-3))
    here = {"N": np.array([1e7, 1e9]), "D": np.array([1e9, 1e11])}
    value, _, line = prediction_interval(result, here, method="covariance")
    _, _, row = prediction_interval(result, here, noise=True, method="covariance")
    own = result.rss / 70 * value**2
    t = stats.t.ppf(0.975, 70)
    assert (row - value) ** 2 - (line - value) ** 2 == pytest.approx(t**2 * own)
    J = result.law.gradient(result.constants, here)
    variance, left = spread_along(result, J)
    both = (variance + own) ** 2 / (variance**2 / left + own**2 / 70)
    _, _, row = prediction_interval(result, here, noise=True)
    assert row - value == pytest.approx(stats.t.ppf(0.975, both) * np.sqrt(variance + own))


def test_without_rows_to_spare_a_band_is_as_wide_as_can_be():
    full = fit("c + m*x", {"x": np.array([1.0, 2.0]), "y": np.array([1.0, 2.5])}, nonnegative=False)
    with np.errstate(invalid="ignore"):
        _, low, high = prediction_interval(full, {"x": np.array([3.0])}, noise=True)
    assert not np.isfinite(low).any() and not np.isfinite(high).any()


def test_groups_have_their_own_bands():
    data = simulated(noise_std=0.01)
    data["g"] = np.repeat(["a", "b", "c"], 25)
    data["L"] = data["L"] + np.repeat([0.0, 0.5, 1.0], 25)
    result = fit(SURFACE, data, groups="g", free="E")
    at = {"N": np.array([1e9]), "D": np.array([2e10])}
    for place, label in enumerate("abc"):
        value, low, high = prediction_interval(result, at, group=label)
        assert value == pytest.approx(result.predict(at, group=label))
        slots = [list(result.constants).index(f"E[{label}]")]
        assert result.constants[f"E[{label}]"] == pytest.approx(1.69 + 0.5 * place, abs=0.15)
        names = [n if n in result.constants else f"{n}[{label}]" for n in result.law.constants]
        slots = [list(result.constants).index(n) for n in names]
        J = result.law.gradient(result.one_set(label), at)
        spread = J @ result.covariance()[np.ix_(slots, slots)] @ J.T
        along = np.zeros((1, len(result.constants)))
        along[:, slots] = J
        _, left = spread_along(result, along)
        assert high - low == pytest.approx(2 * stats.t.ppf(0.975, left) * np.sqrt(np.diagonal(spread)))
    found = result.intervals()
    for label in "abc":
        name = f"E[{label}]"
        assert found[name].low * found[name].high == pytest.approx(result.constants[name] ** 2), (
            "in logs, too"
        )


@pytest.mark.parametrize("level", [0.0, 1.0, -0.5, 1.5])
def test_a_level_is_a_share_between_nothing_and_all(surface, level):
    for ask in (surface.intervals, lambda level: prediction_interval(surface, {"N": 1e9, "D": 2e10}, level)):
        with pytest.raises(BadOption, match="expected a share between 0 and 1"):
            ask(level=level)


def test_what_can_t_be_asked_is_said(surface):
    with pytest.raises(BadOption, match="unknown method 'magic'"):
        surface.intervals(method="magic")
    with pytest.raises(BadOption, match="no constant 'gamma'"):
        surface.intervals(names=["gamma"])
    with pytest.raises(BadOption, match="method='profile' has no options, got n"):
        surface.intervals(method="profile", n=3)
    with pytest.raises(BadOption, match="method='sandwich' takes clusters, got seed"):
        surface.intervals(seed=3)
    with pytest.raises(BadOption, match="unknown method 'profile'"):
        prediction_interval(surface, {"N": 1e9, "D": 2e10}, method="profile")


def test_each_method_gives_its_own_interval(surface):
    """A profile costs a refit for each step and resamples a hundred: who asks for one must not be given the other."""
    profiled = surface.intervals(method="profile", names=["beta"])["beta"]
    assert profiled == profile_interval(surface, "beta", 0.95) and profiled.method == "profile"
    drawn = surface.intervals(0.8, "bootstrap", names=["beta"], n=40, seed=3)["beta"]
    assert (drawn.low, drawn.high) == surface.bootstrap(40, seed=3).interval("beta", 0.8)
    assert (drawn.method, drawn.level) == ("bootstrap", 0.8) and profiled.low != drawn.low


def test_a_constant_on_its_bound_has_no_interval():
    """It did not move, so its spread is nought: an interval of one point would claim to know it for certain."""
    result = fit(SURFACE, simulated(noise_std=0.01), bounds={"alpha": (0.1, 0.2)})
    assert result.constants["alpha"] == pytest.approx(0.2)
    found = result.intervals(method="covariance")
    assert np.isnan([found["alpha"].low, found["alpha"].high]).all()
    assert found["beta"].low < result.constants["beta"] < found["beta"].high


def test_the_upper_end_of_what_the_rows_hardly_tell_is_a_number():
    """Its factor would be beyond all numbers; an end that is none could be neither printed nor compared."""
    x = 1 + 1e-3 * np.arange(4)
    result = fit(
        "E + A*x**-0.5", {"x": x, "y": 1 + x**-0.5 + 0.5 * np.array([1.0, -1.0, -1.0, 1.0])}, nonnegative=True
    )
    interval = result.intervals(method="covariance")["A"]
    assert 0.5 < result.constants["A"] < 3.0
    assert np.log(interval.high / interval.value) == pytest.approx(700.0)


def test_one_row_to_spare_is_enough_for_a_band_and_the_noise_is_all_in_it():
    x = np.array([1.0, 2.0, 4.0])
    over = fit("c + m*x", {"x": x, "y": np.array([1.0, 2.5, 4.0])}, nonnegative=False)
    bands = [
        prediction_interval(over, {"x": np.array([3.0])}, noise=n, method="covariance") for n in (False, True)
    ]
    (value, _, line), (_, _, row) = bands
    assert np.isfinite(line).all()
    assert (row - value) ** 2 - (line - value) ** 2 == pytest.approx(stats.t.ppf(0.975, 1) ** 2 * over.rss)
