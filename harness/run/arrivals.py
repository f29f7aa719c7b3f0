"""Evaluations as they come: no look at all those that have not, whose number may be thousands."""

from __future__ import annotations

from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any


class Arrivals:
    """Futures that are done, in the order in which they came."""

    def __init__(self) -> None:
        self._come: SimpleQueue[Future[Any]] = SimpleQueue()

    def expect(self, future: Future[Any]) -> None:
        """Have this one told of when it is done."""
        future.add_done_callback(self._come.put)

    def wait(self, timeout_s: float) -> list[Future[Any]]:
        """All that have come since; waits for the first of them, and gives none where none came in time."""
        try:
            come = [self._come.get(timeout=timeout_s)]
        except Empty:
            return []
        while not self._come.empty():
            come.append(self._come.get())
        return come
