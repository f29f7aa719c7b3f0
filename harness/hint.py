"""Tell the models of a running search something: `harness hint RUN "the floor depends on P"`."""

from __future__ import annotations

import sys
from pathlib import Path

from harness.errors import BadRun, HarnessError
from harness.proposers.llm.hints import HINT, write_hint
from harness.proposers.names import OFFLINE
from harness.record.run_folder import RunFolder
from harness.terminal.edges import Parser, command
from harness.terminal.options import add_run_options

EPILOG = """examples:
  harness hint latest "the floor may depend on the number of streams"
  harness hint latest --clear

The hint stands in every prompt from then on, is kept in the run's journal, and may be changed at any moment, while the
search runs or before it goes on. It is the text file hint.txt of the run's folder.
"""


def parser() -> Parser:
    p = Parser(
        prog="harness hint",
        description="Say something to the language models of a run.",
        epilog=EPILOG,
    )
    add_run_options(p)
    p.add_argument("text", nargs="?", metavar="TEXT", help="the hint, in one or a few sentences")
    p.add_argument("--clear", action="store_true", help="take the hint back")
    return p


@command
def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    folder = RunFolder.find(args.run, Path(args.out))
    if bool(args.text and args.text.strip()) == args.clear:
        raise HarnessError("give either a text in quotes or --clear")
    if folder.config().evolve.proposer in OFFLINE:
        raise BadRun(f"{folder.path}: this run asks no model, nobody would read a hint")
    if folder.summary() is not None:
        raise BadRun(f"{folder.path}: this run has ended")
    write_hint(folder.path, args.text or "")
    print(f"{folder.path / HINT}: {'taken back' if args.clear else 'in every prompt from now on'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
