"""Rows of a task in memory, and the room that stays sealed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tasks.spec import Provenance, TaskSpec


@dataclass(frozen=True, slots=True)
class Rows:
    """Aligned features, targets and group labels.

    Attributes:
        X: (n, F) float64 features.
        y: (n, T) float64 targets.
        group: (n,) str labels.
    """

    X: np.ndarray
    y: np.ndarray
    group: np.ndarray

    def __len__(self) -> int:
        return len(self.group)

    def take(self, index: np.ndarray) -> Rows:
        """Rows at `index` (integers or a boolean mask), in that order."""
        return Rows(self.X[index], self.y[index], self.group[index])

    def groups(self) -> list[str]:
        """Labels in order of first appearance."""
        return list(dict.fromkeys(self.group.tolist()))

    def by_group(self) -> Iterator[tuple[str, np.ndarray]]:
        """Label and integer row index of each group, in order of first appearance."""
        for label in self.groups():
            yield label, np.flatnonzero(self.group == label)

    def digest(self) -> str:
        """First 16 hex digits of SHA-256 over shapes, float64 bytes and labels."""
        h = hashlib.sha256()
        for part in (self.X, self.y):
            h.update(repr(part.shape).encode())
            h.update(np.ascontiguousarray(part, dtype="<f8").tobytes())
        h.update("\x00".join(self.group.tolist()).encode())
        return h.hexdigest()[:16]


class Sealed:
    """Held-out rows behind a door.

    Only `evaluator/reveal.py` may call `open`; a test reads the source for other callers.
    Nothing about the rows but their number can be read without opening.
    """

    __slots__ = ("_rows",)

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"Sealed({len(self)} rows)"

    def open(self) -> Rows:
        return self._rows


@dataclass(frozen=True, slots=True)
class Asked:
    """Rows that a task declares it will be asked to predict: features and groups, never targets.

    Attributes:
        X: (m, F) features.
        group: (m,) labels, each with training rows.
    """

    X: np.ndarray
    group: np.ndarray


@dataclass(frozen=True, slots=True)
class Task:
    """A spec with its rows: `train` in the open, `heldout` sealed.

    Attributes:
        asked: where one will predict, if that is declared. A benchmark declares nothing of its held-out rows.
    """

    spec: TaskSpec
    train: Rows
    heldout: Sealed
    provenance: Provenance
    asked: Asked | None = None

    @property
    def name(self) -> str:
        return self.spec.name
