"""Evolve scaling laws for a task: `harness evolve --task finetune_vocab`."""

from __future__ import annotations

import argparse

from harness.proposers.names import PROPOSERS
from harness.terminal.edges import Parser, command
from harness.terminal.interrupt import ctrl_c
from harness.terminal.options import (
    add_cluster_option,
    add_data_options,
    add_sandbox_option,
    amount,
    count,
    positive,
    seed,
)

EPILOG = """examples:
  harness evolve --task finetune_vocab
  harness evolve --task sft --evaluations 2000 --minutes 10 --seed 3
  harness evolve --config quick
  harness evolve --resume latest
  OPENAI_API_KEY=... harness evolve --proposer mixed --model NAME --max-tokens 500000
  OPENAI_BASE_URL=http://127.0.0.1:8080/v1 harness evolve --proposer llm --model NAME

Selection sees validation rows cut out of the training rows; the held-out rows are opened once, after
the search has ended. One worker and one seed give the same journal every time.
exit codes: 0 done, 1 no candidate kept every rule, 2 wrong usage or input, 130 stopped by Ctrl-C
"""


def parser() -> argparse.ArgumentParser:
    p = Parser(
        prog="harness evolve",
        description="Evolve scaling laws on a task's training rows, then reveal the best one's held-out scores.",
        epilog=EPILOG,
    )
    p.add_argument(
        "--task",
        nargs="+",
        action="extend",
        metavar="T",
        help="task name or alias, or all (default: finetune_vocab)",
    )
    p.add_argument("--proposer", choices=PROPOSERS, help="who makes candidates (default: formula, offline)")
    p.add_argument(
        "--evaluations", type=count, metavar="N", help="programs evaluated at most (default: 1000)"
    )
    p.add_argument("--minutes", type=positive, metavar="M", help="minutes of searching at most (default: 4)")
    p.add_argument(
        "--workers",
        type=count,
        metavar="N",
        help="evaluations beside each other (default: 2, or on a cluster as many as keep it at work)",
    )
    p.add_argument("--seed", type=seed, metavar="N", help="seed of the search (default: 0)")
    p.add_argument("--model", metavar="NAME", help="model to ask, for the proposers llm and mixed")
    p.add_argument(
        "--max-cost", type=amount, metavar="MONEY", help="spent on models at most, by their prices"
    )
    p.add_argument("--max-tokens", type=count, metavar="N", help="tokens sent to and got from models at most")
    p.add_argument(
        "--replay",
        metavar="RUN",
        help="repeat a run that asked models from its stored replies, with no network",
    )
    p.add_argument("--config", metavar="FILE", help="YAML file, or the name of one under configs/")
    add_data_options(p)
    p.add_argument("--out", default="runs", metavar="DIR", help="where run folders are made (default: runs)")
    p.add_argument(
        "--seed-program", action="append", metavar="FILE", help="program to begin with; may be repeated"
    )
    p.add_argument(
        "--resume", metavar="RUN", help="go on with a run: its folder, its name under --out, or latest"
    )
    add_sandbox_option(p)
    add_cluster_option(p)
    p.add_argument("--json", action="store_true", help="print the final summary as JSON on standard output")
    return p


@command
def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    from harness.commands.evolving import carry_out  # after the options: --help is not to wait for NumPy

    with ctrl_c() as stop:
        return carry_out(args, stop)
