"""Is a run's journal whole? `harness verify RUN`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from harness.errors import HarnessError
from harness.record.run_folder import RunFolder, all_runs
from harness.terminal.edges import Parser, command
from harness.terminal.options import add_run_options
from tables.shown import shown

EPILOG = """examples:
  harness verify latest
  harness verify --all --out runs
  harness verify my_run --save intact.jsonl

Every row of a journal carries a hash of itself and of the row before. A resume, the opening of held-out rows and every reader
follow these hashes; this command looks at the database's own structure too.
exit codes: 0 whole, 1 damaged, 2 wrong usage or no such run
"""


def parser() -> Parser:
    p = Parser(
        prog="harness verify",
        description="Check a run's journal bit by bit, and name what is damaged.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_run_options(p, optional=True)
    p.add_argument("--all", action="store_true", help="every run under --out")
    p.add_argument("--save", metavar="FILE", help="write what is intact as JSON lines, with times")
    return p


@command
def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    if args.all == (args.run is not None):
        raise HarnessError("give either a run or --all")
    if args.all and args.save:
        raise HarnessError("--save is for one run; leave --all out")
    root = Path(args.out)
    folders = all_runs(root) if args.all else [RunFolder.find(args.run, root)]
    return max([_verify(folder, args.save) for folder in folders], default=0)


def _verify(folder: RunFolder, save: str | None) -> int:
    """Print what one run's journal is worth; 1 when it is damaged."""
    try:
        journal = folder.journal(read_only=True, damaged=True)
    except HarnessError as error:
        print(shown(f"{folder.path}: damaged: {error}"))
        return 1
    with journal:
        damage = journal.whole()
        n = sum(1 for _ in journal.entries())
        if save is not None:
            with open(save, "w", encoding="utf-8") as out:
                journal.export(out, times=True)
    for line in damage:
        print(shown(f"{folder.path}: damaged: {line}"))
    print(shown(f"{folder.path}: {n} entries intact" + ("" if damage else ", whole")))
    return 1 if damage else 0


if __name__ == "__main__":
    sys.exit(main())
