"""What a finished run's law and forecast say of its rows and beyond them, kept beside the journal to be drawn.

Nothing here is read by a search. Held-out rows are among the rows only where the journal holds their report.
"""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from evaluator import Failed, opened
from harness.errors import BadRun
from harness.record.journal import RESULTS
from harness.record.run_folder import RunFolder, write_bytes_atomically
from harness.run.forecasting import Forecaster, forecasting
from harness.run.intervals import law_intervals
from tables.documents import read_json
from tasks import Task
from tasks.distance import WIDE, beyond
from tasks.rows import Rows
from tasks.split import Fold, outwardness, validation_folds

FILE = "traces.npz"
VERSION = 1
PARTS = ("X", "y", "group", "law", "forecast", "low", "high", "distance")

STEPS = 40
"""Points of a sweep along a feature."""

MOST_AXES, MOST_SWEPT = 4, 8
"""Features swept where there is one group, and groups swept, at most."""

REACH = 0.35
"""How far a sweep goes beyond the farthest row, as a share of the range of the training rows."""


@dataclass(frozen=True, slots=True)
class Trace:
    """Rows with what is known and said of them; arrays of NaN where nothing is.

    Attributes:
        X: (m, F) features; y: (m, T) targets; group: (m,) labels.
        law, forecast, low, high: (m, T) predictions, and the ends of the forecast's 90 % interval.
        distance: (m,) beyond the training rows, in ranges.
        axis: position of the feature swept, or -1.
        name: of a fold, or "".
    """

    X: np.ndarray
    y: np.ndarray
    group: np.ndarray
    law: np.ndarray
    forecast: np.ndarray
    low: np.ndarray
    high: np.ndarray
    distance: np.ndarray
    axis: int = -1
    name: str = ""

    def of_group(self, label: str) -> Trace:
        here = self.group == label
        parts = {part: getattr(self, part)[here] for part in PARTS}
        return Trace(**parts, axis=self.axis, name=self.name)


@dataclass(frozen=True, slots=True)
class Traces:
    """All rows of a run as they are drawn.

    Attributes:
        train: fitted on and predicted from all training rows.
        folds: rows that a fold hides, the law fitted on those that it leaves; no forecast.
        heldout: None where nothing was revealed.
        sweeps: one feature moves, the others stay those of the outermost training row of the group.
        intervals: group -> constant -> (value, low, high), 90 %; ends are NaN where the rows don't tell.
    """

    train: Trace
    folds: list[Trace]
    heldout: Trace | None
    sweeps: list[Trace]
    intervals: dict[str, dict[str, tuple[float, float, float]]] = field(default_factory=dict)


def gather(
    task: Task,
    folds: tuple[Fold, ...],
    forecaster: Forecaster,
    summary: dict[str, Any],
    report: dict[str, Any],
) -> Traces:
    """Ask the law and the forecast of a revealed run for all that is drawn.

    Args:
        forecaster: of the run, with its law.
        report: as the journal holds it.
    """
    train, law = task.train, forecaster.law
    assert law is not None
    rows = opened(task, report)
    swept = sweep_rows(task, rows.X, rows.group)
    labels = [np.full(len(X), label) for _, label, X in swept]
    forecaster.ask_ahead(
        np.concatenate([train.X, rows.X, *(X for _, _, X in swept)]),
        np.concatenate([train.group, rows.group, *labels]),
    )
    inside, held = _said(forecaster, train), _said(forecaster, rows)
    hidden = []
    for fold in folds:
        left, asked = train.take(fold.train), train.take(fold.validation)
        answers = forecaster.evaluator.predict_cuts(law, task.spec, [(left, asked.X, asked.group)])
        blank = np.full(asked.y.shape, np.nan)
        said = blank if isinstance(answers, Failed) else answers[0]
        distance = beyond(task.spec, left, asked.X, asked.group)
        hidden.append(
            Trace(asked.X, asked.y, asked.group, said, blank, blank, blank, distance, name=fold.name)
        )
    sweeps = []
    for axis, label, X in swept:
        blank = np.full((len(X), train.y.shape[1]), np.nan)
        sweeps.append(_said(forecaster, Rows(X, blank, np.full(len(X), label)), axis))
    return Traces(inside, hidden, held, sweeps, law_intervals(task, summary, inside.law))


def traces_of(folder: RunFolder, data_dir: str | None = None, weak: bool = False) -> Traces | None:
    """The traces of a run: as kept, else gathered and kept now; None where nothing was revealed.

    Raises:
        BadRun, TaskError: the rows can't be had, or are others.
    """
    kept, summary = read_traces(folder), folder.summary()
    if kept is not None or summary is None or summary["law"] is None:
        return kept
    with folder.journal(read_only=True) as journal:
        revealed = journal.events(RESULTS)
    if not revealed:
        return None
    with forecasting(folder, data_dir, weak=weak) as (task, forecaster):
        traces = gather(
            task, validation_folds(task.spec, task.train), forecaster, summary, revealed[-1][1]["report"]
        )
    with contextlib.suppress(OSError):  # a folder that is only read from is drawn all the same
        write_traces(folder, traces)
    return traces


def sweep_rows(task: Task, X_far: np.ndarray, group_far: np.ndarray) -> list[tuple[int, str, np.ndarray]]:
    """(feature, group, (STEPS, F) rows) for every axis of the task and its first groups.

    Args:
        X_far, group_far: features and labels of rows to reach beyond.
    """
    spec, found = task.spec, []
    groups = list(task.train.by_group())
    # With many groups a page has no room for features that the task does not ask about.
    others = [name for name in spec.feature_names if name not in spec.axis_features]
    names = [*spec.axis_features, *others][
        : MOST_AXES if len(groups) == 1 else max(len(spec.axis_features), 1)
    ]
    for label, index in groups[:MOST_SWEPT]:
        X = task.train.X[index]
        base = X[int(np.argmax(outwardness(spec, X)))]
        for name in names:
            j = spec.feature_names.index(name)
            low, top = float(X[:, j].min()), float(X[:, j].max())
            if low == top:
                continue
            far = max(top, float(X_far[group_far == label][:, j].max(initial=-np.inf)))
            rows = np.tile(base, (STEPS, 1))
            wide = low > 0 and top > WIDE * low
            rows[:, j] = (
                np.geomspace(low, far * (top / low) ** REACH, STEPS)
                if wide
                else np.linspace(low, far + REACH * (top - low) * (far > top), STEPS)
            )
            found.append((j, label, rows))
    return found


def _said(forecaster: Forecaster, rows: Rows, axis: int = -1) -> Trace:
    """The law's answer and the forecast, each on its own: where one has none the other still may."""
    blank = np.full(rows.y.shape, np.nan)
    law = forecaster.answer(forecaster.law or "", rows.X, rows.group)
    said = blank if isinstance(law, Failed) else law
    distance = beyond(forecaster.ground.spec, forecaster.ground.train, rows.X, rows.group)
    try:
        f = forecaster(rows.X, rows.group)
    except BadRun:
        return Trace(rows.X, rows.y, rows.group, said, blank, blank, blank, distance, axis)
    return Trace(rows.X, rows.y, rows.group, said, f.values, f.low, f.high, distance, axis)


def write_traces(folder: RunFolder, traces: Traces) -> None:
    """Keep them in the run's folder, complete or not at all."""
    parts = [traces.train, *traces.folds, *([traces.heldout] if traces.heldout else []), *traces.sweeps]
    about = {
        "version": VERSION,
        "folds": len(traces.folds),
        "heldout": traces.heldout is not None,
        "axes": [t.axis for t in parts],
        "names": [t.name for t in parts],
        "intervals": {g: {c: list(map(_text, v)) for c, v in of.items()} for g, of in traces.intervals.items()},
    }  # fmt: skip
    arrays = {f"{part} {i}": getattr(t, part) for i, t in enumerate(parts) for part in PARTS}
    out = io.BytesIO()
    np.savez_compressed(out, about=np.array(json.dumps(about)), **arrays)
    write_bytes_atomically(folder.path / FILE, out.getvalue())


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _text(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def read_traces(folder: RunFolder | Path) -> Traces | None:
    """What `write_traces` kept; None where there is nothing.

    Raises:
        BadRun: damaged, or of another version.
    """
    path = (folder.path if isinstance(folder, RunFolder) else folder) / FILE
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as found:
            about = read_json(str(found["about"]))
            if about["version"] != VERSION:
                raise BadRun(f"{path}: traces of another version; delete the file to gather them again")
            parts = [
                Trace(**{part: found[f"{part} {i}"] for part in PARTS}, axis=axis, name=name)
                for i, (axis, name) in enumerate(zip(about["axes"], about["names"], strict=True))
            ]
    except BadRun:
        raise
    except Exception as error:  # zip, JSON and NumPy each have errors of their own for damage
        raise BadRun(f"{path}: can't be read ({error}); delete it to gather its rows again") from error
    n = about["folds"]
    rest = parts[1 + n :]
    intervals = {
        g: {c: (_number(v[0]), _number(v[1]), _number(v[2])) for c, v in of.items()}
        for g, of in about["intervals"].items()
    }
    held = rest.pop(0) if about["heldout"] else None
    return Traces(parts[0], parts[1 : 1 + n], held, rest, intervals)
