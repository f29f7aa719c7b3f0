"""What a finished run forecasts for new rows: `harness predict runs/my_table-... --at N=7e9,D=1e12`."""

from __future__ import annotations

from pathlib import Path

from harness.terminal.edges import Parser, command
from harness.terminal.options import add_rows_option, add_run_options, add_sandbox_option

EPILOG = """examples:
  harness predict latest --at N=7e9,D=1e12
  harness predict runs/my_table-formula-s0-... --at N=7e9,D=1e12 --at N=7e10,D=1e12 --group wide
  harness predict latest --rows new.csv --json

The forecast is made by about twenty laws of the run and its last rows together; the law is the run's one program. The
interval is meant to hold 90 % of what will be measured; its width was fitted on tables of other experiments, by distance
beyond the rows (docs/forecast.md). Distances are in ranges of the training rows, in logs where they are wide.
exit codes: 0 done, 2 wrong usage or input
"""


def parser() -> Parser:
    p = Parser(
        prog="harness predict",
        description="Forecast rows with a finished run: a value, a 90 % interval, the law's value, and how far out they are.",
        epilog=EPILOG,
    )
    add_run_options(p)
    p.add_argument(
        "--at", action="append", metavar="F=V,...", help="features of a row, all of them; may be repeated"
    )
    p.add_argument("--rows", type=Path, metavar="FILE", help="table with the features of rows")
    p.add_argument("--group", metavar="G", help="group of the rows given by --at")
    add_rows_option(p)
    p.add_argument("--json", action="store_true", help="print JSON on standard output")
    add_sandbox_option(p)
    return p


@command
def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    from harness.commands.predicting import carry_out  # after the options: --help is not to wait for NumPy

    return carry_out(args)
