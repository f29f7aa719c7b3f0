"""Ratios, quantiles, tables by kind, one's own runs, coverage."""

import numpy as np
import pytest

from curves import KINDS, Curve, coverage, forecast, own_calibration, public, ratios
from curves.calibration import PREFIXES, Ratio, bounds, can_forecast, tables
from curves.public import PUBLIC
from curves.rate import linear
from fitting.errors import BadData, BadOption


def test_the_table_that_ships_is_in_order():
    assert set(PUBLIC) == set(KINDS)
    for by_prefix in PUBLIC.values():
        assert set(by_prefix) == set(PREFIXES)
        assert all(low < middle < high for low, middle, high in by_prefix.values())


def test_an_unknown_rate_makes_public_intervals_wider():
    """The same scale; at half of a run, and at 0.7 where a late decay is still to come."""
    for prefix in (0.5, 0.7):
        unknown = PUBLIC["unknown"][prefix]
        for kind in ("constant", "late decay", "decay to zero"):
            known = PUBLIC[kind][prefix]
            assert unknown[2] - unknown[0] > known[2] - known[0]


def test_quantiles_widen_for_few_runs_and_weights_count():
    values = np.arange(1000.0)
    assert bounds(values)[:3] == pytest.approx((50, 499.5, 949), abs=1.5)
    assert bounds(np.arange(10.0)) == (0.0, 4.5, 9.0, pytest.approx(9 / 11))
    assert bounds(np.arange(5.0))[3] == pytest.approx(4 / 6)
    assert bounds(np.r_[0.0, 1.0], weight=np.array([1.0, 3.0]))[1] > 0.5
    with pytest.raises(BadOption, match="level"):
        bounds(values, 1.0)
    with pytest.raises(BadData, match="no finished run"):
        bounds(np.array([]))


def test_ratios_are_errors_in_the_forecasts_own_scale(runs):
    curve = runs[0]
    row = next(r for r in ratios([curve]) if r.prefix == 0.5)
    found = forecast(curve, 0.5)
    assert row.value * row.scale == pytest.approx(curve.final - found.endpoint)
    assert row.kind == "unknown" and not ratios([curve.until(0.5)])
    assert not can_forecast(curve, 0.05)


def test_intervals_hold_about_as_often_as_they_say(made):
    runs = made(11, runs=24)
    found = ratios(runs, (0.5,))
    share, n = coverage(found)[0.5]
    assert n == 24 and 0.80 <= share <= 1
    mixes = {c.run: c.labels["mix"] for c in runs}
    assert coverage(found, groups=mixes)[0.5][1] == 24
    assert coverage(found, groups=dict.fromkeys(mixes, "one")) == {}


def test_exchangeable_runs_are_held_at_the_level():
    """400 ratios of one distribution: 90 % intervals of the others hold 87 to 93 % of them."""
    rng = np.random.default_rng(3)
    rows = [Ratio(f"r{i}", "constant", 0.5, float(v), 1.0) for i, v in enumerate(rng.standard_t(3, 400))]
    assert 0.87 <= coverage(rows)[0.5][0] <= 0.93
    table = tables(rows)["constant"][0.5]
    assert table[0] < table[1] < table[2]


def own(n, rate, shift=0.2, seed=1):
    """Runs that all end `shift` lower than their curve foretells."""
    rng = np.random.default_rng(seed)
    tau = np.linspace(0.01, 1, 60)
    u = rate.summed(tau)
    late = np.maximum(tau - 0.9, 0) / 0.1
    return [
        Curve(
            f"r{i}",
            tau,
            2
            + 0.1 * rng.random()
            + 0.6 * (u + 0.02) ** -0.4
            - shift * late
            + 0.001 * rng.standard_normal(60),
            rate=rate,
        )
        for i in range(n)
    ]


def test_ones_own_runs_decide_their_kind_and_leave_the_others():
    runs = own(9, linear(0.0, 0.8))
    mine = own_calibration(runs[1:])
    found = forecast(runs[0], 0.5)
    by_own, by_public = mine.interval(found), public().interval(found)
    assert "your own finished runs: 8 with late decay rate" in by_own.calibration
    assert "public runs (late decay)" in by_public.calibration
    assert by_own.low <= runs[0].final <= by_own.high
    assert by_own.high - by_own.low < by_public.high - by_public.low
    other = forecast(own(1, linear())[0], 0.5)
    assert mine.interval(other) == public().interval(other)


def test_a_few_own_runs_correct_the_end_and_keep_a_public_width():
    runs = own(4, linear(0.0, 0.8))
    found = forecast(runs[0], 0.5)
    by_own, by_public = own_calibration(runs[1:]).interval(found), public().interval(found)
    assert abs(by_own.endpoint - runs[0].final) < abs(by_public.endpoint - runs[0].final)
    assert by_own.high - by_own.low >= by_public.high - by_public.low - 1e-9
    with pytest.raises(BadData, match="needs 3 finished runs"):
        own_calibration(runs[:2])
