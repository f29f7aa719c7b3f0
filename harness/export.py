"""Write a run's journal as JSON lines: `harness export RUN`."""

from __future__ import annotations

import sys
from pathlib import Path

from harness.record.law_file import law_text
from harness.record.run_folder import RunFolder, write_atomically
from harness.terminal.edges import Parser, command
from harness.terminal.options import add_run_options


def parser() -> Parser:
    p = Parser(
        prog="harness export",
        description="Write a run's journal as JSON lines. Without --times, two runs of one seed with one worker "
        "export the same bytes.",
    )
    add_run_options(p)
    p.add_argument("--times", action="store_true", help="also when, how long and how much memory")
    p.add_argument(
        "--as",
        dest="form",
        choices=("journal", "law"),
        default="journal",
        help="law: the run's law as a program law(input_data, group) with its constants frozen",
    )
    p.add_argument("--to", metavar="FILE", help="file to write (default: standard output)")
    return p


@command
def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    folder = RunFolder.find(args.run, Path(args.out))
    if args.form == "law":
        text = law_text(folder)
        if args.to is None:
            print(text, end="")
        else:
            write_atomically(Path(args.to), text)
        return 0
    with folder.journal(read_only=True) as journal:
        if args.to is None:
            journal.export(sys.stdout, args.times)
        else:
            with open(args.to, "w", encoding="utf-8") as out:
                journal.export(out, args.times)
    return 0


if __name__ == "__main__":
    sys.exit(main())
