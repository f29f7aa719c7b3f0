"""Noise-free experiments against the published numbers (arXiv 2603.22339 and its code). No randomness: no seed."""

import numpy as np
import pytest
from study_cases import agrees, numbers

from fitting import BadOption, LossSurface
from studies.fitting_methods import (
    exp01_range,
    exp02_imbalance,
    exp03_drift,
    exp04_extrapolation,
    exp06_closed_form,
    exp10_compounding,
)
from studies.fitting_methods.experiment import Context
from studies.fitting_methods.sampling import NAMED_WIDTHS, Sampling
from studies.fitting_methods.surfaces import (
    ALL,
    ASYMMETRIC,
    CHINCHILLA,
    SYMMETRIC,
    best_loss,
    budget_for,
    intercepts,
)


@pytest.mark.parametrize(
    ("surface", "a0", "b0", "N", "D"),
    [
        (
            SYMMETRIC,
            "-0.389076",
            "-0.389076",
            "1.290994e8 1.290994e10 4.082483e11",
            "1.290994e8 1.290994e10 4.082483e11",
        ),
        (
            CHINCHILLA,
            "-0.222794",
            "-0.555357",
            "2.848558e7 1.824218e9 4.129670e10",
            "5.850914e8 9.136336e10 4.035835e12",
        ),
        (
            ASYMMETRIC,
            "0.567640",
            "-1.345791",
            "6.571129e4 6.571129e5 3.695218e6",
            "2.536347e11 2.536347e14 4.510334e16",
        ),
    ],
)
def test_optimum_of_the_three_surfaces(surface, a0, b0, N, D):
    found = intercepts(surface)
    assert agrees(found[0], a0) and agrees(found[1], b0)
    C = np.array([1e17, 1e21, 1e24])
    assert all(agrees(n, given) for n, given in zip(surface.N_opt(C), numbers(N), strict=True))
    assert all(agrees(d, given) for d, given in zip(surface.D_opt(C), numbers(D), strict=True))


@pytest.mark.parametrize("name", ALL)
def test_budget_for_a_loss_inverts_the_best_loss(name):
    C = np.array([1e17, 1e21, 3.8e25])
    np.testing.assert_allclose(budget_for(ALL[name], best_loss(ALL[name], C)), C, rtol=1e-9)


def test_sampling_moves_its_centre_as_asked():
    runs = Sampling(0.5, budgets=(1e18, 1e19, 1e20), points=3, drift=0.4, scale=2.0).runs(CHINCHILLA)
    centre = np.log10(runs.N[1::3] / CHINCHILLA.N_opt(runs.C[1::3])) + np.log10(2.0)
    np.testing.assert_allclose(centre, [0.0, -0.2, -0.4], atol=1e-12)
    np.testing.assert_allclose(np.diff(np.log10(runs.N[:3])), 0.5)
    np.testing.assert_allclose(6 * runs.N * runs.D, runs.C)


def test_sampling_says_what_it_needs():
    with pytest.raises(BadOption, match="half_width > 0"):
        Sampling(0.0)


@pytest.fixture(scope="module")
def range_errors():
    return exp01_range.errors()


@pytest.mark.parametrize(
    ("column", "published"),
    [
        ("a_error_pct", "-0.0498 +0.1719 +0.5842"),
        ("b_error_pct", "+0.0498 -0.1719 -0.5842"),
        ("a0_error_pct", "+1.125 -3.627 -12.465"),
        ("b0_error_pct", "-1.168 +3.767 +12.947"),
        ("N_last_error_pct", "-0.2405 +0.7829 +2.7145"),
    ],
)
def test_sampling_range(range_errors, column, published):
    found = range_errors[range_errors["width"] != ""].set_index("width")[column]
    for width, given in zip(NAMED_WIDTHS, numbers(published), strict=True):
        assert agrees(found[width], given), (width, found[width])


def test_sampling_range_leaves_the_smallest_budget_alone_and_ours_exact(range_errors):
    assert range_errors["N_first_error_pct"].abs().max() < 1e-10
    assert range_errors["ours_a_error_pct"].abs().max() < 1e-9


IMBALANCE = """Balanced (1): -0.0498 +0.0498 +0.1719 -0.1719 +0.5842 -0.5842 0 +2.7145
Chinchilla (1.21): -0.2072 +0.1706 -0.0073 +0.0061 +0.3535 -0.2911 +15.5076 +17.2062
ratio 1.5: -0.4161 +0.2774 -0.3053 +0.2035 -0.1394 +0.0930 +34.2954 +33.5967
ratio 2: -0.7800 +0.3900 -0.9218 +0.4609 -1.2730 +0.6365 +61.6095 +55.4103
ratio 3: -1.5037 +0.5012 -2.3188 +0.7729 -3.9042 +1.3014 +99.1650 +82.0462
ratio 9: -5.8152 +0.6461 -11.4300 +1.2700 -20.2201 +2.2467 +167.9104 +122.4083"""


@pytest.fixture(scope="module")
def imbalance_errors():
    return exp02_imbalance.errors()


@pytest.mark.parametrize("line", IMBALANCE.splitlines())
def test_imbalance(imbalance_errors, line):
    name, published = line.split(": ")
    rows = imbalance_errors[imbalance_errors["surface"] == name].set_index("width")
    found = [rows.loc[w, c] for w in NAMED_WIDTHS for c in ("a_error_pct", "b_error_pct")]
    found += [rows.loc["wide", "N_first_error_pct"], rows.loc["wide", "N_last_error_pct"]]
    assert [agrees(f, g) for f, g in zip(found, numbers(published), strict=True)] == [True] * 8
    assert rows["ours_a_error_pct"].abs().max() < 1e-9


DRIFT = """Symmetric|baseline|0 0 0|0 0 0
Symmetric|drift 0.2|-0.0498 +0.1719 +0.5842|-0.2405 +0.7829 +2.7145
Chinchilla|drift 0.2|-0.2072 -0.0073 +0.3535|-0.5455 +5.2455 +17.2062
Asymmetric|drift 0.2|-1.5037 -2.3188 -3.9042|-1.7699 +22.8171 +82.0462
Symmetric|drift 0.4|-0.4781 -0.0432 +0.7658|-2.2615 -0.2861 +3.4953
Symmetric|scale 1.5|0 0 0|-0.1507 +0.7519 +2.4527
Symmetric|scale 2.0|0 0 0|-0.9392 +0.5812 +3.4718
Chinchilla|baseline|0 0 0|+0.3258 +5.2888 +15.5076
Chinchilla|drift 0.4|-1.1051 -0.7473 -0.1048|-4.2523 +1.9908 +14.9206
Chinchilla|scale 1.5|0 0 0|-0.3177 +5.3915 +17.1789
Chinchilla|scale 2.0|0 0 0|-1.9905 +4.0836 +16.6476
Asymmetric|baseline|0 0 0|+1.6916 +29.5522 +99.1650
Asymmetric|drift 0.4|-5.9187 -7.5646 -10.6900|-11.2588 +8.8592 +55.7538
Asymmetric|scale 1.5|0 0 0|-1.0120 +24.0489 +84.6747
Asymmetric|scale 2.0|0 0 0|-5.9106 +16.5050 +69.5828"""


@pytest.fixture(scope="module")
def drift_errors():
    return exp03_drift.errors()


@pytest.mark.parametrize("line", DRIFT.splitlines())
def test_drift_and_offset(drift_errors, line):
    surface, bias, a, N = line.split("|")
    table = drift_errors
    rows = table[(table["surface"] == surface) & (table["bias"] == bias)].set_index("width")
    for column, published in (("a_error_pct", a), ("N_last_error_pct", N)):
        for width, given in zip(NAMED_WIDTHS, numbers(published), strict=True):
            found = rows.loc[width, column]
            assert abs(found) < 1e-9 if given == "0" else agrees(found, given), (width, column, found)


def test_a_constant_offset_never_moves_an_exponent(drift_errors):
    still = drift_errors[~drift_errors["bias"].str.startswith("drift")]
    assert still[["a_error_pct", "b_error_pct"]].abs().to_numpy().max() < 1e-10  # 1e-12 as a share
    assert drift_errors["ours_a_error_pct"].abs().max() < 1e-9


EXTRAPOLATION = """narrow|Symmetric|0.00 0.41 4.08 0.15 0.95
narrow|Chinchilla|0.32 1.28 8.52 0.32 2.03
narrow|Asymmetric|1.66 4.95 27.00 1.02 6.28
medium|Symmetric|0.00 1.62 0.17 0.75 0.58
medium|Chinchilla|5.02 5.12 1.98 5.12 3.92
medium|Asymmetric|22.81 17.84 7.53 19.39 14.17
wide|Symmetric|0.00 5.29 7.21 2.39 3.36
wide|Chinchilla|13.43 16.07 13.66 14.66 14.27
wide|Asymmetric|49.79 44.06 32.83 45.85 41.03"""


@pytest.fixture(scope="module")
def extrapolation_errors():
    return exp04_extrapolation.errors()


@pytest.mark.parametrize("line", EXTRAPOLATION.splitlines())
def test_extrapolation(extrapolation_errors, line):
    width, surface, published = line.split("|")
    found = exp04_extrapolation.largest(extrapolation_errors).loc[(width, surface)]
    for bias, given in zip(exp03_drift.BIASES, numbers(published), strict=True):
        assert agrees(found[bias], given), (bias, found[bias])
    assert found["ours"] < 1e-8


def test_extrapolation_of_centred_runs_is_short_by_the_same_share_at_every_budget(extrapolation_errors):
    table = extrapolation_errors[extrapolation_errors["bias"] == "baseline"]
    lopsided = table[table["surface"] != "Symmetric"].groupby(["width", "surface"])["D_error_pct"]
    assert (lopsided.max() < 0).all()
    assert (lopsided.max() - lopsided.min()).max() < 1e-9


def test_closed_form():
    table = exp06_closed_form.errors()
    assert table["difference"].abs().max() <= 2.0e-12
    assert table["a_error"].abs().max() <= 4.9e-14
    at = table.set_index(["surface", "half_width"])["closed_form"]
    published = {"Chinchilla": "0.003258 0.052888 0.155076", "Asymmetric": "0.016916 0.295522 0.991650"}
    for surface, values in published.items():
        for width, given in zip(NAMED_WIDTHS.values(), numbers(values), strict=True):
            assert agrees(at[surface, width], given)
    assert at["Symmetric"].abs().max() < 1e-13


COMPOUNDING = """none|Symmetric|0 0 0 0
none|Chinchilla|-0.32694 -1.30113 -2.90290 -5.10024
none|Asymmetric|-1.67475 -6.49778 -13.91042 -23.11631
offset 3x|Symmetric|+3.97424 +3.47182 +2.64517 +1.50979
offset 3x|Chinchilla|+7.11012 +5.69094 +3.37611 +0.23788
offset 3x|Asymmetric|+19.22118 +14.41366 +6.95937 -2.42457
drift to 3x|Symmetric|+6.07097 +5.17117 +3.69790 +1.68907
drift to 3x|Chinchilla|+11.61425 +9.83164 +6.93906 +3.04760
drift to 3x|Asymmetric|+34.57462 +30.03843 +22.96869 +13.99698"""


@pytest.fixture(scope="module")
def compounding_errors():
    return exp10_compounding.errors()


@pytest.mark.parametrize("line", COMPOUNDING.splitlines())
def test_compounding(compounding_errors, line):
    bias, surface, published = line.split("|")
    table = compounding_errors
    rows = table[(table["bias"] == bias) & (table["surface"] == surface)].set_index("span")
    for span, given in zip(("+-2x", "+-4x", "+-8x", "+-16x"), numbers(published), strict=True):
        found = rows.loc[span, "D_error_pct"]
        assert abs(found) < 1e-9 if given == "0" else agrees(found, given), (span, found)
    assert rows["ours_D_error_pct"].abs().max() < 1e-9


@pytest.mark.parametrize("module", [exp01_range, exp04_extrapolation, exp06_closed_form, exp10_compounding])
def test_answers_tables_and_pictures(module):
    findings = module.EXPERIMENT.run(Context())
    assert all(any(c.isdigit() for c in text) for text in findings.answer)
    assert len(findings.tables[0].rows) and findings.pictures


def test_the_bias_does_not_depend_on_amplitudes():
    """A law of nature: E, A, B and the unit of N leave the shift of the vertex alone."""
    one = Sampling(1.0)
    other = LossSurface(E=0.2, A=3.0, B=9000.0, alpha=0.34, beta=0.28)
    errors = [exp06_closed_form.Case.of(s, one).vertex_errors for s in (CHINCHILLA, other)]
    np.testing.assert_allclose(errors[0], errors[1], rtol=1e-9)
