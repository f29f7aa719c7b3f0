"""Experiments on published rows, and the flags of quality control. Bootstrap seed: 42."""

import numpy as np
import pandas as pd
import pytest
from study_cases import agrees, numbers

from fitting import BadData, BadOption
from studies.fitting_methods import exp00_reproductions, exp11_cost, exp12_residuals, real_cost
from studies.fitting_methods.experiment import Context
from studies.fitting_methods.quality import NONE, REASONS, SPLINE_Z, Thresholds, check, check_table
from studies.fitting_methods.sampling import Runs, Sampling
from studies.fitting_methods.surfaces import CHINCHILLA
from studies.fitting_methods.tables import IsoflopData


def test_quality_control_reproduces_every_flag(isoflop_data):
    table = isoflop_data.table
    found = check_table(table, spline_z=SPLINE_Z)
    wrong = table.assign(found=found)[found != table["reason"]]
    assert len(table) == 947 and wrong.empty, wrong[["experiment", "reason", "found"]]
    assert ((found != NONE) == table["outlier"]).all()


REPRODUCTIONS = {
    "VPNLS (256 x 256, L-BFGS-B)": "1.9051 4.0005 1.0509 0.3511 0.4587 0.5665 0.062414",
    "Approach 3 (LSE)": "1.9051 4.0005 1.0509 0.3511 0.4587 0.5665 0.062414",
    "Exact VPNLS (Newton), ours": "1.905092 4.000522 1.050948 0.351058 0.458742 0.5665 0.06241429",
    "Approach 3 (LSE, log-loss)": "1.8926 4.0146 1.0571 0.3522 0.4430 0.5571 0.063305",
}


def test_reproductions(isoflop_data):
    runs = exp00_reproductions.points(Context(isoflop_data))
    assert len(runs.L) == 217
    found = exp00_reproductions.fits(runs).set_index("method")
    for method, published in REPRODUCTIONS.items():
        row = found.loc[method, ["E", "A", "B", "alpha", "beta", "a", "RSS"]]
        assert [agrees(f, g) for f, g in zip(row, numbers(published), strict=True)] == [True] * 7, method


RESIDUALS = """epochai Chinchilla|85 7 1.9044 0.3841 0.4268 0.0155 0.947 0.433 6.061 5.865 6.220|0.021666
Llama 3 raw|116 8 0.6216 0.3350 0.3343 0.0027 0.0048 0.026 5.901 5.749 6.546|0.001107
Marin comma|80 6 2.7500 0.7223 0.3892 0.0235 0.0062 0.991 6.192 5.278 6.652|0.056369
Marin dclm|79 6 2.6203 0.6951 0.4380 0.0197 0.0062 0.976 6.204 5.322 6.572|0.038957
Marin nemotron|80 6 2.5486 0.6809 0.4326 0.0204 0.0047 0.692 6.200 5.336 6.554|0.041385
misfitting|106 14 2.6705 0.6259 0.6820 0.0165 0.00019 0.349 6.035 5.302 6.343|0.051083"""
COLUMNS = [
    "n",
    "budgets",
    "E",
    "alpha",
    "beta",
    "mean_sigma",
    "kruskal_p",
    "levene_p",
    "k_median",
    "k_min",
    "k_max",
]


@pytest.fixture(scope="module")
def residuals(isoflop_data):
    return exp12_residuals.results(Context(isoflop_data))[0].set_index(["experiment", "method"])


@pytest.mark.parametrize("line", RESIDUALS.splitlines())
def test_residuals_by_budget(residuals, line):
    name, logs, rss = line.split("|")
    row = residuals.loc[(name, "Approach 3 (LSE, log-loss)"), COLUMNS]
    wrong = [(c, f, g) for c, f, g in zip(COLUMNS, row, numbers(logs), strict=True) if not agrees(f, g)]
    assert not wrong
    assert agrees(residuals.loc[(name, "Approach 3 (LSE)"), "rss"], rss)
    ours = residuals.loc[(name, "Exact VPNLS (Newton)"), "rss"]
    assert agrees(ours, "0.050358") if name == "misfitting" else agrees(ours, rss)


def test_the_k_of_each_budget_explains_the_shift_between_budgets(residuals):
    """The published conclusion: with C = k N D at the k of each budget no location differs, and spreads hardly change."""
    logs = residuals.xs("Approach 3 (LSE, log-loss)", level="method")
    shifted = logs["kruskal_p"] < 0.05
    assert list(logs.index[shifted]) == [
        "Llama 3 raw",
        "Marin comma",
        "Marin dclm",
        "Marin nemotron",
        "misfitting",
    ]
    assert (logs["kruskal_p_after_k"] > 0.75).all()
    after = {"epochai Chinchilla": ("0.779", "0.465"), "Llama 3 raw": ("0.933", "0.030"), "misfitting": ("0.994", "0.538")}  # fmt: skip
    for name, (kruskal, levene) in after.items():
        assert agrees(logs.loc[name, "kruskal_p_after_k"], kruskal)
        assert agrees(logs.loc[name, "levene_p_after_k"], levene)
    # a shift of a whole budget leaves its own spread as it was, where D was 6ND/C before
    same = logs.loc[["epochai Chinchilla", "Llama 3 raw", "misfitting"]]
    assert (same["mean_sigma_after_k"] / same["mean_sigma"] - 1).abs().max() < 0.02


def test_the_k_of_a_budget_is_found_again():
    """Runs whose tokens were counted as C = 5 N D in one budget and 7 in the other. No noise."""
    N = np.tile(np.geomspace(1e8, 1e10, 9), 2)
    C, k = np.repeat([1e20, 1e21], 9), np.repeat([5.0, 7.0], 9)
    L = CHINCHILLA.loss(N, C / (k * N))
    runs = Runs(N, C / (6 * N), L, C)
    found = exp12_residuals.factors(CHINCHILLA, runs)
    assert list(found) == pytest.approx([5.0, 7.0], rel=1e-9)
    assert np.abs(L - CHINCHILLA.loss(N, exp12_residuals.tokens_by(found, runs))).max() < 1e-9


def test_cost_on_llama_3(isoflop_data):
    table, fitted = real_cost.against_truths(isoflop_data, exp11_cost.TARGET)
    assert fitted == 82
    at = table.set_index("truth")
    truth = at.loc[["VPNLS", "Approach 3"], ["E", "A", "B", "alpha", "beta"]].to_numpy().ravel()
    published = "0.604670 59.1411 155.1142 0.310006 0.313643 0.602090 56.2061 147.3232 0.306766 0.310969"
    assert [agrees(f, g, 1.0) for f, g in zip(truth, numbers(published), strict=True)] == [True] * 10, truth
    columns = ["D_error_pct", "loss_penalty", "deadweight_flops", "share_pct", "dollars"]
    scale = [1, 1e4, 1e-24, 1, 1e-6]
    for name, given in {
        "VPNLS": "58.05 2.647 2.394 6.3 1.344",
        "Approach 3": "59.74 2.810 2.480 6.5 1.392",
    }.items():
        found = at.loc[name, columns] * scale
        assert [agrees(f, g) for f, g in zip(found, numbers(given), strict=True)] == [True] * 5, name
    row = at.loc["VPNLS"]
    tokens = [row["D_true"] / 1e12, row["D_inferred"] / 1e12, row["N_true"] / 1e9, row["N_inferred"] / 1e9]
    assert [agrees(f, g) for f, g in zip(tokens, numbers("10.188 16.102 621.6 393.3"), strict=True)] == [
        True
    ] * 4
    bands = at.loc[["VPNLS", "Approach 3"], ["deadweight_low", "deadweight_high"]].to_numpy().ravel() / 1e23
    assert [agrees(f, g) for f, g in zip(bands, numbers("6.79 50.3 7.33 51.4"), strict=True)] == [True] * 4
    dollars = at.loc[["VPNLS", "Approach 3"], ["dollars_low", "dollars_high"]].to_numpy().ravel() / 1e6
    assert [agrees(f, g) for f, g in zip(dollars, numbers("0.38 2.83 0.41 2.88"), strict=True)] == [True] * 4


def test_approach_2_on_llama_3(isoflop_data):
    fit = real_cost.fit_approach_2(isoflop_data.runs(real_cost.LLAMA))
    published = numbers("0.463221 0.536779 -0.254338 -0.523813")
    assert [agrees(f, g) for f, g in zip((fit.a, fit.b, fit.a0, fit.b0), published, strict=True)] == [
        True
    ] * 4


FILTERING = """Llama 3|Approach 3|6.5 6.5 4.5 0.02 0.02
Llama 3|VPNLS|6.3 6.3 4.3 0.04 0.04
Chinchilla (epochai)|Approach 3|37.9 37.4 26.5 12.5 12.5
Chinchilla (epochai)|VPNLS|43.0 42.6 31.6 16.8 16.8"""


def test_progressive_filtering(isoflop_data):
    table = real_cost.progressive(isoflop_data).set_index(["data", "truth"])["share_pct"]
    for line in FILTERING.splitlines():
        data, truth, published = line.split("|")
        assert [agrees(f, g) for f, g in zip(table[data, truth], numbers(published), strict=True)] == [
            True
        ] * 5, line


@pytest.mark.parametrize("module", [exp00_reproductions, exp11_cost, exp12_residuals])
def test_findings_on_published_rows_are_complete(module, isoflop_data):
    findings = module.EXPERIMENT.run(Context(isoflop_data))
    assert all(any(c.isdigit() for c in text) for text in findings.answer)
    names = {p.name for p in findings.pictures}
    assert len(findings.tables) >= 1
    assert {
        exp00_reproductions: {"fit", "methods"},
        exp11_cost: {"llama_cost", "llama_isoflops", "chinchilla_power_law", "filtering", "share_cells"},
        exp12_residuals: {"isoflops", "residuals", "residuals_after_k", "k", "sigma", "tests"},
    }[module] <= names


def test_cost_without_published_rows_says_what_it_needs():
    findings = exp11_cost.EXPERIMENT.run(Context())
    assert "isoflops.csv" in findings.answer[-1] and len(findings.tables) == 2


def clean(points: int = 9) -> Runs:
    """Centred runs with a little noise (seed 3)."""
    runs = Sampling(0.8, points=points).runs(CHINCHILLA)
    return runs.with_loss(runs.L + np.random.default_rng(3).normal(0, 0.002, len(runs.L)))


def test_quality_control_keeps_clean_runs():
    """The ends of a budget are extrapolated, so the source's spline stage is hard on smooth rows: a looser one here."""
    quality = check(clean(), Thresholds(spline_z=12.0))
    assert quality.kept.all() and quality.counts[NONE] == 45 and sum(quality.counts.values()) == 45


def test_quality_control_names_what_is_wrong():
    runs = clean()
    L, N, D = runs.L.copy(), runs.N.copy(), runs.D.copy()
    L[4] += 0.3  # far from its neighbours
    N[10], D[10] = N[9], D[9] * 1.1  # the same size twice; the second is farther from its budget
    N[20] = N[19] * 1.002  # nearly the same size
    D[20] = D[19] * 1.5
    flat = slice(27, 36)
    L[flat] = 3.0 - 0.01 * np.arange(9)  # a falling line: the vertex lies beyond
    short = np.ones(45, dtype=bool)
    short[40:] = False  # four rows are too few
    keep = np.flatnonzero(short)
    reasons = check(Runs(N[keep], D[keep], L[keep], runs.C[keep])).reasons
    assert reasons[4] == "spline_outlier"
    assert reasons[10] == "exact_duplicate" and reasons[9] == NONE
    assert reasons[20] == "near_duplicate_params" and reasons[19] == NONE
    assert set(reasons[36:]) == {"too_few_points"}
    assert set(reasons[flat]) <= {"off_center", "weak_curvature", "negative_curvature"}


def test_quality_control_does_not_mind_the_order_of_rows():
    runs = clean()
    L = runs.L.copy()
    L[[4, 13]] += 0.3
    order = np.random.default_rng(11).permutation(len(L))
    straight = check(runs.with_loss(L)).reasons
    mixed = check(Runs(runs.N[order], runs.D[order], L[order], runs.C[order])).reasons
    assert (mixed == straight[order]).all() and set(straight) != {NONE}


def test_quality_control_says_what_is_missing():
    with pytest.raises(BadData, match="no column budget"):
        check_table(pd.DataFrame({"params": [1.0], "tokens": [1.0], "loss": [1.0]}))
    with pytest.raises(BadData, match=r"N must be finite and > 0: 1 of 1 rows are not \(first: row 0"):
        check(Runs(np.zeros(1), np.ones(1), np.ones(1), np.ones(1)))
    with pytest.raises(BadOption, match="radius >= 1"):
        Thresholds(radius=0.5)
    assert len(REASONS) == 8


def test_a_folder_without_the_table_is_refused(tmp_path):
    with pytest.raises(BadData, match=r"expected a folder with isoflops\.csv"):
        IsoflopData.of(tmp_path)
