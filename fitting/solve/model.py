"""A law bound to rows: values, slopes and curvatures of many sets of constants at once, with or without groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fitting.law.law import Law

Prepared = tuple[Callable[..., Any], Any]
"""A compiled law, and what of it depends on the rows alone."""


@dataclass(slots=True)
class Model:
    """Rows ready to be evaluated.

    A constant is shared by all rows (one slot) or has one slot per group. The vector `theta` has all slots.

    Args:
        law: the law.
        columns: its columns in the order of `law.used`, each (n,) or (1,).
        n: rows.
        group: (n,) group index of each row, or None.
        free: names of constants with one value per group.
    """

    law: Law
    columns: list[np.ndarray]
    n: int
    group: np.ndarray | None = None
    free: tuple[str, ...] = ()
    slots: list[np.ndarray] = field(init=False)
    n_slots: int = field(init=False)
    members: list[np.ndarray] = field(init=False)
    _value: Prepared = field(init=False)
    _full: Prepared = field(init=False)

    def __post_init__(self) -> None:
        n_groups = int(self.group.max()) + 1 if self.group is not None else 1
        self.slots, at = [], 0
        for name in self.law.constants:
            width = n_groups if name in self.free else 1
            self.slots.append(np.arange(at, at + width))
            at += width
        self.n_slots = at
        self.members = [np.flatnonzero(self.group == g) for g in range(n_groups)] if self.free else []
        with np.errstate(all="ignore"):
            self._value, self._full = (
                (body, before(self.columns)) for before, body in map(self.law.program, (0, 2))
            )

    def __reduce__(self) -> tuple[Any, ...]:
        """Compiled laws can't travel to another process: they are made again there."""
        return Model, (self.law, self.columns, self.n, self.group, self.free)

    def spread(self, theta: np.ndarray) -> list[np.ndarray]:
        """Constants of the law as arrays (R, 1), or (R, n) where they differ between groups."""
        return [theta[:, s] if len(s) == 1 else theta[:, s[self.group]] for s in self.slots]

    def value(self, theta: np.ndarray) -> np.ndarray:
        """Predictions (R, n) for constants (R, n_slots)."""
        body, before = self._value
        return self._rows(body(self.spread(theta), before)[0], len(theta))

    def full(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[Any]]:
        """Predictions (R, n), slopes (R, n_slots, n), and curvatures for `contract`."""
        body, before = self._full
        out = body(self.spread(theta), before)
        R, k = len(theta), self.law.n_constants
        J = np.empty((R, self.n_slots, self.n)) if not self.members else np.zeros((R, self.n_slots, self.n))
        for s, slope in zip(self.slots, out[1 : 1 + k], strict=True):
            if len(s) == 1:
                J[:, s[0]] = slope
            else:
                slope = self._rows(slope, R)
                for slot, rows in zip(s, self.members, strict=True):
                    J[:, slot, rows] = slope[:, rows]
        return self._rows(out[0], R), J, out[1 + k :]

    def contract(self, curvatures: list[Any], d1: np.ndarray) -> np.ndarray:
        """Sum over rows of d1 times the second derivatives: (R, n_slots, n_slots)."""
        R = len(d1)
        S = np.zeros((R, self.n_slots, self.n_slots))
        index = {name: i for i, name in enumerate(self.law.constants)}
        for (a, b), curvature in zip(self.law.curved, curvatures, strict=True):
            one, other = self.slots[index[a]], self.slots[index[b]]
            product = d1 * curvature
            if len(one) == len(other) == 1:
                S[:, one[0], other[0]] = product.sum(axis=-1)
            else:
                for g, rows in enumerate(self.members):
                    i, j = one[g if len(one) > 1 else 0], other[g if len(other) > 1 else 0]
                    S[:, i, j] = product[:, rows].sum(axis=-1)
            if a != b:
                i, j = np.broadcast_arrays(one, other)
                S[:, j, i] = S[:, i, j]
        return S

    def _rows(self, given: Any, R: int) -> np.ndarray:
        values = np.asarray(given, dtype=float)
        return values if values.shape == (R, self.n) else np.broadcast_to(values, (R, self.n))

    def names(self, labels: Sequence[str] = ()) -> list[str]:
        """One name per slot: E, or E[label] for a constant that differs between groups."""
        out = []
        for name, s in zip(self.law.constants, self.slots, strict=True):
            out += [name] if len(s) == 1 else [f"{name}[{label}]" for label in labels]
        return out
