"""One law in many spellings has one optimum, in raw units too, and a fit that ends badly says so."""

import numpy as np
import pytest
from fitting_cases import SPELLINGS, simulated

from fitting import Law, fit
from fitting.law.expression import text_of
from fitting.law.powers import as_powers
from fitting.solve.data import law_for, rows_for
from fitting.solve.losses import Loss
from fitting.solve.problem import Problem

SURFACE = "E + A*N**-alpha + B*D**-beta"


def raw_table(seed, n=24, noise=0.002):
    """Rows in raw units, as a table of runs has them."""
    rng = np.random.default_rng(seed)
    N, D = 10 ** rng.uniform(7.5, 10.5, n), 10 ** rng.uniform(9.5, 12, n)
    alpha, beta = rng.uniform(0.25, 0.45, 2)
    A, B = rng.uniform(0.2, 1.0, 2) * (1e9**alpha, 1e11**beta)
    L = rng.uniform(1, 2) + A * N**-alpha + B * D**-beta + noise * rng.standard_normal(n)
    return {"N": N, "D": D, "L": L}


@pytest.mark.parametrize("text", SPELLINGS)
@pytest.mark.parametrize("seed", [0, 1])
def test_every_spelling_reaches_the_optimum_of_the_surface(text, seed):
    data = raw_table(seed)
    best, found = fit(SURFACE, data), fit(text, data)
    assert found.objective == pytest.approx(best.objective, rel=1e-9)
    assert found.constants["alpha"] == pytest.approx(best.constants["alpha"], rel=1e-5)
    assert found.predict(N=1e11, D=1e13) == pytest.approx(best.predict(N=1e11, D=1e13), rel=1e-7)
    assert (found.status, best.status) == ("converged", "converged")


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("exp(a - alpha*log(N))", "N**(-alpha)*exp(a)"),
        ("10**(-alpha*log10(N))", "N**(-alpha)"),
        ("(N_c/N)**alpha", "N_c**alpha*(N**(-1))**alpha"),
        ("exp(-k*x)", "exp(-k*x)"),
        ("exp(-(N/D - 1)/R)", "exp(-(R**-1*N*D**-1) + R**-1)"),
    ],
)
def test_exponentials_of_logs_are_powers(text, means):
    law = Law.parse(text, ("N", "D", "x"))
    tree = as_powers(law.tree)
    rng = np.random.default_rng(0)
    data = {v: rng.uniform(1, 3, 20) for v in ("N", "D", "x")}
    values = dict(zip(law.constants, rng.uniform(0.5, 1.5, law.n_constants), strict=True))
    again = Law.parse(text_of(tree), law.variables)
    assert again.predict(values, data) == pytest.approx(law.predict(values, data), rel=1e-12)
    assert Law.parse(means, law.variables).same_as(again)


@pytest.mark.parametrize("seed", range(4))
def test_constants_go_in_and_out_of_the_search_unchanged(seed):
    data = raw_table(seed)
    for text in (
        "E + exp(a - alpha*log(N)) + exp(b*beta - beta*log(D))",
        "(N_c/N)**alpha + E + exp(-k*(log(D) - 20))",
        "E + A*N**-alpha*(1 + (N/N_b)**(1/w))**(-c*w)",
    ):
        law, target = law_for(text, data, None)
        problem = Problem.of(law, rows_for(law, data, target, Loss(), None, None), Loss(), None, None, ())
        theta = np.random.default_rng(seed).uniform(0.2, 1.5, (3, problem.model.n_slots))
        inside = problem.inward(theta)
        assert problem.outward(inside) == pytest.approx(theta, rel=1e-9)
        assert problem.inner.value(inside) == pytest.approx(problem.model.value(theta), rel=1e-9)


def test_thirty_decades_of_an_exponential():
    rng = np.random.default_rng(3)
    data = {"x1": rng.uniform(-1, 1, 60), "x2": rng.uniform(-1, 1, 60)}
    clean = np.exp(24 * data["x1"] - 19 * data["x2"] + 2)
    data["L"] = clean * (1 + 0.001 * rng.standard_normal(60))
    result = fit("exp(a*x1 + b*x2 + c)", data)
    assert result.constants == pytest.approx({"a": 24, "b": -19, "c": 2}, rel=0.05)
    assert result.status == "converged"


def test_a_term_that_vanishes_is_not_called_converged():
    rng = np.random.default_rng(0)
    N = 10 ** rng.uniform(7, 10, 40)
    data = {"N": N, "D": 10 ** rng.uniform(9, 12, 40), "L": 1.5 + 300 * N**-0.3}
    data["L"] = data["L"] + 0.02 * (np.log(data["D"]) - 24)  # rises with D: the best term of D is none
    result = fit("E + exp(a - alpha*log(N)) + exp(b - beta*log(D))", data)
    plain = fit(SURFACE, data)
    assert result.objective <= plain.objective * (1 + 1e-9)
    assert (result.status, plain.status) == ("bound_hit", "bound_hit")
    assert "b" in result.status_message
    assert any("b" in w for w in result.warnings)


def test_bounds_in_the_words_of_the_law_are_kept():
    data = raw_table(1)
    free = fit("E + exp(a - alpha*log(N)) + exp(b - beta*log(D))", data)
    low = free.constants["a"] + 0.5
    held = fit(free.law.text, data, bounds={"a": (low, None)})
    assert held.constants["a"] == pytest.approx(low)
    assert held.status == "bound_hit" and "a at its lower bound" in held.status_message
    assert held.objective > free.objective
    profile = free.intervals(method="profile", names=["a"])["a"]
    assert profile.low < free.constants["a"] < profile.high


def test_groups_with_an_exponential_amplitude_of_their_own():
    data = simulated(noise_std=0.002)
    data["g"] = np.array(["a", "b", "b"])[np.arange(75) % 3]
    data["L"] = data["L"] + 0.1 * (data["g"] == "b")
    one = fit("exp(e) + A*N**-alpha + B*D**-beta", data, groups="g", free="e")
    other = fit(SURFACE, data, groups="g", free="E")
    assert one.objective == pytest.approx(other.objective, rel=1e-9)
    assert np.exp(one.constants["e[b]"]) == pytest.approx(other.constants["E[b]"], rel=1e-7)
