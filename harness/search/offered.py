"""The laws that a search offers as its result: the best by error and size, however long it was."""

from __future__ import annotations

from bisect import insort

from harness.search.archive import Member
from harness.search.selection import Judged, finalists

OFFERED = 200
"""Laws kept; more than ever are looked at."""


class Offered:
    """The best members by their cost."""

    def __init__(self) -> None:
        self._best: list[tuple[tuple[float, int, str], Member]] = []

    def add(self, member: Member) -> None:
        """Keep a member if it is among the best."""
        judged = _judged(member)
        order = (judged.cost, judged.n_constants, judged.id)
        if len(self._best) < OFFERED or order < self._best[-1][0]:
            insort(self._best, (order, member), key=lambda pair: pair[0])
            del self._best[OFFERED:]

    def finalists(self) -> list[Judged]:
        """In the order in which they are offered."""
        return finalists(_judged(member) for _, member in self._best)


def _judged(member: Member) -> Judged:
    return Judged(member.candidate.id, member.error, member.n_constants, member.candidate.draft.size)
