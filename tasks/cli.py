"""The `tasks` command: list, show, add, remove."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

import tasks
from tasks import user
from tasks.adding import Wish, add, counts
from tasks.errors import TaskError

WIDE = 140
"""Columns of a terminal from which the list is a table."""

EPILOG = """examples:
  python -m tasks list
  python -m tasks show finetune_vocab
  python -m tasks add runs.csv --features N,D --target loss --extrapolate N --units N=parameters,D=tokens
  python -m tasks add runs.csv --features N,D --target loss --group recipe --heldout-above N=1e9 --budget 5
  python -m tasks remove runs
"""

ADD_EPILOG = """The table is split once, when it is added: the outermost rows of every group along the axis are held out
and sealed, whole levels together. What stays is train. Then every command takes the task by its name:
  python -m harness.evolve --task NAME
  python -m harness.score PROGRAM.py --task NAME
"""


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="python -m tasks",
        description="The tasks: what they ask, where their rows are, and how to add your own table.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sub = p.add_subparsers(dest="command", required=True, metavar="COMMAND")
    one = sub.add_parser("list", help="all tasks, with rows, axis, budget and data source on this machine")
    one.add_argument("--data-dir", metavar="DIR", help="folder with the benchmark's rows")
    one.add_argument("--json", action="store_true", help="as JSON")
    one = sub.add_parser("show", help="one task in full: columns, paper, split rule, published scores")
    one.add_argument("name", help="task name or alias")
    one.add_argument("--data-dir", metavar="DIR", help="folder with the benchmark's rows")
    one.add_argument("--json", action="store_true", help="as JSON")
    one = sub.add_parser(
        "add",
        help="turn a CSV or Parquet table into a task",
        description="Turn a CSV or Parquet table into a task that evolve, score and leaderboard accept.",
        epilog=ADD_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    one.add_argument("table", type=Path, help="CSV or Parquet file with a header")
    one.add_argument("--features", type=_names, required=True, metavar="A,B", help="columns a law may use")
    one.add_argument(
        "--target", "--targets", type=_names, required=True, metavar="Y", help="column(s) to predict"
    )
    one.add_argument("--group", metavar="G", help="column whose groups are fitted one by one")
    one.add_argument(
        "--extrapolate", type=_names, default=(), metavar="A", help="feature(s) to extrapolate along"
    )
    one.add_argument(
        "--corner", action="store_true", help="with several axes: beyond in all of them, not in any"
    )
    one.add_argument("--name", help="name of the task (default: the file's)")
    one.add_argument(
        "--budget", type=_count, metavar="N", help="most constants of a law per group (default: none)"
    )
    rule = one.add_mutually_exclusive_group()
    rule.add_argument(
        "--heldout", type=_share, default=0.2, metavar="SHARE", help="share held out (default: 0.2)"
    )
    rule.add_argument(
        "--heldout-above",
        type=_limits,
        default={},
        metavar="A=VALUE",
        help="hold out rows beyond a value instead",
    )
    one.add_argument(
        "--units", type=_pairs, default={}, metavar="A=UNIT,...", help="units of columns, for people"
    )
    one.add_argument("--higher-is-better", action="store_true", help="the target is a score, not a loss")
    one.add_argument("--force", action="store_true", help="replace a task of that name")
    one = sub.add_parser("remove", help="delete a task that was added")
    one.add_argument("name", help="its name")
    return p


def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    command = {"list": _list, "show": _show, "add": _add, "remove": _remove}[args.command]
    try:
        return command(args, Console())
    except TaskError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _list(args: argparse.Namespace, console: Console) -> int:
    facts = [task_facts(name, args.data_dir) for name in (*tasks.names(), *tasks.user_names())]
    if args.json:
        print(json.dumps(facts, indent=2))
        return 0
    (_print_table if console.width >= WIDE else _print_blocks)(facts, console)
    if any(f["train_rows"] is None for f in facts):
        console.print(
            "No rows for some tasks: set SLD_DATA_DIR or give --data-dir; a search asks the public hub by itself.",
            highlight=False,
        )
    console.print(
        "const.: most constants of a law per group; python -m tasks show TASK tells all", style="dim"
    )
    return 0


def _print_table(facts: list[dict[str, Any]], console: Console) -> None:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("task", "train", "held-out", "groups", "const."):
        table.add_column(name, justify="left" if name == "task" else "right", no_wrap=True)
    for name in ("features", "predicts", "extrapolates along", "rows from"):
        table.add_column(name, overflow="fold")
    for f in facts:
        numbers = [_dash(f[k]) for k in ("train_rows", "heldout_rows", "groups", "constants_budget")]
        columns = [Text(", ".join(map(_column_text, f[k]))) for k in ("features", "targets")]
        table.add_row(f["name"], *numbers, *columns, _axis_text(f), _source_text(f))
    console.print(table)


def _print_blocks(facts: list[dict[str, Any]], console: Console) -> None:
    for f in facts:
        budget = (
            "any number of constants"
            if f["constants_budget"] is None
            else f"{f['constants_budget']} constants"
        )
        console.print(
            Text(f"{f['name']:<18}", style="bold") + Text(f"{_rows_text(f)}; {budget}; ") + _source_text(f)
        )
        columns = [", ".join(map(_column_text, f[k])) for k in ("features", "targets")]
        for text in (f"{columns[0]} -> {columns[1]}", f"along {_axis_text(f)}"):
            console.print(Padding(Text(text, style="dim"), (0, 0, 0, 4)))


def _source_text(f: dict[str, Any]) -> Text:
    return Text("SIMULATED stand-in", style="bold red") if f["simulated"] else Text(f"{f['source']}")


def task_facts(name: str, data_dir: str | None) -> dict[str, Any]:
    """A task as plain values, with what its rows are on this machine; never asks the network."""
    spec = tasks.spec(name)
    facts: dict[str, Any] = {
        "name": spec.name,
        "title": spec.title,
        "aliases": list(spec.aliases),
        "features": [asdict(c) for c in spec.features],
        "targets": [asdict(c) for c in spec.targets],
        "group": spec.group,
        "constants_budget": spec.constants_budget,
        "extrapolate": list(spec.extrapolate),
        "corner": spec.corner,
        "split_rule": spec.split_rule,
        "paper": spec.paper,
        "published": [asdict(p) for p in spec.published],
        "train_rows": None,
        "heldout_rows": None,
        "groups": None,
        "simulated": False,
        "note": "",
    }
    try:
        task = tasks.load(name, data_dir=data_dir, offline=True)
    except TaskError as error:
        return {**facts, "source": "none found", "note": str(error)}
    p = task.provenance
    return {
        **facts,
        "train_rows": len(task.train),
        "heldout_rows": len(task.heldout),
        "groups": len(task.train.groups()),
        "source": p.kind + (", not official" if p.official is False and not p.simulated else ""),
        "where": p.where,
        "train_hash": p.train_hash,
        "heldout_hash": p.heldout_hash,
        "simulated": p.simulated,
        "note": p.note,
    }


def _show(args: argparse.Namespace, console: Console) -> int:
    facts = task_facts(args.name, args.data_dir)
    if args.json:
        print(json.dumps(facts, indent=2))
        return 0
    spec = tasks.spec(args.name)
    console.print(Text(f"{spec.name}: {spec.title}", style="bold"))
    lines = {
        "also called": ", ".join(spec.aliases),
        "paper": spec.paper,
        "split": spec.split_rule,
        "axis": _axis_text(facts),
        "constants": "no limit"
        if spec.constants_budget is None
        else f"at most {spec.constants_budget} per group",
        "group": spec.group or "none",
        "rows": _rows_text(facts),
        "from": facts.get("where", facts["source"]),
        "note": facts["note"],
    }
    for label, text in lines.items():
        if text:
            console.print(Text(f"{label:<12}", style="dim") + Text(str(text)))
    for label, columns in (("features", spec.features), ("targets", spec.targets)):
        for c in columns:
            console.print(
                Text(f"{label:<12}", style="dim") + Text(_column_text(asdict(c))) + Text(f"  {c.meaning}")
            )
            label = ""
    if spec.published:
        table = Table(
            title="published scores, reported by others",
            title_justify="left",
            box=SIMPLE_HEAD,
            pad_edge=False,
        )
        table.add_column("system", overflow="fold")
        table.add_column("R2", justify="right")
        table.add_column("how, and where it is from", overflow="fold", style="dim")
        for p in sorted(spec.published, key=lambda p: -p.r2):
            table.add_row(p.system, f"{p.r2:.3f}", f"{p.note}; {p.source}" if p.note else p.source)
        console.print(table)
    return 0


def _rows_text(facts: dict[str, Any]) -> str:
    if facts["train_rows"] is None:
        return "none on this machine"
    groups = "1 group" if facts["groups"] == 1 else f"{facts['groups']} groups"
    return f"{facts['train_rows']} train, {facts['heldout_rows']} held out, {groups}"


def _axis_text(facts: dict[str, Any]) -> str:
    joined = " and " if facts["corner"] else " or "
    return joined.join(facts["extrapolate"]) or "distance from the centre"


def _add(args: argparse.Namespace, console: Console) -> int:
    wish = Wish(
        table=args.table,
        features=args.features,
        targets=args.target,
        group=args.group,
        extrapolate=args.extrapolate,
        corner=args.corner,
        budget=args.budget,
        name=args.name,
        heldout=args.heldout,
        heldout_above=args.heldout_above,
        units=args.units,
        lower_is_better=not args.higher_is_better,
    )
    task = add(wish, tasks.RESERVED_NAMES, args.force)
    spec = task.spec
    for line in (
        f"added task {spec.name}: {spec.title}",
        f"train: {counts(task.train)}; {spec.split_rule} ({len(task.heldout)} rows, sealed)",
        f"stored in {task.provenance.where} (units, meanings and budget can be edited in spec.yaml)",
        f"next: python -m harness.evolve --task {spec.name}",
    ):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return 0


def _remove(args: argparse.Namespace, console: Console) -> int:
    if args.name in tasks.RESERVED_NAMES:
        raise TaskError(f"{args.name!r} comes along and can't be removed")
    console.print(f"removed {user.remove_user(args.name)}", markup=False, highlight=False, soft_wrap=True)
    return 0


def _column_text(c: dict[str, str]) -> str:
    return c["name"] if c["unit"] == "1" else f"{c['name']} [{c['unit']}]"


def _dash(value: object) -> str:
    return "-" if value is None else str(value)


def _names(text: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(","))
    if not all(names):
        raise argparse.ArgumentTypeError(f"expected column names with commas between, got {text!r}")
    return names


def _pairs(text: str) -> dict[str, str]:
    pairs = {}
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise argparse.ArgumentTypeError(f"expected NAME=VALUE with commas between, got {part!r}")
        pairs[name.strip()] = value.strip()
    return pairs


def _limits(text: str) -> dict[str, float]:
    limits = {}
    for name, value in _pairs(text).items():
        try:
            limits[name] = float(value)
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected a number for {name}, got {value!r}") from None
        if limits[name] != limits[name]:
            raise argparse.ArgumentTypeError(f"expected a number for {name}, got {value!r}")
    return limits


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"expected a share between 0 and 1, got {text!r}")
    return value


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected an integer >= 1, got {text!r}")
    return int(text)
