"""Score hand-written programs: `harness score PROGRAM.py --task finetune_vocab`."""

from __future__ import annotations

from pathlib import Path

from harness.terminal.edges import Parser, command
from harness.terminal.options import add_data_options, add_sandbox_option, count

EPILOG = """examples:
  harness score programs/finetune_vocab/human_law.py --task finetune_vocab
  harness score mine.py --task sft moe
  harness score mine.py --task all --json

A program holds the two functions
  fit_scaling_law(data_points, loss_values)  (n, F), (n,) or (n, T) -> constants
  scaling_law_func(data_points, params)      (n, F), constants -> (n,) or (n, T)
and is fitted once per group on that group's training rows; or one law with constants of its own,
  law(input_data, group)                     list of dicts by feature, label -> list of dicts by target
The scores are on the held-out rows. docs/programs.md states the contract.
exit codes: 0 scored on every task, 1 the program failed on one, 2 wrong usage or input
"""


def parser() -> Parser:
    p = Parser(
        prog="harness score",
        description="Fit a program on a task's training rows and score it on the held-out rows, every rule checked.",
        epilog=EPILOG,
    )
    p.add_argument("program", type=Path, help="program file")
    p.add_argument(
        "--task",
        nargs="+",
        action="extend",
        required=True,
        metavar="T",
        help="task name or alias, or all; several are taken",
    )
    add_data_options(p)
    p.add_argument(
        "--fit-seconds",
        type=count,
        metavar="S",
        help="processor seconds of one fit call, of each group anew (default: 30)",
    )
    p.add_argument(
        "--memory-mb",
        type=count,
        metavar="MB",
        help="limit of one call (default: 1024)",
    )
    p.add_argument("--folds", action="store_true", help="also score on validation folds inside train; slower")
    p.add_argument(
        "--allow-import",
        action="append",
        default=[],
        metavar="PACKAGE",
        help="let the program import a package beside NumPy and SciPy, inside the sandbox; repeat for more",
    )
    p.add_argument("--groups", action="store_true", help="also show every group's errors")
    add_sandbox_option(p)
    p.add_argument("--json", action="store_true", help="print the scores as JSON")
    return p


@command
def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    if (args.fit_seconds or 1) < 1 or (args.memory_mb or 64) < 64:
        parser().error("--fit-seconds must be at least 1 and --memory-mb at least 64")
    from harness.commands.scores import carry_out  # after the options: --help is not to wait for NumPy

    return carry_out(args)
