"""`harness curves predict`: where one run will end, while it is still running."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from curves import Curve, own_calibration
from curves.answer import Answer, Means, Target, answer
from curves.plan import planned, read_off
from curves.run import Run
from curves.schedules import Schedule, ScheduledCurve, ScheduleLaw, fit_schedule_law
from fitting.errors import BadData
from harness.curves.clean import Cleaned, clean
from harness.curves.reading import NoPrediction, Turn, duration, history_for, in_steps, quiet, sound
from harness.errors import BadHistory
from tables import SeveralRuns
from tables.logs import History
from tables.logs.columns import FINAL
from tables.shown import say

AGAIN_S = 60.0
"""A file that does not change is looked at again after so many seconds: it may have been quiet for long by then."""
WARMUP = 0.02
"""Progress of a finished run before which its rows are not read for a calibration."""


def carry_out(args: argparse.Namespace) -> int:
    """Predict the run asked for, once or whenever its log grows. Returns the exit code."""
    calibration = own_calibration(_finished(args.calibrate_on, args)) if args.calibrate_on else None
    means = Means(args.lr_plan, calibration, _reference_law(args) if args.reference else None)
    if not args.follow:
        try:
            say(_render(_once(args, means), args))
        except NoPrediction as found:
            say(json.dumps({"state": str(found)}) if args.json else found)
            return 1
        return 0
    return follow(args, lambda: _once(args, means))


def follow(
    args: argparse.Namespace, once: Callable[[], Answer], sleep=time.sleep, clock=time.monotonic
) -> int:
    """Predict again whenever the last row changes; returns when the run is finished, quiet for --patience, or on Ctrl-C."""
    seen: tuple[str, ...] | None = None
    stamp: tuple[int, int] | None = None
    news = looked = clock()
    try:
        while True:
            before, stamp = stamp, _stamp(args.file)
            if (
                stamp is not None
                and stamp == before
                and clock() - looked < min(AGAIN_S, args.patience or AGAIN_S)
            ):
                sleep(args.every)
                continue
            looked = clock()
            try:
                found = once()
                mark: tuple[str, ...]
                text: str | None
                mark, text = (str(found.step), str(found.loss), str(bool(found.state))), None
            except (BadHistory, BadData) as error:  # not enough rows yet, or not even a file: wait for them
                text = str(error) if isinstance(error, NoPrediction) else f"waiting: {error}"
                found, mark = None, ("waiting", str(error))
            if mark != seen:
                seen, news = mark, clock()
                if found is not None:
                    text = _render(found, args, brief=True)
                say(text, err=found is None)
            if found is not None and found.finished:
                return 0
            if args.patience and clock() - news >= args.patience:
                print(f"no news for {args.patience:g} s: the run may have stopped", file=sys.stderr)
                return 0 if found is not None else 1
            sleep(args.every)
    except KeyboardInterrupt:
        return 0


def _stamp(path: str) -> tuple[int, int] | None:
    """Size and time of a file's last change; None of what has none, which is read every time."""
    if not os.path.isfile(path):
        return None
    facts = os.stat(path)
    return facts.st_size, facts.st_mtime_ns


def _once(args: argparse.Namespace, means: Means) -> Answer:
    history = in_steps(_history(args.file, args, args.run), args.final_step)
    history, state = sound(history, args.final_step or history.final_step)
    turn = Turn.of(history)
    cleaned = clean(turn.over(history), args.warmup, not args.keep_spikes)
    run = _run(history, cleaned, args.final_step or _planned(history))
    found = answer(run, tuple(map(turn.value, args.target)), means, cleaned.notes)
    found = turn.back(found, history.columns["loss"])
    found = replace(found, warnings=(*history.warnings, *found.warnings), state=state)
    if not found.finished:
        found = replace(found, state="; ".join(s for s in (state, quiet(history, time.time())) if s))
    if args.plot:
        from harness.curves.plot import draw_prediction

        draw_prediction(found, cleaned, args.plot)
    return found


def _run(history: History, cleaned: Cleaned, final: float) -> Run:
    """The plain value that predictions start from."""
    if final < cleaned.last_step:
        raise BadHistory(
            f"--final-step {final:,.0f} is before the last row, step {cleaned.last_step:,.0f}; give the planned end"
        )

    def column(name: str) -> np.ndarray | None:
        return cleaned.rows[name].to_numpy(dtype=float) if name in cleaned.rows else None

    step, loss = (cleaned.rows[name].to_numpy(dtype=float) for name in ("step", "loss"))
    beside = {name: column(name) for name in ("lr", "tokens", "time")}
    return Run(history.name, step, loss, final, last_step=cleaned.last_step, **beside)


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


def _finished(paths: list[str], args: argparse.Namespace) -> list[Curve]:
    """Curves of every run in the files; a run without a planned end counts as ended where it ends."""
    out = []
    for path in paths:
        for name in _runs(path, args):
            history = _history(path, args, name)
            cleaned = clean(history, WARMUP)
            run = _run(history, cleaned, max(history.final_step or 0.0, cleaned.last_step))
            if run.seen < 0.98 or run.step[0] < 0:
                say(
                    f"{path}: {history.name} has not reached its planned end and is not calibrated on",
                    err=True,
                )
                continue
            rate = (
                planned(args.lr_plan, run)
                if args.lr_plan and not run.rates()[1].any()
                else read_off(run).rate
            )
            out.append(Curve(f"{path} {history.name}", run.progress, run.loss, rate=rate))
    return out


def _reference_law(args: argparse.Namespace) -> ScheduleLaw:
    curves = []
    for run in _runs(args.reference, args):
        rows = clean(_history(args.reference, args, run)).rows
        if "lr" not in rows:
            raise BadHistory(f"{args.reference}: no learning-rate column; give --lr, the column's name")
        step, lr = rows["step"].to_numpy(dtype=float), rows["lr"].to_numpy(dtype=float)
        curves.append(ScheduledCurve(Schedule(step, lr, lr[0] * step[0]), rows["loss"].to_numpy(dtype=float)))
    return fit_schedule_law(curves, args.law)


def _render(found: Answer, args: argparse.Namespace, brief: bool = False) -> str:
    if args.json:
        return json.dumps(as_json(found), indent=None if brief else 1)
    at = f"step {found.step:,.0f} of {found.final_step:,.0f} ({found.step / found.final_step:.1%})"
    if found.finished:
        lines = [f"{found.run}: finished, loss {found.loss:.4f} at {at}"]
    else:
        end = f"{found.endpoint:.4f}, 90 % interval {found.low:.4f} to {found.high:.4f}"
        lines = [f"{found.run}: {at}, loss {found.loss:.4f}; predicted end {end}"]
    if found.state:
        lines.insert(0, f"{found.run}: {found.state}")
    for t in found.targets:
        lines.append("  " + target_text(t, found))
    if not brief:
        lines.append(f"  by {found.method}")
        if not found.finished:
            lines.append(f"  calibrated on {found.calibration}; before calibration {found.uncalibrated:.4f}")
        if found.gain:
            lines.append(f"  the learning rate's decay to come is worth {found.gain:.4f} of it")
        lines += [f"  note: {n}" for n in found.notes]
    return "\n".join([*lines, *(f"  warning: {w}" for w in found.warnings)])


def target_text(t: Target, found: Answer) -> str:
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
    if t.seconds and t.seconds[1] is not None:
        text += f", in {duration(t.seconds[1])}"
    return text


def as_json(found: Answer) -> dict[str, object]:
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
        "schedule",
        "calibration",
        "gain",
        "finished",
        "state",
        "fits",
    )
    out: dict[str, object] = {name: getattr(found, name) for name in names}
    out["targets"] = [
        {"loss": t.loss, "reached": t.reached, "step": t.step, "tokens": t.tokens, "seconds": t.seconds}
        for t in found.targets
    ]
    out["curve"] = {"step": found.steps[keep].tolist()} | {
        name: found.curve[i, keep].tolist() for i, name in enumerate(("low", "middle", "high"))
    }
    return out | {"notes": list(found.notes), "warnings": list(found.warnings)}
