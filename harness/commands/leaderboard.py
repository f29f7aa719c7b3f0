"""Leaderboards of everything found: `harness leaderboard [--task T]`."""

from __future__ import annotations

from harness.terminal.edges import Parser, command
from harness.terminal.options import add_data_options, add_runs_option, add_sandbox_option, positive

EPILOG = """examples:
  harness leaderboard
  harness leaderboard --task finetune_vocab --all
  harness leaderboard --csv > board.csv
  harness leaderboard --watch --no-programs

Every row is the mean over ALL runs of a system, never the best of several. R2 is clipped to [-1, 1] and
a failed run counts as -1, as the benchmark does. Rows marked "published" were reported by others and are
never ranked. Programs are scored once and remembered under the runs folder.
"""


def parser() -> Parser:
    p = Parser(
        prog="harness leaderboard",
        description="Rank everything found under runs/ and programs/, task by task.",
        epilog=EPILOG,
    )
    p.add_argument(
        "--task",
        nargs="+",
        action="extend",
        metavar="T",
        help="task name or alias, or several (default: all)",
    )
    add_runs_option(p)
    add_data_options(p, ", to score programs")
    p.add_argument("--no-programs", action="store_true", help="runs only; nothing is evaluated")
    p.add_argument("--all", action="store_true", help="every law found and every published score")
    add_sandbox_option(p)
    form = p.add_mutually_exclusive_group()
    form.add_argument(
        "--watch",
        nargs="?",
        const=5.0,
        type=positive,
        metavar="S",
        help="show the boards again every S seconds (default: 5), running searches above them; Ctrl-C ends",
    )
    form.add_argument("--json", action="store_true", help="print the boards as JSON, every entry included")
    form.add_argument("--csv", action="store_true", help="print the rows as CSV")
    return p


@command
def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    from harness.commands.ranking import carry_out  # after the options: --help is not to wait for NumPy

    return carry_out(args)
