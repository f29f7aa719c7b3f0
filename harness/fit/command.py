"""Fit one law to a table: `harness fit data.csv --law "E + A*N**-alpha + B*D**-beta"`."""

from __future__ import annotations

from harness.fit.checklist import ASKED_OF_THE_USER
from harness.terminal.edges import Parser, command
from harness.terminal.options import count, positive, seed, share
from tables.options import add_options

EPILOG = """examples:
  harness fit runs.csv --law chinchilla --loss huber:1e-3
  harness fit runs.csv --law "E + A*N**-alpha + B*D**-beta" --column N=params/1e6 --column D=tokens/1e9 \\
      --where experiment==llama_3 --holdout "C>1e21" --bootstrap 1000 --strata C --allocate 1e24,1e25 --k 6e15
  harness fit --laws

a law may use the file's own names of columns; where no column is called so, N, D, L and C stand for params, tokens, loss and
budget (or flops, compute).
exit codes: 0 done, 2 wrong usage or input
"""


def parser() -> Parser:
    p = Parser(
        prog="harness fit",
        description="Fit a law to the rows of a table; print constants with intervals, goodness of fit and a "
        "reporting checklist; write a page, plots and a JSON file that rebuilds the fit.",
        epilog=EPILOG,
    )
    p.add_argument(
        "data",
        nargs="?",
        help="a table (default: the isoFLOP plane of our own measurements): CSV and relatives, JSON, Parquet, Excel, packed or not; - for standard input",
    )
    p.add_argument(
        "--law",
        default="chinchilla",
        metavar="LAW",
        help="formula, or a name from --laws (default: chinchilla)",
    )
    p.add_argument("--laws", action="store_true", help="list the laws that have names, with their sources")
    p.add_argument("--loss", metavar="L", help="mse, huber:1e-3, log_squared, log_huber:1e-3, asymmetric:3:1, "
                   "quantile:0.9 (default: mse; log_squared for a law of log(L))")  # fmt: skip
    p.add_argument(
        "--target", metavar="COL", help="target column (default: left of = in the law, else L, loss or y)"
    )
    p.add_argument(
        "--column", action="append", default=[], metavar="NAME=COL[/X]", help="name and scale a column"
    )
    p.add_argument(
        "--holdout", action="append", default=[], metavar="COND", help="rows to predict and not to fit"
    )
    p.add_argument("--weights", metavar="COL", help="column with row weights")
    p.add_argument("--groups", metavar="COL", help="column with groups of rows")
    p.add_argument(
        "--free",
        default="",
        metavar="NAMES",
        help="constants of their own per group, comma separated, or all",
    )
    p.add_argument(
        "--bound", action="append", default=[], metavar="NAME=LO:HI", help="bounds of a constant; - for none"
    )
    p.add_argument("--fix", action="append", default=[], metavar="NAME=X", help="hold a constant")
    p.add_argument(
        "--tie", action="append", default=[], metavar="NAME=OTHER", help="make two constants equal"
    )
    p.add_argument("--starts", type=count, metavar="N", help="cells of the coarse grid to refine")
    p.add_argument("--intervals", choices=["sandwich", "covariance", "profile"], help="interval method without "
                   "--bootstrap (default: sandwich, which allows for uneven noise)")  # fmt: skip
    p.add_argument("--bootstrap", type=count, metavar="N", help="resamples; intervals and bands come from them")  # fmt: skip
    p.add_argument("--kind", choices=["case", "within", "cluster", "wild"], help="bootstrap: how (default: case, or "
                   "within when --strata is given)")  # fmt: skip
    p.add_argument(
        "--strata", metavar="COL", help="bootstrap within: column that is kept balanced, such as C"
    )
    p.add_argument(
        "--cluster", metavar="COL", help="bootstrap cluster, wild: column of rows that go together"
    )
    p.add_argument("--seed", type=seed, default=0, metavar="N", help="seed of resamples (default: 0)")
    p.add_argument("--level", type=share, default=0.95, metavar="P", help="confidence level (default: 0.95)")
    p.add_argument("--allocate", metavar="C1,C2", help="budgets to allocate, FLOPs")
    p.add_argument("--k", type=positive, default=6.0, metavar="K", help="FLOPs per parameter and token, in the units of "
                   "N and D (default: 6)")  # fmt: skip
    p.add_argument(
        "--note",
        action="append",
        default=[],
        metavar="ITEM=TEXT",
        help=f"checklist: {', '.join(ASKED_OF_THE_USER)}",
    )
    p.add_argument(
        "--out",
        metavar="DIR",
        help="folder for fit.json, report.html and plots (default: fit_<name of the file>, with a number where that holds a fit)",
    )
    p.add_argument("--force", action="store_true", help="replace the fit that the folder holds")
    p.add_argument("--no-plots", action="store_true", help="write fit.json only")
    p.add_argument("--json", action="store_true", help="print the JSON instead of the report")
    add_options(p)
    return p


@command
def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    from harness.fit.judging import carry_out  # after the options: --help is not to wait for NumPy

    return carry_out(args)
