"""The body of an answer, read up to a deadline and a size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx2  # the openai client's own transport

MAX_BODY_BYTES = 2_000_000


class OverDeadline(Exception):
    """The body took longer than the request may."""


class OverSize(Exception):
    """The body is longer than any reply we use."""


class Bounded(httpx2.SyncByteStream):
    """A body that ends at a deadline and a size: a trickle resets every read's timeout, this it can't."""

    def __init__(self, inner: Any, deadline: float, clock: Callable[[], float]) -> None:
        self._inner, self._deadline, self._clock = inner, deadline, clock

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for piece in self._inner:
            size += len(piece)
            if self._clock() > self._deadline:
                raise OverDeadline
            if size > MAX_BODY_BYTES:
                raise OverSize
            yield piece

    def close(self) -> None:
        self._inner.close()


def collect(response: Any) -> bytes:
    """The body, up to the end of a stream of events."""
    body = bytearray()
    events = "event-stream" in response.headers.get("content-type", "")
    for piece in response.iter_bytes():
        body += piece
        if len(body) > MAX_BODY_BYTES:
            raise OverSize
        if events and b"data: [DONE]" in body[-len(piece) - 16 :]:
            break
    return bytes(body)
