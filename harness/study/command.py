"""The study of fitting methods: `harness study` lists it, `run` makes it, `design` plans an experiment."""

from __future__ import annotations

import argparse
import os
import sys

from harness.terminal.edges import STOPPED, Parser, alias, command
from harness.terminal.options import amount, count, positive, seed
from tables.options import add_options

SURFACES = ("symmetric", "chinchilla", "asymmetric", "balanced", "llama-3", "soda", "sparse-nmm")
"""Names that `harness.study.design` knows surfaces by; here, so that --help need not wait for what they are."""

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
    add_check_options(commands.add_parser("check", help="quality control of an IsoFLOP table"))
    add_design_options(commands.add_parser("design", help="plan an IsoFLOP study before paying for it"))
    return p


def add_check_options(p: argparse.ArgumentParser) -> None:
    p.description = (
        "Flag rows of an IsoFLOP table that would mislead a fit: duplicates, thin budgets, runs off centre, outliers, "
        "budgets without curvature. Columns: params (or N), tokens (D), loss (L), budget (C), and experiment if there are several."
    )
    p.add_argument(
        "table",
        help="the table: CSV and relatives, JSON, Parquet, Excel, packed or not; - for standard input",
    )
    p.add_argument("--out", metavar="FILE", help="write the table with the columns outlier and reason")
    p.add_argument("--spline-z", type=positive, metavar="Z", help="robust z of a spline outlier (default: 6; for the "
                   "published experiments what their source used)")  # fmt: skip
    p.add_argument("--radius", type=positive, default=2.5, metavar="X", help="rows farther from the vertex than X times "
                   "the nearer end are off centre (default: 2.5)")  # fmt: skip
    p.add_argument("--least", type=count, default=6, metavar="N", help="rows a budget needs (default: 6)")
    p.add_argument("--json", action="store_true", help="print the counts as JSON")
    add_options(p)


def add_design_options(p: argparse.ArgumentParser) -> None:
    p.description = (
        "Predict bias and spread of the exponent a (N_opt ~ C**a; b = 1 - a) for Approach 2, Approach 3 and exact VPNLS on a planned "
        "study, and suggest the cheapest design that reaches a wished precision. You give a surface that you believe is "
        "near the truth: an earlier fit, or one of the names."
    )
    p.add_argument(
        "--surface",
        default="chinchilla",
        metavar="S",
        help=f"E=..,A=..,B=..,alpha=..,beta=.. or {', '.join(SURFACES)}",
    )
    p.add_argument("--budgets", required=True, metavar="C1,C2", help="FLOPs of each IsoFLOP")
    p.add_argument("--points", type=count, default=11, metavar="N", help="runs per budget (default: 11)")
    p.add_argument(
        "--span",
        type=positive,
        default=4.0,
        metavar="X",
        help="sizes from 1/X to X times the centre (default: 4)",
    )
    p.add_argument(
        "--noise", type=amount, required=True, metavar="S", help="standard deviation of the loss between runs"
    )
    p.add_argument("--drift", type=positive, default=1.0, metavar="X", help="the centre may drift to X times too small at the "
                   "largest budget (default: 1, none)")  # fmt: skip
    p.add_argument("--offset", type=positive, default=1.0, metavar="X", help="the centre may be X times too small everywhere "
                   "(default: 1, none)")  # fmt: skip
    p.add_argument(
        "--target",
        type=positive,
        metavar="C",
        help="budget for the error of D_opt (default: ten times the largest)",
    )
    p.add_argument("--repeats", type=count, default=200, metavar="N", help="simulated studies (default: 200)")
    p.add_argument("--seed", type=seed, default=0, metavar="N", help="of the simulation (default: 0)")
    p.add_argument("--precision", type=positive, metavar="P", help="wished RMSE of the exponents; searches the cheapest design "
                   "between the smallest and largest budget")  # fmt: skip
    p.add_argument(
        "--least-budgets", type=count, default=3, metavar="N", help="of a suggested design (default: 3)"
    )
    p.add_argument(
        "--widest-span", type=positive, default=8.0, metavar="X", help="of a suggested design (default: 8)"
    )
    p.add_argument("--json", action="store_true", help="print JSON")


@command
def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    if args.command == "check":
        from harness.study.check import check_command  # after the options: --help is not to wait for SciPy

        return check_command(args)
    if args.command == "design":
        from harness.study.design import design_command

        return design_command(args)
    from harness.study.experiments import list_command, run_command

    if args.command != "run":
        return list_command(getattr(args, "json", False))
    try:
        return run_command(args)
    except KeyboardInterrupt:
        print("stopped; experiments that had ended are in the output folder", file=sys.stderr)
        return STOPPED
