"""One column of a table: its cells as they stand, in chunks, read as numbers or as labels when someone asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Cells = np.ndarray | Sequence[object]
"""A float64 or int64 array of plain numbers, or cells as they stand: text, numbers, booleans, None where empty."""


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
        """All cells; numbers stay numbers."""
        out: list[object] = []
        for chunk in self.chunks:
            out.extend(chunk.tolist() if isinstance(chunk, np.ndarray) else chunk)
        return out

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
        return Column([[c for c, k in zip(self.cells(), keep.tolist(), strict=True) if k]])


def label(cell: object) -> str | None:
    """A cell as a label: text as it stands, whole numbers without a point, None where empty."""
    if cell is None or (isinstance(cell, float) and cell != cell):
        return None
    if isinstance(cell, str):
        return cell.strip() or None
    return str(cell)
