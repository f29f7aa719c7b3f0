"""A law fitted to a table, judged and written down: what `harness fit` does once its options are read."""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from pathlib import Path

import numpy as np

from fitting import PRESETS, Bootstrap, FittedLaw, Interval, fit
from fitting.law.spelling import logs_target
from harness.errors import BadOption
from harness.fit.report import ASKED_OF_THE_USER, Report
from harness.fit.rows import Asked, rows_for_fit
from harness.terminal.counting import counting
from tables.options import reading
from tables.shown import say
from tasks import nano

FILE = "fit.json"


def carry_out(args: argparse.Namespace) -> int:
    """List the laws, or fit one, print its report and write it down. Returns the exit code."""
    if args.laws:
        for name, chosen in PRESETS.items():
            print(f"{name:<14} {chosen.text}\n{'':<14} {chosen.source}")
        return 0
    if args.data is None:
        take_our_plane(args)
    report, C = run(args)
    written = write(report, args, C)
    say(json.dumps(report.to_dict(), indent=2) if args.json else report.text().removesuffix("\n"))
    say("\nwrote " + ", ".join(str(path) for path in written), err=args.json)
    return 0


def take_our_plane(args: argparse.Namespace) -> None:
    """Without a file: the isoFLOP plane of our own measurements, under the columns of a Chinchilla law."""
    print(f"no file given: our own isoFLOP plane ({nano.RUNS.name}, docs/measure.md)", file=sys.stderr)
    args.data, args.stem = str(nano.RUNS), "plane"
    args.where = ["experiment==plane", "seed==0", *args.where]
    given = {text.partition("=")[0] for text in args.column}
    args.column += [f"{name}={column}" for name, column in nano.PLANE_COLUMNS.items() if name not in given]


def run(args: argparse.Namespace) -> tuple[Report, np.ndarray | None]:
    """Read, fit, judge."""
    asked = Asked(args.law, args.target, args.column, args.where, args.holdout, args.weights)
    table = rows_for_fit(args.data, asked, reading(args))
    loss = args.loss or ("log_squared" if logs_target(args.law) else "mse")
    rows = {str(name): table.rows[name].to_numpy() for name in table.rows.columns}
    free = "all" if args.free == "all" else tuple(n for n in args.free.split(",") if n)
    result = fit(
        args.law,
        rows,
        target=args.target,
        loss=loss,
        bounds={name: _pair(text) for name, text in _assigned(args.bound, "--bound").items()},
        weights=args.weights,
        groups=args.groups,
        free=free,
        fixed={name: _number(text, "--fix") for name, text in _assigned(args.fix, "--fix").items()},
        tied=_assigned(args.tie, "--tie"),
        starts=args.starts,
    )
    sample, found = _intervals(result, rows, args)
    method = "bootstrap" if sample is not None else args.intervals or "sandwich"
    best = None
    if args.allocate:
        budgets = [_number(text, "--allocate") for text in args.allocate.split(",")]
        bands = "sandwich" if len(result.problem.rows.y) > len(result.constants) else None
        best = result.allocate(budgets, k=args.k, bands=bands, level=args.level, seed=args.seed)
    report = Report(
        table, result, found, method, args.level, sample, best, args.starts, _notes(args), args.groups
    )
    C = rows.get("C")
    return report, C.astype(float) if C is not None and np.issubdtype(C.dtype, np.number) else None


def _intervals(
    result: FittedLaw, rows: dict[str, np.ndarray], args: argparse.Namespace
) -> tuple[Bootstrap | None, dict[str, Interval]]:
    """The resamples, where they were asked for, and the intervals of the constants."""
    if args.bootstrap is None:
        return None, result.intervals(args.level, args.intervals or "sandwich")
    kind = args.kind or ("within" if args.strata else "cluster" if args.cluster else "case")
    strata, clusters = (_labels(rows, name, option) for name, option in
                        ((args.strata, "--strata"), (args.cluster, "--cluster")))  # fmt: skip
    with counting(args.bootstrap) as tell:
        sample = result.bootstrap(args.bootstrap, kind, strata=strata, clusters=clusters, seed=args.seed,
                                  progress=lambda done: tell("resamples refitted", done))  # fmt: skip
    return sample, {n: fitting_interval(result, sample, n, args.level) for n in result.constants}


def _notes(args: argparse.Namespace) -> dict[str, str]:
    """What the user says on items of the checklist that a table can't tell."""
    notes = _assigned(args.note, "--note")
    unknown = [name for name in notes if name not in ASKED_OF_THE_USER]
    if unknown:
        raise BadOption(f"--note {unknown[0]}=...: expected one of {', '.join(ASKED_OF_THE_USER)}")
    return notes


def fitting_interval(result: FittedLaw, sample: Bootstrap, name: str, level: float) -> Interval:
    """Percentile interval of one constant from resamples already made."""
    low, high = sample.interval(name, level)
    return Interval(result.constants[name], low, high, level, "bootstrap")


def write(report: Report, args: argparse.Namespace, C: np.ndarray | None) -> list[Path]:
    """fit.json, its page, and plots."""
    folder = _folder(args, getattr(args, "stem", report.table.stem))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / FILE
        target.write_text(json.dumps(report.to_dict(), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise BadOption(f"--out {folder}: can't be written ({error.strerror})") from None
    if args.no_plots:
        return [target]
    from harness.fit.page import FILE as PAGE
    from harness.fit.page import fit_page
    from harness.fit.panels import Fitted, fit_panels
    from harness.fit.plots import write_plots

    fitted = Fitted(report, C, args.k)
    panels = fit_panels(fitted)
    page = folder / PAGE
    page.write_text(fit_page(fitted, panels), encoding="utf-8")
    return [target, page, *write_plots(fitted, panels, folder)]


def _folder(args: argparse.Namespace, stem: str) -> Path:
    """Where the result goes: never over another result without --force.

    Raises:
        BadOption: --out names a folder that holds a fit.
    """
    first = Path(args.out or f"fit_{stem}")
    if args.force or not (first / FILE).exists():
        return first
    if args.out:
        raise BadOption(
            f"--out {first}: it holds a fit already; give another folder, or --force to replace it"
        )
    return next(f for n in itertools.count(2) if not (f := Path(f"{first}_{n}")).exists())


def _assigned(items: list[str], option: str) -> dict[str, str]:
    out = {}
    for item in items:
        name, sign, value = item.partition("=")
        if not sign or not name.strip() or not value.strip():
            raise BadOption(f"{option} {item!r}: expected NAME=VALUE")
        out[name.strip()] = value.strip()
    return out


def _number(text: str, option: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise BadOption(f"{option}: expected a number, got {text!r}") from None


def _pair(text: str) -> tuple[float | None, float | None]:
    low, sign, high = text.partition(":")
    if not sign:
        raise BadOption(f"--bound: expected LOW:HIGH (- for none), got {text!r}")
    first, last = (None if end.strip() in ("-", "") else _number(end, "--bound") for end in (low, high))
    return first, last


def _labels(rows: dict[str, np.ndarray], name: str | None, option: str) -> np.ndarray | None:
    if name is None:
        return None
    if name not in rows:
        raise BadOption(f"{option}: no column {name!r}; the rows have {', '.join(rows)}")
    return rows[name]
