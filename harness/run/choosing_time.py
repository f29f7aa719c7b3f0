"""How long choosing may take: laws not looked at by then are left out, and those under way are cut."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from typing import Any

from evaluator import CallsEnded
from harness.choosing.choice import LEFT


class ChoosingTime:
    """A `map` over laws that keeps to a budget.

    Args:
        seconds: from now on; None for no limit.
        grace_s: what is under way gets beyond them; laws may still begin in it as long as none is in hand.
        end_calls: ends what is under way where it runs.

    Attributes:
        left: laws that were not looked at, or not to the end.
    """

    def __init__(
        self,
        seconds: float | None,
        grace_s: float,
        clock: Callable[[], float],
        pool: Executor,
        end_calls: Callable[[], None],
    ) -> None:
        self.left = 0
        self._until = None if seconds is None else clock() + seconds
        self._grace_s, self._clock, self._pool, self._end_calls = grace_s, clock, pool, end_calls
        self._found = False

    def each(self, look: Callable[[Any], Any], laws: Iterable[Any]) -> list[Any]:
        """As `map`; a sentence in the place of what was left out."""
        begun = [self._pool.submit(self._in_time, look, law) for law in laws]
        if self._until is not None:
            self._wait(begun, self._until + self._grace_s)
        return [future.result() for future in begun]

    def _wait(self, begun: list[Future[Any]], end: float) -> None:
        late = {f for f in begun if not f.done()}
        while late:
            left = end - self._clock()
            if left <= 0:
                self._end_calls()
            # One that was between two calls begins another: it is ended the next time round.
            timeout = left if left > 0 else 1.0
            _, late = wait(late, timeout, FIRST_COMPLETED)

    def _in_time(self, look: Callable[[Any], Any], law: Any) -> Any:
        if self._until is not None:
            last = self._until if self._found else self._until + self._grace_s
            if self._clock() >= last:
                self.left += 1
                return LEFT
        try:
            found = look(law)
        except CallsEnded:
            self.left += 1
            return LEFT
        self._found = self._found or not isinstance(found, str)
        return found
