"""Blocks of lines of a large text table, read by Arrow at once where every line is plain.

Plain: as many fields as the header, no quotes, no comments, no empty line, and every column that held numbers so far holds
numbers or nothing. Any doubt hands the block back to be read line by line, so that nothing is read otherwise than it would be there.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

import numpy as np

from tables.column import Cells, Column

if TYPE_CHECKING:
    import pyarrow as pa

SIZE = 1 << 22
"""Bytes of a block."""
DOUBTFUL = (b'"', b"\0", b"(", b"\n#", b"\x1a")
"""Quotes, NUL, NaN with a payload, comments, an end of file of old: read line by line."""


class Blocks(Protocol):
    """Where blocks come from."""

    def block(self, size: int) -> bytes:
        """The next whole lines; b"" at the end."""

    def texts(self, block: bytes) -> Iterator[str]:
        """The lines of a block as text."""


def plain_blocks(
    source: Blocks,
    feed: Callable[[Iterator[str]], None],
    delimiter: str,
    header: list[str],
    columns: dict[str, Column],
) -> Iterator[tuple[dict[str, Cells], int]]:
    """(cells of each column, lines) of block after block, until the end or a block that is not plain.

    Args:
        feed: takes the lines of a block that is not plain.
        columns: those to read, with what they hold so far; what is yielded is not added to them here.
    """
    while data := source.block(SIZE):
        taken = _taken(data, delimiter, header, columns)
        if taken is None:
            feed(source.texts(data))
            return
        yield taken, data.count(b"\n")


def _taken(
    data: bytes, delimiter: str, header: list[str], columns: dict[str, Column]
) -> dict[str, Cells] | None:
    """Cells of each column; None where the block is not plain."""
    comma = delimiter.encode()
    numeric = [n for n, c in columns.items() if isinstance(c.chunks[-1], np.ndarray)]
    if not numeric or delimiter == " " or not data.endswith(b"\n") or data.startswith(b"#"):
        return None
    if any(mark in data for mark in (*DOUBTFUL, comma + b" ")) or not data.isascii():
        return None
    if data.count(b"\r") != data.count(b"\r\n"):
        return None
    import pyarrow as pa  # here: it loads only where a table is read
    import pyarrow.csv as arrow_csv

    try:
        table = arrow_csv.read_csv(
            io.BytesIO(data),
            arrow_csv.ReadOptions(column_names=header, use_threads=False, block_size=len(data) + 1),
            arrow_csv.ParseOptions(delimiter=delimiter, quote_char=False),
            arrow_csv.ConvertOptions(
                include_columns=list(columns),
                column_types={n: pa.float64() if n in numeric else pa.string() for n in columns},
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowException:
        return None
    if table.num_rows != data.count(b"\n"):
        return None
    return _cells(table, numeric)


def _cells(table: pa.Table, numeric: list[str]) -> dict[str, Cells] | None:
    out: dict[str, Cells] = {}
    empty = np.ones(table.num_rows, dtype=bool)
    for name in table.column_names:
        column = table.column(name)
        if name in numeric:
            values = np.asarray(column.to_numpy())
            missing = np.isnan(values)
            if int(missing.sum()) != column.null_count or np.isinf(values).any():
                return None  # a NaN or an infinity stays as it was written
            out[name] = values
        else:
            cells = [c if c and not c.isspace() else None for c in column.to_pylist()]
            missing = np.fromiter((c is None for c in cells), bool, len(cells))
            out[name] = cells
        empty &= missing
    return None if empty.any() else out
