"""Any law: recovery, losses, weights, groups, fixed and tied constants, bounds, errors."""

import numpy as np
import pytest
from fitting_cases import simulated
from scipy.optimize import minimize

from fitting import (
    Law,
    asymmetric,
    fit,
    fit_vpnls,
    huber,
    log_huber,
    log_squared,
    parse_loss,
    quantile,
    squared,
)

SURFACE = "E + A*N**-alpha + B*D**-beta"


def columns(n=240, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "N": 10 ** rng.uniform(7, 10, n),
        "D": 10 ** rng.uniform(9, 12, n),
        "t": rng.uniform(-2, 3, n),
        "lr": 10 ** rng.uniform(-4, -1, n),
    }


RECOVER = [
    ("E + A*N**-a*D**-b", {"E": 1, "A": 300, "a": 0.2, "b": 0.1}),
    ("E + A*(N + s)**-a", {"E": 1, "A": 300, "a": 0.3, "s": 5e8}),
    ("E + A*(N + s*D)**-a", {"E": 1, "A": 300, "a": 0.3, "s": 0.02}),
    ("E + A*exp(-k*t)", {"E": 1, "A": 2, "k": 0.7}),
    ("E + A*tanh((t - m)/w)", {"E": 1, "A": 2, "m": 0.4, "w": 0.8}),
    ("E + A*exp(-((t - m)/w)**2)", {"E": 1, "A": 2, "m": 0.4, "w": 0.8}),
    (
        "E + A*N**-a + H*(log(lr) - m - g*log(N))**2",
        {"E": 1, "A": 300, "a": 0.3, "H": 0.1, "m": -2, "g": -0.2},
    ),
    ("E + A*D/(D + s)", {"E": 1, "A": 3, "s": 3e10}),
    ("E + A*N**-a + B*D**-b + C*N**-a*D**-b", {"E": 1, "A": 300, "a": 0.3, "B": 400, "b": 0.25, "C": 1000}),
    ("E + A*N**-a + B*D**-b + K*lr**c", {"E": 1, "A": 300, "a": 0.3, "B": 400, "b": 0.25, "K": 5, "c": 0.6}),
    ("exp(e) + exp(a)*N**-alpha + exp(b)*D**-beta", {"e": 0.5, "a": 6, "b": 6, "alpha": 0.34, "beta": 0.28}),
    ("E + A*N**-a*(1 - exp(-D/tau))", {"E": 1, "A": 300, "a": 0.3, "tau": 3e10}),
    ("E + A*log10(N) + B*log(D)**2", {"E": 1, "A": -0.3, "B": 0.1}),
    ("E + A*abs(t - m)**p", {"E": 1, "A": 2, "m": 0.4, "p": 1.5}),
]


@pytest.mark.parametrize(("text", "truth"), RECOVER)
def test_noise_free_rows_give_the_constants_back(text, truth):
    data = columns()
    data["L"] = Law.parse(text, tuple(data)).predict(truth, data)
    result = fit(text, data)
    assert result.status == "converged"
    for name, value in truth.items():
        assert result.constants[name] == pytest.approx(value, rel=1e-8)
    assert result.r2 == pytest.approx(1.0)


@pytest.mark.parametrize("surface", ["symmetric", "chinchilla", "asymmetric"])
@pytest.mark.parametrize(
    "loss", ["mse", "huber:1e-3", "log_squared", "log_huber:1e-3", "quantile:0.5", "asymmetric:3:1"]
)
def test_every_loss_recovers_a_surface(surface, loss):
    data = simulated(surface, noise_std=0)
    result = fit(SURFACE, data, loss=loss)
    special = fit_vpnls(data["N"], data["D"], data["L"])
    assert result.constants["alpha"] == pytest.approx(special.alpha, rel=1e-9)
    assert result.constants["beta"] == pytest.approx(special.beta, rel=1e-9)


@pytest.mark.parametrize("loss", [squared(), huber(1e-3), huber(0.05)])
@pytest.mark.parametrize("seed", range(6))
def test_the_general_engine_agrees_with_the_fast_core(loss, seed):
    data = simulated(noise_std=0.01, seed=seed)
    general = fit(SURFACE, data, loss=loss, bounds={"alpha": (0.01, 0.99), "beta": (0.01, 0.99)})
    special = fit_vpnls(data["N"], data["D"], data["L"], loss=loss)
    assert general.objective == pytest.approx(special.loss_value, rel=1e-9)
    assert general.constants["A"] == pytest.approx(special.A, rel=1e-5)


def test_a_quantile_splits_the_rows_and_is_a_local_minimum():
    data = simulated(noise_std=0.02)
    for q in (0.2, 0.5, 0.9):
        result = fit(SURFACE, data, loss=quantile(q))
        assert np.mean(result.residuals < 0) == pytest.approx(q, abs=5 / 75)
        found = result.theta
        for k in range(5):
            for nudge in (0.999, 1.001):
                moved = found.copy()
                moved[k] *= nudge
                assert quantile(q).mean(data["L"] - result.law.predict(moved, data)) >= result.objective * (
                    1 - 1e-6
                )


@pytest.mark.parametrize("loss", ["mse", "log_squared", "log_huber:1e-3"])
def test_a_line_beside_a_power_is_started_with_the_weights_of_all_rows(loss):
    """Such weights reach products of columns with and without a nonlinear constant alike: c2*t has none."""
    rng = np.random.default_rng(8)
    N, t = np.repeat(np.geomspace(1e-2, 1e2, 10), 4), np.tile([0.0, 0.3, 0.6, 1.0], 10)
    y = 2 + 0.3 * N**-0.4 + 0.05 * t
    weights = rng.uniform(0.01, 10.0, len(y))
    result = fit("c0 + c1*N**-a1 + c2*t", {"N": N, "t": t, "y": y}, target="y", loss=loss, weights=weights)
    found = [result.constants[c] for c in ("c0", "c1", "a1", "c2")]
    assert found == pytest.approx([2, 0.3, 0.4, 0.05], rel=1e-4)


def test_an_asymmetric_loss_pulls_the_law_below_the_rows():
    data = simulated(noise_std=0.02)
    above = [np.mean(fit(SURFACE, data, loss=asymmetric(w, 1.0)).residuals > 0) for w in (1.0, 5.0, 50.0)]
    assert above[0] < above[1] < above[2]


@pytest.mark.parametrize("loss", [squared(), huber(3e-3), log_squared(), log_huber(2e-3), asymmetric(3, 1)])
def test_no_general_optimiser_finds_a_lower_objective_nearby(loss):
    data = simulated(noise_std=0.01, n_points_per_budget=6)
    weights = np.random.default_rng(1).uniform(0.2, 2.0, len(data["L"]))  # seed 1
    result = fit(SURFACE, data, loss=loss, weights=weights)

    def cost(log_scale):
        f = result.law.predict(result.theta * np.exp(log_scale), data)
        return loss.mean(loss.residual(data["L"], f), weights) / result.objective

    found = minimize(
        cost,
        np.full(5, 1e-3),
        method="Nelder-Mead",
        options={"maxiter": 4000, "xatol": 1e-10, "fatol": 1e-14},
    )
    assert found.fun >= 1 - 1e-9


def test_a_weight_of_two_is_the_row_twice_and_of_zero_no_row():
    data = simulated(noise_std=0.01)
    n = len(data["L"])
    twice = {k: np.append(v, v[:10]) for k, v in data.items()}
    for loss in (squared(), huber(1e-3), log_huber(1e-3)):
        one = fit(SURFACE, data, loss=loss, weights=np.append(np.full(10, 2.0), np.ones(n - 10)))
        assert one.theta == pytest.approx(fit(SURFACE, twice, loss=loss).theta, rel=1e-6)
        part = fit(SURFACE, data, loss=loss, weights=np.append(np.zeros(10), np.ones(n - 10)))
        rest = fit(SURFACE, {k: v[10:] for k, v in data.items()}, loss=loss)
        assert part.theta == pytest.approx(rest.theta, rel=1e-6)


def test_units_change_amplitudes_alone_and_row_order_nothing():
    data = columns()
    rng = np.random.default_rng(4)  # seed 4
    data["L"] = 1 + 300 * (data["N"] + 0.02 * data["D"]) ** -0.3 + 0.01 * rng.standard_normal(240)
    text = "E + A*(N + s*D)**-a"
    one = fit(text, data).constants
    two = fit(text, {**data, "N": data["N"] / 1e6, "D": data["D"] / 1e6}).constants
    assert two["a"] == pytest.approx(one["a"], rel=1e-7)
    assert two["A"] == pytest.approx(one["A"] * 1e6 ** -one["a"], rel=1e-6)
    order = rng.permutation(240)
    three = fit(text, {k: v[order] for k, v in data.items()}).constants
    assert three == pytest.approx(one, rel=1e-6)


def test_fixed_and_tied_constants():
    data = simulated("symmetric", noise_std=0.002)
    held = fit(SURFACE, data, fixed={"E": 1.69})
    assert "E" not in held.constants
    tied = fit(SURFACE, data, tied={"beta": "alpha"})
    assert list(tied.constants) == ["E", "A", "alpha", "B"]
    assert tied.constants["alpha"] == pytest.approx(0.31, abs=0.01)
    free = fit(SURFACE, data)
    assert free.objective <= min(held.objective, tied.objective)


def test_groups_share_what_they_share():
    parts = [simulated(noise_std=0.003, seed=s) for s in range(3)]
    data = {k: np.concatenate([p[k] for p in parts]) for k in "NDL"}
    data["corpus"] = np.repeat(["a", "b", "c"], 75)
    data["L"] = data["L"] + np.repeat([0.0, 0.2, 0.5], 75)
    result = fit(SURFACE, data, groups="corpus", free="E")
    assert list(result.constants) == ["E[a]", "E[b]", "E[c]", "A", "alpha", "B", "beta"]
    gaps = np.diff([result.constants[f"E[{g}]"] for g in "abc"])
    assert gaps == pytest.approx([0.2, 0.3], abs=2e-3)
    assert result.group_constants("b")["alpha"] == result.constants["alpha"]
    assert result.predict(group="c", N=1e9, D=1e11) - result.predict(
        group="a", N=1e9, D=1e11
    ) == pytest.approx(0.5, abs=3e-3)
    alone = fit(SURFACE, data, groups="corpus", free="all")
    for g, part in zip("abc", np.split(np.arange(225), 3), strict=True):
        single = fit(SURFACE, {k: data[k][part] for k in "NDL"})
        assert list(alone.group_constants(g).values()) == pytest.approx(
            list(single.constants.values()), rel=1e-6
        )
    assert alone.objective <= result.objective
    pooled = fit(SURFACE, data, groups="corpus")
    assert pooled.objective > 10 * result.objective
    exponents = fit(SURFACE, data, groups="corpus", free=("E", "alpha"), loss=huber(1e-3))
    assert len([n for n in exponents.constants if n.startswith("alpha[")]) == 3


def test_an_exponent_whose_box_reaches_below_zero_is_looked_for_there():
    rng = np.random.default_rng(5)
    N, V = 10 ** rng.uniform(-1, 1, 200), 10 ** rng.uniform(-0.4, 0.8, 200)
    data = {"N": N, "V": V, "L": -5.8 + 0.9 * N**-0.35 + 0.06 * V**0.65}
    box = {"E": (None, None), "A": (0, None), "B": (0, None), "a": (-1.0, 1.5), "b": (-1.0, 1.5)}
    found = fit("L = E + A*N**-a + B*V**-b", data, bounds=box)
    assert found.constants["b"] == pytest.approx(-0.65, rel=1e-6)
    assert found.constants["a"] == pytest.approx(0.35, rel=1e-6)


def test_bounds_are_kept_and_the_status_says_so():
    data = simulated()
    result = fit(SURFACE, data, bounds={"alpha": (None, 0.3), "E": (1.75, None)})
    assert result.constants["alpha"] == 0.3
    assert result.constants["E"] == 1.75
    assert result.status == "bound_hit"
    assert "alpha at its upper bound 0.3" in result.status_message
    assert any("widen bounds" in w for w in result.warnings)


def test_signs_follow_the_law_unless_told_otherwise():
    data = columns()
    data["L"] = -1 - 300 * data["N"] ** -0.3
    assert fit("E + A*N**-a", data).constants["A"] == 0.0
    free = fit("E + A*N**-a", data, nonnegative=False)
    assert free.constants["A"] == pytest.approx(-300, rel=1e-6)
    assert fit("E + A*log(N)", data).constants["E"] < 0


def test_a_tiny_mean_loss_does_not_stop_early():
    """Stopping is scale-free: the same constants whether losses are in nats or in units of 1e6 nats."""
    data = simulated(noise_std=0.01)
    one = fit(SURFACE, data, loss=huber(1e-3))
    small = fit(SURFACE, {**data, "L": data["L"] * 1e-6}, loss=huber(1e-9))
    assert small.constants["alpha"] == pytest.approx(one.constants["alpha"], rel=1e-7)


def test_ten_thousand_rows():
    data = simulated(n_points_per_budget=2000)
    result = fit(SURFACE, data, loss="huber:1e-3")
    assert result.constants["alpha"] == pytest.approx(0.34, abs=1e-3)
    assert result.n_points == 10_000


def test_data_frames_structured_arrays_and_targets():
    import pandas as pd

    data = simulated()
    frame = pd.DataFrame({"N": data["N"], "D": data["D"], "loss": data["L"], "note": "x"})
    table = np.rec.fromarrays([data["N"], data["D"], data["L"]], names="N,D,L")
    expected = fit(SURFACE, data).constants
    assert fit(SURFACE, frame).constants == pytest.approx(expected)
    assert fit(SURFACE, table).constants == pytest.approx(expected)
    assert (
        fit("perplexity = " + SURFACE, {**data, "perplexity": np.exp(data["L"])}).problem.rows.target
        == "perplexity"
    )


@pytest.mark.parametrize(
    ("text", "data", "says"),
    [
        ("E + A*N**-a", {"N": [1, 2], "L": [1, 2, 3]}, "unequal lengths: N has 2 rows, L has 3"),
        ("E + A*N**-a", {"N": [1, -2, 3], "L": [1, 2, 3]}, r"N must be > 0 .* \(first: row 1, N=-2.0\)"),
        ("E + A*N**-a", {"N": [1, 2, 3], "L": [1, np.nan, 3]}, r"L must be finite: 1 of 3 .*row 1"),
        ("E + A*N**-a", {"N": [1, np.inf, 3], "L": [1, 2, 3]}, "N must be finite"),
        ("E + A*N**-a", {"N": [], "L": []}, "no rows"),
        ("E + A*N**-a", {"N": [2, 2, 2], "L": [1, 2, 3]}, "all 3 rows are equal in N"),
        (
            "E + A*N**-a + B*X**-b",
            {"N": [1, 2, 3], "L": [1, 2, 3]},
            "no column of the data counts as a constant",
        ),
        ("E - E + A*N", {"N": [1, 2, 3], "L": [1, 2, 3]}, "does not depend on E: the constants cancel"),
        ("0*E + A*N", {"N": [1, 2, 3], "L": [1, 2, 3]}, "does not depend on E: the constants cancel"),
        ("A*B*N", {"N": [1, 2, 3], "L": [1, 2, 3]}, "can't tell A from B"),
        ("E + F + A*N**-a", {"N": [1, 2, 3], "L": [1, 2, 3]}, "can't tell E from F"),
        ("E + foo(N)", {"N": [1, 2, 3], "L": [1, 2, 3]}, "foo can't be called"),
        ("3*N", {"N": [1, 2, 3], "L": [1, 2, 3]}, "no constants to fit"),
        ("E + A*2", {"N": [1, 2, 3], "L": [1, 2, 3]}, "uses no column"),
        ("E + A*N**-a", {"N": [1, 2, 3], "Q": [1, 2, 3]}, "which column is the target"),
        ("P = E + A*N**-a", {"N": [1, 2, 3], "Q": [1, 2, 3]}, "no column 'P'"),
        ("E + A*N**-a", 3, "columns by name"),
        ("E + A*N**-a", {"N": ["a", "b"], "L": [1, 2]}, "N: expected numbers"),
        (Law.parse("E + A*Z**-a", ("Z",)), {"N": [1, 2], "L": [1, 2]}, "needs the column 'Z'"),
        (3, {"N": [1, 2], "L": [1, 2]}, "expected a text or a Law"),
    ],
)
def test_bad_input_is_named(text, data, says):
    with pytest.raises(ValueError, match=says) as error:
        fit(text, data)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"bounds": {"gamma": (0, 1)}}, "no constant 'gamma'"),
        ({"bounds": {"alpha": (1, 0)}}, "low <= high"),
        ({"bounds": {"alpha": 3}}, "must be a pair"),
        ({"fixed": {"Q": 1}}, "fixed: the law has no constant 'Q'"),
        ({"tied": {"beta": "alfa"}}, "did you mean 'alpha'"),
        ({"weights": [1, 2]}, "weights has 2 rows"),
        ({"weights": np.full(75, -1.0)}, "weights must be finite and >= 0"),
        ({"weights": np.zeros(75)}, "all are zero"),
        ({"weights": "w"}, "no column 'w'"),
        ({"groups": "g"}, "no column 'g'"),
        ({"free": "E"}, "groups is not given"),
        ({"loss": "nope"}, "expected one of"),
        ({"starts": 0}, "starts must be"),
        ({"start": {"zeta": 1}}, "no constant 'zeta'"),
        ({"fixed": {"E": 1, "A": 1, "B": 1, "alpha": 1, "beta": 1}}, "nothing is left to fit"),
        ({"target": "Q"}, "no column 'Q'"),
    ],
)
def test_bad_options_are_named(options, says):
    with pytest.raises(ValueError, match=says):
        fit(SURFACE, simulated(), **options)


def test_a_log_loss_needs_positive_targets():
    data = simulated()
    data["L"][3] = -1.0
    with pytest.raises(ValueError, match="L must be > 0 for the loss log_mse"):
        fit(SURFACE, data, loss="log_squared")


def test_losses_read_back_from_their_text():
    for loss in (
        squared(),
        huber(0.01),
        log_squared(),
        log_huber(1e-3),
        quantile(0.9),
        asymmetric(3, 1),
        asymmetric(2, 1, 0.1),
    ):
        again = parse_loss(loss.describe())
        assert again.rows(np.array([-0.2, 0.01, 3.0])) == pytest.approx(
            loss.rows(np.array([-0.2, 0.01, 3.0]))
        )
    with pytest.raises(ValueError, match="must be numbers"):
        parse_loss("huber:x")
