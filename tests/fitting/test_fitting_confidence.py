"""Intervals, bootstraps, profiles and warnings."""

import numpy as np
import pytest
from fitting_cases import SURFACES, simulated

from fitting import BadData, BadOption, fit, huber, log_huber, prediction_interval, profile, quantile, squared

SURFACE = "E + A*N**-alpha + B*D**-beta"
TRUTH = dict(zip(("alpha", "beta", "A", "B", "E"), SURFACES["chinchilla"], strict=True))


def coverage(loss, method, repeats, noise=0.01):
    """Share of simulated data sets whose 95 % interval holds the truth, per constant."""
    hits = dict.fromkeys(TRUTH, 0)
    for seed in range(repeats):
        found = fit(SURFACE, simulated(noise_std=noise, seed=seed), loss=loss).intervals(method=method)
        for name, value in TRUTH.items():
            hits[name] += value in found[name]
    return {name: count / repeats for name, count in hits.items()}


@pytest.mark.parametrize("loss", [squared(), huber(1e-3)])
def test_covariance_intervals_cover_about_as_often_as_they_say(loss):
    """150 sets, seeds 0..149: a true 95 % would fall below 0.90 once in a hundred times per constant."""
    shares = coverage(loss, "covariance", 150)
    assert all(0.89 <= share <= 0.995 for share in shares.values()), shares


@pytest.mark.slow
def test_profile_intervals_cover_too():
    """`test_profiles_see_the_curvature_that_covariances_miss` is the quick witness."""
    shares = coverage(squared(), "profile", 20)
    assert all(share >= 0.8 for share in shares.values()), shares


@pytest.mark.slow
@pytest.mark.parametrize("loss", [squared(), huber(1e-3), log_huber(1e-3)])
def test_95_percent_intervals_cover_92_to_98_percent_of_500_sets(loss):
    shares = coverage(loss, "covariance", 500)
    assert all(0.92 <= share <= 0.98 for share in shares.values()), shares


def test_the_covariance_of_a_linear_law_is_the_textbook_one():
    rng = np.random.default_rng(7)  # seed 7
    x, y = rng.uniform(0, 5, 40), rng.standard_normal(40)
    w = rng.uniform(0.5, 2, 40)
    result = fit("c + m*x", {"x": x, "y": 1 + 2 * x + y}, weights=w)
    w = w / w.mean()
    X = np.column_stack([np.ones(40), x])
    inverse = np.linalg.inv(X.T @ (w[:, None] * X))
    beta = inverse @ X.T @ (w * (1 + 2 * x + y))
    s2 = np.sum(w * (1 + 2 * x + y - X @ beta) ** 2) / 38
    assert result.theta == pytest.approx(beta)
    assert result.covariance("plain") == pytest.approx(s2 * inverse)
    t = 2.0243941639
    error = np.sqrt(s2 * inverse[1, 1])
    for method in ("covariance", "profile"):
        interval = result.intervals(method=method)["m"]
        assert (interval.low, interval.high) == pytest.approx(
            (beta[1] - t * error, beta[1] + t * error), rel=2e-3
        )
        assert interval.value in interval


def test_huber_intervals_with_a_wide_delta_are_those_of_least_squares():
    data = simulated(noise_std=0.01)
    wide, least = fit(SURFACE, data, loss=huber(10.0)), fit(SURFACE, data)
    assert wide.covariance("plain") == pytest.approx(least.covariance("plain"), rel=0.1)


def test_median_regression_errors_follow_the_density():
    """Gaussian noise: the median's variance is pi/2 times the mean's."""
    ratios = []
    for seed in range(12):
        data = simulated(noise_std=0.01, seed=seed, n_points_per_budget=40)
        wide = np.sqrt(np.diagonal(fit(SURFACE, data, loss=quantile(0.5)).covariance("plain")))
        ratios.append(wide / np.sqrt(np.diagonal(fit(SURFACE, data).covariance("plain"))))
    assert np.median(ratios) == pytest.approx(np.sqrt(np.pi / 2), rel=0.1)


def test_profiles_see_the_curvature_that_covariances_miss():
    data = simulated(noise_std=0.05, n_points_per_budget=8)
    result = fit(SURFACE, data)
    found = result.intervals(method="profile", names=["A", "alpha"])
    for name, interval in found.items():
        at_ends = (
            fit(SURFACE, data, fixed={name: interval.low}).rss,
            fit(SURFACE, data, fixed={name: interval.high}).rss,
        )
        left = len(data["L"]) - 5
        t = 2.030107928  # Student, 35 degrees, 97.5 %
        assert left == 35
        for rss in at_ends:
            assert (rss - result.rss) / (result.rss / left) == pytest.approx(t**2, rel=0.02)
    line = profile(result, "alpha")
    assert line.objective.min() == pytest.approx(result.objective, rel=1e-9)
    assert np.all(np.diff(line.root) > 0)


def test_a_constant_on_its_bound_has_no_interval():
    data = simulated()
    result = fit(SURFACE, data, bounds={"alpha": (None, 0.3)})
    assert np.isnan(result.intervals()["alpha"].low)
    assert np.isfinite(result.intervals()["beta"].low)


@pytest.mark.parametrize("kind", ["case", "within", "cluster", "wild"])
@pytest.mark.parametrize("loss", [squared(), huber(1e-3)])
def test_bootstraps_of_clean_designs_agree_with_the_covariance(kind, loss):
    data = simulated(noise_std=0.01)
    result = fit(SURFACE, data, loss=loss)
    options = {
        "within": {"strata": np.repeat(range(5), 15)},
        "cluster": {"clusters": np.arange(75) // 2},
    }.get(kind, {})
    sample = result.bootstrap(400, kind, seed=3, **options)  # seed 3
    assert sample.samples.shape == (400, 5)
    assert sample.converged.mean() > 0.98
    error = np.sqrt(np.diagonal(result.covariance("plain")))
    assert sample.samples.std(axis=0) == pytest.approx(error, rel=0.6)
    again = result.bootstrap(400, kind, seed=3, **options)
    assert np.array_equal(again.samples, sample.samples)


def test_a_batched_refit_is_the_fit_of_those_rows():
    data = simulated(noise_std=0.01)
    result = fit(SURFACE, data, loss=huber(1e-3))
    sample = result.bootstrap(20, seed=11)  # seed 11
    rng = np.random.default_rng(11)
    picks = rng.integers(0, 75, (20, 75))
    for k in (0, 7, 19):
        rows = {name: column[picks[k]] for name, column in data.items()}
        assert sample.samples[k] == pytest.approx(fit(SURFACE, rows, loss=huber(1e-3)).theta, rel=1e-5)


def test_cluster_bootstraps_are_wider_when_runs_share_their_errors():
    data = simulated(noise_std=0.001)
    data["L"] = data["L"] + np.repeat(np.random.default_rng(2).normal(0, 0.02, 25), 3)  # seed 2
    result = fit(SURFACE, data)
    alone = result.bootstrap(300, seed=0)["alpha"].std()
    shared = result.bootstrap(300, "cluster", clusters=np.repeat(range(25), 3), seed=0)["alpha"].std()
    assert shared > 1.2 * alone


def test_bootstrap_and_interval_options_are_named():
    result = fit(SURFACE, simulated())
    for call, says in (
        (lambda: result.bootstrap(10, "jack"), "unknown kind"),
        (lambda: result.bootstrap(10, "within"), "needs strata"),
        (lambda: result.bootstrap(10, "cluster"), "needs clusters"),
        (lambda: result.bootstrap(0), "integer >= 1"),
        (lambda: result.intervals(level=95), "share between 0 and 1"),
        (lambda: result.intervals(method="bayes"), "unknown method"),
        (lambda: result.intervals(names=["gamma"]), "no constant 'gamma'"),
        (lambda: result.intervals(n=10), "method='sandwich' takes clusters, got n"),
    ):
        with pytest.raises(BadOption, match=says):
            call()
    with pytest.raises(BadData, match="clusters has 3 rows"):
        result.bootstrap(10, "cluster", clusters=[1, 2, 3])


def test_prediction_bands_widen_away_from_the_rows_and_hold_new_ones():
    data, fresh = simulated(noise_std=0.01), simulated(noise_std=0.01, seed=8)
    result = fit(SURFACE, data)
    _value, low, high = prediction_interval(result, fresh, noise=True)
    assert np.mean((fresh["L"] >= low) & (fresh["L"] <= high)) == pytest.approx(0.95, abs=0.06)
    widths = [
        float(np.diff(prediction_interval(result, {"N": n, "D": 20 * n})[1:], axis=0)[0, 0])
        for n in (1e9, 1e12)
    ]
    assert widths[1] > 2 * widths[0]
    assert result.predict({"N": 1e9, "D": 2e10}) == pytest.approx(
        prediction_interval(result, {"N": 1e9, "D": 2e10})[0]
    )


def test_the_collinear_design_warns():
    rng = np.random.default_rng(0)
    N = np.logspace(7, 10, 40)
    L = 1.69 + 406.4 * N**-0.34 + 410.7 * (20 * N) ** -0.28 + 0.005 * rng.standard_normal(40)
    result = fit(SURFACE, {"N": N, "D": 20 * N, "L": L})
    assert any("N and D move together" in w for w in result.warnings)


def test_four_points_for_five_constants_warn():
    data = {k: v[[0, 20, 44, 70]] for k, v in simulated().items()}
    result = fit(SURFACE, data)
    assert any("4 rows for 5 constants" in w for w in result.warnings)
    assert np.isnan(result.intervals()["alpha"].low)


def test_a_column_that_does_not_vary_warns_and_tying_helps():
    data = {k: v.copy() for k, v in simulated().items()}
    data["D"] = np.full(75, 1e10)
    data["L"] = 2 + 400 * data["N"] ** -0.3
    assert any("D is the same in all rows" in w for w in fit(SURFACE, data).warnings)
    assert fit("E + A*N**-alpha", data).warnings == []


def test_lack_of_fit_is_seen_and_a_right_law_is_left_alone():
    data = simulated(noise_std=0.002)
    assert any("lack of fit" in w for w in fit("E + A*N**-alpha*D**-beta", data).warnings)
    quiet = [fit(SURFACE, simulated(noise_std=0.01, seed=s)).warnings for s in range(40)]
    assert sum(map(bool, quiet)) <= 1


def test_an_amplitude_of_zero_is_pointed_out():
    data = simulated(noise_std=0.002)
    data["V"] = np.random.default_rng(6).uniform(1, 2, 75)  # seed 6
    data["L"] = data["L"] + 0.1 * data["V"]
    warned = fit("E + A*N**-alpha + B*D**-beta + K*V**-gamma", data).warnings
    assert any("gamma" in w and "no effect" in w for w in warned)
