"""Predictions for planned studies against simulations. Seeds: 0 and 5, in the calls."""

import numpy as np
import pytest

from fitting import BadOption, approach_2_bias
from studies.fitting_methods.design import (
    EXACT,
    PREDICTED,
    TWO,
    Limits,
    Plan,
    candidates,
    cheapest,
    predict,
    simulate,
)
from studies.fitting_methods.sampling import Sampling
from studies.fitting_methods.surfaces import ASYMMETRIC, CHINCHILLA

BUDGETS = (1e18, 1e19, 1e20, 1e21)


def plan(surface=CHINCHILLA, noise=0.005, **options) -> Plan:
    return Plan(surface, Sampling(**{"half_width": 0.6, "budgets": BUDGETS, "points": 11, **options}), noise)


@pytest.mark.parametrize("surface", [CHINCHILLA, ASYMMETRIC])
@pytest.mark.parametrize("drift", [0.0, 0.3])
def test_prediction_agrees_with_simulation(surface, drift):
    planned = plan(surface, drift=drift)
    found = simulate(planned, 150, 0, methods=PREDICTED).set_index("method")
    for method in PREDICTED:
        expected = predict(planned, method)
        error = expected.spread / np.sqrt(150)
        assert abs(found.loc[method, "a_bias"] - expected.bias) < 4 * error, method
        assert found.loc[method, "a_spread"] == pytest.approx(expected.spread, rel=0.25), method
        assert found.loc[method, "failed_pct"] == 0


def test_without_noise_simulation_gives_the_known_bias():
    found = simulate(plan(ASYMMETRIC, noise=0.0), 1, 0, target=1e24).set_index("method")
    shift = approach_2_bias(ASYMMETRIC, log_range=0.6, points=11)
    assert found.loc[TWO, "D_error_median_pct"] == pytest.approx(100 * (1 / (1 + shift) - 1), rel=1e-6)
    assert abs(found.loc[EXACT, "D_error_median_pct"]) < 1e-6
    assert abs(found.loc[TWO, "a_bias"]) < 1e-10


def test_spread_is_proportional_to_noise():
    one, two = predict(plan(noise=0.002), TWO), predict(plan(noise=0.004), TWO)
    assert two.spread == pytest.approx(2 * one.spread) and two.bias == one.bias


@pytest.mark.parametrize("method", PREDICTED)
def test_the_cheapest_design_is_sharp_enough_and_cheaper(method):
    planned = plan(noise=0.02)
    found = cheapest(planned, 0.015, method, repeats=60, seed=5)
    assert found.predicted.rmse <= 0.015 and found.plan.cost < planned.cost
    cheaper = [c for c in candidates(planned, Limits()) if c.cost < found.plan.cost]
    assert cheaper  # the search did pass some by
    sharper = [c for c in cheaper if predict(c, method).rmse <= 0.015]
    assert len(sharper) < 20  # and those it passed by failed their simulation
    again = simulate(found.plan, 200, 0, methods=(method,)).iloc[0]
    assert again["a_rmse"] < 1.4 * 0.015


def test_more_precision_costs_more():
    costs = [cheapest(plan(), p, EXACT, repeats=40).plan.cost for p in (0.01, 0.003)]
    assert costs[0] < costs[1]


def test_a_precision_out_of_reach_has_no_design():
    assert cheapest(plan(noise=1.0), 1e-6, EXACT) is None


def test_suggestions_keep_the_limits():
    found = list(candidates(plan(), Limits(least_budgets=4, widest_span=4.0)))
    assert found and all(
        len(p.sampling.budgets) >= 4 and p.sampling.half_width <= np.log10(4.0) + 1e-12 for p in found
    )
    assert all(min(BUDGETS) <= c <= max(BUDGETS) * (1 + 1e-9) for p in found for c in p.sampling.budgets)


def test_bad_plans_are_refused():
    with pytest.raises(BadOption, match="at least two budgets"):
        plan(budgets=(1e18,))
    with pytest.raises(BadOption, match="noise must be finite"):
        plan(noise=-1.0)
    with pytest.raises(BadOption, match="at least 3 points"):
        plan(points=2)
    with pytest.raises(BadOption, match="2 to 8 budgets"):
        Limits(least_budgets=99)
    with pytest.raises(BadOption, match="precision must be > 0"):
        cheapest(plan(), 0.0, TWO)
    with pytest.raises(BadOption, match="expected one of"):
        predict(plan(), "Approach 1")
