"""The history of one training run, whatever its trainer left: rows in the order logged, columns found and told.

Rows stay in the order logged, so that a resumed run can be told from an unsorted file. A last line without its line break
is left out: it may be half a number.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pandas as pd

from tables.dialect import all_numbers, sniff, split
from tables.errors import BadTable
from tables.logs.columns import FINAL, LOSS, STEP, TIME, numbers, pick, pick_loss, plain, rises
from tables.logs.events import is_event_file
from tables.logs.folders import from_events, from_folder
from tables.logs.runs import chosen, counted_on, disagreements, one_phase, one_run
from tables.logs.text import LOOKED_AT, cleaned, read_log, trainer_of
from tables.opening import Source, open_source
from tables.read import Reading, progress, table_from
from tables.table import Table

EPOCH = ("epoch", "train/epoch")


@dataclass(frozen=True)
class History:
    """One run as it was logged.

    Attributes:
        source, name: file or folder; the run's name. columns: the column each quantity came from.
        rows: step and loss, and where logged tokens, time (s), lr; one row a line, in the order logged.
        notes: what the reader understood or left out, one sentence each. warnings: what may be wrong with the run or the log.
        final_step: the planned end, where the log states it. rises: the metric is better the higher it is.
        nan: (n,) rows whose loss was logged as NaN or infinite, so no mere gap.
        by_epoch: the steps are parts of epochs, for the log has no others; `final_step` too.
    """

    source: str
    name: str
    columns: dict[str, str]
    rows: pd.DataFrame
    notes: tuple[str, ...]
    final_step: float | None = None
    warnings: tuple[str, ...] = ()
    rises: bool = False
    by_epoch: bool = False
    nan: np.ndarray | None = None


def read_history(
    path: str, run: str | None = None, columns: dict[str, str] | None = None, reading: Reading | None = None
) -> History:
    """Read one run.

    Args:
        path: a console log, a table of any kind that `tables` reads, JSON lines with text between, a trainer's state, a
            TensorBoard event file, a folder of event files or of MLflow's store; `-` is standard input.
        run: which run, where there are several.
        columns: quantity (step, loss, tokens, time, lr) -> column name; those not given are found by common names.

    Raises:
        TableError: no such file or column, several runs or losses to choose from, no rows; with what was looked for.
    """
    asked = columns or {}
    passing = re.fullmatch(r"pass (\d+)", run or "")
    asked_pass, run = (int(passing[1]), None) if passing else (None, run)
    table, name = _table(path, run, reading or Reading())
    if not len(table):
        raise BadTable(
            f"{path}: no rows yet under the header; columns are {', '.join(table.names[:12]) or 'none'}"
        )
    table = _one_rank(table)
    step_column = pick(table, "step", asked.get("step"), needed=False)
    table, name = one_run(table, run, name, step_column)
    notes: list[str] = []
    warnings: list[str] = []
    pick(table, "step", asked.get("step"))
    loss = pick_loss(table, asked.get("loss"), notes)
    table = one_phase(table, loss, notes)
    counter = str(pick(table, "step", asked.get("step")))
    found = {"step": counter, "loss": loss}
    if reading is not None and reading.drop_bad:
        table = table.complete([counter, loss], drop_missing=False, drop_bad=True)
    elif any(table.understood(c).bad for c in found.values()):
        for column in found.values():
            table.numbers(column, finite=False)  # says which line
    for key in ("tokens", "time", "lr"):
        beside = pick(table, key, asked.get(key), needed=False)
        if beside is not None and beside not in found.values():
            found[key] = beside
    rows = pd.DataFrame({key: numbers(table, column) for key, column in found.items()})
    final = _planned(table, found["step"])
    epoch = next(
        (numbers(table, n) for n in table.names if plain(n) in EPOCH and n != found["step"]),
        None,
    )
    keep = np.isfinite(rows["step"].to_numpy()) | np.isfinite(rows["loss"].to_numpy())
    rows, epoch = rows[keep].reset_index(drop=True), None if epoch is None else epoch[keep]
    rows["step"] = _steps(rows, epoch, notes, warnings)
    by_epoch = False
    if plain(counter) in EPOCH:
        by_epoch = asked.get("step") is None and bool((rows["step"].dropna() % 1 != 0).any())
        if final is None and by_epoch and "lr" in rows:
            ends = _end_by_decay(rows["step"].to_numpy(), rows["lr"].to_numpy())
            final = None if ends is None else float(round(ends, 2))
        told = (
            f"; the learning rate falls in a straight line to zero at epoch {final:g}"
            if by_epoch and final
            else ""
        )
        notes.append(f"the log has epochs and no steps{told}")
    nan = table.columns[loss].not_finite()[keep]  # a run that broke, no row without a loss
    rows, nan = _one_pass(path, rows, nan, asked_pass)
    said = tuple(dict.fromkeys([*table.notes, *notes]))
    return History(path, name, found, rows, said, final, tuple(warnings), rises(loss), by_epoch, nan)


def _one_pass(
    path: str, rows: pd.DataFrame, nan: np.ndarray, asked: int | None
) -> tuple[pd.DataFrame, np.ndarray]:
    """The rows of one pass where the steps fall and the loss does not agree with the first time: those are several runs.

    Raises:
        SeveralRuns: several, and none was asked for. BadTable: no such pass.
    """
    starts = disagreements(rows["step"].to_numpy(dtype=float), rows["loss"].to_numpy(dtype=float))
    if not starts:
        if asked is not None:
            raise BadTable(f"{path}: --run pass {asked}: the steps of this file are one pass")
        return rows, nan
    edges = [0, *starts, len(rows)]
    names = [f"pass {i}" for i in range(1, len(edges))]
    what = f"the steps fall at row {starts[0] + 1} and the loss does not agree with the first time: {len(names)} runs in one file"
    k = names.index(chosen(None if asked is None else f"pass {asked}", names, path, what))
    part = slice(edges[k], edges[k + 1])
    return rows.iloc[part].reset_index(drop=True), nan[part]


def _steps(rows: pd.DataFrame, epoch: np.ndarray | None, notes: list[str], warnings: list[str]) -> np.ndarray:
    """Steps counted on where the counter begins anew; rows without a step or a loss are passed over."""
    step, loss = rows["step"].to_numpy(dtype=float).copy(), rows["loss"].to_numpy(dtype=float)
    there = np.flatnonzero(np.isfinite(step) & np.isfinite(loss))
    if len(there) < 4:
        return step
    tokens = rows["tokens"].to_numpy(dtype=float)[there] if "tokens" in rows else None
    by_epoch = epoch[there] if epoch is not None and np.isfinite(epoch[there]).all() else None
    step[there] = counted_on(step[there], loss[there], by_epoch, tokens, notes, warnings)
    return step


def _end_by_decay(step: np.ndarray, lr: np.ndarray) -> float | None:
    """Where a learning rate that falls in a straight line reaches zero; None where it does not."""
    there = np.isfinite(step) & np.isfinite(lr)
    step, lr = step[there], lr[there]
    top = int(np.argmax(lr)) if len(lr) else 0
    step, lr = step[top:], lr[top:]
    if len(lr) < 5 or lr[-1] >= 0.98 * lr[0] or lr[-1] <= 0:
        return None
    slope, begin = np.polyfit(step, lr, 1)
    if slope >= 0 or np.abs(begin + slope * step - lr).max() > 0.01 * lr[0]:
        return None
    return float(-begin / slope)


def _planned(table: Table, step: str) -> float | None:
    """The planned end: stated beside the rows, in a column of it, or as the total of 100/6000."""
    if table.planned is not None:
        return table.planned
    total = table.understood(step).total
    if total is not None:
        return total
    column = next((n for n in table.names if plain(n) in FINAL), None)
    values = table.understood(column).values if column is not None else np.array([])
    values = values[np.isfinite(values) & (values > 0)]
    return float(values[-1]) if len(values) else None


def _one_rank(table: Table) -> Table:
    """Lines of one rank where several wrote to the log."""
    if "_rank" not in table.columns:
        return table
    labels = table.labels("_rank")
    counts = pd.Series([x for x in labels if x is not None]).value_counts()
    del table.columns["_rank"]
    if len(counts) < 2:
        return table
    best = min((r for r in counts.index if counts[r] == counts.max()), key=lambda r: (len(str(r)), str(r)))
    kept = table.keep(np.array([x == best for x in labels]))
    kept.notes.append(f"{len(counts)} ranks wrote to the log: lines of rank {best} were read")
    return kept


def _table(path: str, run: str | None, reading: Reading) -> tuple[Table, str]:
    file = Path(path)
    stem = file.name.partition(".")[0] if path != "-" else "run"
    if path != "-" and file.is_dir():
        found, name = from_folder(file, run)
        if isinstance(found, Table):
            return found, run or name
        path, file, stem = str(found), found, name
    if path != "-" and is_event_file(file) and file.is_file():
        return from_events([file], path), file.stem
    source = open_source(path)
    try:
        return _from_text(source, replace(reading, live=True)), stem
    finally:
        source.close()


def _from_text(source: Source, reading: Reading) -> Table:
    """A table, JSON, or a console log, as the first lines say."""
    head = source.head.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    binary = head[:4] in (b"PAR1", b"PK\x03\x04") or head[:6] == b"ARROW1"
    if binary or not head.strip(b"\0") or head[:2] in (b'{"', b"[{", b"{\0", b"[\0") or _json_begins(head):
        return table_from(source, reading)
    lines = source.lines()
    first = list(islice(lines, LOOKED_AT))
    reader = trainer_of(first)
    known, looks = _header(first)
    if reader is not None and not known:
        with progress(source) as tick:
            parts = read_log(reader, chain(first, lines), reading.live, tick, reading.wanted)
        return Table(
            source.name, parts.columns, parts.places, parts.unit, [*source.notes, *parts.notes], parts.planned,
            reading.decimal, reading.fractions, len(parts.places),
        )  # fmt: skip
    if not looks:
        raise BadTable(_nothing_fits(source.name, first))
    return table_from(source, reading, chain(first, lines))


def _json_begins(head: bytes) -> bool:
    start = head[:200].replace(b"\n", b"").replace(b"\r", b"").replace(b" ", b"").replace(b"\t", b"")
    return start[:2] in (b'{"', b"[{", b"{}", b"[]")


def _header(lines: list[str]) -> tuple[int, bool]:
    """(known names in the header, whether the lines are a table) of the first lines read as one."""
    body = [line for line in lines[:60] if line.strip() and not line.startswith("#")]
    if not body:
        return 0, False
    try:
        rows = [[c.strip() for c in row] for row in split(iter(body), sniff(body)) if row]
    except csv.Error:  # the table's reader names the line
        return 0, "," in body[0]
    header = rows[0]
    if all_numbers(header) or any(len(h) > 80 for h in header) or len(header) < 2:
        return 0, False
    forms = {plain(h.rpartition(" - ")[2]) for h in header}
    known = len(forms & {*STEP, *LOSS, *TIME})
    same = sum(len(r) == len(header) for r in rows[1:])
    return known, bool(known) or (len(rows) > 1 and same > 0.5 * (len(rows) - 1))


def _nothing_fits(name: str, lines: list[str]) -> str:
    shown = [text.strip()[:70] for line in lines for _, text in cleaned(line)][:2]
    if not shown:
        return f"{name}: no rows yet, the file is empty so far"
    seen = " / ".join("".join(c for c in s if c.isprintable()) for s in shown)
    return (
        f"{name}: no loss by step found; it begins: {seen} ... Looked for a header with a step and a loss (CSV, TSV), JSON with a "
        f"loss, and lines of Megatron-LM, nanoGPT, llm.c, torchtitan, Hugging Face, OLMo, NeMo, fairseq, llm-foundry, litgpt, "
        f"Lightning, Keras"
    )
