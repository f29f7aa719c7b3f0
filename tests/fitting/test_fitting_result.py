"""What a result can do: summary, bands, frames, saving, comparing, rolling out."""

import numpy as np
import pytest
from fitting_cases import simulated

from fitting import BadData, BadOption, FarOut, FitError, compare, fit, huber, load, profile, rollout

SURFACE = "E + A*N**-alpha + B*D**-beta"


def test_a_summary_has_errors_information_and_warnings():
    data = simulated(noise_std=0.01)
    result = fit(SURFACE, data, bounds={"alpha": (None, 0.3)})
    text = result.summary()
    for part in (
        "std. error",
        "95 % sandwich",
        "AIC",
        "BIC",
        "on its bound",
        "correlations above 0.9",
        "! alpha at its upper",
    ):
        assert part in text
    page = result._repr_html_()
    assert page.count("<tr>") == 6 and r"\alpha" in page and "<ul>" in page


def test_information_is_that_of_normal_noise():
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, 40)
    y = 1 + 2 * x + 0.1 * rng.standard_normal(40)
    found = fit("c + m*x", {"x": x, "y": y}, nonnegative=False)
    s2 = found.rss / 40
    loglik = -20 * (np.log(2 * np.pi * s2) + 1)
    assert f"AIC {2 * 3 - 2 * loglik:.2f}" in found.summary()


def test_bands_widen_beyond_the_rows_and_far_out_warns():
    result = fit(SURFACE, simulated(noise_std=0.01))
    near = result.predict(N=1e9, D=2e10, interval=0.9)
    assert near.low[0] < near.value[0] < near.high[0] and near.beyond[0] == 0
    assert near.value[0] == pytest.approx(result.predict(N=1e9, D=2e10))
    with pytest.warns(FarOut, match="decades beyond"):
        far = result.predict(N=1e13, D=[2e14, 4e14], interval=0.9)
    assert far.beyond.min() > 2 and np.all(far.high - far.low > near.high[0] - near.low[0])


def test_saved_fits_load(tmp_path):
    result = fit("E + exp(a - alpha*log(N)) + B*D**-beta", simulated(noise_std=0.01), loss=huber(0.01))
    again = load(result.save(tmp_path / "fit.json"))
    assert again.constants == result.constants and again.summary() == result.summary()
    with pytest.raises(BadData, match="can't be read"):
        load(tmp_path / "none.json")


def test_frames():
    pytest.importorskip("pandas")
    result = fit(SURFACE, simulated(noise_std=0.01))
    assert list(result.bootstrap(4).to_frame().columns) == list(result.constants)
    assert list(profile(result, "alpha").to_frame().columns) == ["alpha", "objective", "root"]


def test_the_right_law_wins_and_predicts_beyond():
    data = simulated(noise_std=0.005)
    right, wrong = fit(SURFACE, data), fit("E + A*N**-alpha", data)
    found = compare([wrong, right], along="N")
    assert found.names[0] == SURFACE and found.worse[1, 0] > 0 and found.rollout[0] < found.rollout[1]
    assert "AICc" in repr(found)
    steps = rollout(SURFACE, data, along="N", steps=3)
    assert np.all(np.diff(steps.cut) > 0) and np.all(steps.until > steps.cut) and 0 < steps.error < 0.1
    with pytest.raises(BadData, match="no column 'K'"):
        rollout(SURFACE, data, along="K")
    with pytest.raises(BadOption, match="two or more"):
        compare([right])
    with pytest.raises(BadData, match="different rows"):
        compare([right, fit("E + A*N**-alpha", simulated(seed=5))])
    assert compare([right, fit(SURFACE, data, bounds={"alpha": (0.4, 0.5)})]).names[1] == f"{SURFACE} (2)"
    with pytest.raises(FitError, match="no cut"):
        rollout(SURFACE, {k: v[:4] for k, v in data.items()}, along="N")


def test_a_rollout_along_compute_moves_by_whole_budgets():
    """6 N D of one budget differs in its last digits; the next budget is scored though it is ten times as large."""
    data = simulated(noise_std=0.005)
    data["C"] = 6 * data["N"] * data["D"]
    assert len(np.unique(data["C"])) > 5
    steps = rollout(SURFACE, data, along="C")
    assert steps.cut == pytest.approx([1e19, 1e20]) and steps.until == pytest.approx([1e20, 1e21])
    assert list(steps.n_fit) == [45, 60] and list(steps.n_scored) == [15, 15]
