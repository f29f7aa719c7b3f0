"""A table in memory: columns by their own names, read as numbers or labels when someone asks, and what was done to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from tables.column import Column, label
from tables.errors import Ambiguous, BadTable
from tables.names import counts, find, printable
from tables.numbers import Marks, Understood, marks, understand

if TYPE_CHECKING:
    import pandas as pd

DECIDES = "--decimal . or --decimal , decides"


@dataclass(slots=True)
class Table:
    """Rows as they stand in a file.

    Attributes:
        source: the file. columns: name -> cells. places: line or row of each row in the file; unit: which.
        notes: what was left out or understood, one sentence each. planned: a planned end stated beside the rows.
        decimal: "." or "," where the user says it. fractions: "count" or "ratio", what 1/3 is. n_read: rows in the file.
    """

    source: str
    columns: dict[str, Column]
    places: np.ndarray
    unit: str = "line"
    notes: list[str] = field(default_factory=list)
    planned: float | None = None
    decimal: str | None = None
    fractions: str | None = None
    n_read: int = 0
    _read: dict[str, Understood] = field(default_factory=dict)
    _marks: Marks | None = None

    def __len__(self) -> int:
        return len(self.places)

    @property
    def names(self) -> list[str]:
        return list(self.columns)

    def place(self, row: int) -> str:
        """`line 7`, for messages."""
        return f"{self.unit} {int(self.places[row])}"

    def add(self, name: str, column: Column) -> None:
        """Add a column, or put another in its place."""
        self.columns[name] = column
        self._read.pop(name, None)

    def understood(self, name: str) -> Understood:
        """A column read as numbers, with what is missing or no number; never refuses but where two readings are possible.

        Raises:
            BadTable: no such column. Ambiguous: two readings.
        """
        name = find(name, self.names, self.source)
        if name in self._read:
            return self._read[name]
        column = self.columns[name]
        array = column.array()
        if array is not None:
            found = Understood(array, np.flatnonzero(np.isnan(array)).tolist())
        else:
            if self._marks is None:
                self._marks = marks(c.cells() for c in self.columns.values() if c.words())
            found = understand(column.cells(), self.decimal, self._marks)
        if found.readings:
            option = DECIDES if " may be " in found.readings else "repair the cells"
            option = (
                "--fractions count or --fractions ratio decides" if "fraction" in found.readings else option
            )
            if "fraction" in found.readings and self.fractions == "ratio":
                found = self._ratios(column)
            else:
                raise Ambiguous(f"{self.source}: column {name}: {found.readings}; {option}")
        if found.total is not None and self.fractions == "ratio":
            found = self._ratios(column)
        elif found.total is not None and self.fractions is None and not counts(name):
            shown = next(str(c) for c in column.cells() if isinstance(c, str) and "/" in c)
            raise Ambiguous(
                f"{self.source}: column {name}: {shown!r} may be {shown.split('/')[0].strip()} of {found.total:g}, or a fraction; "
                f"--fractions count or --fractions ratio decides"
            )
        self.notes += [f"{name}: {n}" for n in found.notes]
        self._read[name] = found
        return found

    def _ratios(self, column: Column) -> Understood:
        above, below = [], []
        for cell in column.cells():
            top, sign, bottom = str(cell).partition("/") if isinstance(cell, str) else (cell, "", "")
            above.append(top)
            below.append(bottom if sign else 1.0)
        a, b = understand(above, self.decimal, self._marks), understand(below, self.decimal, self._marks)
        with np.errstate(divide="ignore", invalid="ignore"):
            values = a.values / b.values
        note = f"read {next(c for c in column.cells() if isinstance(c, str) and '/' in c)} as a fraction"
        return Understood(values, sorted(a.missing), sorted({*a.bad, *b.bad}), [note])

    def numbers(self, name: str, finite: bool = True) -> np.ndarray:
        """(n,) float64.

        Args:
            finite: refuse missing and infinite values too; False leaves them as NaN and inf.

        Raises:
            BadTable: a word among the numbers, or a value that is missing, with its line.
        """
        found = self.understood(name)
        name = find(name, self.names, self.source)
        if found.bad:
            raise BadTable(self._bad(name, found))
        if finite:
            bad = np.flatnonzero(~np.isfinite(found.values))
            if len(bad):
                first = int(bad[0])
                what = "the cell is empty" if first in set(found.missing) else f"it is {found.values[first]}"
                raise BadTable(
                    f"{self.source}: {name} must be a finite number: {len(bad)} of {len(self)} rows are not (first: "
                    f"{self.place(first)}, {what}). Repair them, or leave them out with --drop-missing"
                )
        return found.values

    def _bad(self, name: str, found: Understood) -> str:
        first = found.bad[0]
        cells = self.columns[name].cells()
        shown = printable(str(label(cells[first])))
        if self._is_header(first):
            row = [label(c.cells()[first]) for c in self.columns.values()]
            what = f"another header ({', '.join(printable(str(r)) for r in row[:5])})"
        else:
            what = f"{name[:80]}={shown}"
        return (
            f"{self.source}: {name[:80]} must be a finite number: {len(found.bad)} of {len(self)} rows are not (first: "
            f"{self.place(first)}, {what}). Repair them, or leave them out with --drop-bad"
        )

    def _is_header(self, row: int) -> bool:
        """Whether a row holds names of columns: the header changed there."""
        return sum(label(c.cells()[row]) in self.columns for c in self.columns.values()) > 1

    def is_numeric(self, name: str) -> bool:
        """Whether every cell that is there is a number, and one is."""
        found = self.understood(name)
        return not found.bad and len(found.missing) < len(self)

    def labels(self, name: str) -> list[str | None]:
        """A column as text; None where it is empty."""
        column = self.columns[find(name, self.names, self.source)]
        return [label(c) for c in column.cells()]

    def keep(self, mask: np.ndarray) -> Table:
        """The rows of a boolean mask; notes stay."""
        mask = np.asarray(mask, dtype=bool)
        if mask.all():
            return self
        columns = {n: c.take(mask) for n, c in self.columns.items()}
        index = np.cumsum(mask) - 1
        kept = mask.tolist()
        read = {
            n: Understood(
                u.values[mask], [int(index[i]) for i in u.missing if kept[i]],
                [int(index[i]) for i in u.bad if kept[i]], u.notes, u.total,
            )
            for n, u in self._read.items()
        }  # fmt: skip
        return replace(self, columns=columns, places=self.places[mask], _read=read)

    def complete(self, names: Sequence[str], drop_missing: bool, drop_bad: bool) -> Table:
        """The rows whose cells under `names` are finite numbers, with counts by reason; nothing goes unless asked."""
        if not (drop_missing or drop_bad):
            return self
        keep = np.ones(len(self), dtype=bool)
        reasons: dict[str, int] = {}
        for name in names:
            found = self.understood(name)
            if any(self._is_header(i) for i in found.bad):  # what follows it stands under other names
                raise BadTable(self._bad(name, found).replace(", or leave them out with --drop-bad", ""))
            bad = np.zeros(len(self), dtype=bool)
            bad[found.bad] = True
            for asked, rows, why in (
                (drop_bad, bad, f"words in {name}"),
                (drop_missing, ~np.isfinite(found.values) & ~bad, f"no finite {name}"),
            ):
                gone = keep & rows
                if asked and gone.any():
                    reasons[why] = int(gone.sum())
                    keep &= ~rows
        out = self.keep(keep)
        if reasons:
            told = ", ".join(f"{n} with {why}" for why, n in reasons.items())
            out.notes.append(f"left out {len(self) - len(out)} of {len(self)} rows: {told}")
        return out

    def frame(self) -> pd.DataFrame:
        """Columns as a data frame: numbers where every cell is one, else labels."""
        import pandas as pd  # here: half a second that --help and runs without a table need not wait for

        out: dict[str, object] = {}
        for name in self.columns:
            try:
                numeric = self.is_numeric(name)
            except Ambiguous:
                numeric = False
            out[name] = self.understood(name).values if numeric else self.labels(name)
        return pd.DataFrame(out, index=pd.RangeIndex(len(self)))
