"""`python -m harness.curves`: where will this run end, and which settings can be trusted to say so?"""

from __future__ import annotations

import importlib
import sys

from harness.errors import HarnessError
from harness.terminal.shown import shown
from tables import TableError

COMMANDS = {
    "backtest": (
        "harness.curves.backtest",
        "backtest_main",
        "errors of every method on finished runs, best-form map",
    ),
    "search": ("harness.curves.backtest", "search_main", "from when a target error is met"),
    "laws": ("harness.curves.across", "laws_main", "endpoint laws per recipe, checked at larger compute"),
    "joint": ("harness.curves.across", "joint_main", "one model for the trajectories of many runs"),
    "intervals": (
        "harness.curves.across",
        "intervals_main",
        "calibrated endpoint intervals and their coverage",
    ),
    "replay": ("harness.curves.across", "replay_main", "stop or continue, replayed on finished runs"),
    "task": ("harness.curves.task", "main", "make a curve set a task for evolve and score"),
    "predict": ("harness.curves.live", "main", "predict the end of one run, finished or still growing"),
    "page": ("harness.curves.page", "main", "write the study as one interactive HTML file"),
}
"""Subcommand -> the module and the function of argv it is, and one line of help."""


def usage() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {text}" for name, (_, _, text) in COMMANDS.items()]
    head = ["usage: python -m harness.curves COMMAND [options]", "", "Predict loss curves.", "", "commands:"]
    return "\n".join([*head, *lines, "", "python -m harness.curves COMMAND --help explains a command"])


def main(argv: list[str] | None = None) -> int:
    args = sys.argv[1:] if argv is None else argv
    if not args or args[0] in ("-h", "--help", "help"):
        print(usage())
        return 0 if args else 2
    if args[0] not in COMMANDS:
        print(f"error: no command {args[0]!r}; expected one of {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    try:
        module, function, _ = COMMANDS[args[0]]
        return getattr(importlib.import_module(module), function)(args[1:])
    except (HarnessError, TableError, ValueError) as error:
        if not isinstance(error, (HarnessError, TableError)) and not type(error).__module__.startswith(
            "fitting"
        ):
            raise
        print(shown(f"error: {error}"), file=sys.stderr)
        return 1
