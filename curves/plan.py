"""The learning rate to come: planned in words, or read off the part that was logged.

    constant          stays as it is
    linear[:END]      a line to END at the planned end, from now on or, where no rate is logged, over the whole run
    cosine[:END]      a cosine to END
    wsd:START[:END]   flat until START, then a line to END

END is a rate as logged, or a share of the peak such as 10%; without it, zero. START is a step, or a share of the run such
as 80%.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from curves import rate as rates
from curves.rate import TOP, Rate
from curves.run import Run
from fitting.errors import BadData, BadOption

PLANS = "constant, linear[:END], cosine[:END] or wsd:START[:END]"
CLOSE = 0.015
"""A shape is read off a log that follows it this closely, in shares of the peak."""
FEWEST = 5
"""Rows with a rate from which a shape is read."""


def planned(text: str, run: Run) -> Rate:
    """The rate of the whole run by a plan in words; what was logged of it stays as it was.

    Raises:
        BadOption: no such plan, or a number out of range. BadData: END as a rate where none is logged.
    """
    kind, *rest = [part.strip() for part in text.split(":")]
    most = {"constant": 0, "linear": 1, "cosine": 1, "wsd": 2}.get(kind, -1)
    if most < 0 or len(rest) > most or (kind == "wsd" and not rest) or not all(rest):
        raise BadOption(f"--lr-plan {text!r}: expected {PLANS}, as in cosine:10% or wsd:80%")
    progress, lr = run.rates()
    peak = float(lr.max()) if len(lr) else 0.0
    start = _start(rest[0], text, run) if kind == "wsd" else 0.0
    ends = rest[1:] if kind == "wsd" else rest
    end = _end(ends[0], text, peak) if ends else 0.0
    if not peak > 0:
        shapes = {"constant": rates.constant(), "linear": rates.linear(end), "cosine": rates.cosine(end)}
        return shapes[kind] if kind in shapes else rates.linear(end, start)
    now, at = float(lr[-1]) / peak, float(progress[-1])
    ahead = np.linspace(at, 1.0, 201)[1:]
    if at >= 1 or not len(ahead):
        return Rate(progress, lr, "logged")
    u = (ahead - at) / (1 - at)
    if kind == "constant":
        value = np.full(len(ahead), now)
    elif kind == "linear" or (kind == "wsd" and start <= at):
        value = now + (end - now) * u
    elif kind == "wsd":
        value = now + (end - now) * np.clip((ahead - start) / (1 - start), 0.0, 1.0)
    else:  # the cosine that has its top at the highest rate so far and goes through the rate now
        share = float(np.clip((now - end) / max(1.0 - end, 1e-12), 0.0, 1.0))
        phase = np.arccos(2 * share - 1)
        value = end + (1.0 - end) * (1 + np.cos(phase + (np.pi - phase) * u)) / 2
    return Rate(np.append(progress, ahead), np.append(lr, value * peak), f"logged, then {text}")


def _end(text: str, plan: str, peak: float) -> float:
    value = _number(text.removesuffix("%"), plan)
    if text.endswith("%"):
        value /= 100
    elif value > 0:
        if not peak > 0:
            raise BadData(
                f"--lr-plan {plan!r}: {text} is a learning rate, and none is logged to compare it with; give --lr, the "
                "column's name, or a share of the peak such as 10%"
            )
        value /= peak
    if not 0 <= value <= 1 + 1e-9:
        raise BadOption(f"--lr-plan {plan!r}: the rate ends between 0 and its peak, got {text}")
    return min(value, 1.0)


def _start(text: str, plan: str, run: Run) -> float:
    value = _number(text.removesuffix("%"), plan)
    value = value / 100 if text.endswith("%") else value / run.final_step
    if not 0 <= value < 1:
        raise BadOption(
            f"--lr-plan {plan!r}: the decay starts before the planned end, step {run.final_step:,.0f}; got {text}"
        )
    return value


def _number(text: str, plan: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise BadOption(f"--lr-plan {plan!r}: {text!r} is no number; expected {PLANS}")
    return value


@dataclass(frozen=True, slots=True)
class Reading:
    """What a log says of the whole schedule: its rate, or why it can't be told; and that in words."""

    rate: Rate | None
    words: str


def read_off(run: Run) -> Reading:
    """The schedule of the whole run from the learning rates so far.

    A line or a cosine under way shows where it ends; a rate that is still flat doesn't say whether it will decay.
    """
    progress, lr = run.rates()
    if len(lr) < FEWEST or not lr.max() > 0:
        return Reading(None, "the learning rate is not logged")
    if run.finished:
        return Reading(Rate(progress, lr, "logged"), "the learning rate is logged to the end")
    value = lr / lr.max()
    below = np.flatnonzero(value >= TOP)[-1] + 1
    if len(value) - below < 3:
        return Reading(None, "the learning rate has been flat so far, and may decay yet")
    ahead = np.linspace(progress[-1], 1.0, 201)[1:]
    found: list[tuple[float, np.ndarray, str, float]] = []
    slope, level = np.polyfit(progress[below:], value[below:], 1)
    miss = np.abs(level + slope * progress[below:] - value[below:]).max()
    found.append((float(miss), level + slope * ahead, "a line", float(level + slope)))
    up = int(np.argmax(value >= TOP))
    for start in np.linspace(0.0, progress[np.flatnonzero(value >= 0.9999)[-1]], 41):
        here = progress >= max(start, progress[up])
        cos = _half_cosine(progress[here], start)
        rest = 1 - cos
        end = float(rest @ (value[here] - cos) / max(rest @ rest, 1e-300))
        miss = np.abs(end + (1 - end) * cos - value[here]).max()
        found.append((float(miss), end + (1 - end) * _half_cosine(ahead, start), "a cosine", end))
    miss, future, shape, end = min(found, key=lambda f: f[0])
    if miss > CLOSE or not -0.03 <= end <= 1:
        return Reading(None, "the learning rate decays, but along no line or cosine to the planned end")
    rate = Rate(np.append(progress, ahead), np.append(value, np.maximum(future, 0.0)), "logged")
    return Reading(rate, f"the log's learning rate follows {shape} to {max(end, 0.0):.0%} of its peak")


def _half_cosine(progress: np.ndarray, start: float) -> np.ndarray:
    """From 1 at `start` to 0 at the end of the run."""
    return np.asarray((1 + np.cos(np.pi * (progress - start) / (1 - start))) / 2)
