"""What the table commands of `harness curves` share: the data options, regimes, JSON and tables."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from curves import SETS, Curve, load_curves, load_set
from harness.curves.ours import LABELS, NOTE, our_curves
from harness.errors import BadHistory
from harness.terminal.edges import Parser, alias
from tables.options import add_options as table_options
from tables.options import reading
from tables.shown import Screen
from tasks.nano import SOURCE as OURS


def parser(name: str, description: str, examples: str) -> Parser:
    """A parser with the options that say which curves are meant, and --json."""
    p = Parser(
        prog=f"harness curves {name}",
        description=description,
        epilog=f"examples:\n{examples}",
    )
    data = p.add_argument(
        "--data-dir", dest="data", metavar="DIR", default=os.environ.get("SLD_CURVES_DIR"),
        help="folder of the public curve sets (default: the variable SLD_CURVES_DIR; without it, our own measurements)",
    )  # fmt: skip
    alias(p, "--data", data)
    p.add_argument("--json", action="store_true", help="print JSON instead of tables")
    return p


def curve_options(p: argparse.ArgumentParser) -> None:
    p.add_argument(
        "--set",
        dest="name",
        choices=(OURS, *SETS),
        help=f"{OURS}: our own measurements; the others are public sets (default: {SETS[0]} where their folder is given, else {OURS})",
    )
    p.add_argument(
        "--csv",
        metavar="FILE",
        help="your own tidy table instead (CSV, JSON, Parquet, ...), one row an evaluation",
    )
    table_options(p, where=False)
    p.add_argument("--column", action="append", default=[], metavar="NAME=COL",
                   help="column of --csv: run, loss, progress, step, total, N, D or C (default: run_id, loss, tau, step)")  # fmt: skip
    p.add_argument(
        "--labels", default="", metavar="NAMES", help="columns of --csv that label a run, comma separated"
    )
    p.add_argument("--where", action="append", default=[], metavar="LABEL=VALUE", help="only runs with this label; C=1e21 works too")  # fmt: skip


def ours(args: argparse.Namespace) -> bool:
    """Whether our own measurements are meant: asked for, or nothing else is given."""
    return not args.csv and (args.name == OURS or (args.name is None and not args.data))


def delphi(args: argparse.Namespace) -> bool:
    """Whether the first of the public sets is meant."""
    return not args.csv and not ours(args) and args.name in (None, SETS[0])


def recipe_of(args: argparse.Namespace, of_ours: tuple[str, ...] = LABELS) -> tuple[str, ...]:
    """Labels that make a recipe: those of --recipe, or those that the set has."""
    if args.recipe is None:
        return of_ours if ours(args) else ("mix", "lr_factor")
    return tuple(x.strip() for x in args.recipe.split(",") if x.strip())


def folder(args: argparse.Namespace) -> str:
    if not args.data:
        raise BadHistory(
            "no data: give --data DIR, the folder of the public curve sets, or set SLD_CURVES_DIR"
        )
    return args.data


def curves_of(args: argparse.Namespace) -> list[Curve]:
    """The curves asked for.

    Raises:
        BadHistory: no data given, a --column or --where that can't be read, or no curve left.
    """
    if args.csv:
        names = {}
        for item in args.column:
            key, _, column = item.partition("=")
            known = ("run", "loss", "progress", "step", "total", "tokens", "lr", "N", "D", "C")
            if key not in known or not column:
                raise BadHistory(
                    f"--column: expected NAME=COL with NAME one of {', '.join(known)}, got {item!r}"
                )
            names[key] = column
        labels = tuple(x.strip() for x in args.labels.split(",") if x.strip())
        curves = load_curves(args.csv, labels=labels, reading=reading(args), **names)
    elif ours(args):
        if args.name is None:
            print(NOTE, file=sys.stderr)
        curves = our_curves()
    else:
        curves = load_set(args.name or SETS[0], folder(args))
    keep = regime(args.where)
    chosen = [c for c in curves if keep(c)]
    if not chosen:
        raise BadHistory(f"--where: none of {len(curves)} runs has {' and '.join(args.where)}")
    return chosen


def regime(conditions: Sequence[str]) -> Callable[[Any], bool]:
    """A test of runs or of backtest rows from texts such as mix=p33m67 or C=1e21.

    Raises:
        BadHistory: a condition without `=`.
    """
    pairs = []
    for condition in conditions:
        name, sep, value = condition.partition("=")
        if not sep or not name or not value:
            raise BadHistory(f"--where: expected LABEL=VALUE, got {condition!r}")
        pairs.append((name.strip(), value.strip()))

    def holds(thing: Any) -> bool:
        return all(_equal(thing.C if n == "C" else thing.labels.get(n), v) for n, v in pairs)

    return holds


def _equal(have: object, asked: str) -> bool:
    if isinstance(have, (int, float)):
        try:
            return abs(have - float(asked)) <= 1e-9 * abs(have)
        except ValueError:
            return False
    return have == asked


def prefixes(text: str) -> tuple[float, ...]:
    """Prefixes from 0.25,0.5 or 0.10:0.90:0.05. For argparse."""
    try:
        if ":" in text:
            low, high, step = (float(x) for x in text.split(":"))
            found = [round(low + i * step, 6) for i in range(round((high - low) / step) + 1)]
        else:
            found = [float(x) for x in text.split(",")]
    except (ValueError, ZeroDivisionError):
        found = []
    if not found or not all(0 < p < 1 for p in found):
        raise argparse.ArgumentTypeError(
            f"expected shares between 0 and 1, as 0.25,0.5 or 0.10:0.90:0.05, got {text!r}"
        )
    return tuple(found)


def print_table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]], console: Console) -> None:
    """A table with its title; numbers to the right."""
    table = Table(title=title, box=SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False)
    for i, name in enumerate(head):
        number = bool(rows) and isinstance(rows[0][i], (int, float))
        table.add_column(name, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(_cell(x)) for x in row))
    console.print(table)


def _cell(x: object) -> str:
    if isinstance(x, float):
        return f"{x:.3g}" if abs(x) >= 1e4 else f"{x:.4f}"
    return "-" if x is None else str(x)


def out() -> Console:
    """Standard output; wide where it isn't a terminal, so that piped tables stay whole."""
    return Screen(width=None if sys.stdout.isatty() else 160, highlight=False)


def print_json(value: object) -> None:
    print(json.dumps(value, indent=1))


def counter(what: str) -> Callable[[int, int], None]:
    """A progress line on standard error, where someone looks at it."""

    def show(done: int, of: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{what}: {done} of {of}", end="\n" if done == of else "", file=sys.stderr, flush=True)

    return show
