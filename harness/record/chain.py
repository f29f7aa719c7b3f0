"""What makes damage to a journal seen: every row carries a hash of itself and of the row before.

A flipped bit in a row breaks that row's link alone, a lost row the next one's; the head, kept beside the rows, shows a lost
end. The log that SQLite writes ahead has checksums of its own, which SQLite believes in silence: it leaves out
what follows a damaged page. `damaged_log` says so.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from pathlib import Path

Row = tuple[int | float | str | bytes | None, ...]
"""Columns of one entry, without its hash."""

_KINDS = {kind: kind.__name__.encode() for kind in (int, float, str, bytes, type(None))}
"""What SQLite gives back, by name."""
_WAL_HEADER, _FRAME_HEADER = 32, 24


def first_link(meta: Iterable[tuple[str, str]]) -> str:
    """Hash of the settings, on which the first row hangs."""
    return _hash(["journal", *(part for pair in sorted(meta) for part in pair)])


def link(before: str, row: Row) -> str:
    """Hash of a row and of the hash before it."""
    return _hash([before, *row])


def _hash(parts: Iterable[int | float | str | bytes | None]) -> str:
    pieces = []
    for part in parts:
        # With its type and length, so that no two rows read alike.
        if type(part) is str:
            text = part.encode("utf-8", "surrogatepass")
            pieces.append(b"str %d %s" % (len(text), text))
        elif part is None:
            pieces.append(b"NoneType 4 None")
        else:
            text = part if isinstance(part, bytes) else repr(part).encode()
            pieces.append(b"%s %d %s" % (_KINDS[type(part)], len(text), text))
    return hashlib.sha256(b"".join(pieces)).hexdigest()


def text_hash(text: object) -> str:
    """SHA-256 of a program's text as read back, which damage may have made anything."""
    return hashlib.sha256(str(text).encode("utf-8", "surrogatepass")).hexdigest()


def broken_links(first: str, rows: Iterable[tuple[str | None, Row]]) -> tuple[list[int], str, int]:
    """Places of the rows whose hash does not fit, the last hash, and the number of rows.

    A row that fits the hash as stored before it is intact, whatever happened to the one before.
    """
    broken, before, n = [], first, 0
    for stored, row in rows:
        if stored != link(before, row):
            broken.append(n)
        before = stored or ""
        n += 1
    return broken, before, n


def damaged_log(path: Path) -> str | None:
    """What is wrong with the log beside a journal that nobody has open, or None.

    Args:
        path: of the journal; its log is named after it.
    """
    log = path.with_name(path.name + "-wal")
    data = log.read_bytes() if log.exists() else b""
    if not data:
        return None
    if len(data) < _WAL_HEADER:
        return f"{log.name}: cut off inside its first lines"
    magic, _, page, _, *salt = struct.unpack_from(">IIIIII", data)
    order = {0x377F0682: "<", 0x377F0683: ">"}.get(magic)
    if order is None or page < 512 or page & (page - 1) or page > 65536:
        return f"{log.name}: its first lines are damaged"
    sums = _checksum(order, data[:24], (0, 0))
    if sums != struct.unpack_from(">II", data, 24):
        return f"{log.name}: its first lines are damaged"
    step = _FRAME_HEADER + page
    for n, at in enumerate(range(_WAL_HEADER, len(data) - step + 1, step), 1):
        known = list(struct.unpack_from(">II", data, at + 8)) == salt
        sums = _checksum(order, data[at : at + 8] + data[at + _FRAME_HEADER : at + step], sums)
        if sums != struct.unpack_from(">II", data, at + 16) or not known:
            later = range(at + step, len(data) - step + 1, step)
            if known or any(list(struct.unpack_from(">II", data, k + 8)) == salt for k in later):
                return f"{log.name}: page {n} is damaged; what was written from there on is lost"
            return None  # left over from before the log began anew
    return None


def _checksum(order: str, data: bytes, sums: tuple[int, int]) -> tuple[int, int]:
    a, b = sums
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for x, y in zip(words[::2], words[1::2], strict=True):
        a = (a + x + b) & 0xFFFFFFFF
        b = (b + y + a) & 0xFFFFFFFF
    return a, b
