"""The study of fitting methods: `harness study` lists it, `run` makes it, `design` plans an experiment."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

from fitting import FittingError
from harness.study import check, design
from harness.study.run import run_study
from harness.terminal.edges import STOPPED, Parser, alias, command
from harness.terminal.options import count
from studies.fitting_methods.registry import MODULES, experiment, experiments
from studies.fitting_methods.tables import IsoflopData
from tables.shown import Screen

EPILOG = """examples:
  harness study                         list the experiments
  harness study run 1 7 11 --out study  three of them
  harness study run all --data-dir FOLDER   everything; FOLDER holds isoflops.csv (or set SLD_ISOFLOP_DIR)
  harness study run 12                  without a folder: on the isoFLOP plane of our own measurements
  harness study check runs.csv          quality control of your own IsoFLOP table
  harness study design --budgets 1e18,1e19,1e20 --span 4 --points 11 --noise 0.005 --precision 0.01

exit codes: 0 done, 1 an experiment failed, 2 wrong usage or input, 130 stopped by Ctrl-C
"""


def parser() -> Parser:
    p = Parser(
        prog="harness study",
        description="Thirteen experiments on how methods of fitting scaling laws compare; tables as CSV, figures, a "
        "page for each experiment, one HTML report and, of all of them, an article.",
        epilog=EPILOG,
    )
    commands = p.add_subparsers(dest="command", metavar="COMMAND")
    listing = commands.add_parser("list", help="list the experiments (the default)")
    listing.add_argument("--json", action="store_true", help="as JSON")
    run = commands.add_parser("run", help="run experiments and write the report")
    run.add_argument("which", nargs="+", metavar="N", help="numbers of experiments, or all")
    run.add_argument("--out", default="runs/study", metavar="DIR", help="output folder (default: runs/study)")
    data = run.add_argument(
        "--data-dir",
        dest="data",
        metavar="DIR",
        help="folder with isoflops.csv and chinchilla_svg_245.csv (default: SLD_ISOFLOP_DIR, if set)",
    )
    alias(run, "--data", data)
    run.add_argument(
        "--workers",
        type=count,
        default=os.cpu_count() or 1,
        metavar="N",
        help="processes (default: one a core)",
    )
    run.add_argument("--json", action="store_true", help="print what was written as JSON")
    check.add_options(commands.add_parser("check", help="quality control of an IsoFLOP table"))
    design.add_options(commands.add_parser("design", help="plan an IsoFLOP study before paying for it"))
    return p


@command
def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    if args.command == "run":
        try:
            return run_command(args)
        except KeyboardInterrupt:
            print("stopped; experiments that had ended are in the output folder", file=sys.stderr)
            return STOPPED
    if args.command == "check":
        return check.check_command(args)
    if args.command == "design":
        return design.design_command(args)
    return list_command(getattr(args, "json", False))


def list_command(as_json: bool) -> int:
    found = experiments()
    if as_json:
        rows = [
            {
                "number": e.number,
                "name": e.name,
                "title": e.title,
                "question": e.question,
                "needs_data": e.needs_data,
            }
            for e in found
        ]
        print(json.dumps(rows, indent=2))
        return 0
    for e in found:
        print(f"{e.number:>3}  {e.title}{'  [published rows: --data]' if e.needs_data else ''}")
        print(f"     {e.question}")
    print("\nrun them: harness study run all")
    return 0


def chosen(which: list[str]) -> list[int]:
    if which == ["all"]:
        return sorted(MODULES)
    numbers = []
    for text in which:
        if not (text.isascii() and text.isdigit() and int(text) in MODULES):
            expected = ", ".join(map(str, sorted(MODULES)))
            raise BadChoice(f"run {text}: expected all, or numbers out of {expected}")
        numbers.append(int(text))
    return sorted(set(numbers))


class BadChoice(FittingError, ValueError):
    """An experiment that is not there."""


def data_folder(option: str | None) -> IsoflopData | None:
    """The folder that was asked for, else the one in SLD_ISOFLOP_DIR, else none."""
    folder = option or os.environ.get("SLD_ISOFLOP_DIR")
    return IsoflopData.of(folder) if folder else None


def run_command(args: argparse.Namespace) -> int:
    numbers, data = chosen(args.which), data_folder(args.data)
    console = Screen(stderr=True)
    began = time.monotonic()
    result = run_study([experiment(n) for n in numbers], data, Path(args.out), args.workers, console)
    if args.json:
        print(json.dumps(result.to_dict(), indent=2))
    else:
        for e, findings in result.done:
            console.print(f"{e.number}. {e.title}", style="bold", highlight=False)
            console.print(findings.answer[0], markup=False, highlight=False)
        for e, why in result.missing:
            console.print(
                f"{e.number}. {e.title}: not run, {why}", markup=False, highlight=False, style="yellow"
            )
        told = f" and {result.article.name}" if result.article else ""
        print(
            f"wrote {result.report}{told} ({len(result.done)} experiments, {time.monotonic() - began:.0f} s)"
        )
    return 1 if result.failed else 0
