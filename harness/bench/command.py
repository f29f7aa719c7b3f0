"""The report card: `harness bench --suite sldbench --seeds 5`."""

from __future__ import annotations

from pathlib import Path

from harness.terminal.edges import Parser, alias, command
from harness.terminal.interrupt import ctrl_c
from harness.terminal.options import (
    add_cluster_option,
    add_data_options,
    add_sandbox_option,
    amount,
    count,
    positive,
    share,
)

SEARCHERS = ("formula", "llm", "mixed")

EPILOG = """examples:
  harness bench --task sldbench --seeds 5
  harness bench --task moe lr_bsz --seeds 2 --minutes 1
  harness bench --task sldbench --seeds 5 --jobs 2 --workers 1    # a core for each run
  harness bench --task parallel --proposer llm --model NAME --max-tokens 300000 --seeds 3
  harness bench --task sldbench --nested 0.25     # training rows alone: to develop selection

Every task gets the same settings. The command can be stopped at any moment and goes on where it was when it is given
again. Held-out scores are printed when every run has ended. With --nested they are not touched at all: the outer part
of the training rows plays their part.
exit codes: 0 done, 1 some run found no law, 2 wrong usage or input, 130 stopped by Ctrl-C
"""


def parser() -> Parser:
    p = Parser(
        prog="harness bench",
        description="Run a suite of tasks with several seeds and write its report card.",
        epilog=EPILOG,
    )
    suite = p.add_argument(
        "--task",
        dest="suite",
        nargs="+",
        default=["sldbench"],
        metavar="T",
        help="sldbench (all eight), corpus (a folder of tables), simulated (rows of published laws), or tasks",
    )
    alias(p, "--suite", suite)
    p.add_argument(
        "--seeds", type=count, default=5, metavar="N", help="runs of every task, seeds 0 to N-1 (default: 5)"
    )
    p.add_argument(
        "--minutes", type=positive, default=10.0, metavar="M", help="minutes a run at most (default: 10)"
    )
    p.add_argument(
        "--evaluations", type=count, default=2000, metavar="N", help="programs a run at most (default: 2000)"
    )
    p.add_argument(
        "--workers",
        type=count,
        metavar="N",
        help="evaluations beside each other in a run (default: 2; 1 with --cluster: the same journal wherever it is "
        "scored)",
    )
    p.add_argument(
        "--jobs",
        type=count,
        metavar="N",
        help="runs beside each other, each with its own workers (default: 1, or two for each thread of a cluster)",
    )
    p.add_argument("--proposer", choices=SEARCHERS, help="who makes candidates (default: that of the config)")
    p.add_argument("--model", metavar="NAME", help="model to ask, for the proposers llm and mixed")
    p.add_argument("--max-cost", type=amount, metavar="MONEY", help="spent on models in one run at most")
    p.add_argument("--max-tokens", type=count, metavar="N", help="tokens of models in one run at most")
    p.add_argument(
        "--config", metavar="FILE", help="YAML file with the other settings (default: the defaults)"
    )
    add_data_options(p)
    p.add_argument(
        "--out",
        type=Path,
        default=Path("runs/bench"),
        metavar="DIR",
        help="run folders (default: runs/bench)",
    )
    p.add_argument(
        "--report", type=Path, metavar="DIR", help="where the card is written (default: the folder of --out)"
    )
    p.add_argument(
        "--nested",
        type=share,
        metavar="SHARE",
        help="hide this outer share of train in place of held-out rows",
    )
    p.add_argument(
        "--choose-again",
        type=Path,
        metavar="DIR",
        help="search nothing: copy the ended searches of this folder to --out and choose from them by today's rules",
    )
    p.add_argument(
        "--no-random", action="store_true", help="leave out the control of independent random laws"
    )
    p.add_argument("--only-random", action="store_true", help="run that control alone")
    p.add_argument("--no-hindsight", action="store_true", help="leave out the plot of every law tried")
    add_sandbox_option(p)
    add_cluster_option(p)
    return p


@command
def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    from harness.bench.benching import carry_out  # after the options: --help is not to wait for NumPy

    with ctrl_c() as stop:
        return carry_out(args, stop)
