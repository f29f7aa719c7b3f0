"""The Huber grid leaves out cells by proof: its winner is that of every cell solved, and its proof is one."""

import numpy as np
import pytest

from fitting import bounds, fit_vpnls, huber
from fitting.vpnls.grid import _floor, _orthogonal, axis, cells


def rows(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(8, 50))
    N, D = np.exp(rng.uniform(0, 7, n)), np.exp(rng.uniform(0, 7, n))
    noise = 10 ** rng.uniform(-4, -1)
    E = rng.choice([0.0, 1.7])
    return (
        N,
        D,
        E
        + 3 * N ** -rng.uniform(0.1, 0.7)
        + 2 * D ** -rng.uniform(0.1, 0.7)
        + noise * rng.standard_normal(n),
    )


def every_cell(N, D, L, step, delta, low, high):
    """Lowest mean cost over all cells, each solved on its own, over larger deltas down to the one asked for."""
    lines = axis(0.01, 0.99, step)
    x, z = np.log(N) - np.log(N).mean(), np.log(D) - np.log(D).mean()
    V, best = np.exp(-np.multiply.outer(lines, z)), np.inf
    for a in lines:
        coef = None
        for factor in (100, 30, 10, 3, 1, 1):
            coef, cost = cells(np.exp(-a * x), V, L, low, high, factor * delta, 20, 1e-9, coef)
        best = min(best, cost.min() / len(L))
    return best


@pytest.mark.parametrize("delta", [1e-3, 0.05])
@pytest.mark.parametrize("seed", range(3))
def test_the_winner_is_that_of_all_cells(seed, delta):
    N, D, L = rows(seed)
    found = fit_vpnls(N, D, L, method="grid", resolution=0.14, loss=huber(delta))
    # every cell's cost is one that can be reached, so the winner may not be above any
    assert found.loss_value <= every_cell(N, D, L, 0.14, delta, np.zeros(3), np.full(3, np.inf)) * (1 + 1e-7)


@pytest.mark.parametrize("seed", range(2))
def test_the_winner_respects_bounds_on_amplitudes(seed):
    N, D, L = rows(seed)
    found = fit_vpnls(N, D, L, method="grid", resolution=0.14, loss=huber(0.01), bounds=bounds(E=(0.5, 1.0)))
    low, high = np.array([0.5, 0, 0]), np.array([1.0, np.inf, np.inf])
    assert found.loss_value <= every_cell(N, D, L, 0.14, 0.01, low, high) * (1 + 1e-7)
    assert 0.5 <= found.E <= 1.0


@pytest.mark.parametrize("seed", range(2))
def test_no_cell_gets_below_its_floor(seed):
    N, D, L = rows(seed)
    rng = np.random.default_rng(seed)
    x, z, delta = np.log(N), np.log(D), 0.01
    u, V = np.exp(-0.3 * x), np.exp(-np.multiply.outer(axis(0.1, 0.9, 0.1), z))
    _, cost = cells(u, V, L, np.full(3, -np.inf), np.full(3, np.inf), delta, 60, 1e-9)
    for psi in (np.clip(rng.standard_normal((len(V), len(L))), -delta, delta), np.tile(L, (len(V), 1))):
        assert (_floor(_orthogonal(u, V, psi), L, delta) <= cost * (1 + 1e-9)).all()
