"""Several runs, epochs, restarts: told apart before a step that falls is believed to be a resumed run."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from tables.errors import BadTable, SeveralRuns
from tables.logs.columns import BOUND, plain
from tables.table import Table

RUN = ("run_id", "run", "run_name", "run_uuid", "run/hash", "run id", "run name", "name", "experiment", "experiment_name", "trial",
       "trial_id", "seed", "model", "model_name", "config", "hash")  # fmt: skip
PHASE = ("mode", "phase", "stage", "split")
TRAIN_WORDS = ("train", "training", "fit")


def one_run(table: Table, run: str | None, stem: str, step: str | None) -> tuple[Table, str]:
    """Rows of one run, and its name: by a column that names runs, or of W&B's wide export (`run - metric`).

    Raises:
        SeveralRuns: there are several, and none was asked for. BadTable: no such run.
    """
    forms = {plain(n): n for n in reversed(table.names)}
    for form in RUN:
        if form not in forms:
            continue
        labels = table.labels(forms[form])
        names = list(dict.fromkeys(label for label in labels if label is not None))
        sure = form in RUN[:7]
        if not names or (not sure and (len(names) < 2 or not _overlap(table, labels, step))):
            continue
        if len(names) == 1 and run is None:
            return table, names[0] if sure else stem
        asked = chosen(run, names, table.source, f"the column {forms[form]} tells {len(names)} runs apart")
        return table.keep(np.array([label == asked for label in labels])), asked
    wide: dict[str, dict[str, str]] = {}
    for column in table.names:
        name, dash, metric = column.rpartition(" - ")
        if dash and not BOUND.search(metric):
            wide.setdefault(name, {})[column] = metric
    if wide:
        asked = (
            chosen(run, list(wide), table.source, f"{len(wide)} runs")
            if len(wide) > 1 or run is not None
            else next(iter(wide))
        )
        kept = {n: table.columns[n] for n in table.names if " - " not in n}
        table.columns = kept | {metric: table.columns[n] for n, metric in wide[asked].items()}
        table._read.clear()
        return table, asked
    if run is not None and run != stem:
        raise BadTable(
            f"{table.source}: --run {run}: the file has no run column ({', '.join(RUN[:8])}, ...) and one run only"
        )
    return table, stem


def _overlap(table: Table, labels: list[str | None], step: str | None) -> bool:
    """Whether the steps of different labels overlap, each going up: so they are runs, and no phases of one."""
    if step is None:
        return False
    steps = table.understood(step).values
    parts = pd.Series(steps).groupby(pd.Series(labels, dtype=object), sort=False)
    spans = [(p.min(), p.max(), len(p)) for _, p in parts if p.notna().any()]
    if len(spans) < 2 or min(n for _, _, n in spans) < 2:
        return False
    spans.sort()
    return any(b[0] <= a[1] for a, b in pairwise(spans))


def chosen(run: str | None, names: list[str], source: str, what: str) -> str:
    shown = ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
    if run is None:
        raise SeveralRuns(f"{source}: {what}; choose one with --run: {shown}", names)
    if run not in names:
        raise BadTable(f"{source}: no run {run!r}; the file has {shown}")
    return run


def one_phase(table: Table, loss: str, notes: list[str]) -> Table:
    """Training rows alone where one loss column holds training and validation by turns (`mode: train`)."""
    forms = {plain(n): n for n in reversed(table.names)}
    column = next((forms[p] for p in PHASE if p in forms), None)
    if column is None:
        return table
    there = np.isfinite(table.understood(loss).values)
    labels = table.labels(column)
    kinds = {label for label, ok in zip(labels, there, strict=True) if ok and label is not None}
    train = next((k for k in kinds if k.lower() in TRAIN_WORDS), None)
    if len(kinds) < 2 or train is None:
        return table
    kept = table.keep(np.array([label in (train, None) for label in labels]))
    notes.append(
        f"rows with {column} {', '.join(sorted(k for k in kinds if k != train))} were left out: they hold another loss"
    )
    return kept


def counted_on(
    step: np.ndarray,
    loss: np.ndarray,
    epoch: np.ndarray | None,
    tokens: np.ndarray | None,
    notes: list[str],
    warnings: list[str],
) -> np.ndarray:
    """Steps that count on where the file's counter begins anew and training does not.

    By the epoch, where it rises as the step falls; by tokens, where they go on; by the loss, where it goes on from the value before
    and not from that of the step it fell to. Anything else is left for the cleaning: rows done again.
    """
    back = (np.flatnonzero(np.diff(step) < 0) + 1).tolist()
    by_epoch = epoch is not None and _rises_at(epoch, np.array(back, dtype=int))
    if not len(back) or (len(back) > max(10, 0.2 * len(step)) and not by_epoch):
        return step
    out = step.astype(float).copy()
    if by_epoch:
        gap = float(np.median(np.diff(step)[np.diff(step) > 0])) if (np.diff(step) > 0).any() else 1.0
        for at in back:
            begins = step[at]
            length = step[at - 1] + (gap if begins == 0 else 0.0)
            out[at:] += length
        notes.append(f"the step begins anew with every epoch ({len(back)} times) and was counted on")
        return out
    if tokens is not None and np.isfinite(tokens).all() and (np.diff(tokens) > 0).all():
        forward = np.diff(step) > 0
        rate = float(np.median(np.diff(tokens)[forward] / np.diff(step)[forward]))
        for at in back:
            out[at:] += out[at - 1] + (tokens[at] - tokens[at - 1]) / rate - out[at]
        warnings.append(
            f"the step counter began anew {len(back)} times while tokens went on: steps were counted on by tokens"
        )
        return out
    for at in back:
        if _goes_on(step, loss, at):
            gap = float(np.median(np.diff(step[:at]))) if at > 1 else 1.0
            out[at:] += out[at - 1] + gap - out[at]
            warnings.append(
                f"the step counter fell to {step[at]:,.0f} at row {at + 1} while the loss went on: steps were counted on"
            )
    return out


def _rises_at(epoch: np.ndarray, back: np.ndarray) -> bool:
    return bool(len(back) and (epoch[back] > epoch[back - 1]).all())


def _goes_on(step: np.ndarray, loss: np.ndarray, at: int) -> bool:
    """Whether the loss after a fall of the step is that of the row before, and not that of the step it fell to."""
    after = loss[at : at + 3]
    before = loss[max(0, at - 3) : at]
    earlier = np.interp(step[at : at + 3], step[:at][np.argsort(step[:at])], loss[:at][np.argsort(step[:at])])
    if (
        not (np.isfinite(after).all() and np.isfinite(before).all() and np.isfinite(earlier).all())
        or len(after) < 3
    ):
        return False
    from_before, from_earlier = (
        abs(float(np.median(after) - np.median(before))),
        abs(float(np.median(after - earlier))),
    )
    return from_earlier > 4 * from_before and from_earlier > 0.02 * abs(float(np.median(before)))


DISAGREE = 0.25
"""A second pass that differs from the first by this share of the loss's range is another run."""


def disagreements(step: np.ndarray, loss: np.ndarray) -> list[int]:
    """Rows at which the step falls and the loss is another than the first time at the same steps; a file in no order has none."""
    there = np.flatnonzero(np.isfinite(step) & np.isfinite(loss))
    s, y = step[there], loss[there]
    back = (np.flatnonzero(np.diff(s) < 0) + 1).tolist()
    if not len(back) or len(back) > max(10, 0.2 * len(s)):
        return []
    found, begin = [], 0
    for at, end in zip(back, [*back[1:], len(s)], strict=True):
        earlier, again = slice(begin, at), slice(at, end)
        order = np.argsort(s[earlier], kind="stable")
        first_s, first_y = s[earlier][order], y[earlier][order]
        both = (s[again] >= first_s[0]) & (s[again] <= first_s[-1])
        if both.sum() < 3:
            continue
        apart = np.abs(np.interp(s[again][both], first_s, first_y) - y[again][both])
        span = float(np.ptp(np.percentile(first_y, [5, 95]))) or abs(float(first_y.mean()))
        if np.median(apart) > DISAGREE * span:
            found.append(int(there[at]))
            begin = at
    return found
