"""Intervals that hold under uneven and clustered noise, and the test that sees it."""

import numpy as np
import pytest
from fitting_cases import SURFACES, simulated

from fitting import BadData, BadOption, fit, huber
from fitting.uncertainty import sandwich as sandwich_of
from fitting.uncertainty.sandwich import spread_along
from fitting.uncertainty.satterthwaite import degrees_of_clusters, degrees_of_rows

SURFACE = "E + A*N**-alpha + B*D**-beta"
TRUTH = dict(zip(("alpha", "beta", "A", "B", "E"), SURFACES["chinchilla"], strict=True))


def uneven(seed, noise=0.004):
    """Noise that is twelve times as large at the smallest budget as at the largest."""
    data = simulated(noise_std=0.0)
    size = np.exp(np.interp(np.log(data["N"] * data["D"]), [np.log(1e17 / 6), np.log(1e21 / 6)], [2.5, 0.0]))
    data["L"] = data["L"] + noise * size * np.random.default_rng(seed).standard_normal(len(size))
    return data


def test_the_sandwich_of_a_straight_line_is_hc2():
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 3, 30)
    data = {"x": x, "y": 1 + 2 * x + (0.1 + x) * rng.standard_normal(30)}
    result = fit("c + m*x", data, nonnegative=False)
    X = np.column_stack([np.ones(30), x])
    bread = np.linalg.inv(X.T @ X)
    h = np.einsum("ij,jk,ik->i", X, bread, X)
    r = data["y"] - X @ np.linalg.lstsq(X, data["y"], rcond=None)[0]
    wanted = bread @ (X * (r / np.sqrt(1 - h))[:, None] ** 2).T @ X @ bread
    assert result.covariance() == pytest.approx(wanted, rel=1e-8)


def brute_degrees(weights, spread, U):
    """Satterthwaite by whole tables: the sum of weights times squared residuals is a quadratic form in the errors."""
    left = np.eye(len(U)) - U @ U.T
    form = left @ np.diag(weights) @ left @ np.diag(spread)
    return np.trace(form) ** 2 / np.trace(form @ form)


def test_degrees_of_freedom_are_those_of_the_quadratic_form():
    rng = np.random.default_rng(0)
    U = np.linalg.qr(rng.standard_normal((40, 4)))[0]
    weights, spread = rng.uniform(0, 1, (300, 40)) ** 4, np.exp(rng.standard_normal(40))
    found = degrees_of_rows(weights, spread, U)
    assert found == pytest.approx([brute_degrees(w, spread, U) for w in weights], rel=1e-9)
    even = degrees_of_rows(np.ones((1, 40)), np.ones(40), U)
    assert even == pytest.approx(36), "equal weights and an even spread: rows less constants"


def test_degrees_of_freedom_of_clusters_are_those_of_the_quadratic_form():
    rng = np.random.default_rng(1)
    U = np.linalg.qr(rng.standard_normal((30, 3)))[0]
    label = np.repeat(range(6), 5)
    pull = rng.standard_normal((2, 30))
    size, along = np.zeros((2, 6)), np.zeros((2, 6, 3))
    for g in range(6):
        mine = label == g
        size[:, g], along[:, g] = (pull[:, mine] ** 2).sum(axis=1), pull[:, mine] @ U[mine]
    left = np.eye(30) - U @ U.T
    for p, found in zip(pull, degrees_of_clusters(size, along), strict=True):
        table = np.array([np.where(label == g, p, 0.0) for g in range(6)]) @ left
        form = table @ table.T
        assert found == pytest.approx(np.trace(form) ** 2 / np.trace(form @ form), rel=1e-9)


def test_few_rows_that_speak_leave_few_degrees_of_freedom():
    """The noisy rows carry B: seeds 0..9."""
    for seed in range(10):
        result = fit(SURFACE, uneven(seed))
        _, left = spread_along(result)
        _, calm = spread_along(fit(SURFACE, simulated(noise_std=0.01, seed=seed)))
        B = list(result.constants).index("B")
        assert 1 <= left[B] < calm[B] < 70


def test_weights_and_a_wide_huber_go_through_the_sandwich_alike():
    data = uneven(1)
    w = np.linspace(0.5, 2.0, 75)
    least = fit(SURFACE, data, weights=w)
    wide = fit(SURFACE, data, weights=w, loss=huber(10.0))
    assert wide.covariance() == pytest.approx(least.covariance(), rel=0.2)
    twice = fit(SURFACE, data, weights=3 * w)
    assert twice.covariance() == pytest.approx(least.covariance(), rel=1e-6)


def test_sandwich_intervals_hold_where_plain_ones_are_too_narrow():
    """60 sets, seeds 0..59; the plain interval of B holds the truth in about 6 of 10."""
    hits = {"sandwich": dict.fromkeys(TRUTH, 0), "covariance": dict.fromkeys(TRUTH, 0)}
    warned = 0
    for seed in range(60):
        result = fit(SURFACE, uneven(seed))
        warned += any("uneven spread" in w for w in result.warnings)
        for method, counts in hits.items():
            found = result.intervals(method=method)
            for name, value in TRUTH.items():
                counts[name] += value in found[name]
    assert min(hits["sandwich"].values()) >= 52, hits
    assert min(hits["sandwich"].values()) > min(hits["covariance"].values()), hits
    assert warned >= 45


def test_even_noise_raises_no_alarm():
    """40 sets, seeds 0..39: a test at 1 % may speak once or twice."""
    spoke = [
        any("uneven" in w for w in fit(SURFACE, simulated(noise_std=0.01, seed=s)).warnings)
        for s in range(40)
    ]
    assert sum(spoke) <= 3


def test_clusters_widen_what_they_share():
    data = simulated(noise_std=0.001)
    label = np.repeat(range(25), 3)
    data["L"] = data["L"] + np.random.default_rng(2).normal(0, 0.02, 25)[label]
    result = fit(SURFACE, data)
    alone, shared = result.intervals()["alpha"], result.intervals(clusters=label)["alpha"]
    assert shared.high - shared.low > 1.2 * (alone.high - alone.low)
    with pytest.raises(BadData, match="one cluster"):
        result.intervals(clusters=np.zeros(75))
    with pytest.raises(BadData, match="clusters has 3 rows"):
        result.covariance(clusters=[1, 2, 3])
    with pytest.raises(BadOption, match="expected kind"):
        result.covariance("hc0")


def test_a_small_delta_knows_that_noise_is_uneven():
    """Rows of small noise lie inside delta more often, so they count for more in the curvature."""
    data = uneven(3)
    result = fit(SURFACE, data, loss=huber(1e-3))
    chance = sandwich_of._inside_chance(result)
    place = np.log(data["N"] * data["D"])
    small, large = chance[place > np.median(place)], chance[place < np.median(place)]
    assert np.median(small) > 2 * np.median(large)
    even = sandwich_of._inside_chance(fit(SURFACE, simulated(noise_std=0.01), loss=huber(1e-3)))
    assert even.max() < 2.5 * even.min()
    wide = sandwich_of._inside_chance(fit(SURFACE, data, loss=huber(10.0)))
    assert wide == pytest.approx(1.0)
