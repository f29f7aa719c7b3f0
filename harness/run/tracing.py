"""Asking a finished run's law and forecast for all that is drawn of them.

Held-out rows are among the rows only where the journal holds their report.
"""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from evaluator import Failed, opened
from harness.errors import BadRun
from harness.record.journal import RESULTS
from harness.record.run_folder import RunFolder
from harness.run.forecasting import Forecaster, forecasting
from harness.run.intervals import law_intervals
from harness.run.traces import Trace, Traces, read_traces, write_traces
from tasks import Task
from tasks.distance import WIDE, beyond
from tasks.rows import Rows
from tasks.split import Fold, outwardness, validation_folds

STEPS = 40
"""Points of a sweep along a feature."""

MOST_AXES, MOST_SWEPT = 4, 8
"""Features swept where there is one group, and groups swept, at most."""

REACH = 0.35
"""How far a sweep goes beyond the farthest row, as a share of the range of the training rows."""


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
