"""Allocation, deadweight compute, k in C = k N D, approaches 1 to 3, presets, saved fits."""

import json

import numpy as np
import pytest
from fitting_cases import SURFACES, simulated
from scipy import stats

from fitting import (
    PRESETS,
    BadData,
    BadLaw,
    BadOption,
    FitError,
    LossSurface,
    approach_1,
    approach_2,
    approach_2_bias,
    approach_3,
    compute_factor,
    deadweight,
    fit,
    fit_compute_factor,
    from_dict,
    preset,
    simulate_isoflop_data,
    squared,
)

SURFACE = "E + A*N**-alpha + B*D**-beta"
BUDGETS = np.repeat([1e17, 1e18, 1e19, 1e20, 1e21], 15)

# N_opt and D_opt at 1e17, 1e21 and 1e24 of the three surfaces, as published with the study of Approach 2
OPTIMA = {
    "symmetric": ((1.290994e8, 1.290994e10, 4.082483e11), (1.290994e8, 1.290994e10, 4.082483e11)),
    "chinchilla": ((2.848558e7, 1.824218e9, 4.129670e10), (5.850914e8, 9.136336e10, 4.035835e12)),
    "asymmetric": ((6.571129e4, 6.571129e5, 3.695218e6), (2.536347e11, 2.536347e14, 4.510334e16)),
}


def truth(name):
    alpha, beta, A, B, E = SURFACES[name]
    return LossSurface(alpha, beta, A, B, E)


@pytest.mark.parametrize("name", SURFACES)
def test_allocations_of_clean_fits_are_the_published_optima(name):
    result = fit(SURFACE, simulated(name, noise_std=0))
    best = result.allocate([1e17, 1e21, 1e24])
    assert best.N_opt == pytest.approx(OPTIMA[name][0], rel=1e-6)
    assert best.D_opt == pytest.approx(OPTIMA[name][1], rel=1e-6)
    assert best.a == pytest.approx(np.full(3, truth(name).a), rel=1e-6)
    assert best.loss == pytest.approx(truth(name).loss(best.N_opt, best.D_opt), rel=1e-9)
    assert best.tokens_per_parameter == pytest.approx(best.D_opt / best.N_opt)


def test_k_moves_the_optimum_as_it_should_and_is_estimated():
    data = simulated(noise_std=0)
    result = fit(SURFACE, data)
    assert result.allocate(1e21, k=7.0).N_opt == pytest.approx(
        truth("chinchilla").N_opt(1e21 * 6 / 7), rel=1e-7
    )
    k, spread = compute_factor(data["N"], data["D"], 6.3 * data["N"] * data["D"])
    assert (k, spread) == pytest.approx((6.3, 0.0), abs=1e-9)
    assert fit_compute_factor(result, data["N"], data["L"], 6.2 * data["N"] * data["D"]) == pytest.approx(
        6.2, rel=1e-6
    )
    scaled = fit(SURFACE, {"N": data["N"] / 1e6, "D": data["D"] / 1e9, "L": data["L"]})
    assert scaled.allocate(1e21, k=6e15).N_opt * 1e6 == pytest.approx(result.allocate(1e21).N_opt, rel=1e-7)


@pytest.mark.parametrize("bands", ["covariance", "bootstrap"])
def test_bands_hold_the_truth_and_widen_with_the_distance(bands):
    held = 0
    for seed in range(8):
        result = fit(SURFACE, simulated(noise_std=0.01, seed=seed))
        best = result.allocate([1e21, 1e25], bands=bands, n=200, seed=seed)
        low, high = best.bands["N_opt"]
        held += int(
            (low <= truth("chinchilla").N_opt(best.C)).all()
            and (truth("chinchilla").N_opt(best.C) <= high).all()
        )
        assert np.log(high / low)[1] > np.log(high / low)[0]
    assert held >= 6


def test_deadweight_is_zero_at_the_optimum_and_inverts_the_loss():
    result = fit(SURFACE, simulated(noise_std=0))
    surface, C = truth("chinchilla"), 3.8e25
    best = surface.N_opt(C)
    assert deadweight(result, C, best)[0] / C < 1e-9
    wasted = deadweight(result, C, 0.5 * best)[0]
    reached = surface.loss(0.5 * best, C / (3 * best))
    assert surface.loss(surface.N_opt(C - wasted), surface.D_opt(C - wasted)) == pytest.approx(
        reached, rel=1e-9
    )


def test_deadweight_of_approach_2_on_the_chinchilla_surface():
    """Published for +-2x, drift to 3x, 1e18..1e22 and 3.8e25 FLOPs: D* off by 12.765 %, 0.4 % of compute lost."""
    surface = truth("chinchilla")
    budgets = np.logspace(18, 22, 5)
    drift = np.log10(3) * np.linspace(0, 1, 5)
    w = np.linspace(-np.log10(2), np.log10(2), 15)
    N = 10 ** (np.log10(surface.N_opt(budgets))[:, None] - drift[:, None] + w)
    C = np.repeat(budgets, 15)
    D = C / (6 * N.ravel())
    found = approach_2(N.ravel(), D, surface.loss(N.ravel(), D), C)
    D_used = found.D_opt(3.8e25)
    assert D_used / surface.D_opt(3.8e25) - 1 == pytest.approx(0.12765, abs=1e-5)
    result = fit(SURFACE, simulated(noise_std=0))
    share = deadweight(result, 3.8e25, 3.8e25 / (6 * D_used))[0] / 3.8e25
    assert share == pytest.approx(1.70e23 / 3.8e25, rel=0.01)


def test_a_law_without_an_optimum_says_so():
    data = simulated()
    data["L"] = 1 + 300 * data["N"] ** -0.3
    with pytest.raises(FitError, match="no minimum"):
        fit("E + A*N**-alpha*D**-beta", data).allocate(1e21)
    result = fit("E + A*N**-alpha", data)
    with pytest.raises(BadOption, match="no column 'D'"):
        result.allocate(1e21)
    with pytest.raises(BadData, match="C must be"):
        fit(SURFACE, simulated()).allocate(-1)
    with pytest.raises(BadOption, match="bands must be"):
        fit(SURFACE, simulated()).allocate(1e21, bands="no")


def test_other_columns_of_a_law_need_a_value():
    data = simulated(noise_std=0)
    data["V"] = np.tile([1e4, 2e4, 4e4, 8e4, 3e4], 15)
    data["L"] = data["L"] + data["V"] ** -0.1
    result = fit(SURFACE + " + K*V**-g", data)
    with pytest.raises(BadOption, match="give a value for V"):
        result.allocate(1e21)
    assert result.allocate(1e21, others={"V": 5e4}).N_opt == pytest.approx(
        truth("chinchilla").N_opt(1e21), rel=1e-5
    )


# Closed-form error of N_opt by Approach 2, half widths 0.3, 1.1947..., 2.0 decades, 15 points
BIAS = {
    "symmetric": (0, 0, 0),
    "chinchilla": (0.003258, 0.052888, 0.155076),
    "asymmetric": (0.016916, 0.295522, 0.991650),
}


@pytest.mark.parametrize("name", BIAS)
def test_the_bias_of_approach_2_in_closed_form_and_by_fit(name):
    alpha, beta, A, B, E = SURFACES[name]
    for width, expected in zip(np.linspace(0.3, 2.0, 20)[[0, 10, 19]], BIAS[name], strict=True):
        bias = approach_2_bias(truth(name), log_range=width)
        assert bias == pytest.approx(expected, abs=1e-6)
        N, D, L = simulate_isoflop_data(alpha=alpha, beta=beta, A=A, B=B, E=E, noise_std=0, log_range=width)
        found = approach_2(N, D, L, BUDGETS)
        assert found.a == pytest.approx(truth(name).a, abs=1e-12)
        assert found.N_opt(1e19) / truth(name).N_opt(1e19) - 1 == pytest.approx(bias, abs=1e-10)


def test_three_approaches_share_arguments_and_result():
    data = simulated(noise_std=0)
    args = data["N"], data["D"], data["L"], BUDGETS
    for number, approach in enumerate((approach_1, approach_2, approach_3), 1):
        result = approach(*args)
        assert result.approach == number
        assert result.a == pytest.approx(truth("chinchilla").a, abs=0.02)
        assert result.a + result.b == pytest.approx(1.0, abs=0.02)
        assert result.N_opt(1e20) == pytest.approx(truth("chinchilla").N_opt(1e20), rel=0.15)
    exact = approach_3(*args)
    assert exact.N_opt(1e24) == pytest.approx(OPTIMA["chinchilla"][0][2], rel=1e-6)
    assert (exact.a0, exact.b0) == pytest.approx((-0.222794, -0.555357), abs=1e-6)
    assert pytest.approx(1.69) == exact.surface.E
    assert approach_2(*args[:3]).a == pytest.approx(approach_2(*args).a, abs=1e-9)


def test_approach_1_takes_the_envelope_of_training_curves():
    """Curves of many sizes: at each compute the winner is near the optimum of that compute."""
    surface = truth("chinchilla")
    sizes = np.logspace(7, 10, 40)
    N = np.repeat(sizes, 60)
    D = np.tile(np.logspace(8, 12, 60), 40)
    found = approach_1(N, D, surface.loss(N, D))
    inside = slice(5, -12)
    assert found.N_vertex[inside] == pytest.approx(surface.N_opt(found.C[inside]), rel=0.5)


def test_approach_2_on_llama_rows_gives_the_published_line(isoflop):
    rows = isoflop("llama_3__raw_loss")
    result = approach_2(rows["N"] * 1e6, rows["D"] * 1e9, rows["L"], rows["C"])
    assert (result.a, result.b, result.a0, result.b0) == pytest.approx(
        (0.463221, 0.536779, -0.254338, -0.523813), abs=1e-6
    )


def test_approaches_say_what_is_wrong():
    data = simulated(noise_std=0)
    N, D, L = data["N"], data["D"], data["L"]
    with pytest.raises(FitError, match="opens downward"):
        approach_2(N, D, -L, BUDGETS)
    with pytest.raises(FitError, match="one budget gives no line"):
        approach_2(N[:15], D[:15], L[:15], BUDGETS[:15])
    with pytest.raises(FitError, match="needs three"):
        approach_2(N[13:17], D[13:17], L[13:17], BUDGETS[13:17])
    with pytest.raises(BadData, match="C has 3 rows"):
        approach_2(N, D, L, [1, 2, 3])
    with pytest.raises(BadOption, match="unknown option bins"):
        approach_2(N, D, L, BUDGETS, bins=3)
    with pytest.raises(BadOption, match="give a surface"):
        approach_2_bias(log_range=1.0)


SLOW_PRESETS = ("farseer_like",)  # floor, amplitude and exponent all move
ELSEWHERE = ("moe_experts", "distillation")  # columns of their own: tests/fitting/test_fitting_presets.py


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(n, marks=pytest.mark.slow) if n in SLOW_PRESETS else n
        for n in PRESETS
        if n not in ELSEWHERE
    ],
)
def test_every_preset_fits_and_has_a_source(name):
    rng = np.random.default_rng(0)
    data = {"N": 10 ** rng.uniform(7, 10, 150), "D": 10 ** rng.uniform(9, 12, 150)}
    data["U"], data["V"] = (
        np.minimum(data["D"], 10 ** rng.uniform(9, 10.5, 150)),
        10 ** rng.uniform(3.5, 5, 150),
    )
    data["L"] = (
        1.69 + 406.4 * data["N"] ** -0.34 + 410.7 * data["D"] ** -0.28 + 0.005 * rng.standard_normal(150)
    )
    data["C"], data["M"] = 6 * data["N"] * data["D"], data["D"] / data["N"]
    data["P"], data["G"] = rng.uniform(3, 16, 150), 2.0 ** rng.integers(0, 5, 150)
    law = preset(name)
    assert fit(law, data, loss=squared(), start=PRESETS[name].start).r2 > (0.6 if len(law.used) == 1 else 0.9)
    assert any(ch.isdigit() for ch in PRESETS[name].source) or name in (
        "tied",
        "interaction",
        "farseer_light",
    )


def test_presets_go_by_name():
    data = simulated()
    assert fit("chinchilla", data).constants == pytest.approx(fit(SURFACE, data).constants)
    with pytest.raises(BadLaw, match="did you mean chinchilla"):
        preset("chinchila")


def test_a_saved_fit_is_the_same_fit():
    data = simulated(noise_std=0.01)
    data["g"] = np.repeat(["a", "b", "c"], 25)
    for options in (
        {},
        {"loss": "huber:1e-3", "weights": np.linspace(0.5, 2, 75)},
        {"groups": "g", "free": "E", "bounds": {"alpha": (0.1, 0.9)}},
        {"tied": {"beta": "alpha"}, "loss": "asymmetric:3:1"},
        {"fixed": {"E": 1.6}},
    ):
        result = fit(SURFACE, data, **options)
        again = from_dict(json.loads(json.dumps(result.to_dict())))
        assert again.constants == pytest.approx(result.constants, rel=1e-9)
        assert again.objective == pytest.approx(result.objective, rel=1e-12)
        assert again.intervals()["B"].high == pytest.approx(result.intervals()["B"].high, rel=1e-6)


def test_a_changed_file_is_refused():
    saved = fit(SURFACE, simulated()).to_dict()
    saved["data"]["L"][0] += 0.1
    with pytest.raises(BadData, match="don't match their SHA-256"):
        from_dict(saved)
    with pytest.raises(BadData, match="not a saved fit"):
        from_dict({"format": "other"})


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_a_band_leaves_out_the_share_it_says(level):
    """Both tails together hold 1 - level of the draws; with half a tail a band would look surer than it is."""
    result = fit(SURFACE, simulated())
    best = result.allocate(1e23, bands="covariance", level=level, n=400, seed=3)
    low, high = (float(b[0]) for b in best.bands["N_opt"])
    middle = float(best.N_opt[0])
    wider = result.allocate(1e23, bands="covariance", level=0.5 + level / 2, n=400, seed=3).bands["N_opt"]
    assert low < middle < high and wider[0][0] < low and wider[1][0] > high
    # Draws are log-normal nearly: the half widths in logs are in the ratio of the normal quantiles.
    ratio = np.log(wider[1][0] / wider[0][0]) / np.log(high / low)
    normal = stats.norm.ppf(0.75 + level / 4) / stats.norm.ppf(0.5 + level / 2)
    assert ratio == pytest.approx(normal, rel=0.12)
    draws = stats.norm.ppf(0.5 + level / 2) * _spread(result)
    assert np.log(high / low) / 2 == pytest.approx(draws, rel=0.15)


def _spread(result):
    """Standard deviation of log N_opt by the delta method, from the covariance of the constants."""
    names = list(result.constants)
    base = np.array(list(result.constants.values()))

    def log_N(theta):
        A, B, alpha, beta = (theta[names.index(n)] for n in ("A", "B", "alpha", "beta"))
        return (np.log(alpha * A / (beta * B)) + beta * np.log(1e23 / 6)) / (alpha + beta)

    scale = np.array([1e-6 * max(abs(b), 1e-3) for b in base])
    slopes = np.array(
        [
            (log_N(base + s * e) - log_N(base - s * e)) / (2 * s)
            for s, e in zip(scale, np.eye(len(base)), strict=True)
        ]
    )
    return float(np.sqrt(slopes @ result.covariance() @ slopes))


def test_an_optimum_anywhere_within_reach_is_found_and_one_beyond_is_not():
    """Nine decades either way of an even split: a law whose best model is smaller than that has no use for one."""
    result = fit(SURFACE, simulated("asymmetric", noise_std=0))
    surface = truth("asymmetric")
    for C in (1e12, 1e30):
        best = result.allocate(C)
        assert best.N_opt[0] == pytest.approx(surface.N_opt(C), rel=1e-6)
        assert best.D_opt[0] * best.N_opt[0] * 6 == pytest.approx(C)
        assert best.a[0] + best.b[0] == pytest.approx(1.0) and best.tokens_per_parameter[0] == pytest.approx(
            best.D_opt[0] / best.N_opt[0]
        )


@pytest.mark.parametrize("budget", [0.0, -1.0, np.nan, np.inf, [], [1e20, np.nan], [1e20, -1.0]])
def test_a_budget_is_a_positive_number(budget):
    with pytest.raises(BadData, match="C must be finite and > 0"):
        fit(SURFACE, simulated()).allocate(budget)


@pytest.mark.parametrize("k", [0.0, -6.0, np.nan, np.inf])
def test_k_is_a_positive_number(k):
    with pytest.raises(BadOption, match="k must be finite and > 0"):
        fit(SURFACE, simulated()).allocate(1e21, k=k)


def test_groups_have_their_own_allocations():
    """Constants of a group stand among those that all share; a mix-up would give one group another's optimum."""
    one, other = simulated("chinchilla", noise_std=0), simulated("symmetric", noise_std=0)
    data = {name: np.concatenate([one[name], other[name]]) for name in one}
    data["g"] = np.repeat(["c", "s"], 75)
    result = fit(SURFACE, data, groups="g", free=("A", "B", "alpha", "beta"))
    for label, name in (("c", "chinchilla"), ("s", "symmetric")):
        best = result.allocate([1e20, 1e22], group=label)
        assert best.N_opt == pytest.approx(truth(name).N_opt(np.array([1e20, 1e22])), rel=1e-4)
        assert best.loss == pytest.approx(truth(name).loss(best.N_opt, best.D_opt), rel=1e-6)


def test_compute_factors_are_geometric_means_and_what_is_no_run_is_refused():
    N, D = np.array([1e6, 1e7, 1e8]), np.array([1e9, 1e10, 1e9])
    k, spread = compute_factor(N, D, N * D * np.array([2.0, 6.0, 18.0]))
    assert (k, spread) == (pytest.approx(6.0), pytest.approx(np.log(3) * np.sqrt(2 / 3)))
    for wrong in (
        (N, D, N[:2]),
        ([], [], []),
        (N, D, -N),
        (N, D, N * np.nan),
        (N, 0 * D, N),
        (N, D, [1e17, np.nan, 1e17]),
    ):
        with pytest.raises(BadData, match="compute_factor"):
            compute_factor(*wrong)
    result = fit(SURFACE, simulated(noise_std=0))
    for wrong in ((N, D, N[:2]), ([], [], [])):
        with pytest.raises(BadData, match="fit_compute_factor"):
            fit_compute_factor(result, *wrong)


@pytest.mark.parametrize("k", [0.7, 3.0, 50.0])
def test_k_is_found_from_losses_between_0_6_and_60(k):
    data = simulated(noise_std=0)
    result = fit(SURFACE, data)
    assert fit_compute_factor(result, data["N"], data["L"], k * data["N"] * data["D"]) == pytest.approx(
        k, rel=1e-6
    )


def test_deadweight_is_asked_for_runs_that_can_be():
    result = fit(SURFACE, simulated(noise_std=0))
    for C, N in ((-1e20, 1e9), (1e20, 0.0), (0.0, 1e9)):
        with pytest.raises(BadData, match="deadweight: C and N_used must be > 0"):
            deadweight(result, C, N)
    lost = deadweight(result, [1e20, 1e22], [1e9, 1e9])
    assert lost.shape == (2,) and (lost > 0).all() and (lost < [1e20, 1e22]).all()


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_nine_decades_from_an_even_split_is_as_far_as_an_optimum_is_looked_for(side):
    """Farther out a minimum is a law that lets one of the two vanish; to call it an allocation would mislead."""
    data = simulated("symmetric", noise_std=0)
    for decades, within in ((8.9, True), (9.15, False)):
        moved = 10.0 ** (side * decades)
        result = fit(SURFACE, {"N": data["N"] * moved, "D": data["D"] / moved, "L": data["L"]})
        if within:
            assert result.allocate(1e20).N_opt[0] == pytest.approx(
                truth("symmetric").N_opt(1e20) * moved, rel=1e-5
            )
        else:
            with pytest.raises(FitError, match="no minimum"):
                result.allocate(1e20)


def test_budgets_may_be_in_any_unit():
    """In zettaFLOPs a budget is less than one."""
    result = fit(SURFACE, simulated(noise_std=0))
    assert result.allocate(0.3, k=6e-21).N_opt == pytest.approx(result.allocate(3e20).N_opt, rel=1e-6)


def test_one_budget_without_an_optimum_is_one_too_many():
    """An answer with a hole would be drawn as a line through it."""
    result = fit(SURFACE, simulated("asymmetric", noise_std=0))
    with pytest.raises(FitError, match="no minimum"):
        result.allocate([1e20, 1e50])
