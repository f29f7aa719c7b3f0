"""Scalars out of TensorBoard event files, without TensorBoard.

An event file is a row of TFRecord frames (length, checksum of the length, payload, checksum of the payload), each
payload one protocol-buffer message `Event`. We read the five fields that hold a scalar: wall time, step, tag, and its value
as `simple_value` or as a float tensor. Everything else is skipped by its wire type. A file that is still being written may
end inside a frame: what is whole is returned.

Not read: images, histograms, audio, compressed event files, tensors of more than one number.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Scalar:
    """One logged number: tag, training step, seconds since 1970, value."""

    tag: str
    step: int
    wall_time: float
    value: float


def is_event_file(path: Path) -> bool:
    """By its name: every writer puts `tfevents` into it."""
    return "tfevents" in path.name


def scalars(path: Path) -> tuple[list[Scalar], str | None]:
    """All scalars of one file in the order written, and a word on what could not be read at its end (None: nothing).

    A frame whose length fails its checksum ends the reading: nothing after it can be found.
    """
    data, at = path.read_bytes(), 0
    found: list[Scalar] = []
    while at < len(data):
        if at + 12 > len(data):
            return found, "an unfinished record at the end was left out"
        (length, check) = struct.unpack_from("<QI", data, at)
        if _masked_crc(data[at : at + 8]) != check:
            return found, f"damaged at byte {at}: the rest was left out"
        if at + 16 + length > len(data):
            return found, "an unfinished record at the end was left out"
        try:
            found.extend(_event(data[at + 12 : at + 12 + length]))
        except (ValueError, IndexError, struct.error):
            return found, f"damaged at byte {at}: the rest was left out"
        at += 16 + length
    return found, None


def _event(message: bytes) -> Iterator[Scalar]:
    wall_time, step, summary = 0.0, 0, b""
    for number, value in _fields(message):
        if number == 1:
            (wall_time,) = struct.unpack("<d", _raw(value))
        elif number == 2:
            whole = _whole(value)
            step = whole - (1 << 64) if whole >> 63 else whole
        elif number == 5:
            summary = _raw(value)
    for number, value in _fields(summary):
        if number == 1:
            tag, scalar = _value(_raw(value))
            if scalar is not None:
                yield Scalar(tag, step, wall_time, scalar)


def _value(message: bytes) -> tuple[str, float | None]:
    tag, scalar = "", None
    for number, value in _fields(message):
        if number == 1:
            tag = _raw(value).decode("utf-8", "replace")
        elif number == 2:
            (scalar,) = struct.unpack("<f", _raw(value))
        elif number == 8:
            scalar = _tensor(_raw(value))
    return tag, scalar


def _tensor(message: bytes) -> float | None:
    """A tensor of one float32 (type 1) or float64 (type 2): raw bytes, or a packed or plain list."""
    kind, content = 0, b""
    for number, value in _fields(message):
        if number == 1:
            kind = _whole(value)
        elif number in (4, 5, 6):
            content = _raw(value)
    form = {1: "<f", 2: "<d"}.get(kind)
    return struct.unpack(form, content)[0] if form and len(content) == struct.calcsize(form) else None


def _raw(value: int | bytes) -> bytes:
    """The bytes of a field; a flipped bit can make them a number."""
    if isinstance(value, int):
        raise ValueError("expected bytes, got a number")
    return value


def _whole(value: int | bytes) -> int:
    """The number of a field; a flipped bit can make it bytes."""
    if isinstance(value, bytes):
        raise ValueError("expected a number, got bytes")
    return value


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(number, value) of every field: varints as int, all others as bytes."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        wire = key & 7
        if wire == 0:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if wire == 2:
            size, at = _varint(message, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire} is not used by event files")
        if at + size > len(message):
            raise ValueError("a field longer than its message")
        yield key >> 3, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")


def _table() -> list[int]:
    table = []
    for n in range(256):
        for _ in range(8):
            n = (n >> 1) ^ 0x82F63B78 if n & 1 else n >> 1
        table.append(n)
    return table


_CRC32C = _table()


def _masked_crc(data: bytes) -> int:
    """CRC-32C, rotated and shifted as TFRecord has it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC32C[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF
