"""Read the history of one training run: CSV, JSON lines, W&B exports, TensorBoard events.

Every reader returns rows in the order they were logged, so that a resumed run can be told from an unsorted file
(harness/curves/clean.py). A last line without its line break is left out: it may be half a number.
"""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from harness.curves.tensorboard_events import event_files, is_event_file, scalars
from harness.errors import BadHistory

STEP = ("step", "_step", "global_step", "train/global_step", "trainer/global_step", "iteration", "iter")
LOSS = (
    *("val_loss", "validation_loss", "eval_loss", "valid_loss", "val/loss", "eval/loss", "validation/loss"),
    *("test_loss", "test/loss", "loss", "train_loss", "train/loss", "training_loss"),
)
TOKENS = ("tokens", "total_tokens", "tokens_seen", "num_input_tokens_seen", "train/num_input_tokens_seen")
TIME = ("_timestamp", "timestamp", "wall_time", "_runtime", "time", "relative time (process)")
LR = ("lr", "learning_rate", "train/learning_rate", "train/lr", "lr-adamw")
FINAL = ("final_step", "total_steps", "max_steps", "train/max_steps")
RUN = ("run_id", "run", "run_name")
BOUND = re.compile(r"__(MIN|MAX)$")


class SeveralRuns(BadHistory):
    """A file of several runs was read without saying which; `runs` has their names."""

    def __init__(self, message: str, runs: list[str]) -> None:
        super().__init__(message)
        self.runs = runs


@dataclass(frozen=True)
class History:
    """One run as it was logged.

    Attributes:
        source, name: file or folder; the run's name. columns: the column each quantity came from.
        rows: step and loss, and where logged tokens, time (s), lr; one row a line, in the order logged.
        notes: what the reader left out, one sentence each. final_step: the planned end, where the file has a column of it.
    """

    source: str
    name: str
    columns: dict[str, str]
    rows: pd.DataFrame
    notes: tuple[str, ...]
    final_step: float | None = None


def read_history(path: str, run: str | None = None, columns: dict[str, str] | None = None) -> History:
    """Read one run.

    Args:
        path: a CSV or TSV file with a header, JSON lines, JSON (a list of rows, or `log_history`), a TensorBoard event file or
            a folder of them; "-" is not read.
        run: which run, where the file has several.
        columns: quantity (step, loss, tokens, time, lr) -> column name; those not given are found by common names.

    Raises:
        BadHistory: no such file, no such column, several runs or losses to choose from, no rows.
    """
    file, notes = Path(path), []
    if not file.exists():
        raise BadHistory(f"{path}: no such file; give a CSV, JSON lines, a W&B export or TensorBoard events")
    if file.is_dir() or is_event_file(file):
        frame = _from_events(file, notes)
    else:
        frame = _from_text(file, notes)
    if frame.empty:
        raise BadHistory(f"{path}: no rows yet; is the run logging here?")
    frame, name = _one_run(frame, run, path)
    found = {key: _pick(frame, key, (columns or {}).get(key), path) for key in ("step", "loss")}
    for key in ("tokens", "time", "lr"):
        column = _pick(frame, key, (columns or {}).get(key), path, needed=False)
        if column is not None:
            found[key] = column
    rows = pd.DataFrame({key: _numbers(frame[column]) for key, column in found.items()})
    rows = rows[np.isfinite(rows["step"].to_numpy()) | np.isfinite(rows["loss"].to_numpy())]
    planned = next((c for c in frame.columns if c.lower() in FINAL), None)
    values = _numbers(frame[planned]) if planned is not None else np.array([])
    values = values[np.isfinite(values) & (values > 0)]
    final = float(values[-1]) if len(values) else None
    return History(path, name, found, rows.reset_index(drop=True), tuple(notes), final)


def _from_text(file: Path, notes: list[str]) -> pd.DataFrame:
    try:
        text = file.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise BadHistory(f"{file}: can't be read ({error.strerror})") from None
    if file.suffix.lower() == ".json" or (text.lstrip()[:1] == "[" and file.suffix.lower() != ".csv"):
        return _from_json(file, text)
    if text and not text.endswith("\n"):
        text, _, last = text.rpartition("\n")
        text += "\n" if text else ""
        if last.strip():
            notes.append("the last line has no line break yet and was left out")
    if text.lstrip()[:1] == "{":
        rows, bad = [], 0
        for line in text.splitlines():
            try:
                row = json.loads(line) if line.strip() else None
            except ValueError:
                row = 0
            if isinstance(row, dict):
                rows.append(_flat(row))
            elif row is not None:
                bad += 1
        if bad:
            notes.append(f"{bad} lines that are not JSON objects were left out")
        return pd.DataFrame(rows)
    if not text.strip():
        return pd.DataFrame()
    text = text.replace("\0", "")
    header = text.lstrip().split("\n", 1)[0]
    try:
        lines = [row for row in csv.reader(io.StringIO(text), delimiter=max(",\t;", key=header.count)) if row]
    except csv.Error as error:
        raise BadHistory(f"{file}: can't be read as a table ({error})") from None
    names = [name.strip() for name in lines[0]] if lines else []
    rows = [row for row in lines[1:] if len(row) == len(names)]
    if len(rows) < len(lines) - 1:
        notes.append(
            f"{len(lines) - 1 - len(rows)} lines with more or fewer than {len(names)} fields were left out"
        )
    frame = pd.DataFrame(rows, columns=names, dtype=str)
    return frame.loc[:, ~frame.columns.duplicated()].replace("", None)


def _from_json(file: Path, text: str) -> pd.DataFrame:
    try:
        data = json.loads(text)
    except ValueError as error:
        raise BadHistory(
            f"{file}: not JSON ({error}); a file being written should be JSON lines (.jsonl)"
        ) from None
    planned = {}
    if isinstance(data, dict):
        planned = {k: data[k] for k in FINAL if k in data}
        data = data.get("log_history", data.get("history", data))
    if not isinstance(data, list):
        raise BadHistory(f"{file}: expected a list of rows, or an object with log_history or history")
    return pd.DataFrame([planned | _flat(row) for row in data if isinstance(row, dict)])


def _flat(row: dict, prefix: str = "") -> dict:
    """{"eval": {"loss": 2}} -> {"eval/loss": 2}."""
    out: dict = {}
    for key, value in row.items():
        if isinstance(value, dict):
            out |= _flat(value, f"{prefix}{key}/")
        else:
            out[prefix + str(key)] = value
    return out


def _from_events(path: Path, notes: list[str]) -> pd.DataFrame:
    files = event_files(path)
    if not files:
        raise BadHistory(f"{path}: no event files (names with 'tfevents') in this folder")
    rows: dict[tuple[int, int], dict] = {}
    for number, file in enumerate(files):
        found, word = scalars(file)
        if word:
            notes.append(f"{file.name}: {word}")
        last, segment = -1, 0
        for s in found:
            segment += s.step < last  # a writer that went back: a resumed run
            last = s.step
            row = rows.setdefault((number, segment, s.step), {"step": s.step, "wall_time": s.wall_time})
            row[s.tag] = s.value
    return pd.DataFrame(list(rows.values()))


def _one_run(frame: pd.DataFrame, run: str | None, path: str) -> tuple[pd.DataFrame, str]:
    """Rows of one run: of a tidy table with a run column, or of W&B's wide export ("run - metric")."""
    stem = Path(path).stem
    tidy = next((c for c in RUN if c in frame.columns), None)
    if tidy is not None:
        names = [str(n) for n in frame[tidy].dropna().unique()]
        if len(names) > 1 or run is not None:
            run = _chosen(run, names, path)
            frame = frame[frame[tidy].astype(str) == run]
        return frame, run or (names[0] if names else stem)
    wide: dict[str, dict[str, str]] = {}
    for column in frame.columns:
        name, dash, metric = column.rpartition(" - ")
        if dash and not BOUND.search(metric):
            wide.setdefault(name, {})[column] = metric
    if wide:
        names = list(wide)
        run = _chosen(run, names, path) if len(names) > 1 or run is not None else names[0]
        kept = [c for c in frame.columns if " - " not in c]
        out = frame[[*kept, *wide[run]]].rename(columns=wide[run] | {c: c.lower() for c in kept})
        return out, run
    if run is not None and run != stem:
        raise BadHistory(
            f"{path}: --run {run}: the file has no run column ({', '.join(RUN)}) and one run only"
        )
    return frame, stem


def _chosen(run: str | None, names: list[str], path: str) -> str:
    shown = ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
    if run is None:
        raise SeveralRuns(f"{path}: {len(names)} runs; choose one with --run: {shown}", names)
    if run not in names:
        raise BadHistory(f"{path}: no run {run!r}; the file has {shown}")
    return run


def _pick(frame: pd.DataFrame, key: str, asked: str | None, path: str, needed: bool = True) -> str | None:
    have = [c for c in map(str, frame.columns) if not BOUND.search(c)]
    shown = ", ".join("".join(x for x in c if x.isprintable())[:40] for c in have[:12]) + (
        ", ..." if len(have) > 12 else ""
    )
    if asked is not None:
        if asked not in have:
            raise BadHistory(f"{path}: no column {asked!r} for the {key}; the file has {shown}")
        return asked
    by_lower = {c.lower(): c for c in reversed(have)}
    names = {"step": STEP, "loss": LOSS, "tokens": TOKENS, "time": TIME, "lr": LR}[key]
    for name in names:
        if name in by_lower:
            return by_lower[name]
    if key == "loss":
        like = [c for c in have if "loss" in c.lower()]
        if len(like) == 1:
            return like[0]
        if like:
            raise BadHistory(f"{path}: several losses; choose one with --loss: {', '.join(like)}")
    if needed:
        raise BadHistory(
            f"{path}: no {key} column (looked for {', '.join(names)}); give --{key}; the file has {shown}"
        )
    return None


def _numbers(column: pd.Series) -> np.ndarray:
    """Numbers, or dates as seconds since 1970; what is neither is NaN."""
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
    if np.isnan(values).all() and column.notna().any():
        try:
            dates = pd.to_datetime(column, errors="coerce", utc=True, format="ISO8601")
            if dates.notna().any():
                return (dates - pd.Timestamp(0, tz="UTC")).dt.total_seconds().to_numpy(dtype=float)
        except ValueError:  # a year that nanoseconds can't hold is not coerced
            return values
    return values
