"""The `tasks` command: list, show, add, remove."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import tasks
from tables.options import add_options, reading
from tables.shown import Screen, say
from tasks import user
from tasks.adding import Wish, add, counts
from tasks.errors import TaskError
from tasks.listing import print_list, print_task, task_facts

EPILOG = """examples:
  harness tasks list
  harness tasks show finetune_vocab
  harness tasks add runs.csv --features N,D --target loss --extrapolate N --units N=parameters,D=tokens
  harness tasks add runs.csv --features N,D --target loss --group recipe --heldout-above N=1e9 --budget 5
  harness tasks remove runs
"""

ADD_EPILOG = """The table is split once, when it is added: the outermost rows of every group along the axis are held out
and sealed, whole levels together. What stays is train. Then every command takes the task by its name:
  harness evolve --task NAME
  harness score PROGRAM.py --task NAME
"""


def parser(kind: type[argparse.ArgumentParser] = argparse.ArgumentParser) -> argparse.ArgumentParser:
    p = kind(
        prog="harness tasks",
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
        help="turn a table into a task",
        description="Turn a table into a task that evolve, score and leaderboard accept.",
        epilog=ADD_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    one.add_argument(
        "table", type=Path, help="a table: CSV and relatives, JSON, Parquet, Excel, packed or not"
    )
    one.add_argument("--features", type=_names, required=True, metavar="A,B", help="columns a law may use")
    one.add_argument(
        "--target", "--targets", type=_names, required=True, metavar="Y", help="column(s) to predict"
    )
    one.add_argument("--group", metavar="G", help="column whose groups are fitted one by one")
    one.add_argument(
        "--extrapolate",
        type=_names,
        default=(),
        metavar="A",
        help="feature(s) to extrapolate along, or a product as 'params*tokens'",
    )
    one.add_argument(
        "--corner", action="store_true", help="with several axes: beyond in all of them, not in any"
    )
    one.add_argument(
        "--falls-with",
        type=_names,
        default=(),
        metavar="A,B",
        help="feature(s) the target never rises with (a prior)",
    )
    one.add_argument(
        "--rises-with",
        type=_names,
        default=(),
        metavar="A,B",
        help="feature(s) the target never falls with (a prior)",
    )
    one.add_argument(
        "--paired",
        type=_names,
        default=(),
        metavar="A,B",
        help="with several targets: the feature of each, in order",
    )
    one.add_argument("--name", help="name of the task (default: the file's)")
    one.add_argument(
        "--budget",
        type=_budgets,
        default={},
        metavar="N|G=N,...",
        help="most constants of a law per group (default: none); of single groups with G=N, as in 5,small=3",
    )
    rule = one.add_mutually_exclusive_group()
    rule.add_argument(
        "--heldout",
        type=_share_or_file,
        default=0.2,
        metavar="SHARE|FILE",
        help="share held out (default: 0.2), or a table of the held-out rows",
    )
    rule.add_argument(
        "--split", metavar="COLUMN", help="column that says train or heldout (or test) for each row"
    )
    rule.add_argument(
        "--heldout-within",
        dest="within",
        type=_factor,
        metavar="X",
        help="hold out each group's rows within a factor X of its largest",
    )
    rule.add_argument(
        "--heldout-above",
        type=_limits,
        default={},
        metavar="A=VALUE",
        help="hold out rows beyond a value instead",
    )
    one.add_argument(
        "--reach",
        type=_factors,
        default={},
        metavar="A=X,...",
        help="one will predict at X times the largest training value of A: laws are chosen for there",
    )
    one.add_argument(
        "--units", type=_pairs, default={}, metavar="A=UNIT,...", help="units of columns, for people"
    )
    one.add_argument("--higher-is-better", action="store_true", help="the target is a score, not a loss")
    one.add_argument(
        "--interpolate",
        action="store_true",
        help="nothing extrapolates (mixtures): hold rows out at random, or as --split says",
    )
    add_options(one)
    one.add_argument("--force", action="store_true", help="replace a task of that name")
    one = sub.add_parser("remove", help="delete a task that was added")
    one.add_argument("name", help="its name")
    return p


def main(argv: list[str] | None = None, kind: type[argparse.ArgumentParser] = argparse.ArgumentParser) -> int:
    """The command; `kind` makes its parser, so that `harness tasks` errs like every command of the harness."""
    args = parser(kind).parse_args(argv)
    command = {"list": _list, "show": _show, "add": _add, "remove": _remove}[args.command]
    try:
        return command(args, Screen())
    except TaskError as error:
        if kind is not argparse.ArgumentParser:
            raise  # whoever lends the parser says it, made fit for a screen
        say(f"error: {error}", err=True)
        return 2


def _list(args: argparse.Namespace, console: Screen) -> int:
    facts = [task_facts(name, args.data_dir) for name in (*tasks.names(), *tasks.user_names())]
    if args.json:
        print(json.dumps(facts, indent=2))
    else:
        print_list(facts, console)
    return 0


def _show(args: argparse.Namespace, console: Screen) -> int:
    facts = task_facts(args.name, args.data_dir)
    if args.json:
        print(json.dumps(facts, indent=2))
    else:
        print_task(facts, console)
    return 0


def _add(args: argparse.Namespace, console: Screen) -> int:
    wish = Wish(
        table=args.table,
        features=args.features,
        targets=args.target,
        group=args.group,
        extrapolate=args.extrapolate,
        corner=args.corner,
        falls_with=args.falls_with,
        rises_with=args.rises_with,
        paired=args.paired,
        budget=args.budget.get(None),
        group_budgets={g: n for g, n in args.budget.items() if g is not None},
        name=args.name,
        heldout=args.heldout if isinstance(args.heldout, float) else 0.2,
        heldout_file=args.heldout if isinstance(args.heldout, Path) else None,
        split=args.split,
        within=args.within,
        reach=args.reach,
        interpolate=args.interpolate,
        where=tuple(args.where),
        reading=reading(args),
        heldout_above=args.heldout_above,
        units=args.units,
        lower_is_better=not args.higher_is_better,
    )
    added = add(wish, tasks.RESERVED_NAMES, args.force)
    task, spec = added.task, added.task.spec
    for line in (
        f"added task {spec.name}: {spec.title}",
        f"train: {counts(task.train)}; {spec.split_rule} ({len(task.heldout)} rows, sealed)",
        *(f"note: {note}" for note in added.notes),
        f"stored in {task.provenance.where} (units, meanings and budget can be edited in spec.yaml)",
        f"next: harness evolve --task {spec.name}",
    ):
        console.print(line, highlight=False, soft_wrap=True)
    return 0


def _remove(args: argparse.Namespace, console: Screen) -> int:
    if args.name in tasks.RESERVED_NAMES:
        raise TaskError(f"{args.name!r} comes along and can't be removed")
    console.print(f"removed {user.remove_user(args.name)}", highlight=False, soft_wrap=True)
    return 0


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


def _factors(text: str) -> dict[str, float]:
    factors = _limits(text)
    for name, value in factors.items():
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"expected a factor > 0 for {name}, got {value:g}")
    return factors


def _budgets(text: str) -> dict[str | None, int]:
    """`5`, `small=3,large=6`, or both: `5,small=3`; the one without a name is for all other groups."""
    found: dict[str | None, int] = {}
    for part in text.split(","):
        name, equals, value = part.rpartition("=")
        key = name.strip() if equals else None
        if key == "" or key in found:
            raise argparse.ArgumentTypeError(
                f"expected N or GROUP=N with commas between, each once, got {part!r}"
            )
        found[key] = _count(value.strip())
    return found


def _share_or_file(text: str) -> float | Path:
    try:
        value = float(text)
    except ValueError:
        return Path(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"expected a share between 0 and 1, or a file, got {text!r}")
    return value


def _factor(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a factor > 1, got {text!r}")
    return value


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected an integer >= 1, got {text!r}")
    return int(text)
