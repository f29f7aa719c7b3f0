"""One console script over all commands: `harness evolve`, `harness score`, `harness leaderboard`, ..."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable

from harness.terminal.edges import WRONG, Parser, command, known_command, usage_of

COMMANDS = {
    "evolve": ("harness.commands.evolve", "evolve scaling laws on a task"),
    "score": ("harness.commands.score", "score a hand-written program"),
    "leaderboard": ("harness.commands.leaderboard", "rank everything found"),
    "predict": ("harness.commands.predict", "forecast new rows with a finished run, with a 90 % interval"),
    "report": ("harness.commands.report", "write a run's page: one HTML file"),
    "plot": ("harness.commands.plot", "draw a figure of a run as PDF, SVG or PNG"),
    "serve": ("harness.commands.serve", "a local web app: live runs, leaderboards, forms"),
    "tasks": ("tasks.cli", "list tasks, add your own table"),
    "fit": ("harness.fit", "fit one law to a table"),
    "curves": ("harness.curves", "predict where training runs end"),
    "study": ("harness.study", "how methods of fitting compare: thirteen experiments"),
    "bench": ("harness.bench", "run all tasks with several seeds and write the report card"),
    "promote": ("harness.promote", "keep the best laws of finished runs as programs with cards"),
    "hint": ("harness.hint", "say something to the models of a running search"),
    "verify": ("harness.verify", "check a run's journal, and name what is damaged"),
    "export": ("harness.export", "write a run's journal as JSON lines"),
    "measure": ("measure.cli", "train small models and write down how they scale"),
    "doctor": ("evaluator.doctor", "show what the sandbox holds on this machine"),
}
"""Command -> the module whose `main(argv)` it is, and one line of help."""


BELOW = {"tasks.cli", "evaluator.doctor", "measure.cli"}
"""Commands of packages that can't import ours; they are handed the parser."""


def usage() -> str:
    return usage_of(
        "harness",
        "Discover scaling laws and score them on rows beyond the training range.",
        {name: text for name, (_, text) in COMMANDS.items()},
        "; begin with: harness evolve --task finetune_vocab",
    )


@command
def main(argv: list[str] | None = None) -> int:
    args = sys.argv[1:] if argv is None else argv
    if not args or args[0] in ("-h", "--help", "help"):
        print(usage())
        return 0 if args else WRONG
    if args[0] in ("-V", "--version"):
        from importlib.metadata import version

        print(f"harness {version('scaling-law-harness')}")
        return 0
    module = COMMANDS[known_command(args[0], COMMANDS)][0]
    run: Callable[..., int] = importlib.import_module(module).main
    return run(args[1:], Parser) if module in BELOW else run(args[1:])


if __name__ == "__main__":
    sys.exit(main())
