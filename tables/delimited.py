"""Text tables by Python's `csv`, strictly: every row has as many fields as the header, or the line is named."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np

from tables.column import Column, packed
from tables.dialect import SAMPLE, all_numbers, sniff, split
from tables.errors import BadTable

if TYPE_CHECKING:
    from tables.blocks import Blocks

CHUNK = 20_000
"""Rows turned into columns at a time; more than the lines that are looked at to find out what a log is."""
KEPT_TEXT = 500_000
"""Cells whose text is kept; of a larger table, columns of plain numbers are kept as numbers alone."""


@dataclass(slots=True)
class Parts:
    """Columns as they come out of a reader.

    Attributes:
        columns: name -> cells. places: line (or row) of each row, counted from 1. unit: "line" or "row".
        notes: what was left out or understood. planned: a planned end stated beside the rows.
    """

    columns: dict[str, Column]
    places: np.ndarray
    unit: str = "line"
    notes: list[str] = field(default_factory=list)
    planned: float | None = None


def read_delimited(
    name: str,
    lines: Iterator[str],
    drop_bad: bool,
    live: bool,
    tick: Callable[[], None],
    wanted: Callable[[str], bool] | None,
    blocks: Blocks | None = None,
) -> Parts:
    """Rows of a text table.

    Args:
        name: the file, for messages.
        drop_bad: leave rows out that can't be read, and tell, in place of refusing them.
        live: leave out a last line without its line break: it may be half written.
        tick: called now and then, for the progress bar.
        wanted: keep columns for which this is true; None keeps all.
        blocks: where the lines come from, so that a large table's plain parts can be read in blocks.

    Raises:
        BadTable: no header, two columns of one name, a row with more or fewer fields, a quote that is not closed.
    """
    counted = _Counted(lines)
    header, delimiter, ahead = _beginning(name, counted)
    _check_names(name, header, counted.header_line)
    picked = [i for i, n in enumerate(header) if wanted is None or wanted(n)]
    columns = {header[i]: Column() for i in picked}
    places: list[np.ndarray] = []
    gone: Counter[str] = Counter()
    rows = split(_joined(ahead, counted), delimiter)
    held: tuple[list[str], int] | None = None
    n_cells = 0
    chunk: list[list[str]] = []
    at: list[int] = []
    width = len(header)

    def flush() -> None:
        nonlocal n_cells
        for i in picked:
            cells: list[object] = [c if c and not c.isspace() else None for c in map(itemgetter(i), chunk)]
            n_cells += len(cells)
            columns[header[i]].add(packed(cells, text=True) if n_cells > KEPT_TEXT else cells)
        places.append(np.array(at, dtype=np.int64))
        chunk.clear()
        at.clear()
        tick()

    try:
        while True:
            row = next(rows, None)
            if row is None:
                break
            line = counted.line
            if len(row) != width:
                row = _mended(row, header, gone)
                if row is None:
                    continue
                if len(row) != width:
                    half = not counted.whole
                    if half and live:
                        continue
                    if not drop_bad:
                        raise BadTable(_ragged(name, line, row, header, half))
                    gone[f"more or fewer than {width} fields"] += 1
                    continue
            elif not any(row):
                gone["empty rows"] += 1
                continue
            if held is not None:
                chunk.append(held[0])
                at.append(held[1])
                if len(chunk) >= CHUNK:
                    flush()
                held = None
            if row == header or [c.strip() for c in row] == header:
                gone["repeated header lines"] += 1
                continue
            held = (row, line)
            if not chunk and n_cells > KEPT_TEXT and blocks is not None and counted.fresh():
                chunk.append(row)
                at.append(line)
                held = None
                flush()
                from tables.blocks import plain_blocks  # Arrow takes a while to load, and is for large tables

                for taken, n_lines in plain_blocks(blocks, counted.feed, delimiter, header, columns):
                    for column_name, cells in taken.items():
                        columns[column_name].add(cells)
                    places.append(np.arange(counted.line + 1, counted.line + 1 + n_lines, dtype=np.int64))
                    counted.line += n_lines
                    tick()
    except csv.Error as error:
        raise BadTable(
            f"{name}: line {counted.line}: can't be read as a row ({error}); expected quotes to be closed"
        ) from None
    notes: list[str] = []
    half_written = not counted.whole and counted.line > counted.header_line
    if half_written and live:
        notes.append("the last line has no line break yet and was left out")
        if held is not None and held[1] == counted.line:
            held = None
    if held is not None:
        chunk.append(held[0])
        at.append(held[1])
    flush()
    for why, count in gone.items():
        if why.startswith("empty fields"):
            notes.append(f"{count} rows have {why}")
        else:
            kind = why if why.startswith(("empty", "repeated")) else f"lines with {why}"
            notes.append(f"{count} {kind} were left out")
    if counted.nul:
        notes.append(f"{counted.nul} lines hold NUL bytes, which were left out")
    return Parts(columns, np.concatenate(places), "line", notes)


class _Counted:
    """Lines with their numbers; comments are passed over."""

    def __init__(self, lines: Iterator[str]):
        self.lines, self.line, self.whole = lines, 0, True
        self.header_line = 0
        self.comment = ""
        self.nul = 0
        self.open = False  # a quoted field goes on
        self.fed: Iterator[str] = iter(())
        self.feeding = False
        self.ahead = True  # lines read ahead are still to come

    def feed(self, lines: Iterator[str]) -> None:
        """Lines that come before all others."""
        self.fed, self.feeding = lines, True

    def fresh(self) -> bool:
        """Whether the source's next line is the table's next: no field goes on, no lines read ahead or fed are left."""
        return self.whole and not self.open and not self.feeding and not self.ahead

    def _next(self) -> str:
        if self.feeding:
            for line in self.fed:
                return line
            self.feeding = False
        return next(self.lines)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while True:
            line = self._next()
            self.line += 1
            self.whole = line.endswith(("\n", "\r"))
            if "\0" in line:
                line = line.replace("\0", "")
                self.nul += 1
                if not line.strip():
                    continue
            if line.startswith("#") and not self.open:
                if not self.header_line:
                    self.comment = line.lstrip("#").strip()
                continue
            if line.count('"') % 2:
                self.open = not self.open
            return line


def _joined(ahead: list[tuple[str, int]], counted: _Counted) -> Iterator[str]:
    """The lines read ahead, with their numbers, and the rest."""
    reached, whole = counted.line, counted.whole
    for line, number in ahead:
        counted.line = number
        counted.whole = line.endswith(("\n", "\r"))
        yield line
    counted.line, counted.whole, counted.ahead = reached, whole, False
    yield from counted


def _names_in(comment: str, delimiter: str) -> list[str]:
    """The cells of a comment line, which may hold anything; none where it can't be split."""
    try:
        return [c.strip() for c in next(split([comment], delimiter), [])] if comment else []
    except csv.Error:
        return []


def _beginning(name: str, counted: _Counted) -> tuple[list[str], str, list[tuple[str, int]]]:
    """Header, delimiter, and the lines read ahead that follow the header."""
    ahead: list[tuple[str, int]] = []
    asked = None
    for line in islice(counted, 4 * SAMPLE):
        if not ahead and line.lower().startswith("sep=") and len(line.strip()) == 5:
            asked = line.strip()[4]  # as spreadsheets write it
            continue
        if line.strip():
            ahead.append((line, counted.line))
        if len(ahead) > SAMPLE and not counted.open:
            break
    if not ahead:
        raise BadTable(f"{name}: no rows; expected a header line with names, and rows under it")
    delimiter = asked or sniff([line for line, _ in ahead])
    reader = split((line for line, _ in ahead), delimiter)
    try:
        header = [c.strip() for c in next(reader)]
    except (csv.Error, StopIteration):
        raise BadTable(
            f"{name}: line {ahead[0][1]}: can't be read as a header line (a quote is not closed?)"
        ) from None
    counted.header_line = ahead[0][1]
    used = reader.line_num  # type: ignore[attr-defined]  # the standard library's readers have it, their protocol does not
    if all_numbers(header):
        names = _names_in(counted.comment, delimiter)
        if len(names) != len(header):
            again = sniff([counted.comment, *(line for line, _ in ahead)]) if counted.comment else delimiter
            names = _names_in(counted.comment, again)
        if len(names) == len(header) and not all_numbers(names):
            return names, delimiter, ahead  # numpy.savetxt writes its header as a comment
        raise BadTable(
            f"{name}: line {ahead[0][1]}: expected a header line with names, got numbers alone "
            f"({', '.join(header[:4])}); write the names of the columns above them"
        )
    while len(header) > 1 and not header[-1]:
        header.pop()
    return header, delimiter, ahead[used:]


def _check_names(name: str, header: list[str], line: int) -> None:
    for i, column in enumerate(header):
        if not column:
            header[i] = f"column {i + 1}"
    again = next((c for c in header if header.count(c) > 1), None)
    if again is not None:
        at = [str(i + 1) for i, c in enumerate(header) if c == again]
        raise BadTable(
            f"{name}: line {line}: column {again!r} stands there {len(at)} times (fields {' and '.join(at)}); rename one"
        )


def _mended(row: list[str], header: list[str], gone: Counter[str]) -> list[str] | None:
    """A row without the empty fields at its end; None for a row that is empty altogether."""
    if not any(c.strip() for c in row):
        if len(row) > 1:
            gone["empty rows"] += 1
        return None
    if len(row) > len(header) and not any(c.strip() for c in row[len(header) :]):
        gone["empty fields beyond the header"] += 1
        return row[: len(header)]
    return row


def _ragged(name: str, line: int, row: list[str], header: list[str], half: bool) -> str:
    shown = ", ".join(c[:20] for c in row[:5]) + (", ..." if len(row) > 5 else "")
    hint = "; the last line, without its line break: half written?" if half else ""
    if len(row) == len(header) + 1 and not half:
        hint = "; one name is missing in the header?"
    return (
        f"{name}: line {line}: {len(row)} fields under {len(header)} names ({shown}){hint or '.'} "
        f"Repair the file, or leave such rows out with --drop-bad"
    )
