"""A law bound to rows: values, slopes and curvatures of many sets of constants at once, with or without groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fitting.arrays import Array, Index
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
    _prepared: dict[int, Prepared] = field(init=False)
    _pairs: tuple[Index, Index] = field(init=False)

    def __post_init__(self) -> None:
        n_groups = int(self.group.max()) + 1 if self.group is not None else 1
        self.slots, at = [], 0
        for name in self.law.constants:
            width = n_groups if name in self.free else 1
            self.slots.append(np.arange(at, at + width))
            at += width
        self.n_slots = at
        self.members = [np.flatnonzero(self.group == g) for g in range(n_groups)] if self.free else []
        self._prepared = {}
        self._pairs = self.law.curved_places

    def __reduce__(self) -> tuple[Any, ...]:
        """Compiled laws can't travel to another process: they are made again there."""
        return Model, (self.law, self.columns, self.n, self.group, self.free)

    def _program(self, order: int) -> Prepared:
        """The law's program of one order, with what of it depends on the rows alone."""
        found = self._prepared.get(order)
        if found is None:
            before, body = self.law.program(order)
            with np.errstate(all="ignore"):
                found = self._prepared[order] = body, before(self.columns)
        return found

    def spread(self, theta: np.ndarray) -> list[np.ndarray]:
        """Constants of the law as arrays (R, 1), or (R, n) where they differ between groups."""
        if not self.members:
            return [theta[:, i : i + 1] for i in range(self.n_slots)]
        return [theta[:, s] if len(s) == 1 else theta[:, s[self.group]] for s in self.slots]

    def value(self, theta: np.ndarray) -> np.ndarray:
        """Predictions (R, n) for constants (R, n_slots)."""
        body, before = self._program(0)
        return self._rows(body(self.spread(theta), before)[0], len(theta))

    def full(self, theta: np.ndarray, curved: bool = True) -> tuple[np.ndarray, np.ndarray, Array]:
        """Predictions (R, n), slopes (R, n_slots, n), and curvatures (R, pairs, n) for `contract`; no pairs where not `curved`."""
        body, before = self._program(2 if curved else 1)
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
        K = np.empty((R, len(out) - 1 - k, self.n))
        for i, curvature in enumerate(out[1 + k :]):
            K[:, i] = curvature
        return self._rows(out[0], R), J, K

    def contract(self, curvatures: Array, d1: np.ndarray) -> np.ndarray:
        """Sum over rows of d1 times the second derivatives: (R, n_slots, n_slots)."""
        R = len(d1)
        S = np.zeros((R, self.n_slots, self.n_slots))
        if not curvatures.shape[1]:
            return S
        i, j = self._pairs
        if not self.members:
            S[:, i, j] = S[:, j, i] = (curvatures @ d1[..., None])[..., 0]
            return S
        for p, (a, b) in enumerate(zip(i.tolist(), j.tolist(), strict=True)):
            product = d1 * curvatures[:, p]
            one, other = self.slots[a], self.slots[b]
            if len(one) == len(other) == 1:
                S[:, one[0], other[0]] = S[:, other[0], one[0]] = product.sum(axis=-1)
                continue
            for g, rows in enumerate(self.members):
                x, y = one[g if len(one) > 1 else 0], other[g if len(other) > 1 else 0]
                S[:, x, y] = S[:, y, x] = product[:, rows].sum(axis=-1)
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
