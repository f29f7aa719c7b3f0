"""Times of single fits, by rows, by law and of bootstraps, for `benchmarks/fitting.py`."""

from __future__ import annotations

import statistics
import time

import numpy as np

from benchmarks import fitting_sets as sets
from benchmarks import fitting_yardstick as yardstick
from benchmarks.fitting_sets import DELTA, SURFACE, UNIT
from benchmarks.fitting_shown import table
from fitting import fit, fit_vpnls, huber, preset, simulate_isoflop_data
from fitting.vpnls import fast


def median_ms(repeats: int, call, *args, **options) -> float:
    """Median milliseconds of a call, after one that is not counted."""
    call(*args, **options)
    took = []
    for _ in range(repeats):
        started = time.perf_counter()
        call(*args, **options)
        took.append(time.perf_counter() - started)
    return 1e3 * statistics.median(took)


def times(options) -> dict:
    """One fit of the simulated 128 points and of the five real sets."""
    compiled = fast.available()
    if compiled:
        fast.warm_up()
    rows = []
    cases = [("sim 0, MSE", sets.simulated(0.0), None, None), ("sim 0, Huber", sets.simulated(0.0), huber(DELTA), None),
             ("sim 0.002, MSE", sets.simulated(0.002), None, None), ("sim 0.002, Huber", sets.simulated(0.002), huber(DELTA), None)]  # fmt: skip
    cases += [(name, sets.isoflop(name), huber(DELTA), UNIT) for name in sets.VPNLS if sets.folder()]
    for name, (N, D, L), loss, box in cases:
        delta = np.inf if loss is None else DELTA
        high = 0.99 if box is None else 1.0
        plain = median_ms(options.repeats, fit_vpnls, N, D, L, loss=loss, bounds=box, backend="numpy")
        quick = (
            median_ms(options.repeats, fit_vpnls, N, D, L, loss=loss, bounds=box, backend="compiled")
            if compiled
            else None
        )
        yard = median_ms(7, yardstick.grid, N, D, L, 0.01, delta, high) if yardstick.search else None
        own = median_ms(3, fit_vpnls, N, D, L, loss=loss, bounds=box, method="grid")
        starts = median_ms(3, yardstick.multi_start, N, D, L, delta, 30, high)
        rows.append(
            (
                name,
                plain,
                quick,
                yard,
                own,
                starts,
                yard and yard / plain,
                yard and quick and yard / quick,
                own / plain,
                starts / plain,
            )
        )
    header = (
        "ms",
        "NumPy",
        "compiled",
        "yardstick",
        "own grid 0.01",
        "30 starts",
        "yard/NumPy",
        "yard/compiled",
        "grid/NumPy",
        "starts/NumPy",
    )
    return table("Times of one fit (vpnls on its core: 9 ms MSE, 72 ms Huber)", header, rows)


def sizes(options) -> dict:
    """Cost by rows."""
    rows = []
    for n in (100, 1_000, 10_000, 100_000):
        N, D, L = simulate_isoflop_data(
            alpha=0.34, beta=0.28, A=406.4, B=410.7, E=1.69, n_points_per_budget=n // 5
        )
        one = [median_ms(5, fit_vpnls, N, D, L, loss=loss, backend="numpy") for loss in (None, huber(DELTA))]
        law = median_ms(3, fit, SURFACE, {"N": N, "D": D, "L": L})
        rows.append((f"{n:,}", *one, law, *(1e3 * t / n for t in one), 1e3 * law / n))
    header = ("rows", "MSE ms", "Huber ms", "fit ms", "MSE us/row", "Huber us/row", "fit us/row")
    return table("Cost by rows (asked: 10,000 rows in 50 ms)", header, rows)


def bootstraps(options) -> dict | None:
    """1,000 Huber fits of resampled rows."""
    if not sets.folder():
        return None
    N, D, L = sets.isoflop("ml_scalefit__massivetext__chinchilla")
    result = fit(SURFACE, {"N": N, "D": D, "L": L}, loss=huber(DELTA))
    rows = []
    for kind in ("case", "wild"):
        ms = median_ms(3, result.bootstrap, 1000, kind)
        rows.append((kind, ms / 1e3, float(result.bootstrap(1000, kind).converged.mean())))
    return table(
        "1,000 bootstrap Huber fits of the Chinchilla set (asked: 1.5 s)", ("kind", "s", "converged"), rows
    )


def general(options) -> dict | None:
    """Three variables, six constants, 1,080 rows."""
    data = sets.vocabulary()
    if data is None:
        return None
    rows = []
    for law in sets.VOCABULARY_LAWS:
        result = fit(law, data)
        rows.append((law, f"{result.r2:.6f}", str(result.status), median_ms(options.repeats, fit, law, data)))
    return table("General laws on 1,080 rows (asked: 100 ms)", ("law", "R2", "status", "ms"), rows)


BY_NAME = {  # constants behind the tables of `by_name`
    "chinchilla": {"E": 1.69, "A": 406.4, "alpha": 0.34, "B": 410.7, "beta": 0.28},
    "power_floor": {"E": 1.69, "A": 406.4, "alpha": 0.34},
    "kaplan": {"N_c": 6.4e13, "alpha_N": 0.076, "D_c": 1.8e13, "alpha_D": 0.103},
    "broken_power": {"E": 1.5, "A": 400.0, "alpha": 0.3, "N_b": 1e9, "w": 0.3, "c": 0.3},
    "skaling": {"E": 1.22, "A": 3355.0, "alpha": 0.408, "B": 18186.0, "beta": 0.431, "k": 0.452},
}


def by_name(options) -> dict:
    """CPU time of `fit` by preset, 128 rows, beside `fit_vpnls` on the same machine at the same time."""
    N, D, _ = sets.simulated(0.002)
    noise = 0.005 * np.random.default_rng(1).standard_normal(len(N))

    def cpu_ms(call, *args, **more) -> float:
        call(*args, **more)
        took = []
        for _ in range(options.repeats):
            began = time.process_time()
            call(*args, **more)
            took.append(time.process_time() - began)
        return 1e3 * statistics.median(took)

    rows = []
    for name, constants in BY_NAME.items():
        L = preset(name).predict(constants, {"N": N, "D": D}) + noise
        one = cpu_ms(fit_vpnls, N, D, L, backend="numpy")
        mine = cpu_ms(fit, name, {"N": N, "D": D, "L": L})
        rows.append((name, mine, one, mine / one))
    return table("CPU ms of fit by preset, 128 rows", ("preset", "fit", "fit_vpnls", "ratio"), rows)
