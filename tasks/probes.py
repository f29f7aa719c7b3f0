"""Probe rows: features beyond the training rows, without targets, to see how a law behaves out there.

They are made from training rows alone. Held-out rows play no part.
"""

from __future__ import annotations

import numpy as np

from tasks.rows import Rows, Task
from tasks.spec import TaskSpec
from tasks.split import outwardness

REACH = 0.35
"""How far probes lie beyond the rows: this share of the rows' range, in logs where that range is wide."""

STEPS = 4
BASE_ROWS = 16


def probe_rows(
    spec: TaskSpec, train: Rows, along: tuple[str, ...] | None = None, reach: float = REACH
) -> tuple[np.ndarray, np.ndarray]:
    """The outermost rows of every group, and the same rows moved further out step by step.

    Args:
        along: features to move; None for the task's axes. Without any, rows move away from the centre.
        reach: how far beyond the rows, as a share of their range, in logs where that range is wide.

    Returns:
        X (m, F) and group (m,), m = groups x (STEPS + 1) x rows: for each group the rows where they are, then
        one step out, and so on.
    """
    axes = [spec.feature_names.index(a) for a in (spec.axis_features if along is None else along)]
    tables, labels = [], []
    for label, index in train.by_group():
        X = train.X[index]
        base = X[np.argsort(-outwardness(spec, X), kind="stable")[:BASE_ROWS]]
        for step in range(STEPS + 1):
            moved = _moved(base, X, axes, reach * step / STEPS)
            tables.append(moved)
            labels.append(np.full(len(moved), label))
    return np.concatenate(tables), np.concatenate(labels)


def asked_rows(task: Task) -> tuple[np.ndarray, np.ndarray] | None:
    """Where one will predict: by the declared reach, else the features of the rows to predict, else unknown.

    Returns:
        X (m, F) and group (m,). For a reach: the outermost rows of every group, halfway there (in logs) and there, all
        declared features together.
    """
    if not task.spec.reach:
        return None if task.asked is None else (task.asked.X, task.asked.group)
    places = [(task.spec.feature_names.index(name), factor) for name, factor in task.spec.reach]
    tables, labels = [], []
    for label, index in task.train.by_group():
        X = task.train.X[index]
        base = X[np.argsort(-outwardness(task.spec, X), kind="stable")[:BASE_ROWS]]
        for share in (0.5, 1.0):
            there = base.astype(float).copy()
            for j, factor in places:
                there[:, j] = X[:, j].max() * factor**share
            tables.append(np.unique(there, axis=0))
            labels.append(np.full(len(tables[-1]), label))
    return np.concatenate(tables), np.concatenate(labels)


def _moved(base: np.ndarray, X: np.ndarray, axes: list[int], share: float) -> np.ndarray:
    """Rows of `base` moved by `share` of the range of X."""
    out = base.astype(float).copy()
    if not axes:
        out += (out - X.mean(axis=0)) * share
        # Shares and counts stay what they are: a feature without negative values gets none.
        return np.where(X.min(axis=0) >= 0, np.maximum(out, 0.0), out)
    for j in axes:
        low, high = X[:, j].min(), X[:, j].max()
        if low > 0 and high > 3 * low:
            out[:, j] *= (high / low) ** share
        else:
            out[:, j] += (high - low) * share
    return out
