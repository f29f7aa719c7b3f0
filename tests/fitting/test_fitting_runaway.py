"""A fit is never called converged while a constant runs away: in every spelling of a law, upwards, downwards and to zero."""

import numpy as np
import pytest
from fitting_cases import SPELLINGS

from fitting import fit


def rows(seed=0, n=60):
    rng = np.random.default_rng(seed)
    return rng, {
        "N": 10 ** rng.uniform(7, 10, n),
        "D": 10 ** rng.uniform(9, 12, n),
        "x": rng.uniform(-1, 1, n),
    }


@pytest.mark.parametrize("text", ("E + A*N**-alpha + B*D**-beta", *SPELLINGS))
def test_a_term_that_the_rows_refuse_vanishes_with_a_word(text):
    _, data = rows()
    data["L"] = (
        1.5 + 300 * data["N"] ** -0.3 + 0.02 * (np.log(data["D"]) - 24)
    )  # rises with D: no term of D is best
    result = fit(text, data)
    assert result.status == "bound_hit"
    assert "its term vanishes" in result.status_message or "lower bound 0" in result.status_message
    assert result.warnings and result.summary()  # constants beyond all numbers are no reason to stop


@pytest.mark.parametrize(
    "text", ["E - exp(a)*N**alpha", "c + exp(b + k*x)", "c + A*exp(-x/tau)", "c + A/(1 + exp(-k*(x - m)))"]
)
def test_a_constant_that_could_be_ten_times_as_large_runs_away(text):
    rng, data = rows()
    rng.normal(size=120)
    data["L"] = 2 + 0.1 * rng.standard_normal(60)  # nothing to see: the law turns into a line or a step
    result = fit(text, data)
    assert result.status != "converged"
    assert (
        "runs away" in result.status_message
        or "bound" in result.status_message
        or "stopped" in result.status_message
    )


def test_two_constants_that_grow_together_are_named():
    _, data = rows()
    data["L"] = 2 + 0.5 * data["x"]  # a line: c + exp(b + k*x) comes as near as one likes, and never arrives
    result = fit("c + exp(b + k*x)", data, start={"c": -1e6, "b": 13.8, "k": 5e-7})
    assert result.status != "converged"


def test_what_the_rows_leave_open_but_do_settle_is_converged():
    rng, data = rows()
    data["L"] = 1.5 + 300 * data["N"] ** -0.3 + 0.01 * rng.standard_normal(60)
    result = fit("E + A*N**-alpha", data)
    assert result.status == "converged"
    curved = data | {"L": 2 + 0.5 * data["x"] + 0.05 * np.exp(data["x"]) + 0.001 * rng.standard_normal(60)}
    assert fit("c + b*x + A*exp(k*x)", curved, bounds={"k": (0.5, 2.0)}).status in ("converged", "bound_hit")
    assert fit("c + A*tanh((x - m)/w)", data | {"L": 2 + np.tanh(data["x"] / 0.3)}).status == "converged"
