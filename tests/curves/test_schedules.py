"""Schedule-aware laws: recovery on simulated curves, laws of nature, real anchors, errors."""

from pathlib import Path

import numpy as np
import pytest
import real_rows

from curves.schedules import NAMES, Schedule, ScheduledCurve, ScheduleLaw, fit_schedule_law
from fitting.errors import BadData, BadOption

SEED = 11
TRUTH = {
    "multi_power": {"L0": 2.5, "A": 0.6, "B": 400.0, "alpha": 0.45, "C": 2.0, "beta": 0.6, "gamma": 0.6},
    "momentum": {"L0": 2.5, "A": 0.6, "B": 0.8, "alpha": 0.45, "lam": 0.998},
}


def schedule(kind, n=8_000, every=200, peak=3e-4):
    step = np.arange(500, n + 1, every, dtype=float)
    u = (step - 500) / (n - 500)
    lr = {
        "constant": np.full(len(step), peak),
        "cosine": peak * (0.1 + 0.45 * (1 + np.cos(np.pi * u))),
        "two_stage": np.where(step < n / 2, peak, 0.3 * peak),
        "wsd": peak * np.where(u < 0.8, 1.0, 10 ** (-(u - 0.8) / 0.2)),
        "linear_to_zero": peak * (1 - u),
    }[kind]
    return Schedule(step, lr, warmup_sum=0.5 * peak * 500)


def known(law):
    return ScheduleLaw(law, TRUTH[law], 0.0, 0, (), True, 0)


def curve(law, kind, noise=0.0, **options):
    found = schedule(kind, **options)
    rng = np.random.default_rng(SEED)
    loss = known(law).predict(found)
    return ScheduledCurve(found, loss * np.exp(noise * rng.standard_normal(len(loss))))


@pytest.mark.parametrize("law", NAMES)
def test_a_fit_on_three_schedules_predicts_others_that_are_longer(law):
    fitted = fit_schedule_law([curve(law, k) for k in ("constant", "cosine", "two_stage")], law)
    assert fitted.mae < 2e-5
    for kind in ("wsd", "linear_to_zero"):
        other = curve(law, kind, n=16_000)
        assert np.abs(fitted.predict(other.schedule) - other.loss).max() < 2e-3
    assert fitted.constants["alpha"] == pytest.approx(TRUTH[law]["alpha"], abs=0.01)


@pytest.mark.parametrize("law", NAMES)
def test_outliers_and_points_without_a_loss_do_not_matter(law):
    curves = [curve(law, k, noise=1e-3) for k in ("constant", "two_stage")]
    dirty = curves[0].loss.copy()
    dirty[5], dirty[9:12] = 2 * dirty[5], np.nan
    fitted = fit_schedule_law([ScheduledCurve(curves[0].schedule, dirty), curves[1]], law)
    assert np.nanmedian(np.abs(fitted.predict(curves[0].schedule) - curves[0].loss)) < 3e-3
    assert fitted.n_points == 2 * len(dirty) - 3


def test_without_a_drop_the_law_is_its_power_law():
    flat = schedule("constant")
    S1 = 0.5 * 3e-4 * 500 + 3e-4 * (flat.step - 500)
    for law in NAMES:
        assert known(law).predict(flat) == pytest.approx(2.5 + 0.6 * S1**-0.45, rel=1e-12)


@pytest.mark.parametrize("law", NAMES)
def test_a_drop_pays_after_it_and_not_before(law):
    gain = known(law).predict(schedule("constant")) - known(law).predict(schedule("two_stage"))
    after = schedule("constant").step > 4400
    assert (gain[schedule("constant").step < 4000] == 0).all()
    assert gain[after][0] > 0  # soon after the drop it pays; later the lower rate also costs some of S1


def test_finer_points_change_little():
    """The same cosine known every 50 and every 200 steps."""
    coarse, fine = schedule("cosine", n=8100), schedule("cosine", n=8100, every=50)
    a, b = known("multi_power").predict(coarse), known("multi_power").predict(fine)
    assert a == pytest.approx(b[::4], abs=2e-4)


def test_a_rate_that_decays_to_zero_stays_finite():
    assert np.isfinite(known("multi_power").predict(schedule("linear_to_zero"))).all()


def test_adapting_to_the_first_half_of_another_run_predicts_its_end():
    """Another floor and size of fall, the same exponents; no drop is seen before the cut."""
    other = schedule("wsd")
    truth = ScheduleLaw(
        "multi_power", TRUTH["multi_power"] | {"L0": 2.1, "A": 0.9, "B": 600.0}, 0, 0, (), True, 0
    )
    loss = truth.predict(other)
    seen = np.where(other.step < 4000, loss, np.nan)
    adapted = known("multi_power").adapt(ScheduledCurve(other, seen))
    assert adapted.predict(other)[-1] == pytest.approx(loss[-1], abs=1e-6)
    assert adapted.constants["B"] == pytest.approx(600, rel=1e-6)
    all_seen = known("multi_power").adapt(ScheduledCurve(other, loss))
    assert all_seen.constants["L0"] == pytest.approx(2.1, rel=1e-6)


@pytest.mark.parametrize(
    "step, lr, word",
    [
        ([1, 2, 2], [1, 1, 1], "increasing"),
        ([1], [1], "length >= 2"),
        ([1, 2], [1, -1], ">= 0"),
        ([1, 2], [0, 0], "not all zero"),
        ([1, np.nan], [1, 1], "finite"),
        ([1, 2], [1, 1, 1], "shapes"),
    ],
)
def test_bad_schedules_are_named(step, lr, word):
    with pytest.raises(BadData, match=word):
        Schedule(np.array(step, dtype=float), np.array(lr, dtype=float))


def test_bad_fits_are_named():
    flat = schedule("constant")
    with pytest.raises(BadData, match="match"):
        ScheduledCurve(flat, np.ones(3))
    with pytest.raises(BadData, match="> 0"):
        ScheduledCurve(flat, np.zeros(len(flat.step)))
    with pytest.raises(BadData, match="7 constants"):
        fit_schedule_law([])
    with pytest.raises(BadOption, match="multi_power, momentum"):
        fit_schedule_law([curve("momentum", "constant")], "cosine")
    with pytest.raises(BadOption, match="delta"):
        fit_schedule_law([curve("momentum", "constant")], delta=0.0)


def curve_sets():
    return real_rows.needed("SLD_CURVES_DIR", "multipowerlaw")


@pytest.mark.slow
def test_real_curves_under_unseen_schedules():
    """At most 0.006 nats on the six test runs of each size, as asked; published 0.0038 to 0.0048."""
    import importlib.util

    path = Path(__file__).parents[2] / "benchmarks/schedule_laws.py"
    spec = importlib.util.spec_from_file_location("bench_schedule_laws", path)
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    for roles in bench.curves_of(curve_sets() / "multipowerlaw/loss_curves.csv").values():
        fitted = fit_schedule_law([c for _, c in roles["fit"]])
        errors = [np.mean(np.abs(fitted.predict(c.schedule) - c.loss)) for _, c in roles["test"]]
        assert len(errors) == 6
        assert np.mean(errors) <= 0.006
