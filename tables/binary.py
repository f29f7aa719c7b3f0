"""Parquet, Arrow and Excel files."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tables.column import Column
from tables.delimited import Parts
from tables.errors import BadTable


def read_parquet(
    name: str, stream: io.BufferedIOBase, tick: Callable[[], None], wanted: Callable[[str], bool] | None
) -> Parts:
    """Rows of a Parquet file, batch by batch; nested columns get dotted names.

    Raises:
        BadTable: damaged, or two columns of one name.
    """
    try:
        file = pq.ParquetFile(stream if stream.seekable() else io.BytesIO(stream.read()))
        tops = [f.name for f in file.schema_arrow]
        picked = None
        if wanted is not None and len(set(tops)) == len(tops):
            picked = [
                t
                for t, f in zip(tops, file.schema_arrow, strict=True)
                if wanted(t) or pa.types.is_struct(f.type)
            ]
        batches = (pa.Table.from_batches([b]) for b in file.iter_batches(65_536, columns=picked))
        return _from_arrow(name, batches, file.schema_arrow if picked is None else None, tick)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise BadTable(f"{name}: can't be read as Parquet ({' '.join(str(error).split())[:160]})") from None


def read_arrow(name: str, stream: io.BufferedIOBase, tick: Callable[[], None]) -> Parts:
    """Rows of an Arrow (Feather) file."""
    try:
        table = pa.ipc.open_file(pa.BufferReader(stream.read())).read_all()
        return _from_arrow(name, iter([table]), table.schema, tick)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise BadTable(f"{name}: can't be read as Arrow ({' '.join(str(error).split())[:160]})") from None


def _from_arrow(name: str, tables: Any, schema: pa.Schema | None, tick: Callable[[], None]) -> Parts:
    columns: dict[str, Column] = {}
    n = 0
    for table in tables:
        while any(pa.types.is_struct(f.type) for f in table.schema):
            table = table.flatten()
        _check(name, table.column_names)
        for field in table.schema:
            key = field.name.strip()
            columns.setdefault(key, Column()).add(_cells(table.column(field.name)))
        n += table.num_rows
        tick()
    if not columns and schema is not None:
        _check(name, schema.names)
        columns = {key.strip(): Column() for key in schema.names}
    columns = {k: c for k, c in columns.items() if not k.startswith("__index_level_")}
    return Parts(columns, np.arange(1, n + 1), "row")


def _check(name: str, names: list[str]) -> None:
    stripped = [n.strip() for n in names]
    again = next((n for n in stripped if stripped.count(n) > 1), None)
    if again is not None:
        raise BadTable(f"{name}: column {again!r} stands there {stripped.count(again)} times; rename one")


def _cells(column: pa.ChunkedArray) -> np.ndarray | list[object]:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if (pa.types.is_integer(kind) or pa.types.is_floating(kind)) and (
        column.null_count == 0 or pa.types.is_floating(kind)
    ):
        values = np.asarray(column.to_numpy())
        if not pa.types.is_floating(kind) or int(np.isnan(values).sum()) == column.null_count:
            return values
        return list(column.to_pylist())  # a NaN that was logged is no empty cell
    if pa.types.is_decimal(kind):
        return [None if v is None else float(v) for v in column.to_pylist()]
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return [None if v is None else str(v) for v in column.to_pylist()]
    return [v if v is None or isinstance(v, (str, int, float, bool)) else str(v) for v in column.to_pylist()]


def read_excel(name: str, stream: io.BufferedIOBase, sheet: str | None, drop_bad: bool) -> Parts:
    """Rows of one sheet of an Excel workbook; the first row that is not empty is the header.

    Raises:
        BadTable: the extra is not installed, several sheets to choose from, two columns of one name, cells beyond the header.
    """
    try:
        import openpyxl
    except ImportError:
        raise BadTable(
            f"{name}: an Excel workbook; install the extra with pip install 'scaling-law-harness[excel]', or save it as CSV"
        ) from None
    try:
        book = openpyxl.load_workbook(io.BytesIO(stream.read()), read_only=True, data_only=True)
        sheets = {s.title: list(s.iter_rows(values_only=True)) for s in book.worksheets}
    except Exception as error:  # openpyxl lets the errors of zip and XML through
        raise BadTable(
            f"{name}: can't be read as an Excel workbook ({' '.join(str(error).split())[:120]})"
        ) from None
    filled = [t for t, rows in sheets.items() if any(any(c is not None for c in r) for r in rows)]
    if sheet is None and len(filled) > 1:
        raise BadTable(f"{name}: {len(filled)} sheets; choose one with --sheet: {', '.join(filled)}")
    if sheet is not None and sheet not in sheets:
        raise BadTable(f"{name}: no sheet {sheet!r}; it has {', '.join(sheets)}")
    if not filled:
        raise BadTable(f"{name}: no rows; expected a header row with names, and rows under it")
    return _from_sheet(name, sheets[sheet or filled[0]], drop_bad)


def _from_sheet(name: str, rows: list[tuple[Any, ...]], drop_bad: bool) -> Parts:
    start = next(i for i, r in enumerate(rows) if any(c is not None for c in r))
    head = ["" if c is None else str(c).strip() for c in rows[start]]
    while head and not head[-1]:
        head.pop()
    head = [h or f"column {i + 1}" for i, h in enumerate(head)]
    _check(name, head)
    kept: list[list[object]] = []
    places: list[int] = []
    gone = 0
    for number, row in enumerate(rows[start + 1 :], start + 2):
        if not any(c is not None for c in row):
            continue
        if any(c is not None for c in row[len(head) :]):
            if not drop_bad:
                raise BadTable(
                    f"{name}: row {number}: a cell beyond the {len(head)} names of the header; name its column, or leave such "
                    f"rows out with --drop-bad"
                )
            gone += 1
            continue
        cells = list(row[: len(head)]) + [None] * (len(head) - len(row))
        kept.append([c if c is None or isinstance(c, (str, int, float, bool)) else str(c) for c in cells])
        places.append(number)
    columns = {h: Column([[r[i] for r in kept]]) for i, h in enumerate(head)}
    notes = [f"{gone} rows with cells beyond the header were left out"] if gone else []
    return Parts(columns, np.array(places, dtype=np.int64), "row", notes)
