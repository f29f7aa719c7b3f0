"""Objectives beside those of rivals and certified optima, for `benchmarks/fitting.py`."""

from __future__ import annotations

import numpy as np

from benchmarks import fitting_sets as sets
from benchmarks import fitting_yardstick as yardstick
from benchmarks.fitting_sets import DELTA, SURFACE, UNIT, WIDE
from benchmarks.fitting_shown import table
from fitting import bounds, fit, fit_vpnls, huber, simulate_isoflop_data


def losses(options) -> dict:
    """Newton's objective less each rival's, relative: nothing may be above zero."""
    rows = []
    cases = [
        ("sim 0.002, MSE", sets.simulated(0.002), np.inf, 0.99),
        ("sim 0.002, Huber", sets.simulated(0.002), DELTA, 0.99),
    ]
    cases += [(name, sets.isoflop(name), DELTA, 1.0) for name in sets.VPNLS if sets.folder()]
    for name, (N, D, L), delta, high in cases:
        loss = None if delta == np.inf else huber(delta)
        box = UNIT if high == 1.0 else None
        value = fit_vpnls(N, D, L, loss=loss, bounds=box).loss_value
        coarse, fine, certified = sets.VPNLS[name] if name in sets.VPNLS else sets.VPNLS_SIMULATED[name]
        own = [fit_vpnls(N, D, L, loss=loss, bounds=box, method="grid", resolution=step).loss_value
               for step in ((0.01, 0.001) if options.fine or loss is None else (0.01,))]  # fmt: skip
        starts = yardstick.multi_start(N, D, L, delta, 30, high)
        rivals = [coarse, fine, certified, *(own if len(own) == 2 else [*own, None]), starts]
        rows.append((name, f"{value:.9e}", *(None if r is None else f"{value / r - 1:+.1e}" for r in rivals)))
    header = (
        "Newton less rival, relative",
        "Newton",
        "vpnls 0.01",
        "vpnls 0.001",
        "certified",
        "own grid 0.01",
        "own grid 0.001",
        "30 starts",
    )
    return table("Objectives (reference losses have ten digits)", header, rows)


def certified(options) -> dict | None:
    """Distance from the certified optima, default start, both doors."""
    if not sets.folder():
        return None
    rows = []
    for (name, clean), (rss, cost) in sets.CERTIFIED.items():
        N, D, L = sets.isoflop(name, clean)
        for label, loss, value in (("MSE", None, rss / len(L)), ("Huber", huber(DELTA), cost)):
            found = fit_vpnls(N, D, L, loss=loss, bounds=WIDE).loss_value
            law = fit(SURFACE, {"N": N, "D": D, "L": L}, loss=loss).objective
            rows.append(
                (
                    f"{name}{' clean' if clean else ''}, {label}",
                    f"{found / value - 1:+.1e}",
                    f"{law / value - 1:+.1e}",
                )
            )
    return table("Distance from certified optima (asked: 1e-9)", ("set", "fit_vpnls", "fit"), rows)


def random_problems(options) -> dict:
    """500 random problems, both losses: how often anything beats Newton in the same box."""
    count = {"MSE": [0, 0, 0, 0], "Huber": [0, 0, 0, 0]}
    worst = {"MSE": 0.0, "Huber": 0.0}
    for seed in range(500):
        N, D, L = sets.random_problem(seed)
        for label, loss, delta in (("MSE", None, np.inf), ("Huber", huber(DELTA), DELTA)):
            found = fit_vpnls(N, D, L, loss=loss)
            value = found.loss_value
            grid = fit_vpnls(N, D, L, loss=loss, method="grid")
            # the finest grid, around the winner of the coarse one
            near = {
                k: (max(0.01, v - 0.03), min(0.99, v + 0.03))
                for k, v in (("alpha", grid.alpha), ("beta", grid.beta))
            }
            fine = fit_vpnls(N, D, L, loss=loss, method="grid", resolution=0.001, bounds=bounds(**near))
            theirs = yardstick.grid(N, D, L, 0.01, delta)
            starts = yardstick.multi_start(N, D, L, delta, 10, seed=seed)
            rivals = (grid.loss_value, fine.loss_value, np.inf if theirs is None else theirs[0], starts)
            for i, rival in enumerate(rivals):
                if value > rival * (1 + 1e-9) + 1e-28:
                    count[label][i] += 1
                    worst[label] = max(worst[label], value / rival - 1)
                    if options.verbose:
                        print(f"    seed {seed} {label} rival {i}: {value:.9e} > {rival:.9e}, n = {len(L)}")
    rows = [(label, *(f"{c} of 500" for c in count[label]), f"{worst[label]:.1e}") for label in count]
    header = (
        "Newton is above",
        "own grid 0.01",
        "own grid 0.001 near it",
        "yardstick 0.01",
        "10 L-BFGS starts",
        "by at most",
    )
    return table("Random problems (asked: none above a grid)", header, rows)


def exponents(options) -> dict:
    """Noise-free surfaces: largest relative error of the exponents."""
    rows = []
    for name, constants in sets.SURFACES.items():
        alpha, beta, A, B, E = constants
        N, D, L = simulate_isoflop_data(alpha=alpha, beta=beta, A=A, B=B, E=E, noise_std=0)
        for label, loss in (("MSE", None), ("Huber", huber(DELTA))):
            one = fit_vpnls(N, D, L, loss=loss)
            law = fit(SURFACE, {"N": N, "D": D, "L": L}, loss=loss).constants
            error = max(abs(one.alpha / alpha - 1), abs(one.beta / beta - 1))
            other = max(abs(law["alpha"] / alpha - 1), abs(law["beta"] / beta - 1))
            rows.append((f"{name}, {label}", f"{error:.1e}", f"{other:.1e}"))
    return table("Exponents of noise-free surfaces (asked: 1e-10)", ("surface", "fit_vpnls", "fit"), rows)
