"""The one reader of tables: what a file is is found by its content, and rows come out as they stand, or not at all."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tables.delimited import Parts, read_delimited
from tables.errors import BadTable, TableError
from tables.json_rows import read_json
from tables.long import pivoted
from tables.opening import Source, open_source, source_of
from tables.table import Table

LARGE = 32 << 20
"""A file of more packed bytes gets a progress bar."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a table is to be read.

    Attributes:
        drop_bad: leave out rows that can't be read, and tell, in place of refusing them.
        drop_missing: leave out rows without a value where one is needed, and tell.
        decimal: the decimal mark. fractions: "count" or "ratio". sheet: of a workbook.
        live: the file is being written: a last line without its line break is left out.
        wanted: keep columns for which this is true; None keeps all.
    """

    drop_bad: bool = False
    drop_missing: bool = False
    decimal: str | None = None
    fractions: str | None = None
    sheet: str | None = None
    live: bool = False
    wanted: Callable[[str], bool] | None = None


def read_table(path: str | Path, reading: Reading | None = None) -> Table:
    """Read a table: CSV and its relatives, JSON, JSON lines, Parquet, Arrow, Excel; gzip, zstd, zip, bz2 or xz around it.

    Args:
        path: a file, or `-` for standard input.

    Raises:
        TableError: one line that names file, line, column, and what was expected.
    """
    source = open_source(path)
    try:
        return table_from(source, reading or Reading())
    finally:
        source.close()


def read_bytes(data: bytes, name: str, reading: Reading | None = None) -> Table:
    """The table in bytes that came from elsewhere; `name` is for messages."""
    source = source_of(data, name)
    try:
        return table_from(source, reading or Reading())
    finally:
        source.close()


def table_from(source: Source, reading: Reading, lines: Iterator[str] | None = None) -> Table:
    """The table of an open source; `lines`, where its text was begun already."""
    try:
        with progress(source) as tick:
            parts = _parts(source, reading, tick, lines)
    except TableError:
        raise
    except (UnicodeError, EOFError, OSError) as error:
        raise BadTable(f"{source.name}: can't be read ({error})") from None
    parts = pivoted(parts)
    if not len(parts.places) and not reading.live:
        names = ", ".join(list(parts.columns)[:8])
        raise BadTable(f"{source.name}: no rows, the table has none under its header ({names})")
    return Table(
        source.name, parts.columns, parts.places, parts.unit, [*source.notes, *parts.notes], parts.planned,
        reading.decimal, reading.fractions, len(parts.places),
    )  # fmt: skip


def _parts(source: Source, reading: Reading, tick: Callable[[], None], begun: Iterator[str] | None) -> Parts:
    head = source.head
    if not head.strip(b"\0 \t\r\n\xef\xbb\xbf"):
        raise BadTable(f"{source.name}: no rows, the file is empty")
    if head.startswith((b"PAR1", b"ARROW1", b"PK\x03\x04")):
        return _binary_parts(source, reading, tick)
    start = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")[:15].lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise BadTable(f"{source.name}: a web page, no table; was a login page saved in its place?")
    lines = source.lines() if begun is None else begun
    if begun is None and start[:1] in (b"{", b"["):
        return read_json(source.name, lines, reading.drop_bad, reading.live, tick, reading.wanted)
    blocks = source if source.in_blocks() else None
    return read_delimited(source.name, lines, reading.drop_bad, reading.live, tick, reading.wanted, blocks)


def _binary_parts(source: Source, reading: Reading, tick: Callable[[], None]) -> Parts:
    from tables import binary  # here: Arrow's parts load only where one is needed

    if source.head.startswith(b"PAR1"):
        return binary.read_parquet(source.name, _seekable(source), tick, reading.wanted)
    if source.head.startswith(b"ARROW1"):
        return binary.read_arrow(source.name, source.stream, tick)
    return binary.read_excel(source.name, source.stream, reading.sheet, reading.drop_bad)


def _seekable(source: Source) -> io.BufferedIOBase:
    return source.stream if source.stream.seekable() else io.BytesIO(source.stream.read())


@contextmanager
def progress(source: Source) -> Iterator[Callable[[], None]]:
    """A bar on standard error for a large file, where someone looks at it."""
    if source.size is None or source.size < LARGE or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"reading {Path(source.name).name}", total=source.size)
        yield lambda: bar.update(task, completed=source.done())
