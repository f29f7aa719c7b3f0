"""Within a run: forms, both solvers, bounds."""

import numpy as np
import pytest

from curves import (
    FORMS,
    LOSSES,
    SOLVERS,
    VARIANTS,
    Curve,
    fit_curve,
    fit_curves,
    load_delphi,
)
from fitting.errors import BadData, BadOption

TRUE = {"log": [0.05], "exponential": [4.0], "power": [0.08, 0.7], "rational": [0.3, 0.8]}
TAU = np.linspace(0, 1, 41)


@pytest.mark.parametrize("form", FORMS)
def test_a_form_is_one_at_the_start_and_zero_at_the_end(form):
    with np.errstate(over="raise", invalid="raise"):
        g = FORMS[form].shape(TAU, FORMS[form].spread)
    assert np.abs(g[:, 0] - 1).max() < 1e-12
    assert np.abs(g[:, -1]).max() < 1e-12
    assert (np.diff(g, axis=1) <= 1e-12).all()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("form", FORMS)
def test_constants_come_back_from_a_curve_without_noise(form, loss):
    """From 0.7 of the run; the grid does not hold the true shape. F's bound min(y) is not reached: A*g is left."""
    y = 1.3 + 0.9 * FORMS[form].shape(TAU, np.array(TRUE[form]))
    seen = TAU <= 0.7
    fit = fit_curve(TAU[seen], y[seen], form, loss)
    tolerance = 1e-5 if loss == "huber" else 2e-3
    assert fit.endpoint == pytest.approx(1.3, abs=tolerance)
    assert fit.predict(TAU) == pytest.approx(y, abs=tolerance)
    assert fit.at_bound == ()
    assert fit.converged or loss == "mae"


@pytest.mark.parametrize("form", FORMS)
def test_a_shift_and_a_scale_of_the_loss_move_the_endpoint_alone(form, seed):
    rng = np.random.default_rng(seed)
    y = 1.3 + 0.9 * FORMS[form].shape(TAU, np.array(TRUE[form])) + 0.01 * rng.normal(size=len(TAU))
    seen = TAU <= 0.6
    one = fit_curve(TAU[seen], y[seen], form, "huber")
    two = fit_curve(TAU[seen], y[seen] + 0.5, form, "huber")
    assert two.endpoint == pytest.approx(one.endpoint + 0.5, abs=2e-4)


@pytest.mark.parametrize("variant", VARIANTS)
def test_our_objective_is_no_worse_than_the_published_procedures(variant, make_runs, seed):
    form, loss = variant.rsplit("_", 1)
    for curve in make_runs(seed, runs=3, noise=0.01):
        seen = curve.until(0.5)
        ours = fit_curve(seen.progress, seen.loss, form, loss)
        theirs = fit_curve(seen.progress, seen.loss, form, loss, "original")
        assert ours.objective <= theirs.objective * 1.01 + 1e-9, f"seed {seed}, {curve.run}"


@pytest.mark.parametrize("loss", LOSSES)
def test_prefixes_fitted_together_give_what_each_gives_alone(loss, runs):
    prefixes = [(p.progress, p.loss) for c in runs[:3] for p in (c.until(0.3), c.until(0.8))]
    together = [f.endpoint for f in fit_curves(prefixes, "rational", loss)]
    alone = [fit_curve(*p, "rational", loss).endpoint for p in prefixes]
    assert together == pytest.approx(alone, abs=2e-4)
    assert fit_curves([]) == []


def test_bounds_hold_and_are_reported(runs):
    """A straight fall has no floor within reach: something must sit on its bound, and F stays below the least loss."""
    y = 3.0 - 1.0 * TAU[:21]
    for variant in VARIANTS:
        form, loss = variant.rsplit("_", 1)
        for solver in SOLVERS:
            fit = fit_curve(TAU[:21], y, form, loss, solver)
            assert 1e-8 <= fit.F <= y.min() - 1e-8 + 1e-15
            assert fit.A >= 0
            shape = FORMS[form]
            theta = np.array(list(fit.theta.values()))
            assert (theta >= shape.low).all() and (theta <= shape.high).all()
    flat = fit_curve(TAU[:21], 2.0 + 0.1 * TAU[:21], "exponential", "huber")
    assert "F" in flat.at_bound and flat.endpoint == pytest.approx(2.0, abs=1e-6)


def test_a_spike_moves_the_fit_little(make_runs, seed):
    curve = make_runs(seed, runs=1)[0].until(0.6)
    spiked = curve.loss.copy()
    spiked[9] += 1.0
    for loss, most in (("mae", 0.03), ("huber", 0.1)):
        plain = fit_curve(curve.progress, curve.loss, "power", loss).endpoint
        assert abs(fit_curve(curve.progress, spiked, "power", loss).endpoint - plain) < most, f"seed {seed}"


def test_warm_up_is_left_out_on_request(runs):
    """A first point far off, inside the warm-up, changes nothing once it is left out."""
    curve = runs[0].until(0.6)
    odd = curve.loss.copy()
    odd[0] = 9.0
    clean = fit_curve(curve.progress, curve.loss, after=0.05)
    assert fit_curve(curve.progress, odd, after=0.05).endpoint == clean.endpoint
    assert fit_curve(curve.progress, odd).endpoint != clean.endpoint


@pytest.mark.parametrize(
    ("tau", "y", "message"),
    [
        ([0.1, 0.2], [2, 1.9], "3 points or more, got 2"),
        ([0.1, 0.2, 0.2], [2, 1.9, 1.8], "increase within"),
        ([0.1, 0.2, 0.3], [2, np.nan, 1.8], "1 of 3 points are not finite"),
        ([0.1, 0.2, 1.3], [2, 1.9, 1.8], "increase within"),
        ([0.1, 0.2, 0.3], [2, 1.9], "one length"),
        ([0.1, 0.2, 0.3], [2, 1.9, -1.8], "must be > 0"),
    ],
)
def test_what_is_no_curve_is_named(tau, y, message):
    with pytest.raises(BadData, match=message):
        fit_curve(np.array(tau), np.array(y))


@pytest.mark.parametrize("wrong", [{"form": "cubic"}, {"loss": "mse"}, {"solver": "magic"}])
def test_an_unknown_name_lists_the_known(wrong):
    with pytest.raises(BadOption, match="expected one of"):
        fit_curve(TAU[:9], 2 - TAU[:9], **wrong)


def test_a_curve_is_checked_and_cut():
    curve = Curve("r", [0.0, 0.5, 1.0], [3.0, 2.0, 1.5], lr=[1, 1, 0])
    assert curve.until(0.5).n == 2 and not curve.until(0.5).complete and curve.until(1).complete
    assert list(curve.until(0.5).lr) == [1, 1]
    with pytest.raises(BadData, match="lr must match"):
        Curve("r", [0.0, 0.5, 1.0], [3.0, 2.0, 1.5], lr=[1, 1])
    with pytest.raises(BadData, match="no point with progress"):
        Curve("r", [0.5, 1.0], [3.0, 2.0]).until(0.2)


def errors_at(curves, prefix, predict):
    seen = [c.until(prefix) for c in curves]
    return [
        abs(end - c.final)
        for end, c in zip(predict([(s.progress, s.loss) for s in seen]), curves, strict=True)
    ]


def test_published_cells_of_the_original_procedure(curve_sets):
    """Mean endpoint errors known of it, within 5 %; the slow test has more cells."""
    curves = load_delphi(curve_sets)
    for prefix, form, known in ((0.10, "log", 0.070), (0.50, "rational", 0.022)):
        errors = errors_at(
            curves, prefix, lambda p, f=form: [x.F for x in fit_curves(p, f, "huber", "original")]
        )
        assert np.mean(errors) == pytest.approx(known, rel=0.05)


@pytest.mark.slow
def test_more_cells_of_the_original_procedure(curve_sets):
    curves = load_delphi(curve_sets)
    for prefix, form, known in ((0.25, "power", 0.058), (0.50, "power", 0.033), (0.75, "rational", 0.010)):
        errors = errors_at(
            curves, prefix, lambda p, f=form: [x.F for x in fit_curves(p, f, "huber", "original")]
        )
        assert np.mean(errors) == pytest.approx(known, rel=0.05)
