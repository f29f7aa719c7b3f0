"""Options of `harness curves predict`; the prediction itself: `harness/curves/live.py`."""

from __future__ import annotations

from harness.terminal.edges import Parser
from harness.terminal.options import amount, number, positive
from tables.options import add_options

SCHEDULE_LAWS = ("multi_power", "momentum")
"""Names that `curves.schedules` knows laws by; here, so that --help need not wait for what they are."""

HELP = """\
Predict where a run will end from the log it has written so far.

FILE is what a trainer leaves: the console log of Megatron-LM, nanoGPT, modded-nanogpt, llm.c, torchtitan, Hugging Face,
OLMo, NeMo, fairseq, llm-foundry, litgpt, Lightning, Keras and others; a table of any kind (CSV, JSON, JSON lines,
Parquet, packed or not), a W&B, MLflow, Comet or Aim export, trainer_state.json, TensorBoard event files in any depth of
folders, MLflow's file store. Columns are found by their common names; --step, --loss, --tokens, --time and --lr name others.

The log is cleaned first, and every step of it is told: rows without a finite loss, rows that a resumed run did again,
repeats of a step, warm-up, spikes, a half-written last line.

The learning rate decides how a run ends, so it is used as evidence: read off the log where a line or a cosine is under
way, or planned with --lr-plan (constant, linear[:END], cosine[:END], wsd:START[:END]; END a rate as logged, or a share
of the peak such as 10%; without it, zero). Where nobody tells it, the interval is wider and the answer says so.

The 90 % interval comes from the errors of the same prediction on finished public runs of the same kind of schedule, or
on your own with --calibrate-on (3 finished runs correct the end, 8 make the interval alone). With --reference (finished
runs of the same model, learning rate logged) a Multi-Power Law fitted on them is adapted to this run and used instead.
"""
EXAMPLES = """\
examples:
  harness curves predict run.csv --final-step 20000
  harness curves predict run.csv --final-step 20000 --target 2.9 --plot run.png
  harness curves predict wandb.csv --run bold-fire-7 --loss eval/loss --final-step 20000 --json
  harness curves predict logs/run1/ --loss eval/loss --final-step 20000 --follow
  harness curves predict run.csv --final-step 20000 --lr-plan wsd:80%
  harness curves predict run.csv --final-step 20000 --calibrate-on my_finished_runs/*
  harness curves predict run.csv --final-step 24000 --reference others.csv --lr-plan cosine:3e-5
"""


def parser() -> Parser:
    p = Parser(
        prog="harness curves predict",
        description=HELP,
        epilog=EXAMPLES,
    )
    p.add_argument("file", metavar="FILE", help="the run's log")
    p.add_argument(
        "--final-step", type=positive, help="the planned last step; else a column final_step or total_steps"
    )
    p.add_argument("--run", help="which run, where the file has several")
    p.add_argument(
        "--target",
        type=number,
        action="append",
        default=[],
        metavar="LOSS",
        help="when is it reached? Repeat for more",
    )
    for name in ("step", "loss", "tokens", "time", "lr"):
        p.add_argument(f"--{name}", metavar="COLUMN", help=f"the column of the {name}")
    p.add_argument(
        "--warmup",
        type=amount,
        help="rows to leave out: before this step (>= 1) or share of the steps seen (< 1)",
    )
    p.add_argument("--keep-spikes", action="store_true", help="fit spikes too")
    p.add_argument(
        "--calibrate-on", metavar="FILE", nargs="+", default=[],
        help="your finished runs, one or several a file, to calibrate on; each with its planned end logged, or ended at its last row",
    )  # fmt: skip
    p.add_argument(
        "--reference",
        metavar="FILE",
        help="finished runs of the same model, learning rate logged, for a schedule law",
    )
    p.add_argument(
        "--law", choices=SCHEDULE_LAWS, default="multi_power", help="the schedule law (default %(default)s)"
    )
    p.add_argument(
        "--lr-plan",
        metavar="PLAN",
        help="learning rate to come: constant, linear[:END], cosine[:END] or wsd:START[:END]",
    )
    add_options(p, where=False)
    p.add_argument("--plot", metavar="FILE", help="draw rows, continuation and interval (.png, .svg, .pdf)")
    p.add_argument("--json", action="store_true", help="one JSON object; with --follow one a line")
    p.add_argument(
        "--follow", action="store_true", help="predict again whenever the log grows, until the end or Ctrl-C"
    )
    p.add_argument(
        "--every",
        type=positive,
        default=1.0,
        metavar="SECONDS",
        help="how often --follow looks (default %(default)s)",
    )
    p.add_argument(
        "--patience", type=positive, metavar="SECONDS", help="end --follow after so long without news"
    )
    return p


def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    from harness.curves.live import carry_out  # after the options: --help is not to wait for SciPy

    return carry_out(args)
