"""A solution as plain values, data included: what a JSON file needs to rebuild it."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from fitting.law.expression import text_of
from fitting.solve.solution import Solution

FORMAT = "scaling-law-fit/1"


def to_dict(result: Solution) -> dict[str, Any]:
    """Law, loss, bounds, rows and constants of a fit as plain values."""
    problem, rows = result.problem, result.problem.rows
    columns = {name: column.tolist() for name, column in rows.columns.items()}
    return {
        "format": FORMAT,
        "law": text_of(result.law.tree),
        "variables": list(result.law.used),
        "target": rows.target,
        "loss": result.loss.describe(),
        "bounds": {name: [_plain(b) for b in pair] for name, pair in problem.box.items()},
        "free": list(problem.free),
        "data": {**columns, rows.target: rows.y.tolist()},
        "weights": None if rows.weights is None else rows.weights.tolist(),
        "groups": None if rows.group is None else [rows.labels[g] for g in rows.group],
        "data_sha256": fingerprint(result),
        "constants": result.constants,
        "objective": result.objective,
        "rss": result.rss,
        "status": str(result.status),
        "status_message": result.status_message,
    }


def fingerprint(result: Solution) -> str:
    """SHA-256 of the rows: names, columns, target, weights."""
    rows = result.problem.rows
    digest = hashlib.sha256()
    for name in sorted(rows.columns):
        digest.update(name.encode() + b"\0" + np.ascontiguousarray(rows.columns[name]).tobytes())
    digest.update(rows.target.encode() + b"\0" + np.ascontiguousarray(rows.y).tobytes())
    if rows.weights is not None:
        digest.update(np.round(rows.weights, 9).tobytes())  # scaling to mean 1 moves last digits
    return digest.hexdigest()


def _plain(bound: float) -> float | None:
    return float(bound) if np.isfinite(bound) else None
