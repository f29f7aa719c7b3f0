"""The compiled path: its loops agree with the NumPy path, and nobody gets it without asking."""

import importlib
import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest
from fitting_cases import simulated

from fitting import BadOption, FitError, bounds, fit_vpnls, huber
from fitting.vpnls import fast

LOSSES = [None, huber(1e-3), huber(0.1)]


@pytest.fixture
def uncompiled(monkeypatch):
    """The same loops run by Python, so that they are tested without Numba and without a compilation."""
    stand_in = ModuleType("numba")
    stand_in.njit = lambda **options: lambda function: function
    stand_in.__spec__ = importlib.machinery.ModuleSpec("numba", None)
    monkeypatch.setitem(sys.modules, "numba", stand_in)
    monkeypatch.setattr(fast, "_kernel", None)
    names = ("fitting.vpnls.kernel", "fitting.vpnls.kernel_start")
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield
    for name in names:
        sys.modules.pop(name, None)


def random_problem(seed, least=6, most=30):
    """Rows of a random surface: E in {0, 0.5, 1.7, 3}, exponents 0.1 to 0.7, noise 1e-4 to 0.2."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(least, most))
    N, D = np.exp(rng.uniform(0, 7, n)), np.exp(rng.uniform(0, 7, n))
    E, A, B = rng.choice([0.0, 0.5, 1.7, 3.0]), rng.uniform(0.2, 5), rng.uniform(0.2, 5)
    alpha, beta = rng.uniform(0.1, 0.7, 2)
    noise = 10 ** rng.uniform(-4, -0.7)
    return N, D, E + A * N**-alpha + B * D**-beta + noise * rng.standard_normal(n)


def agree(rows, loss, box=None, rel=1e-9):
    plain = fit_vpnls(*rows, loss=loss, bounds=box, backend="numpy")
    quick = fit_vpnls(*rows, loss=loss, bounds=box, backend="compiled")
    assert quick.loss_value == pytest.approx(plain.loss_value, rel=rel, abs=1e-28)
    assert quick.status == plain.status
    return plain, quick


def check_random_problems(seeds, most):
    for seed in seeds:
        rows = random_problem(seed, most=most)
        loss = LOSSES[seed % 3]
        plain = fit_vpnls(*rows, loss=loss, backend="numpy")
        quick = fit_vpnls(*rows, loss=loss, backend="compiled")
        assert quick.loss_value == pytest.approx(plain.loss_value, rel=1e-9), f"seed {seed}"


def test_the_loops_agree_with_numpy_on_simulated_sets(uncompiled):
    for noise in (0.0, 0.002, 0.02):
        data = simulated(noise_std=noise, n_points_per_budget=5, seed=3)
        for loss in LOSSES[:2]:
            plain, quick = agree((data["N"], data["D"], data["L"]), loss)
            assert (quick.alpha, quick.beta) == pytest.approx((plain.alpha, plain.beta), rel=1e-7)
            assert type(quick) is type(plain)
            assert quick.rss == pytest.approx(plain.rss, rel=1e-6, abs=1e-26)


def test_the_loops_agree_with_numpy_on_random_problems(uncompiled):
    check_random_problems(range(24), most=20)


def test_the_loops_keep_the_same_bounds(uncompiled):
    data = simulated(noise_std=0.01, n_points_per_budget=4, seed=5)
    rows = data["N"], data["D"], data["L"]
    plain, quick = agree(rows, None, bounds(alpha=(0.4, 0.6), beta=(0.05, 2.0)))
    assert quick.alpha == 0.4 and "alpha at its lower bound 0.4" in quick.status_message
    assert plain.status_message == quick.status_message
    # bounds on amplitudes are for the NumPy path, whatever the backend
    plain, quick = agree(rows, None, bounds(A=(1e-6, 100.0)))
    assert quick == plain


def test_the_compiled_backend_names_the_same_faults(uncompiled):
    data = simulated(n_points_per_budget=3)
    N = data["N"].copy()
    N[2] = -1
    with pytest.raises(ValueError, match=r"N must be positive and finite: 1 of 15 rows .*row 2"):
        fit_vpnls(N, data["D"], data["L"], backend="compiled")
    with pytest.raises(ValueError, match="the same length"):
        fit_vpnls(data["N"][:-1], data["D"], data["L"], backend="compiled")
    with pytest.raises(ValueError, match="same N and D"):
        fit_vpnls(np.ones(6), np.ones(6), np.arange(6.0), backend="compiled")


def test_numba_is_not_imported_unless_asked_for():
    code = (
        "import sys; from fitting import fit_vpnls, simulate_isoflop_data as sim;"
        "fit_vpnls(*sim(alpha=.3, beta=.3, A=400, B=400, E=1.7)); print('numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_without_numba_the_compiled_backend_says_what_to_install(monkeypatch):
    monkeypatch.setattr(fast, "_kernel", None)
    monkeypatch.setattr(fast, "available", lambda: False)
    data = simulated(n_points_per_budget=3)
    with pytest.raises(FitError, match="needs numba: install the extra 'fast', or use backend='numpy'"):
        fit_vpnls(data["N"], data["D"], data["L"], backend="compiled")
    with pytest.raises(BadOption, match="expected one of auto, numpy, compiled, got 'gpu'"):
        fit_vpnls(data["N"], data["D"], data["L"], backend="gpu")


@pytest.mark.slow
@pytest.mark.skipif(not fast.available(), reason="the extra 'fast' (numba) is not installed")
def test_compiled_loops_agree_with_numpy():
    fast.warm_up()
    assert fast.ready()
    check_random_problems(range(300), most=90)


@pytest.mark.slow
@pytest.mark.skipif(not fast.available(), reason="the extra 'fast' (numba) is not installed")
def test_after_warming_up_nothing_is_compiled_again():
    fast.warm_up()
    prepare, descend = fast._kernel
    rng = np.random.default_rng(7)
    table = rng.uniform(1, 5, (30, 3))
    table[:, 2] = 1.7 + table[:, 0] ** -0.5 + table[:, 1] ** -0.3
    fixed = table.T.copy()
    fixed.flags.writeable = False
    for N, D, L in (table.T, fixed, table.T.tolist(), table.T.astype(np.float32)):
        for box in (None, bounds(alpha=(0.1, 3.0), beta=(0.3, 0.3))):
            for loss in LOSSES:
                fit_vpnls(N, D, L, loss=loss, bounds=box)
    assert len(prepare.signatures) == len(descend.signatures) == 1
