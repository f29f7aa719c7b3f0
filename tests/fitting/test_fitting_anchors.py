"""Published and certified numbers on published points; sources in docs/fitting.md."""

import numpy as np
import pytest

from fitting import bounds, fit, fit_vpnls, huber, log_huber, squared

SURFACE = "E + A*N**-alpha + B*D**-beta"
NAMES = ("E", "A", "B", "alpha", "beta")

# Found by Newton from 144 starts each, all ending in one basin: mean squared error as RSS, mean Huber at delta 1e-3
CERTIFIED = {
    ("llama_3__raw_loss", False): (
        2.019716716e-03, (0.60467, 0.816305, 0.233273, 0.310006, 0.313643),
        2.275908342e-06, (0.59644, 0.769145, 0.230778, 0.287172, 0.317043)),
    ("llama_3__raw_loss", True): (
        1.106629544e-03, (0.622667, 0.875437, 0.226762, 0.336225, 0.335372),
        1.857515034e-06, (0.613347, 0.827474, 0.226816, 0.315942, 0.32804)),
    ("ml_scalefit__massivetext__chinchilla", False): (
        4.854030638e-02, (1.91759, 4.54831, 1.06987, 0.388457, 0.433447),
        1.308870564e-05, (1.87192, 4.3056, 1.05243, 0.369159, 0.402386)),
    ("ml_scalefit__massivetext__chinchilla", True): (
        3.290787197e-02, (1.93456, 4.52254, 1.05483, 0.385294, 0.457041),
        1.256067093e-05, (1.8449, 3.93324, 1.04473, 0.340505, 0.411612)),
}  # fmt: skip

# vpnls 0.1.0 on all rows, Huber 1e-3, exponents in [0.01, 1.0]: grid 0.01, grid 0.001, and the certified optimum
VPNLS = {
    "ml_scalefit__massivetext__chinchilla": (1.309861234e-05, 1.309774066e-05, 1.308870564e-05),
    "llama_3__raw_loss": (2.277517098e-06, 2.275911349e-06, 2.275908342e-06),
    "marin_202603__comma__llama_2": (2.291421561e-05, 2.290835689e-05, 2.290759948e-05),
    "marin_202603__dclm__llama_2": (2.293025989e-05, 2.291049782e-05, 2.283690084e-05),
    "marin_202603__nemotron__llama_2": (2.262451310e-05, 2.261140027e-05, 2.260848724e-05),
}


@pytest.mark.parametrize(("name", "clean"), CERTIFIED)
def test_certified_optima_are_reached_from_the_default_start(isoflop, name, clean):
    rows = isoflop(name, clean)
    rss, least, cost, robust = CERTIFIED[name, clean]
    wide = bounds(alpha=(0.001, 3.0), beta=(0.001, 3.0))
    for loss, value, constants in ((squared(), rss / len(rows["L"]), least), (huber(1e-3), cost, robust)):
        special = fit_vpnls(rows["N"], rows["D"], rows["L"], loss=loss, bounds=wide)
        general = fit(SURFACE, rows, loss=loss)
        assert special.loss_value == pytest.approx(value, rel=1e-9)
        assert general.objective == pytest.approx(value, rel=1e-9)
        for found in ([getattr(special, n) for n in NAMES], [general.constants[n] for n in NAMES]):
            assert found == pytest.approx(constants, rel=6e-6)


@pytest.mark.parametrize("name", VPNLS)
def test_no_worse_than_vpnls_at_either_resolution(isoflop, name):
    rows = isoflop(name)
    unit = bounds(alpha=(0.01, 1.0), beta=(0.01, 1.0))
    result = fit_vpnls(rows["N"], rows["D"], rows["L"], loss=huber(1e-3), bounds=unit)
    coarse, fine, certified = VPNLS[name]
    assert result.loss_value <= min(coarse, fine)
    assert result.loss_value == pytest.approx(certified, rel=1e-9)
    assert result.status == "converged"


def test_our_grid_gives_vpnls_losses_where_its_inner_solve_had_converged(isoflop):
    rows = isoflop("llama_3__raw_loss")
    near = bounds(alpha=(0.25, 0.33), beta=(0.28, 0.36))
    grid = fit_vpnls(rows["N"], rows["D"], rows["L"], method="grid", loss=huber(1e-3), bounds=near)
    assert (grid.alpha, grid.beta) == pytest.approx((0.29, 0.32))
    assert grid.loss_value == pytest.approx(2.277517098e-06, rel=3e-7)  # its inner solve is 1.9e-7 short
    assert pytest.approx((0.59852, 0.77576, 0.23019), rel=2e-4) == (grid.E, grid.A, grid.B)


def test_the_217_chinchilla_points_give_the_published_fit(isoflop):
    points = isoflop.points()
    keep = points["C"] < 1e21
    rows = {"N": points["N"][keep] / 1e6, "D": points["D"][keep] / 1e9, "L": points["L"][keep]}
    assert (len(points["L"]), int(keep.sum())) == (240, 217)
    result = fit(SURFACE, rows)
    assert result.rss == pytest.approx(0.06241429, rel=1e-6)
    assert [result.constants[n] for n in NAMES] == pytest.approx(
        [1.905092, 4.000522, 1.050948, 0.351058, 0.458742], rel=1e-6
    )
    assert fit_vpnls(rows["N"], rows["D"], rows["L"]).rss == pytest.approx(0.06241429, rel=1e-6)


def test_the_chinchilla_log_huber_objective_reaches_its_certified_optimum(isoflop):
    """The replication's best of 4,500 starts is 1.0182740346e-03."""
    result = fit(SURFACE, isoflop.points(), loss=log_huber(1e-3))
    assert result.objective * 240 == pytest.approx(1.0182740178006e-03, rel=1e-11)
    assert [result.constants[n] for n in NAMES] == pytest.approx(
        [1.8172181, 477.8259, 2143.417, 0.3473105, 0.3671724], rel=1e-6
    )


def test_raw_llama_rows_give_the_published_surface(isoflop):
    rows = isoflop("llama_3__raw_loss")
    result = fit(SURFACE, {"N": rows["N"] * 1e6, "D": rows["D"] * 1e9, "L": rows["L"]})
    assert [result.constants[n] for n in NAMES] == pytest.approx(
        [0.604670, 59.1411, 155.1142, 0.310006, 0.313643], rel=5e-6
    )
    assert result.rss == pytest.approx(0.0020197, rel=1e-4)


def test_bounds_on_amplitudes_are_kept_where_vpnls_ignores_them(isoflop):
    rows = isoflop("marin_202603__comma__llama_2")
    ten = bounds(A=(1e-6, 9.99999), alpha=(0.01, 1.0), beta=(0.01, 1.0))
    result = fit_vpnls(rows["N"], rows["D"], rows["L"], loss=huber(1e-3), bounds=ten)
    assert result.A <= 9.99999
    assert result.loss_value == pytest.approx(2.71e-05, rel=2e-3)
    assert "A at its upper bound" in result.status_message


def test_bootstrap_intervals_of_chinchilla_match_the_published_ones(isoflop):
    """1,000 resamples of rows: alpha 0.321 to 0.420, beta 0.360 to 0.462, a 0.486 to 0.564."""
    result = fit(SURFACE, isoflop("ml_scalefit__massivetext__chinchilla"), loss=huber(1e-3))
    sample = result.bootstrap(1000, seed=0)  # seed 0
    assert sample.converged.mean() > 0.99
    assert sample.interval("alpha") == pytest.approx((0.321, 0.420), abs=0.004)
    assert sample.interval("beta") == pytest.approx((0.360, 0.462), abs=0.004)
    a = sample["beta"] / (sample["alpha"] + sample["beta"])
    assert np.percentile(a, [2.5, 97.5]) == pytest.approx([0.486, 0.564], abs=0.004)


def test_replication_bootstrap_errors_of_the_log_huber_fit(isoflop):
    """4,000 bootstraps there: alpha 0.015, beta 0.021, E 0.026, a = 0.513 +- 0.020."""
    result = fit(SURFACE, isoflop.points(), loss=log_huber(1e-3))
    sample = result.bootstrap(600, seed=1)  # seed 1
    assert sample["alpha"].std() == pytest.approx(0.015, abs=0.003)
    assert sample["beta"].std() == pytest.approx(0.021, abs=0.004)
    assert sample["E"].std() == pytest.approx(0.026, abs=0.006)
