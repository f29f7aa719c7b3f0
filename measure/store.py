"""Finished rows: `runs.csv`, one line a run, and `curves.csv`, one line a point, both appended to and never rewritten.

A row is written whole when its run has ended; the curve first, so that a row that stands in `runs.csv` has one.
"""

from __future__ import annotations

import csv
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from measure.errors import BadRequest
from measure.packages import KINDS
from measure.run import Run

SETTINGS = tuple(f.name for f in fields(Run))
MEASURED = (
    "parameters",
    "non_embedding_parameters",
    "dense_parameters",
    "head_parameters",
    "active_parameters",
    "tokens",
    "characters",
    "unique_tokens",
    "flops",
    "loss",
    "unigram_loss",
    "unigram_normalized_loss",
    "bits_per_character",
    *(f"loss_{kind}" for kind in KINDS),
    "seconds",
    "text",
    "versions",
)
COLUMNS = ("id", *SETTINGS, *MEASURED)
CURVE_COLUMNS = ("id", "tokens", "lr", "train_loss", "validation_loss")
HERE = Path(__file__).resolve().parent.parent / "tasks" / "nano"
"""Where the rows lie that ship with the package."""


class Store:
    """The rows in a folder."""

    def __init__(self, folder: Path = HERE) -> None:
        self.folder = folder
        self.runs, self.curves = folder / "runs.csv", folder / "curves.csv"

    def read(self) -> dict[str, dict[str, str]]:
        """Id -> row, as text."""
        if not self.runs.exists():
            return {}
        with self.runs.open(newline="", encoding="utf-8") as file:
            return {row["id"]: row for row in csv.DictReader(file)}

    def add(self, record: dict[str, Any]) -> None:
        """Append one run and its curve."""
        points = [{"id": record["id"], **point} for point in record["curve"]]
        _append(self.curves, CURVE_COLUMNS, points)
        row = {name: _text(record[name]) for name in COLUMNS}
        _append(self.runs, COLUMNS, [row])

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the folder: a second measuring process would mix its lines with ours.

        Raises:
            BadRequest: another process measures into it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise BadRequest(f"{self.folder}: another process measures into this folder") from error
            yield


def run_of(row: dict[str, str]) -> Run:
    """The run that a row was measured by."""
    values: dict[str, Any] = {}
    for field in fields(Run):
        text = row[field.name]
        if field.name == "mixture":
            values[field.name] = tuple(float(x) for x in text.split(" "))
        elif field.name in ("experiment", "schedule", "tune_kind"):
            values[field.name] = text
        elif field.name in ("lr", "decay"):
            values[field.name] = float(text)
        else:
            values[field.name] = int(text)
    return Run(**values)


def _append(path: Path, columns: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    new = not path.exists() or path.stat().st_size == 0
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerows(rows)


def _text(value: Any) -> Any:
    if isinstance(value, float):
        return f"{value:.7g}"
    if isinstance(value, tuple):
        return " ".join(f"{x:.10g}" for x in value)
    if isinstance(value, dict):
        return " ".join(f"{k}={v}".replace(" ", "_") for k, v in value.items())
    return value
