"""Folders that hold runs: TensorBoard event files in any depth, MLflow's file store, a trainer's state among checkpoints."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tables.delimited import Parts
from tables.errors import BadTable
from tables.json_rows import Builder
from tables.logs.events import is_event_file, scalars
from tables.logs.runs import chosen
from tables.table import Table

FILES = (
    "trainer_state.json",
    "metrics.csv",
    "metrics.jsonl",
    "log.jsonl",
    "progress.csv",
    "main.log",
    "log.txt",
    "history.csv",
)


def from_folder(path: Path, run: str | None) -> tuple[Table | Path, str]:
    """Rows of a folder, and the run's name; or the one file in it that holds the history.

    Raises:
        SeveralRuns: several runs, and none was asked for. BadTable: nothing that holds a history.
    """
    stores = sorted(
        p.parent for p in path.rglob("metrics") if p.is_dir() and any(f.is_file() for f in p.rglob("*"))
    )
    events = sorted({p.parent for p in path.rglob("*") if p.is_file() and is_event_file(p)})
    folders = events or stores
    if folders:
        names = {_name(f, path): f for f in folders}
        if len(names) > 1 or run is not None:
            asked = chosen(run, list(names), str(path), f"{len(names)} runs")
        else:
            asked = next(iter(names))
        folder = names[asked]
        label = asked if asked != "." else path.name
        if events:
            return from_events(
                sorted(p for p in folder.iterdir() if p.is_file() and is_event_file(p)), str(path)
            ), label
        return _from_store(folder, str(path)), label
    for name in FILES:
        if (path / name).is_file():
            return path / name, path.name
    states = sorted(path.rglob("trainer_state.json"), key=lambda p: p.stat().st_mtime)
    if states:
        return states[-1], path.name
    raise BadTable(
        f"{path}: no event files (names with 'tfevents'), no MLflow store and none of {', '.join(FILES[:4])} in this folder; give "
        f"the log itself"
    )


def _name(folder: Path, root: Path) -> str:
    return folder.relative_to(root).as_posix()


def from_events(files: list[Path], source: str) -> Table:
    """Rows of event files in the order they were begun: one a step and segment."""
    notes: list[str] = []
    rows: dict[tuple[int, int, int], dict[str, object]] = {}
    for number, file in enumerate(files):
        try:
            found, word = scalars(file)
        except OSError as error:
            raise BadTable(f"{file}: can't be read ({error.strerror})") from None
        if word:
            notes.append(f"{file.name}: {word}")
        last: dict[str, int] = {}
        segments: dict[str, int] = {}
        for s in found:
            segments[s.tag] = segments.get(s.tag, 0) + (
                s.step < last.get(s.tag, s.step)
            )  # a writer that went back
            last[s.tag] = s.step
            row = rows.setdefault(
                (number, segments[s.tag], s.step), {"step": s.step, "wall_time": s.wall_time}
            )
            row[s.tag] = s.value
    return _table(list(rows.values()), source, "scalar", notes)


def _from_store(folder: Path, source: str) -> Table:
    """MLflow's file store: one file a metric, lines of timestamp, value, step."""
    rows: dict[int, dict[str, object]] = {}
    notes, bad = [], 0
    for file in sorted(p for p in (folder / "metrics").rglob("*") if p.is_file()):
        name = file.relative_to(folder / "metrics").as_posix()
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            parts = line.split()
            try:
                when, value, step = float(parts[0]) / 1000, float(parts[1]), int(parts[2])
            except (ValueError, IndexError):
                bad += bool(line.strip())
                continue
            rows.setdefault(step, {"step": step, "timestamp": when})[name] = value
    if bad:
        notes.append(f"{bad} lines that are not time, value and step were left out")
    return _table([rows[s] for s in sorted(rows)], source, "step", notes)


def _table(rows: list[dict[str, object]], source: str, unit: str, notes: list[str]) -> Table:
    built = Builder()
    for i, row in enumerate(rows, 1):
        built.add(row, i)
    parts: Parts = built.parts(unit)
    return Table(source, parts.columns, np.asarray(parts.places), unit, notes, n_read=len(rows))
