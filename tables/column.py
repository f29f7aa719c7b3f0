"""One column of a table: its cells as they stand, in chunks, read as numbers or as labels when someone asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import NoneType
from typing import Any

import numpy as np

from tables.numbers import plain_numbers

NOT_FINITE = frozenset({"nan", "-nan", "inf", "-inf", "+inf", "infinity", "-infinity"})
"""Words of a loss that broke, in lower case."""

Cells = np.ndarray | Sequence[object]
"""A float64 or int64 array of plain numbers, NaN where empty, or cells as they stand: text, numbers, booleans, None where empty."""


@dataclass(slots=True)
class Column:
    """Cells of one column.

    Attributes:
        chunks: the cells in the order of rows.
    """

    chunks: list[Cells] = field(default_factory=list)

    def __len__(self) -> int:
        return sum(len(c) for c in self.chunks)

    def add(self, cells: Cells) -> None:
        self.chunks.append(cells)

    def cells(self) -> list[object]:
        """All cells; numbers stay numbers, None where empty."""
        out: list[object] = []
        for chunk in self.chunks:
            if not isinstance(chunk, np.ndarray):
                out.extend(chunk)
            elif np.isnan(chunk).any():
                out.extend(None if v != v else v for v in chunk.tolist())
            else:
                out.extend(chunk.tolist())
        return out

    def not_finite(self) -> np.ndarray:
        """(n,) cells that hold NaN or infinity; an empty cell holds neither."""
        found = [
            np.isinf(c) if isinstance(c, np.ndarray) else np.fromiter(map(_not_finite, c), bool, len(c))
            for c in self.chunks
        ]
        return np.concatenate(found) if found else np.zeros(0, dtype=bool)

    def array(self) -> np.ndarray | None:
        """(n,) float64 where every chunk is an array already."""
        if not self.chunks or not all(isinstance(c, np.ndarray) for c in self.chunks):
            return None
        return np.concatenate([np.asarray(c, dtype=np.float64) for c in self.chunks])

    def words(self) -> bool:
        """Whether some cell may be text that shows a decimal mark."""
        return any(not isinstance(c, np.ndarray) for c in self.chunks)

    def take(self, keep: np.ndarray) -> Column:
        """The rows of a boolean mask."""
        if all(isinstance(c, np.ndarray) for c in self.chunks) and self.chunks:
            joined: Any = np.concatenate([np.asarray(c) for c in self.chunks])
            return Column([joined[keep]])
        kept, start = [], 0
        for chunk in self.chunks:
            part = keep[start : start + len(chunk)]
            start += len(chunk)
            kept.append(
                chunk[part]
                if isinstance(chunk, np.ndarray)
                else [c for c, k in zip(chunk, part.tolist(), strict=True) if k]
            )
        return Column(kept)


def packed(cells: list[object], text: bool = False) -> Cells:
    """Numbers and empty cells as an array, NaN where empty; cells as they stand where a word, a NaN or an infinity is among them.

    Args:
        text: digits in text count as numbers too, as in CSV.
    """
    if not set(map(type, cells)) <= ({float, int, NoneType, str} if text else {float, int, NoneType}):
        return cells
    there = plain_numbers([c for c in cells if c is not None])
    if there is None or not np.isfinite(there).all():
        return cells
    if len(there) == len(cells):
        return there
    out = np.full(len(cells), np.nan)
    out[[i for i, c in enumerate(cells) if c is not None]] = there
    return out


def _not_finite(cell: object) -> bool:
    if isinstance(cell, str):
        return cell.strip().lower() in NOT_FINITE
    return isinstance(cell, float) and not np.isfinite(cell)


def label(cell: object) -> str | None:
    """A cell as a label: text as it stands, whole numbers without a point, None where empty."""
    if cell is None or (isinstance(cell, float) and cell != cell):
        return None
    if isinstance(cell, str):
        return cell.strip() or None
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))
    return str(cell)
