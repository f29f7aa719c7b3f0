"""`harness curves`: where will this run end, and which settings can be trusted to say so?"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable

from harness.terminal.edges import WRONG, command, known_command, usage_of

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
    "predict": ("harness.curves.predict", "main", "predict the end of one run, finished or still growing"),
    "page": ("harness.curves.page", "main", "write the study as one interactive HTML file"),
}
"""Subcommand -> the module and the function of argv it is, and one line of help."""


def usage() -> str:
    lines = {name: text for name, (_, _, text) in COMMANDS.items()}
    return usage_of("harness curves", "Predict loss curves.", lines)


@command
def main(argv: list[str] | None = None) -> int:
    args = sys.argv[1:] if argv is None else argv
    if not args or args[0] in ("-h", "--help", "help"):
        print(usage())
        return 0 if args else WRONG
    module, function, _ = COMMANDS[known_command(args[0], COMMANDS)]
    run: Callable[[list[str]], int] = getattr(importlib.import_module(module), function)
    return run(args[1:])
