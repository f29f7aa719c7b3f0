"""Messages between host and child: a JSON header and raw float64, each with its length. Never pickle.

    | header length, u32 | payload length, u64 | header, JSON in UTF-8 | payload, little-endian float64 |

Both sides import this module; it needs the standard library alone.
"""

from __future__ import annotations

import ctypes
import json
import platform
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

PREFIX = struct.Struct("!IQ")

STATUS = struct.Struct("!iddq?")
"""How a child ended: wait status, user and system seconds, peak resident kB, killed for its memory."""
SYS_CLOCK_GETTIME = 228
"""On x86_64."""
ASK, ALIVE = b"?", -1
"""Asked on the status socket while a child runs, and the wait status of the answer, whose user seconds are all it has spent so far."""


def spent(pid: int) -> float:
    """Processor seconds of a process so far, all its threads; NaN where the system does not say.

    By the system call itself: where programs have a clock of their own, the library's way to it is theirs.
    """
    clock = ~pid << 3 | 2  # the process clock of another process, as clock_getcpuclockid makes it
    try:
        if not (sys.platform.startswith("linux") and platform.machine() == "x86_64"):
            return time.clock_gettime(clock)
        said = (ctypes.c_long * 2)()
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.syscall(SYS_CLOCK_GETTIME, ctypes.c_int(clock), ctypes.byref(said)) != 0:
            return float("nan")
        return said[0] + said[1] * 1e-9
    except (AttributeError, OSError, OverflowError):
        return float("nan")


class BadFrame(Exception):
    """Bytes that are not a whole, well-formed message."""


def encode(header: dict[str, Any], payload: bytes = b"") -> bytes:
    text = json.dumps(header, separators=(",", ":")).encode()
    return PREFIX.pack(len(text), len(payload)) + text + payload


def decode(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Header and payload of exactly one message.

    Raises:
        BadFrame: too short, too long, or not a JSON object.
    """
    if len(data) < PREFIX.size:
        raise BadFrame(f"expected at least {PREFIX.size} bytes, got {len(data)}")
    n_header, n_payload = PREFIX.unpack_from(data)
    if len(data) != PREFIX.size + n_header + n_payload:
        raise BadFrame(
            f"expected {PREFIX.size + n_header + n_payload} bytes by its own lengths, got {len(data)}"
        )
    try:
        header = json.loads(data[PREFIX.size : PREFIX.size + n_header].decode())
    except (ValueError, RecursionError) as error:
        raise BadFrame(f"header is not JSON ({type(error).__name__})") from None
    if not isinstance(header, dict):
        raise BadFrame("header is not a JSON object")
    if n_payload % 8:
        raise BadFrame(f"payload of {n_payload} bytes is no whole number of float64")
    return header, data[PREFIX.size + n_header :]


def read_frame(read: Callable[[int], bytes]) -> tuple[dict[str, Any], bytes]:
    """One message from `read(n) -> bytes`, as a child reads its job.

    Raises:
        BadFrame: the other side closed early.
    """

    def exactly(n: int) -> bytes:
        parts = bytearray()
        while len(parts) < n:
            part = read(min(n - len(parts), 1 << 20))
            if not part:
                raise BadFrame("closed before the message was whole")
            parts += part
        return bytes(parts)

    n_header, n_payload = PREFIX.unpack(exactly(PREFIX.size))
    return json.loads(exactly(n_header)), exactly(n_payload)
