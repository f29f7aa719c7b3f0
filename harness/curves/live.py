"""`harness curves predict`: where one run will end, while it is still running."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from curves.schedule_laws import NAMES, Schedule, ScheduledCurve, ScheduleLaw, fit_schedule_law
from harness.curves.calibration import LEAST, WARMUP, calibrate
from harness.curves.clean import Cleaned, clean
from harness.curves.predict import Prediction, predict
from harness.curves.reading import NoPrediction, Turn, history_for, in_steps, sound
from harness.errors import BadHistory
from harness.terminal.edges import Parser
from harness.terminal.options import amount, number, positive
from tables import SeveralRuns
from tables.logs import History
from tables.logs.columns import FINAL
from tables.options import add_options as table_options

HELP = """\
Predict where a run will end from the log it has written so far.

FILE is what a trainer leaves: the console log of Megatron-LM, nanoGPT, modded-nanogpt, llm.c, torchtitan, Hugging Face,
OLMo, NeMo, fairseq, llm-foundry, litgpt, Lightning, Keras and others; a table of any kind (CSV, JSON, JSON lines,
Parquet, packed or not), a W&B, MLflow, Comet or Aim export, trainer_state.json, TensorBoard event files in any depth of
folders, MLflow's file store. Columns are found by their common names; --step, --loss, --tokens, --time and --lr name others.

The log is cleaned first, and every step of it is told: rows without a finite loss, rows that a resumed run did again,
repeats of a step, warm-up, spikes, a half-written last line.

The endpoint's 90 % interval comes from the errors of the same prediction on finished runs: of three public sets, or of
your own with --calibrate (8 finished runs or more). A learning rate that decays late makes the loss fall late, which
no form of progress can see: with --reference (finished runs of the same model, learning rate logged) and --lr-plan a
Multi-Power Law fitted on them is adapted to this run and used instead.
"""
EXAMPLES = """\
examples:
  harness curves predict run.csv --final-step 20000
  harness curves predict run.csv --final-step 20000 --target 2.9 --plot run.png
  harness curves predict wandb.csv --run bold-fire-7 --loss eval/loss --final-step 20000 --json
  harness curves predict logs/run1/ --loss eval/loss --final-step 20000 --follow
  harness curves predict run.csv --final-step 20000 --calibrate finished.csv
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
        "--calibrate", metavar="FILE", help="finished runs (with a run column) to calibrate the interval on"
    )
    p.add_argument(
        "--reference",
        metavar="FILE",
        help="finished runs of the same model, learning rate logged, for a schedule law",
    )
    p.add_argument(
        "--law", choices=tuple(NAMES), default="multi_power", help="the schedule law (default %(default)s)"
    )
    p.add_argument(
        "--lr-plan", metavar="KIND[:END]", help="learning rate to come: constant, linear:END or cosine:END"
    )
    table_options(p, where=False)
    p.add_argument("--plot", metavar="FILE", help="draw rows, continuation and interval (.png, .svg, .pdf)")
    p.add_argument("--json", action="store_true", help="one JSON object; with --follow one a line")
    p.add_argument(
        "--follow", action="store_true", help="predict again whenever the log grows, until the end or Ctrl-C"
    )
    p.add_argument(
        "--every",
        type=positive,
        default=5.0,
        metavar="SECONDS",
        help="how often --follow looks (default %(default)s)",
    )
    p.add_argument(
        "--patience", type=positive, metavar="SECONDS", help="end --follow after so long without news"
    )
    return p


def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    table = calibrate(_finished(args.calibrate, args)) if args.calibrate else None
    if table is not None and not table:
        raise BadHistory(
            f"{args.calibrate}: a calibration needs 8 finished runs or more with {LEAST} rows a prefix"
        )
    law = _reference_law(args) if args.reference else None
    if not args.follow:
        try:
            print(_render(_once(args, table, law), args))
        except NoPrediction as found:
            print(json.dumps({"state": str(found)}) if args.json else found)
            return 1
        return 0
    return follow(args, lambda: _once(args, table, law))


def follow(
    args: argparse.Namespace, once: Callable[[], Prediction], sleep=time.sleep, clock=time.monotonic
) -> int:
    """Predict again whenever the last row changes; returns when the run is finished, quiet for --patience, or on Ctrl-C."""
    seen, news = None, clock()
    try:
        while True:
            try:
                found = once()
                mark, text = (found.step, found.loss), None
            except BadHistory as error:  # not enough rows yet, or not even a file: wait for them
                text = str(error) if isinstance(error, NoPrediction) else f"waiting: {error}"
                found, mark = None, ("waiting", str(error))
            if mark != seen:
                seen, news = mark, clock()
                if found is not None:
                    text = _render(found, args, brief=True)
                print(text, file=sys.stdout if found is not None else sys.stderr, flush=True)
            if found is not None and found.finished:
                return 0
            if args.patience and clock() - news >= args.patience:
                print(f"no news for {args.patience:g} s: the run may have stopped", file=sys.stderr)
                return 0 if found is not None else 1
            sleep(args.every)
    except KeyboardInterrupt:
        return 0


def _once(args: argparse.Namespace, table, law: ScheduleLaw | None) -> Prediction:
    history = in_steps(_history(args.file, args, args.run), args.final_step)
    history, state = sound(history, args.final_step or history.final_step)
    turn = Turn.of(history)
    cleaned = clean(turn.over(history), args.warmup, not args.keep_spikes)
    final = args.final_step or _planned(history)
    wanted = tuple(map(turn.value, args.target))
    future = _lr_plan(args.lr_plan, cleaned, final) if law is not None else None
    found = turn.back(
        predict(history.name, cleaned, final, wanted, table, law, future), history.columns["loss"]
    )
    found = replace(found, warnings=(*state, *history.warnings, *found.warnings))
    if args.plot:
        from harness.curves.plot import draw_prediction

        draw_prediction(found, cleaned, args.plot)
    return found


def _history(path: str, args: argparse.Namespace, run: str | None) -> History:
    return history_for(path, args, run)


def _planned(history: History) -> float:
    if history.final_step is None:
        raise BadHistory(
            f"{history.source}: when does the run end? Give --final-step, or log a column {' or '.join(FINAL[:2])}"
        )
    return history.final_step


def _runs(path: str, args: argparse.Namespace) -> list[str | None]:
    try:
        _history(path, args, None)
    except SeveralRuns as error:
        return list(error.runs)
    return [None]


def _finished(path: str, args: argparse.Namespace) -> list[tuple[np.ndarray, np.ndarray]]:
    """(tau, loss) of every run; a run without a planned end counts as ended where it ends."""
    out = []
    for run in _runs(path, args):
        history = _history(path, args, run)
        rows = clean(history, WARMUP).rows
        final = history.final_step or float(rows["step"].iloc[-1])
        if rows["step"].iloc[-1] >= 0.98 * final:
            out.append((rows["step"].to_numpy(dtype=float) / final, rows["loss"].to_numpy(dtype=float)))
    return out


def _reference_law(args: argparse.Namespace) -> ScheduleLaw:
    if not args.lr_plan:
        raise BadHistory(
            "--reference needs --lr-plan, the learning rate to come: constant, linear:END or cosine:END"
        )
    curves = []
    for run in _runs(args.reference, args):
        rows = clean(_history(args.reference, args, run)).rows
        if "lr" not in rows:
            raise BadHistory(f"{args.reference}: no learning-rate column; give --lr, the column's name")
        step, lr = rows["step"].to_numpy(dtype=float), rows["lr"].to_numpy(dtype=float)
        curves.append(ScheduledCurve(Schedule(step, lr, lr[0] * step[0]), rows["loss"].to_numpy(dtype=float)))
    return fit_schedule_law(curves, args.law)


def _lr_plan(text: str, cleaned: Cleaned, final: float) -> Callable[[np.ndarray], np.ndarray]:
    kind, _, end_text = text.partition(":")
    if kind not in ("constant", "linear", "cosine") or (kind != "constant" and not end_text):
        raise BadHistory(
            f"--lr-plan {text!r}: expected constant, linear:END or cosine:END, as in cosine:3e-5"
        )
    if "lr" not in cleaned.rows:
        raise BadHistory("--lr-plan needs the learning rate so far; give --lr, the column's name")
    try:
        end = float(end_text) if end_text else 0.0
    except ValueError:
        raise BadHistory(f"--lr-plan {text!r}: {end_text!r} is no number") from None
    step, lr = cleaned.rows["step"].to_numpy(dtype=float), cleaned.rows["lr"].to_numpy(dtype=float)
    now = lr[-1]

    def future(steps: np.ndarray) -> np.ndarray:
        u = (steps - step[-1]) / max(final - step[-1], 1e-300)
        if kind == "constant":
            return np.full(len(steps), now)
        if kind == "linear":
            return now + (end - now) * u
        # The cosine that has its top at the highest rate so far and goes through the rate now.
        share = np.clip((now - end) / max(lr.max() - end, 1e-300), 0.0, 1.0)
        phase = np.arccos(2 * share - 1)
        return end + (lr.max() - end) * (1 + np.cos(phase + (np.pi - phase) * u)) / 2

    return future


def _render(found: Prediction, args: argparse.Namespace, brief: bool = False) -> str:
    if args.json:
        return json.dumps(as_json(found), indent=None if brief else 1)
    at = f"step {found.step:,.0f} of {found.final_step:,.0f} ({found.step / found.final_step:.1%})"
    if found.finished:
        lines = [f"{found.run}: finished, loss {found.loss:.4f} at {at}"]
    else:
        end = f"{found.endpoint:.4f}, 90 % interval {found.low:.4f} to {found.high:.4f}"
        lines = [f"{found.run}: {at}, loss {found.loss:.4f}; predicted end {end}"]
    for t in found.targets:
        lines.append("  " + target_text(t, found))
    if not brief:
        lines.append(
            f"  by {found.method}"
            + ("" if found.finished else f"; before calibration {found.uncalibrated:.4f}")
        )
        lines += [f"  note: {n}" for n in found.notes]
    return "\n".join([*lines, *(f"  warning: {w}" for w in found.warnings)])


def target_text(t, found: Prediction) -> str:
    """One line about one target loss."""
    if t.reached is not None:
        return f"target {t.loss:g}: reached at step {t.reached:,.0f}"
    best, middle, worst = t.step
    if best is None:
        return (
            f"target {t.loss:g}: not reached by step {found.final_step:,.0f}, nor at the interval's low end"
        )
    if middle is None:
        return f"target {t.loss:g}: not reached by step {found.final_step:,.0f}; at the interval's low end at step {best:,.0f}"
    late = "not by the end" if worst is None else f"{worst:,.0f}"
    text = f"target {t.loss:g}: step {middle:,.0f} (interval {best:,.0f} to {late})"
    if t.tokens:
        text += f", {t.tokens[1]:.3g} tokens"
    if t.seconds:
        text += f", in {_duration(t.seconds[1])}"
    return text


def _duration(seconds: float) -> str:
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def as_json(found: Prediction) -> dict:
    """Plain values; the curve thinned to 50 points."""
    keep = np.unique(np.linspace(0, len(found.steps) - 1, 50).round().astype(int))
    names = (
        "run",
        "method",
        "step",
        "final_step",
        "loss",
        "endpoint",
        "low",
        "high",
        "uncalibrated",
        "finished",
        "fits",
    )
    out = {name: getattr(found, name) for name in names}
    out["targets"] = [
        {"loss": t.loss, "reached": t.reached, "step": t.step, "tokens": t.tokens, "seconds": t.seconds}
        for t in found.targets
    ]
    out["curve"] = {"step": found.steps[keep].tolist()} | {
        name: found.curve[i, keep].tolist() for i, name in enumerate(("low", "middle", "high"))
    }
    return out | {"notes": list(found.notes), "warnings": list(found.warnings)}


if __name__ == "__main__":
    sys.exit(main())
