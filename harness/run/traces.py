"""What a finished run's law and forecast say of its rows and beyond them, kept beside the journal to be drawn.

Nothing here is read by a search; how it is gathered: `tracing.py`.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from harness.errors import BadRun
from harness.record.run_folder import RunFolder, write_bytes_atomically
from tables.documents import read_json

FILE = "traces.npz"
VERSION = 1
PARTS = ("X", "y", "group", "law", "forecast", "low", "high", "distance")


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
