"""A file, or standard input, as text or bytes: compression and encoding are found by content, never by ending."""

from __future__ import annotations

import gzip
import hashlib
import io
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

from tables.errors import BadTable

HEAD = 1 << 18
"""Bytes looked at to find out what a file is."""
BINARY = {
    b"SQLite format 3": "an SQLite database",
    b"\x89HDF": "an HDF5 file",
    b"\x80\x04": "a pickle",
    b"\x80\x05": "a pickle",
    b"\x93NUMPY": "a NumPy array without names of columns",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (.xls)",
    b"7z\xbc\xaf": "a 7-zip archive",
    b"%PDF": "a PDF",
}


@dataclass(slots=True)
class Source:
    """Bytes of a table, unpacked.

    Attributes:
        name: path as given, or `standard input`.
        stream: the unpacked bytes. head: the first of them; they are still in the stream.
        size: packed bytes in all, None where not known. done: packed bytes read so far.
        notes: what was unpacked or decoded.
    """

    name: str
    stream: io.BufferedReader[Any]
    head: bytes
    size: int | None
    done: Callable[[], int]
    notes: list[str] = field(default_factory=list)
    raw: BinaryIO | None = None

    def close(self) -> None:
        self.stream.close()
        if self.raw is not None:
            self.raw.close()

    def lines(self) -> Iterator[str]:
        """Text lines with their line breaks, decoded: UTF-8 with or without its mark, UTF-16, UTF-32, else Windows-1252."""
        encoding = _encoding(self.head)
        if encoding != "utf-8-sig":
            text = io.TextIOWrapper(self.stream, encoding=encoding, newline="")
            try:
                yield from text
            except UnicodeError as error:
                why = error.reason if isinstance(error, UnicodeDecodeError) else str(error)
                raise BadTable(f"{self.name}: not {encoding} to the end ({why}); expected text") from None
            finally:
                text.detach()
            return
        first = True
        for raw in self.stream:
            if first:
                raw, first = raw.removeprefix(b"\xef\xbb\xbf"), False
            yield self._decoded(raw)

    def _decoded(self, raw: bytes) -> str:
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            told = "not all of it is UTF-8; such lines were read as Windows-1252"
            if told not in self.notes:
                self.notes.append(told)
            return raw.decode("cp1252", "replace")

    def in_blocks(self) -> bool:
        """Whether `block` gives the lines that `lines` would: bytes in UTF-8."""
        return _encoding(self.head) == "utf-8-sig"

    def block(self, size: int) -> bytes:
        """The next whole lines, about `size` bytes of them, after those that `lines()` gave; b"" at the end."""
        data = self.stream.read(size)
        return data + self.stream.readline() if data else b""

    def texts(self, block: bytes) -> Iterator[str]:
        """The lines of a block."""
        return map(self._decoded, io.BytesIO(block))


def open_source(path: str | Path) -> Source:
    """Open a file, or `-` for standard input.

    Raises:
        BadTable: no such file, a folder, packed in a way that can't be unpacked, or no table at all.
    """
    name = str(path)
    if name == "-":
        return _unpacked("standard input", cast(BinaryIO, getattr(sys.stdin, "buffer", sys.stdin)), None, 0)
    file = Path(path)
    if file.is_dir():
        raise BadTable(f"{name}: a folder; expected a file")
    try:
        raw = file.open("rb")
    except FileNotFoundError:
        raise BadTable(
            f"{name}: no such file; expected a table (CSV, JSON, Parquet, Excel) or a log"
        ) from None
    except OSError as error:
        raise BadTable(f"{name}: can't be read ({error.strerror})") from None
    try:
        source = _unpacked(name, raw, file.stat().st_size, 0)
    except BaseException:
        raw.close()
        raise
    source.raw = raw
    return source


def source_of(data: bytes, name: str) -> Source:
    """Bytes in memory as a source."""
    return _unpacked(name, io.BytesIO(data), len(data), 0)


def _unpacked(name: str, raw: BinaryIO, size: int | None, depth: int) -> Source:
    counted = _Counted(raw)
    outer: io.BufferedReader[Any] = io.BufferedReader(counted, HEAD)
    try:
        head = outer.peek(HEAD)
    except OSError as error:
        raise BadTable(f"{name}: can't be read ({error.strerror or error})") from None
    kind = _packing(head)
    notes: list[str] = []
    stream: io.BufferedReader[Any] = outer
    if kind == "zip":
        stream = _from_zip(name, outer, notes)
    elif kind:
        stream = io.BufferedReader(_Guarded(name, kind, outer), HEAD)
    if kind:
        head = stream.peek(HEAD)
        if depth < 2 and _packing(head) not in ("", "zip"):
            inner = _unpacked(name, cast(BinaryIO, stream), None, depth + 1)
            return Source(name, inner.stream, inner.head, size, counted.tell_done, notes + inner.notes)
    for mark, what in BINARY.items():
        if head.startswith(mark):
            raise BadTable(
                f"{name}: {what}; expected CSV, JSON, Parquet or Excel (.xlsx). Save it as one of them"
            )
    return Source(name, stream, head, size, counted.tell_done, notes)


def _packing(head: bytes) -> str:
    if head[:2] == b"\x1f\x8b":
        return "gzip"
    if head[:4] == b"\x28\xb5\x2f\xfd":
        return "zstd"
    if head[:3] == b"BZh":
        return "bz2"
    if head[:6] == b"\xfd7zXZ\x00":
        return "xz"
    if head[:4] == b"PK\x03\x04" and b"xl/" not in head[:8000] and b"[Content_Types].xml" not in head[:200]:
        return "zip"
    return ""


def _from_zip(name: str, outer: io.BufferedReader[Any], notes: list[str]) -> io.BufferedReader[Any]:
    try:
        archive = zipfile.ZipFile(cast(BinaryIO, outer) if outer.seekable() else io.BytesIO(outer.read()))
        members = [m for m in archive.infolist() if not m.is_dir() and not m.filename.startswith("__MACOSX/")]
        if len(members) != 1:
            shown = ", ".join(m.filename for m in members[:6]) or "nothing"
            raise BadTable(f"{name}: expected a zip of one file, it holds {shown}; unpack the one you mean")
        notes.append(f"unpacked {members[0].filename}")
        return io.BufferedReader(cast(io.RawIOBase, archive.open(members[0])), HEAD)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise BadTable(f"{name}: can't be unpacked as zip ({error})") from None


class _Counted(io.RawIOBase):
    """Raw bytes, counted as they pass, for the progress bar."""

    def __init__(self, raw: BinaryIO):
        self.raw, self.count = raw, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self.raw.seekable()

    def seek(self, offset: int, whence: int = 0) -> int:
        return self.raw.seek(offset, whence)

    def tell(self) -> int:
        return self.raw.tell()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any buffer, in typeshed; ours is always of bytes
        data = self.raw.read(len(buffer))
        buffer[: len(data)] = data
        self.count += len(data)
        return len(data)

    def tell_done(self) -> int:
        return self.count

    def close(self) -> None:
        if self.raw is not getattr(sys.stdin, "buffer", None):
            self.raw.close()
        super().close()


class _Guarded(io.RawIOBase):
    """Unpacked bytes; what can't be unpacked becomes one clear line."""

    def __init__(self, name: str, kind: str, outer: io.BufferedReader[Any]):
        self.name, self.kind = name, kind
        if kind == "gzip":
            self.inner: BinaryIO = cast(BinaryIO, gzip.GzipFile(fileobj=outer))
        elif kind == "zstd":
            import pyarrow as pa

            self.inner = cast(BinaryIO, pa.CompressedInputStream(pa.PythonFile(outer, mode="r"), "zstd"))
        elif kind == "bz2":
            import bz2

            self.inner = cast(BinaryIO, bz2.BZ2File(outer))
        else:
            import lzma

            self.inner = cast(BinaryIO, lzma.LZMAFile(outer))  # noqa: SIM115

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any buffer, in typeshed; ours is always of bytes
        try:
            data = self.inner.read(len(buffer))
        except (
            Exception
        ) as error:  # zlib, lzma and pyarrow raise kinds of their own; all mean the same to a user
            raise BadTable(
                f"{self.name}: {self.kind} data end early or are damaged ({' '.join(str(error).split())[:120]})"
            ) from None
        buffer[: len(data)] = data
        return len(data)


def _encoding(head: bytes) -> str:
    if head[:4] in (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff"):
        return "utf-32"
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    some = head[:400]
    if len(some) > 7 and some[1::2].count(0) > 0.4 * len(some) / 2 and some[::2].count(0) == 0:
        return "utf-16-le"
    if len(some) > 7 and some[::2].count(0) > 0.4 * len(some) / 2 and some[1::2].count(0) == 0:
        return "utf-16-be"
    return "utf-8-sig"


def sha256(path: str | Path) -> str:
    """Of a file as it lies on disk; of nothing, for standard input."""
    digest = hashlib.sha256()
    if str(path) != "-":
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
