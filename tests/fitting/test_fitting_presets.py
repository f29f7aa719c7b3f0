"""Published constants give the numbers that their sources draw from them, and fits bring them back."""

import numpy as np
import pytest

from fitting import PRESETS, fit, preset


def value(name, **columns):
    return preset(name).predict(PRESETS[name].published, **columns)


@pytest.mark.parametrize(
    ("N", "D", "loss"), [(280e9, 300e9, 1.993), (70e9, 1.4e12, 1.936)], ids=["Gopher", "Chinchilla"]
)
def test_chinchilla_gives_the_losses_of_its_two_models(N, D, loss):
    assert value("chinchilla", N=N, D=D) == pytest.approx(loss, abs=1e-3)


def test_kaplan_gives_its_rule_of_five_thousand_tokens():
    """D = 5e3 N**0.74 keeps the loss within 2 % of that with endless data (section 4.2)."""
    for N in (1e8, 1e9, 1e10):
        bounded, endless = value("kaplan", N=N, D=5e3 * N**0.74), value("kaplan", N=N, D=1e30)
        assert bounded / endless == pytest.approx(1.02, abs=2e-3)


def test_repeated_data_are_worth_nearly_fresh_data_for_four_epochs():
    """Fresh data are those of U = D; after 40 epochs more repeats bring next to nothing (section 6)."""
    fresh, four = (value("data_repeated", N=8.7e9, D=178e9, U=U) for U in (178e9, 44.5e9))
    assert 1.0 < four / fresh < 1.005
    late = [value("data_repeated", N=8.7e9, D=e * 10e9, U=10e9) for e in (60, 120)]
    assert 0 < late[0] - late[1] < 3e-3


@pytest.mark.parametrize(
    ("n", "D", "G", "loss"),
    [(100e6, 4.37e9, 8, 3.133), (7e9, 137.6e9, 32, 2.076), (1e12, 7.94e12, 64, 1.367)],
    ids=["64x100M", "64x7B", "64x1T"],
)
def test_granular_experts_give_the_table_of_best_models(n, D, G, loss):
    """Table 2, to what the rounding of exponents allows; 64 experts stand in for the two thirds that are feed-forward."""
    assert value("moe_granularity", N=n * (1 / 3 + 64 * 2 / 3), D=D, G=G) == pytest.approx(loss, rel=0.01)


def test_over_training_has_the_best_ratio_of_tokens_on_redpajama():
    """Along fixed compute the loss is least near 7 tokens a parameter."""
    M = np.geomspace(1, 100, 400)
    assert M[np.argmin(value("over_trained", C=1e20, M=M))] == pytest.approx(7.4, rel=0.05)


def test_experts_help_until_the_cutoff():
    """Without routing the effective number of experts is X_s; experts stop helping near 937 billion parameters."""
    c = PRESETS["moe_experts"].published
    one = 10 ** (c["a"] * 9 + c["b"] * np.log10(c["X_s"]) + c["c"] * 9 * np.log10(c["X_s"]) + c["d"])
    assert value("moe_experts", N=1e9, X=1.0) == pytest.approx(one)
    gain = [
        value("moe_experts", N=N, X=1.0) - value("moe_experts", N=N, X=64.0) for N in (937e9 / 5, 937e9 * 5)
    ]
    assert gain[0] > 0 > gain[1]


COLUMNS = {
    "N": (7.0, 10.5), "D": (9.0, 12.0), "U": (8.5, 9.0), "G": (0.0, 2.0), "C": (18.0, 22.0), "M": (0.5, 3.0), "X": (0.0, 2.7),
    "T": (0.3, 0.48), "S": (0.3, 0.55), "P": (0.3, 1.2), "V": (3.6, 5.0),
}  # fmt: skip
MADE = {
    "shifted_surface": {"E": 1.7, "A": 400, "S": 1e8, "alpha": 0.34, "B": 400, "T": 1e10, "beta": 0.28},
    "shifted": {"E": 1.7, "A": 400, "S": 1e8, "alpha": 0.34},
    "precision": {"E": 2.0, "A": 400, "gamma": 2.5, "alpha": 0.34, "B": 400, "beta": 0.28},
    "vocabulary": {"E": 1.7, "A": 400, "alpha": 0.34, "K": 20, "gamma": 0.4, "B": 400, "beta": 0.28},
    "broken_power": {"E": 1.5, "A": 400, "alpha": 0.2, "N_b": 1e9, "w": 0.4, "c": 0.3},
    "interaction": {"E": 1.7, "A": 400, "alpha": 0.34, "B": 400, "beta": 0.28, "K": 1e5},
    "farseer_light": {"E": 1.7, "A": 400, "alpha": 0.34, "B": 100, "k": 0.05, "beta": 0.28},
    "power_floor": {"E": 1.7, "A": 400, "alpha": 0.34},
    "power": {"A": 30, "alpha": 0.12},
    "tied": {"E": 1.7, "A": 400, "alpha": 0.3, "B": 500},
    "bounded": {"E": 1.7, "I": 9.0, "A": 4000, "alpha": 0.5},
    "skaling": {"E": 1.22, "A": 3355, "alpha": 0.408, "B": 18186, "beta": 0.431, "k": 0.452},
    "distillation": {"c0": 2.5, "d1": 1.3, "f1": 0.09, "c1": 20.0, "A": 2243, "alpha": 0.32, "B": 24181, "beta": 0.64, "gamma": 0.76},
}  # fmt: skip


def test_every_preset_says_where_it_comes_from():
    for name, chosen in PRESETS.items():
        assert len(chosen.source) > 20 and set(preset(name).used) == set(chosen.variables), name


@pytest.mark.parametrize("name", [*(n for n, p in PRESETS.items() if p.published), *MADE])
def test_fits_bring_constants_back(name):
    law, constants = preset(name), PRESETS[name].published or MADE[name]
    rng = np.random.default_rng(0)
    data = {v: 10 ** rng.uniform(*COLUMNS[v], 100) for v in law.used}
    data["L"] = law.predict(constants, data)
    result = fit(name, data)
    assert str(result.status) == "converged"
    assert result.constants == pytest.approx(constants, rel=1e-6)
