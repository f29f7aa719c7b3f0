"""What is no plain column of numbers is refused, results travel, and vpnls's own calls mean what they mean there."""

import pickle

import numpy as np
import pytest
from fitting_cases import simulated

from fitting import (
    BadData,
    BadOption,
    IsoFlopExperiment,
    LBFGSBOptions,
    LossFunction,
    LossSurface,
    LossType,
    approach_2,
    bounds,
    fit,
    fit_vpnls,
)

SURFACE = "E + A*N**-alpha + B*D**-beta"


class WithUnit:
    unit = "tokens"

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype=dtype)


class Lazy:
    columns = ("N", "D", "L")

    def collect(self):
        return self


def test_what_is_no_plain_number_is_refused():
    data = simulated()
    n = len(data["L"])
    masked = np.ma.masked_array(data["L"], mask=np.arange(n) == 3)
    for changed, says in (
        ({"L": masked}, r"L: 1 of 75 rows are masked \(first: row 3\)"),
        ({"L": data["L"] > 2.5}, "L: expected numbers, got truth values"),
        ({"L": data["L"] + 0j}, "L: expected numbers, got complex"),
        ({"N": np.arange(n).astype("datetime64[s]")}, "N: expected numbers, got dates"),
        ({"D": WithUnit(data["D"])}, r"D carries a unit \(tokens\)"),
        ({"L": data["L"] * 1e-200}, "beyond floating point"),
        ({"L": [*data["L"][:-1], "x"]}, "L: expected numbers"),
    ):
        with pytest.raises(BadData, match=says):
            fit(SURFACE, data | changed)
    with pytest.raises(BadData, match="masked"):
        fit_vpnls(data["N"], data["D"], masked)
    with pytest.raises(BadData, match="holds no rows yet"):
        fit(SURFACE, Lazy())
    with pytest.raises(BadData, match="2 of 75 rows have no label"):
        fit(SURFACE, data, groups=[None, float("nan"), *["a"] * (n - 2)], free="E")
    with pytest.raises(BadOption, match="start: alpha must be a finite number"):
        fit(SURFACE, data, start={"alpha": float("nan")})
    whole = np.ma.masked_array(data["L"], mask=False)
    assert fit(SURFACE, data | {"L": whole}).objective == fit(SURFACE, data).objective


class WithoutUnit(WithUnit):
    unit = ""

    @property
    def value(self):
        return self.values


def test_predictions_refuse_what_a_fit_refuses():
    result = fit(SURFACE, simulated())
    for N, says in (
        (WithUnit(1e9), r"N carries a unit \(tokens\)"),
        (np.ma.masked_array([1e9, 1e10], mask=[0, 1]), "N: 1 of 2 rows are masked"),
        (1e9 + 1j, "N: expected numbers, got complex"),
        (True, "N: expected numbers, got truth values"),
    ):
        with pytest.raises(BadData, match=says):
            result.predict(N=N, D=1e10)
    plain = result.predict(N=[[1e9], [1e10]], D=[1e10, 1e11])
    assert plain.shape == (2, 2)
    assert result.predict(N=WithoutUnit([1e9]), D=1e10) == pytest.approx(plain[0, :1])


@pytest.mark.parametrize("size", [1e-300, 1e-200, 1e200])
def test_targets_beyond_floating_point_are_refused_everywhere(size):
    data = simulated()
    data["L"] = data["L"] * size
    for call in (
        lambda: fit(SURFACE, data),
        lambda: fit_vpnls(data["N"], data["D"], data["L"]),
        lambda: approach_2(data["N"], data["D"], data["L"], 6 * data["N"] * data["D"]),
    ):
        with pytest.raises(BadData, match="beyond floating point; rescale it"):
            call()


@pytest.mark.parametrize("size", [1e-90, 1e-30, 1e30, 1e90])
def test_targets_of_any_other_size_have_the_same_exponents(size):
    data = simulated(noise_std=0.01)
    usual, other = fit(SURFACE, data), fit(SURFACE, data | {"L": data["L"] * size})
    assert other.constants["alpha"] == pytest.approx(usual.constants["alpha"], rel=1e-7)
    scaled = fit_vpnls(data["N"], data["D"], data["L"] * size)
    assert scaled.alpha == pytest.approx(usual.constants["alpha"], rel=1e-7)


def test_labels_and_values_that_are_none_are_named():
    data = simulated(noise_std=0.01)
    result = fit(SURFACE, data)
    some = [None, None, *["a"] * 40, *["b"] * 33]
    with pytest.raises(BadData, match="clusters: 2 of 75 rows have no label"):
        result.intervals(clusters=some)
    with pytest.raises(BadData, match="strata: 2 of 75 rows have no label"):
        result.bootstrap(5, "within", strata=some)
    mixed = [0, *["a"] * 41, *["b"] * 33]
    assert result.intervals(clusters=mixed)["alpha"].low < result.constants["alpha"]
    for value in (None, "x", float("inf")):
        with pytest.raises(BadOption, match="start: alpha must be a finite number"):
            fit(SURFACE, data, start={"alpha": value})
    with pytest.raises(BadOption, match="fixed: E must be a finite number, got nan"):
        fit(SURFACE, data, fixed={"E": float("nan")})
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(data | {"g": pandas.array([pandas.NA, *["a"] * 74], dtype="string")})
    with pytest.raises(BadData, match="groups: 1 of 75 rows have no label"):
        fit(SURFACE, frame, groups="g", free="E")


def test_a_polars_frame_is_read_and_a_lazy_one_says_what_to_do():
    pl = pytest.importorskip("polars")
    data = simulated()
    assert fit(SURFACE, pl.DataFrame(data)).objective == fit(SURFACE, data).objective
    with pytest.raises(BadData, match=r"LazyFrame holds no rows yet; pass data.collect\(\)"):
        fit(SURFACE, pl.DataFrame(data).lazy())


def test_columns_by_other_names_get_a_hint_and_constants_that_are_columns_a_warning():
    data = simulated()
    with pytest.raises(ValueError, match="rename params to N, tokens to D"):
        fit(SURFACE, {"params": data["N"], "tokens": data["D"], "L": data["L"]})
    with pytest.raises(ValueError, match="rename n to N"):
        fit("chinchilla", {"n": data["N"], "D": data["D"], "L": data["L"]})
    with pytest.raises(ValueError, match="rename params to N, tokens to D"):
        fit("chinchilla", {"params": data["N"], "tokens": data["D"], "L": data["L"]})
    with pytest.raises(ValueError, match=r"which column is the target.*rename val_loss to L"):
        fit("chinchilla", {"N": data["N"], "D": data["D"], "val_loss": data["L"]})
    with pytest.raises(ValueError, match="rename tokens to D"):
        fit(SURFACE, {"N": data["N"], "tokens": data["D"], "L": data["L"]})
    odd = fit("E + A*N**-alpha + B*D**-beta", data | {"B": np.linspace(1, 2, 75)})
    assert "B is a column of the data" in odd.warnings[0]


def test_arrow_tables_are_read():
    pa = pytest.importorskip("pyarrow")
    data = simulated()
    assert fit(SURFACE, pa.table(data)).objective == fit(SURFACE, data).objective


def test_a_result_travels_to_another_process():
    result = fit("E + exp(a - alpha*log(N)) + B*D**-beta", simulated(noise_std=0.01))
    again = pickle.loads(pickle.dumps(result))
    assert again.constants == result.constants
    assert again.intervals() == result.intervals()
    assert again.bootstrap(5).samples == pytest.approx(result.bootstrap(5).samples)


def test_losses_of_vpnls_mean_what_they_mean_there():
    data = simulated(noise_std=0.01)
    rows = data["N"], data["D"], data["L"]
    least = fit_vpnls(*rows).loss_value
    assert fit_vpnls(*rows, loss=LossFunction(LossType.MSE, 1e-3)).loss_value == least
    assert fit_vpnls(*rows, loss=LossFunction()).loss_value == least
    assert LossFunction(LossType.HUBER).huber_delta == 1.0
    assert fit_vpnls(*rows, loss=LossFunction(LossType.HUBER, 1e-3)).loss_function.huber_delta == 1e-3
    with pytest.raises(BadOption, match="unknown type"):
        LossFunction("mae")


def test_values_of_vpnls_stand_in_its_order():
    surface = LossSurface(0.34, 0.28, 406.4, 410.7, 1.69)
    assert (surface.alpha, surface.E) == (0.34, 1.69)
    rows = IsoFlopExperiment(n_points_per_budget=3, noise_std=0.0).run(surface)
    assert len(rows[0]) == 15 and rows[2] == pytest.approx(surface.loss(*rows[:2]), rel=1e-14)
    assert bounds(alpha=(0.1, 0.6)).to_list() == [
        (1e-6, 10.0),
        (1e-6, 1e6),
        (1e-6, 1e6),
        (0.1, 0.6),
        (0.01, 0.99),
    ]
    assert LBFGSBOptions(maxiter=5).to_dict() == {"ftol": 1e-15, "gtol": 1e-15, "maxiter": 5}


def test_a_bound_that_holds_the_fit_is_pointed_out():
    data = simulated(noise_std=0.001)
    rows = data["N"], data["D"], data["L"]
    assert fit_vpnls(*rows).warnings == ()
    low = fit_vpnls(*rows, bounds=bounds(alpha=(0.5, 0.9)))
    assert low.status == "bound_hit" and "alpha at its lower bound 0.5" in low.warnings[0]
    small = fit_vpnls(*rows, bounds=bounds(A=(1.0, 10.0)))
    assert any("vpnls takes bounds on E, A and B but ignores them" in w for w in small.warnings)
