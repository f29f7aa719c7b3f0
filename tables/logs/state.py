"""The state of a run as its log shows it: broken, diverged, flat; said before anything is predicted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tables.logs.history import History

RISEN = 0.3
"""A loss that has climbed back by this share of its whole fall has diverged."""


@dataclass(frozen=True, slots=True)
class State:
    """What is wrong.

    Attributes:
        kind: "nan", "zero", "diverged" or "plateau". text: in words. step: the last step logged.
        fatal: no prediction can be believed.
    """

    kind: str
    text: str
    step: float
    fatal: bool


def state_of(history: History) -> State | None:
    """The state of the run; None where nothing is wrong."""
    step, loss = (history.rows[c].to_numpy(dtype=float) for c in ("step", "loss"))
    if history.rises:
        loss = -loss
    nan = history.nan if history.nan is not None else np.zeros(len(step), dtype=bool)
    last = float(np.nanmax(step)) if np.isfinite(step).any() else 0.0
    finite = np.isfinite(step) & np.isfinite(loss)
    if nan.any() and not finite.any():
        return State(
            "nan", f"the loss is NaN or infinite in all {int(nan.sum())} rows that have one", last, True
        )
    if not finite.any():
        return None
    after = np.flatnonzero(nan)[np.flatnonzero(nan) > np.flatnonzero(finite)[-1]]
    if len(after) >= 2:
        rows = f"{len(after)} rows, to step {step[after[-1]]:,.0f}"
        return State(
            "nan",
            f"the loss has been NaN since step {step[after[0]]:,.0f} ({rows}): the run has diverged",
            last,
            True,
        )
    order = np.argsort(step[finite], kind="stable")
    s, y = step[finite][order], loss[finite][order]
    zeros = len(y) - len(np.trim_zeros(y, "b"))
    if zeros >= 3:
        return State(
            "zero",
            f"the loss has been exactly 0 since step {s[-zeros]:,.0f} ({zeros} rows): the run is broken",
            last,
            True,
        )
    return _shape(s, y, last, history.rises)


def _shape(s: np.ndarray, y: np.ndarray, last: float, rises: bool) -> State | None:
    n = len(y)
    if n < 12:
        return None
    width = max(3, n // 12)
    medians = np.array([np.median(y[i : i + width]) for i in range(0, n - width + 1)])
    best = int(np.argmin(medians))
    now, low, first = float(np.median(y[-width:])), float(medians[best]), float(medians[0])
    noise = 1.4826 * float(np.median(np.abs(np.diff(y)))) / np.sqrt(2)
    if now - low > max(RISEN * (first - low), 8 * noise, 0.01 * abs(low)) and best < n - 2 * width:
        sign = -1 if rises else 1
        verb = "fallen" if rises else "risen"
        at = s[best + width // 2]
        return State(
            "diverged", f"the metric has {verb} from {sign * low:.4g} (step {at:,.0f}) to {sign * now:.4g}: the run is diverging",
            last, True,
        )  # fmt: skip
    tail = y[-max(10, n // 3) :]
    if n >= 30:
        half = len(tail) // 2
        fall = float(np.median(tail[:half]) - np.median(tail[half:]))
        if (abs(fall) < 0.5 * noise and abs(fall) < 5e-4 * abs(now)) or np.ptp(tail) == 0:
            return State(
                "plateau",
                f"flat since step {s[-len(tail)]:,.0f}: the last {len(tail)} rows show no trend",
                last,
                False,
            )
    return None
