"""A fit as plain values and back: what a JSON file needs to rebuild it, data included."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from fitting.errors import BadData
from fitting.fit import fit
from fitting.law.expression import text_of
from fitting.law.law import Law
from fitting.solve.losses import parse_loss

if TYPE_CHECKING:
    from fitting.result import FittedLaw

FORMAT = "scaling-law-fit/1"


def to_dict(result: FittedLaw) -> dict:
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


def from_dict(saved: dict) -> FittedLaw:
    """Fit again from what `to_dict` gave, starting at the saved constants.

    Raises:
        BadData: not a saved fit, or rows that don't match their fingerprint.
    """
    found = saved.get("format") if isinstance(saved, dict) else type(saved).__name__
    if found != FORMAT:
        raise BadData(f"not a saved fit: expected format {FORMAT!r}, got {found!r}")
    single = {name: value for name, value in saved["constants"].items() if "[" not in name}
    result = fit(
        Law.parse(saved["law"], saved["variables"]),
        saved["data"],
        target=saved["target"],
        loss=parse_loss(saved["loss"]),
        bounds={name: tuple(pair) for name, pair in saved["bounds"].items()},
        weights=saved["weights"],
        groups=saved["groups"],
        free=saved["free"],
        start=single,
    )
    if fingerprint(result) != saved["data_sha256"]:
        raise BadData("the saved rows don't match their SHA-256: the file was changed")
    return result


def fingerprint(result: FittedLaw) -> str:
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
