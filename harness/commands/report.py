"""A run's page: `harness report RUN`."""

from __future__ import annotations

import sys
from pathlib import Path

from harness.terminal.edges import Parser, command
from harness.terminal.options import add_rows_option, add_run_options, add_sandbox_option

EPILOG = """examples:
  harness report latest
  harness report runs/my_table-formula-s0-... --to law.html

The page is one file that needs no network. Runs that have not ended, that failed or whose journal is damaged have pages
too. What the law says of the rows is kept when a run ends; for an older run it is gathered now, which takes the rows.
exit codes: 0 done, 2 wrong usage or input
"""


def parser() -> Parser:
    p = Parser(
        prog="harness report",
        description="Write a run's page: law, forecast, rows, search and choice in one HTML file.",
        epilog=EPILOG,
    )
    add_run_options(p)
    p.add_argument("--to", type=Path, metavar="FILE", help="file to write (default: report.html in the run)")
    add_rows_option(p)
    add_sandbox_option(p)
    return p


@command
def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    from harness.pages.making import viewed
    from harness.pages.page import FILE, run_page, write_page
    from harness.record.run_folder import RunFolder

    folder = RunFolder.find(args.run, Path(args.out))
    view, why = viewed(folder, args.data_dir, args.allow_weak_sandbox)
    path = args.to or folder.path / FILE
    write_page(path, run_page(view, why))
    print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(None))
