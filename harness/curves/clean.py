"""Clean a run's history for curve fitting, and say what was done.

In this order: rows without a finite loss go; a resumed run forgets what it did after the step it went back to; of rows
with the same step the last stays; rows of the warm-up and spikes go.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from harness.errors import BadHistory
from tables.logs import History

WARMUP = 0.05
"""Share of the steps seen so far that is left out where neither --warmup nor a rising learning rate tells."""
SPIKE_SDS = 8.0
"""A spike is further than this many robust standard deviations of the noise from its neighbours."""


@dataclass(frozen=True)
class Cleaned:
    """Rows fit to be fitted.

    Attributes:
        rows: step (increasing), loss (finite), and tokens, time, lr where logged. spikes: rows taken out as spikes.
        last_step: the last step logged with a finite loss. notes: what was done, one sentence each.
    """

    rows: pd.DataFrame
    spikes: pd.DataFrame
    last_step: float
    notes: tuple[str, ...]


def clean(history: History, warmup: float | None = None, spikes: bool = True) -> Cleaned:
    """Clean one run.

    Args:
        warmup: leave out rows before this step (>= 1), or before this share of the steps seen (< 1); None: while the
            learning rate rises if it is logged, else the first WARMUP of the steps seen.
        spikes: take out rows far off their neighbours.

    Raises:
        BadHistory: fewer than 3 rows are left.
    """
    notes, rows = list(history.notes), history.rows
    logged = np.isfinite(rows["step"].to_numpy()) & rows["loss"].notna().to_numpy()
    finite = logged & np.isfinite(rows["loss"].to_numpy())
    empty = len(rows) - int(finite.sum())
    if empty:
        notes.append(f"{empty} of {len(rows)} rows have no finite loss and were left out")
    beside = {key: rows[["step", key]].dropna() for key in ("lr", "tokens", "time") if key in rows}
    rows = rows[finite]
    rows = _forget(rows.reset_index(drop=True), notes)
    if len(rows) < 3:
        raise BadHistory(
            f"{history.source}: {len(rows)} rows with a finite loss; a prediction needs 3 or more, at different steps"
        )
    for key, found in beside.items():
        # Often logged on other rows than the validation loss; the last word on a step counts.
        found = found.drop_duplicates("step", keep="last").sort_values("step")
        if len(found) > 1:
            rows = rows.assign(**{key: np.interp(rows["step"], found["step"], found[key])})
    last_step = float(rows["step"].iloc[-1])
    start = _warmup_end(rows, warmup, last_step, notes)
    early = rows["step"].to_numpy() < start
    if early.any() and (~early).sum() >= 3:
        notes.append(f"{int(early.sum())} rows before step {start:,.0f} were left out as warm-up")
        rows = rows[~early]
    taken = rows.iloc[:0]
    if spikes:
        wild = _spikes(rows["loss"].to_numpy())
        if wild.any():
            taken = rows[wild]
            steps = ", ".join(f"{s:,.0f}" for s in taken["step"][:5]) + (", ..." if len(taken) > 5 else "")
            notes.append(f"{len(taken)} spikes were left out (step {steps})")
            rows = rows[~wild]
    return Cleaned(rows.reset_index(drop=True), taken.reset_index(drop=True), last_step, tuple(notes))


def _forget(rows: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Rows that a resumed run did again go, then repeats; a file in no order is sorted instead."""
    step = rows["step"].to_numpy()
    back = np.flatnonzero(np.diff(step) < 0) + 1
    if len(back) > max(10, 0.2 * len(step)) or (len(step) > 2 and (np.diff(step) < 0).all()):
        notes.append("the rows are in no order of steps and were sorted")
    elif len(back):
        keep = np.ones(len(step), dtype=bool)
        for at in back:
            keep[:at] &= step[:at] < step[at]
        gone = int((~keep).sum())
        notes.append(f"resumed {len(back)} times: {gone} rows that were done again were left out")
        rows = rows[keep]
    once = ~rows["step"].duplicated(keep="last").to_numpy()
    if not once.all():
        notes.append(f"{int((~once).sum())} repeats of a step were left out, the last stays")
        rows = rows[once]
    return rows.sort_values("step", kind="stable").reset_index(drop=True)


def _warmup_end(rows: pd.DataFrame, warmup: float | None, last: float, notes: list[str]) -> float:
    first = float(rows["step"].iloc[0])
    if warmup is not None:
        return warmup if warmup >= 1 or warmup == 0 else first + warmup * (last - first)
    if "lr" in rows:
        lr = rows["lr"].to_numpy()
        if np.isfinite(lr).all() and lr[0] < 0.99 * lr.max():
            top = int(np.argmax(lr >= 0.99 * lr.max()))
            rising = (np.diff(lr[: top + 1]) >= 0).all()
            if 0 < top < len(lr) - 1 and rising:
                return float(rows["step"].iloc[top])
        if np.isfinite(lr).all():
            return first
    return first + WARMUP * (last - first)


def _spikes(loss: np.ndarray, widest: int = 4) -> np.ndarray:
    """(n,) true in groups of up to `widest` rows that stick out above, or below, the rows on both their sides.

    They must do so by SPIKE_SDS standard deviations of the noise (from second differences, robustly) and by half a
    percent of the loss. A group that reaches the last row may as well be news: it stays, and so does a lasting step.
    """
    n = len(loss)
    if n < 7:
        return np.zeros(n, dtype=bool)
    noise = 1.4826 * np.median(np.abs(loss[1:-1] - (loss[:-2] + loss[2:]) / 2)) / np.sqrt(1.5)
    least = max(SPIKE_SDS * noise, 0.005 * float(np.median(np.abs(loss))))
    groups = []
    for width in range(widest, 0, -1):
        for i in range(1, n - width):
            group, ends = loss[i : i + width], (loss[i - 1], loss[i + width])
            sticks_out = max(group.min() - max(ends), min(ends) - group.max())
            if sticks_out > least:
                groups.append((sticks_out, i, width))
    found = np.zeros(n, dtype=bool)
    for _, i, width in sorted(
        groups, key=lambda g: -g[0]
    ):  # rows between a high start and a spike look like a dip
        if not found[i - 1 : i + width + 1].any():
            found[i : i + width] = True
    return found
