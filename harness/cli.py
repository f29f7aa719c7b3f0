"""One console script over all commands: `harness evolve`, `harness score`, `harness leaderboard`, ..."""

from __future__ import annotations

import difflib
import importlib
import sys

COMMANDS = {
    "evolve": ("harness.evolve", "evolve scaling laws on a task"),
    "score": ("harness.score", "score a hand-written program"),
    "leaderboard": ("harness.leaderboard", "rank everything found"),
    "predict": ("harness.predict", "forecast new rows with a finished run, with a 90 % interval"),
    "tasks": ("tasks.cli", "list tasks, add your own table"),
    "fit": ("harness.fit", "fit one law to a table"),
    "curves": ("harness.curves", "predict where training runs end"),
    "study": ("harness.study", "how methods of fitting compare: thirteen experiments"),
    "bench": ("harness.bench", "run all tasks with several seeds and write the report card"),
    "promote": ("harness.promote", "keep the best laws of finished runs as programs with cards"),
    "hint": ("harness.hint", "say something to the models of a running search"),
    "export": ("harness.export", "write a run's journal as JSON lines"),
    "measure": ("measure.cli", "train small models and write down how they scale"),
    "doctor": ("evaluator.doctor", "show what the sandbox holds on this machine"),
}
"""Command -> the module whose `main(argv)` it is, and one line of help."""


def usage() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {text}" for name, (_, text) in COMMANDS.items()]
    return "\n".join(
        [
            "usage: harness COMMAND [options]",
            "",
            "Discover scaling laws and score them on rows beyond the training range.",
            "",
            "commands:",
            *lines,
            "",
            "harness COMMAND --help explains a command; begin with: harness evolve --task finetune_vocab",
        ]
    )


def main(argv: list[str] | None = None) -> int:
    args = sys.argv[1:] if argv is None else argv
    if not args or args[0] in ("-h", "--help", "help"):
        print(usage())
        return 0 if args else 2
    name = args[0]
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(COMMANDS)}"
        print(f"error: no command {name!r}; {hint}", file=sys.stderr)
        return 2
    return importlib.import_module(COMMANDS[name][0]).main(args[1:])


if __name__ == "__main__":
    sys.exit(main())
