"""The fitting library, measured: objectives, certified optima, times and ratios, coverage, a battery of laws.

    SLD_ISOFLOP_DIR=... SLD_DATA_DIR=... python benchmarks/fitting.py [--only NAME ...] [--fine] [--json FILE]

Times are medians of several runs in this process on one thread. "yardstick" is the grid search as vpnls 0.1.0 does it
(`fitting_yardstick.py`, needs Numba): on the core that vpnls was timed on it took 9 ms (MSE) and 72 ms (Huber) at step
0.01 for 128 points, so its time here says how this core compares, and ratios to it are ratios to vpnls on this core.
Parts whose data are missing say so and are left out. The reference losses of vpnls and the certified optima were
measured once with vpnls 0.1.0 and by Newton from 144 starts; they are listed in `benchmarks/fitting_sets.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path

for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")  # must precede NumPy

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # not this folder: this file has the name of the library

import numpy as np  # noqa: E402

from benchmarks import fitting_battery as battery  # noqa: E402
from benchmarks import fitting_coverage as intervals  # noqa: E402
from benchmarks import fitting_peers as peer  # noqa: E402
from benchmarks import fitting_sets as sets  # noqa: E402
from benchmarks import fitting_yardstick as yardstick  # noqa: E402
from fitting import bounds, fit, fit_vpnls, huber, preset, simulate_isoflop_data  # noqa: E402
from fitting.vpnls import fast  # noqa: E402

SURFACE = "E + A*N**-alpha + B*D**-beta"
UNIT = bounds(alpha=(0.01, 1.0), beta=(0.01, 1.0))
WIDE = bounds(alpha=(0.001, 3.0), beta=(0.001, 3.0))
DELTA = 1e-3


def median_ms(repeats: int, call, *args, **options) -> float:
    """Median milliseconds of a call, after one that is not counted."""
    call(*args, **options)
    took = []
    for _ in range(repeats):
        started = time.perf_counter()
        call(*args, **options)
        took.append(time.perf_counter() - started)
    return 1e3 * statistics.median(took)


def table(title: str, header: tuple[str, ...], rows: list[tuple]) -> dict:
    """Print rows under a title, and return them for the JSON."""
    cells = [[c if isinstance(c, str) else "-" if c is None else f"{c:.6g}" for c in row] for row in rows]
    widths = [max(len(r[i]) for r in [list(header), *cells]) for i in range(len(header))]
    print(f"\n{title}")
    for row in [list(header), *cells]:
        print(
            "  "
            + "  ".join(
                c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))
            )
        )
    sys.stdout.flush()
    return {"title": title, "header": header, "rows": rows}


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


def coverage(options) -> dict:
    """How often 95 % intervals hold the truth, by interval, loss and noise."""
    found = intervals.counts(
        options.noises, options.losses, options.sets, options.slow_sets, _store(options, "coverage")
    )
    rows = [
        (", ".join(key), str(n), *(f"{100 * h / n:.1f} %" for h in hits))
        for key, (n, hits) in sorted(found.items())
    ]
    return table(
        "Coverage of 95 % intervals on 75 rows (asked of the default, sandwich: 92 to 97 %)",
        ("noise, loss, interval", "sets", *intervals.TRUTH),
        rows,
    )


def peers(options) -> dict:
    """Other packages on the same rows."""
    rows = [
        row
        for noise in options.noises[:2]
        for row in peer.rows(noise, options.peer_sets, 60 * options.peer_minutes)
    ]
    header = (
        "package, noise",
        "tables",
        "RSS above the least, median",
        "most",
        "CPU ms",
        *(f"{k} held" for k in peer.NAMES),
    )
    return table("Peers on tables of 75 rows; coverage of 95 % intervals", header, rows)


def the_battery(options) -> dict:
    """Sixty laws on random tables against least squares from many starts."""
    chosen = range(len(battery.LAWS)) if options.laws is None else options.laws
    seeds = range(options.first_table, options.first_table + options.tables)
    records = battery.cells(list(chosen), seeds, options.starts, _store(options, "battery"))
    rows = []
    for index in chosen:
        mine = [r for r in records if r["law"] == index]
        worse = [r for r in mine if r["worse"]]
        said = sum(r["status"] == "converged" for r in worse)
        ms = float(np.median([r["ms"] for r in mine]))
        rows.append((battery.LAWS[index][0][:60], str(len(mine)), str(len(worse)), str(said), ms))
    rows.append(("all", *(str(sum(int(r[i]) for r in rows)) for i in (1, 2, 3)), None))
    return table(
        f"Battery against {options.starts} starts (worse: RSS above by more than 1e-6 relative; asked: none)",
        ("law", "tables", "worse", "of these 'converged'", "median CPU ms"),
        rows,
    )


def _store(options, name: str) -> Path | None:
    """Where finished cells are kept, so that a run goes on where the last one stopped."""
    if options.store is None:
        return None
    options.store.mkdir(parents=True, exist_ok=True)
    return options.store / f"{name}.jsonl"


PARTS = {
    f.__name__: f
    for f in (
        losses,
        certified,
        times,
        exponents,
        sizes,
        bootstraps,
        general,
        by_name,
        random_problems,
        coverage,
        peers,
    )
} | {"battery": the_battery}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="NAME", help=", ".join(PARTS)
    )
    parser.add_argument("--repeats", type=int, default=15, help="runs per median (default 15)")
    parser.add_argument(
        "--fine", action="store_true", help="run our own Huber grid at 0.001 too (about a minute per set)"
    )
    parser.add_argument(
        "--verbose", action="store_true", help="name the random problems where a rival was lower"
    )
    parser.add_argument("--tables", type=int, default=40, help="battery: random tables a law (default 40)")
    parser.add_argument(
        "--first-table", type=int, default=0, help="battery: number of the first table (default 0)"
    )
    parser.add_argument("--laws", type=int, nargs="+", help="battery: numbers of laws (default: all sixty)")
    parser.add_argument(
        "--starts", type=int, default=30, help="battery: starts of least squares (default 30)"
    )
    parser.add_argument("--sets", type=int, default=500, help="coverage: data sets a cell (default 500)")
    parser.add_argument(
        "--slow-sets",
        type=int,
        default=500,
        help="coverage: data sets for profiles and bootstraps (default 500)",
    )
    parser.add_argument("--noises", nargs="+", choices=intervals.NOISES, default=list(intervals.NOISES))
    parser.add_argument("--losses", nargs="+", choices=list(intervals.LOSSES), default=list(intervals.LOSSES))
    parser.add_argument("--peer-sets", type=int, default=100, help="peers: tables a noise (default 100)")
    parser.add_argument(
        "--peer-minutes",
        type=float,
        default=5.0,
        help="peers: minutes for each package and noise (default 5)",
    )
    parser.add_argument("--store", type=Path, help="battery, coverage: folder that keeps finished cells")
    parser.add_argument("--json", type=Path, help="write the tables to this file")
    options = parser.parse_args()
    print(
        f"Python {platform.python_version()}, NumPy {np.__version__}, Numba {'yes' if fast.available() else 'no'}, {platform.machine()}"
    )
    found = {}
    for name in options.only:
        started = time.perf_counter()
        result = PARTS[name](options)
        if result is None:
            print(f"\n{name}: left out, data not found (SLD_ISOFLOP_DIR, SLD_DATA_DIR)")
        else:
            found[name] = result | {"seconds": time.perf_counter() - started}
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
