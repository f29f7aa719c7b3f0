"""From a log to what a prediction starts from: read, put into steps, its state said, a rising metric turned over."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import BadHistory
from tables import SeveralRuns, TableError
from tables.logs import History, read_history
from tables.logs.state import state_of
from tables.options import reading

QUIET_S, LEAST_QUIET_S = 3600.0, 600.0
QUANTITIES = ("step", "loss", "tokens", "time", "lr")


class NoPrediction(BadHistory):
    """A run whose state allows none; the message says what happened to it."""


def history_for(path: str, args: argparse.Namespace, run: str | None) -> History:
    """The history of one run, with the columns that the options name.

    Raises:
        SeveralRuns: there are several, and none was asked for. BadHistory: it can't be read.
    """
    columns = {k: getattr(args, k) for k in QUANTITIES if getattr(args, k)}
    try:
        return read_history(path, run, columns, reading(args))
    except SeveralRuns:
        raise
    except TableError as error:
        raise BadHistory(str(error)) from None


def in_steps(history: History, final_step: float | None) -> History:
    """The history along steps, where the log has parts of epochs only.

    Raises:
        BadHistory: --final-step counts steps, and nothing tells how many an epoch has.
    """
    if not history.by_epoch or final_step is None:
        return history
    last = float(history.rows["step"].max())
    if history.final_step is None:
        raise BadHistory(
            f"{history.source}: the log has epochs ({last:g} so far) and no steps; give the end in epochs with --step "
            f"{history.columns['step']} --final-step EPOCHS, or log steps"
        )
    scale = final_step / history.final_step
    rows = history.rows.assign(step=history.rows["step"] * scale)
    note = f"epoch {last:g} of {history.final_step:g} was taken for step {last * scale:,.0f} of {final_step:,.0f}"
    return replace(history, rows=rows, final_step=final_step, notes=(*history.notes, note))


def quiet(history: History, now: float) -> str:
    """What is to be said of a run that has not logged for long, or ""; `now` in seconds since 1970.

    Long is twenty times the usual time between rows, where the log has times, and at least ten minutes; an hour otherwise.
    """
    place = Path(history.source)
    files = (
        [place] if place.is_file() else [f for f in place.rglob("*") if f.is_file()] if place.is_dir() else []
    )
    if not files:
        return ""
    age = now - max(f.stat().st_mtime for f in files)
    gaps = np.diff(history.rows["time"].to_numpy(dtype=float)) if "time" in history.rows else np.array([])
    gaps = gaps[np.isfinite(gaps) & (gaps > 0)]
    usual = float(np.median(gaps)) if len(gaps) else None
    if age < (QUIET_S if usual is None else max(LEAST_QUIET_S, 20 * usual)):
        return ""
    told = f", where one came every {usual:,.0f} s" if usual else ""
    return f"no new row for {duration(age)}{told}: the run may have stopped"


def duration(seconds: float) -> str:
    """Seconds in words."""
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def sound(history: History, final_step: float | None) -> tuple[History, str]:
    """The history if something can be predicted from it, and what is to be said first, or "".

    Raises:
        NoPrediction: the run is broken or has diverged.
    """
    state = state_of(history)
    if state is None:
        return history, ""
    if state.fatal:
        of = f" of {final_step:,.0f} ({state.step / final_step:.1%})" if final_step else ""
        raise NoPrediction(f"{history.name}: step {state.step:,.0f}{of}: {state.text}; nothing is predicted")
    return history, f"{state.kind}: {state.text}"


@dataclass(frozen=True, slots=True)
class Turn:
    """What a loss goes through before the forms see it: a rising metric turned over, one that is not positive shifted up.

    The forms have a free floor, so a shift changes nothing but the room below it.
    """

    sign: float
    shift: float

    @staticmethod
    def of(history: History) -> Turn:
        sign = -1.0 if history.rises else 1.0
        values = sign * history.rows["loss"].to_numpy(dtype=float)
        values = values[np.isfinite(values)]
        if not len(values) or values.min() > 0:
            return Turn(sign, 0.0)
        return Turn(sign, float(2 * np.ptp(values) - values.min()) or 1.0)

    def over(self, history: History) -> History:
        if self == Turn(1.0, 0.0):
            return history
        return replace(history, rows=history.rows.assign(loss=self.sign * history.rows["loss"] + self.shift))

    def value(self, loss: float) -> float:
        return self.sign * loss + self.shift

    def back(self, found: Any, column: str) -> Any:
        """The prediction as the log has it again."""
        if self == Turn(1.0, 0.0):
            return found

        def plain(loss: Any) -> Any:
            return self.sign * (loss - self.shift)

        low, high = (plain(found.low), plain(found.high))[:: int(self.sign)]
        why = f"{column} rises by its nature and was predicted as such"
        return replace(
            found,
            loss=plain(found.loss),
            endpoint=plain(found.endpoint),
            low=low,
            high=high,
            uncalibrated=plain(found.uncalibrated),
            curve=plain(found.curve)[:: int(self.sign)],
            targets=tuple(replace(t, loss=plain(t.loss)) for t in found.targets),
            fits={},
            notes=(*found.notes, *((why,) if self.sign < 0 else ())),
        )
