"""Figures for papers: `harness plot RUN --kind extrapolation --out fig.pdf`."""

from __future__ import annotations

import sys
from pathlib import Path

from harness.errors import HarnessError
from harness.terminal.edges import Parser, command, meant
from harness.terminal.options import add_rows_option, add_run_options, add_sandbox_option, count
from tables.shown import say

KINDS = ("data", "parity", "residuals", "extrapolation", "front", "progress", "scores")

EPILOG = """kinds:
  data            rows by group along the axis, with the law and the forecast
  parity          predicted against measured, every row
  residuals       errors of law and forecast along the axis
  extrapolation   law, and forecast with its 90 % band, beyond the rows along each axis
  front           validation error against size, with the front
  progress        validation error over evaluations
  scores          held-out scores beside controls and published systems

examples:
  harness plot latest --kind extrapolation --out fig.pdf
  harness plot runs/my_table-formula-s0-... --kind front --out front.svg
exit codes: 0 done, 2 wrong usage or input
"""


def parser() -> Parser:
    p = Parser(
        prog="harness plot",
        description="Draw one figure of a run as PDF, SVG or PNG: the same that its page shows.",
        epilog=EPILOG,
    )
    add_run_options(p, "--runs")
    p.add_argument("--kind", required=True, choices=KINDS, metavar="KIND", help="what to draw; see below")
    p.add_argument("--out", required=True, type=Path, metavar="FILE", help="ends in .pdf, .svg or .png")
    p.add_argument("--dpi", type=count, default=200, metavar="N", help="of a PNG (default: 200)")
    add_rows_option(p)
    add_sandbox_option(p)
    return p


@command
def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    from harness.pages.figures import FORMATS, write_sheet
    from harness.pages.making import viewed
    from harness.record.run_folder import RunFolder

    if args.out.suffix.lower() not in FORMATS:
        raise HarnessError(
            f"--out {args.out}: no format {args.out.suffix!r}; {meant(args.out.suffix, FORMATS, 'expected one of')}"
        )
    view, why = viewed(RunFolder.find(args.run, Path(args.runs)), args.data_dir, args.allow_weak_sandbox)
    if why:
        say(f"note: {why}", err=True)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    write_sheet(view, args.kind, args.out, args.dpi)
    say(f"wrote {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main(None))
