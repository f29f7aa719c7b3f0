"""Pictures of a fit: what stands on the axes, and what is drawn."""

import numpy as np
import pytest
from fitting_cases import simulated

from fitting import BadData, BadOption, fit

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402


@pytest.fixture(scope="module")
def surface():
    return fit("E + A*N**-alpha + B*D**-beta", simulated(noise_std=0.01))


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_a_law_of_one_column_is_a_line_over_its_rows_and_those_held_out(surface):
    data = simulated(noise_std=0.01)
    far = {"N": np.array([1e13, 2e13]), "L": np.array([1.9, 1.8])}
    axes = fit("E + A*N**-alpha", data).plot(heldout=far)
    assert axes.get_xlabel() == "N (parameters)" and axes.get_ylabel() == "L (nats per token)"
    rows, held, law = axes.lines
    assert len(rows.get_xdata()) == 75 and list(held.get_ydata()) == [1.9, 1.8]
    assert law.get_xdata().max() == pytest.approx(2e13)  # the line goes on to the rows held out
    against = surface.plot(heldout=simulated(seed=3)).lines[1]
    assert against.get_xdata() == pytest.approx(surface.predict(simulated(seed=3)))


def test_units_are_named_only_where_they_are_known(surface):
    scaled = simulated(noise_std=0.01)
    scaled["N"], scaled["D"] = scaled["N"] / 1e9, scaled["D"] / 1e9
    small = fit("E + A*N**-alpha + B*D**-beta", scaled)
    assert [a.get_xlabel() for a in small.plot("residuals")] == ["value of the law", "N", "D"]
    told = small.plot("residuals", units={"N": "billions of parameters"})
    assert told[1].get_xlabel() == "N (billions of parameters)"
    assert [a.get_xlabel() for a in surface.plot("residuals")][1:] == ["N (parameters)", "D (tokens)"]


def test_few_budgets_have_a_legend_and_many_a_colour_bar(surface):
    few = surface.plot("isoflop")
    assert few.get_legend().get_title().get_text() == "C (FLOPs)" and len(few.lines) == 10
    many = simulated(noise_std=0.01, compute_budgets=np.geomspace(1e17, 1e21, 12))
    axes = fit("E + A*N**-alpha + B*D**-beta", many).plot("isoflop", heldout=simulated(seed=3))
    assert axes.get_legend() is None and axes.figure.axes[1].get_ylabel() == "C (FLOPs)"
    assert len(axes.collections[-1].get_offsets()) == 75


def test_profiles_and_allocations_have_a_panel_each(surface):
    alpha, beta = surface.plot("profile")
    assert (alpha.get_xlabel(), beta.get_xlabel()) == ("alpha", "beta")
    N, D = surface.plot("allocation", n=50)
    best = surface.allocate(N.lines[0].get_xdata())
    assert N.get_ylabel() == "N_opt (parameters)" and N.lines[0].get_ydata() == pytest.approx(best.N_opt)
    assert len(D.collections) == 1  # the band


def test_what_can_not_be_drawn_is_said(surface):
    with pytest.raises(BadOption, match="unknown kind 'pie'; expected one of fit, residuals"):
        surface.plot("pie")
    with pytest.raises(BadOption, match="'isoflop' needs a law of N and D"):
        fit("E + A*N**-alpha", simulated()).plot("isoflop")
    with pytest.raises(BadOption, match="'fit' takes heldout"):
        surface.plot("fit", bands="bootstrap")
    with pytest.raises(BadData, match="heldout: no column 'D'"):
        surface.plot("fit", heldout={"N": [1e9], "L": [2.0]})
