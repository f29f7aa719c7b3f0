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
from benchmarks.fitting_objectives import certified, exponents, losses, random_problems  # noqa: E402
from benchmarks.fitting_shown import table  # noqa: E402
from benchmarks.fitting_times import bootstraps, by_name, general, sizes, times  # noqa: E402
from fitting.vpnls import fast  # noqa: E402


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
