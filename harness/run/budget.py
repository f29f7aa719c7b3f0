"""How much a search may spend, and how much is left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

GRACE = 0.1
"""Share of its minutes that a search waits for what is in flight when they are over, within LEAST_GRACE_S and MOST_GRACE_S."""
LEAST_GRACE_S, MOST_GRACE_S = 5.0, 30.0
LEAST_CHOOSING_S = 60.0


def clock_text(seconds: float) -> str:
    """Seconds as minutes and seconds, 2:05 min."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d} min"


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of a run over all its sessions; None is no limit.

    Attributes:
        evaluations: programs evaluated, failures included.
        minutes: wall time of searching.
        choose_minutes: wall time of looking at laws to choose from; None for as long as the search may take.
    """

    evaluations: int | None
    minutes: float | None
    choose_minutes: float | None = None

    @property
    def grace_s(self) -> float:
        """Seconds that what is in flight gets when time is over."""
        return min(max(60 * GRACE * (self.minutes or 0.0), LEAST_GRACE_S), MOST_GRACE_S)

    @property
    def choosing_s(self) -> float | None:
        """Seconds of looking at laws to choose from; None for no limit."""
        if self.choose_minutes is not None:
            return 60 * self.choose_minutes
        return None if self.minutes is None else max(60 * self.minutes, LEAST_CHOOSING_S)


class Ledger(Protocol):
    """What models cost beside time and evaluations; see `harness/proposers/llm/ledger.py`."""

    def share(self) -> float: ...

    def line(self) -> str: ...


class Spending:
    """What a run has used of its budget.

    Args:
        budget: the limits.
        clock: seconds, monotonic.
        evaluations: finished in earlier sessions.
        seconds: searched in earlier sessions.
    """

    def __init__(
        self, budget: Budget, clock: Callable[[], float], evaluations: int = 0, seconds: float = 0.0
    ) -> None:
        self.budget = budget
        self.ledger: Ledger | None = None
        self.evaluations = evaluations
        self._before = seconds
        self._before_evaluations = evaluations
        self._clock = clock
        self._start = clock()

    @property
    def session_seconds(self) -> float:
        return self._clock() - self._start

    @property
    def seconds(self) -> float:
        return self._before + self.session_seconds

    def may_start(self, in_flight: int) -> bool:
        """Whether one more evaluation may begin beside those in flight."""
        b = self.budget
        if b.evaluations is not None and self.evaluations + in_flight >= b.evaluations:
            return False
        return b.minutes is None or self.seconds < 60 * b.minutes

    def seconds_of_minutes_left(self) -> float | None:
        """Seconds until the minutes are over, below 0 beyond; None without a limit."""
        return None if self.budget.minutes is None else 60 * self.budget.minutes - self.seconds

    def overdue(self) -> bool:
        """Whether what is in flight has had its grace too."""
        left = self.seconds_of_minutes_left()
        return left is not None and left < -self.budget.grace_s

    def evaluations_first(self) -> bool:
        """Whether the evaluations are nearer their end than the minutes."""
        b = self.budget
        if b.evaluations is None:
            return False
        return b.minutes is None or self.evaluations / b.evaluations >= self.seconds / (60 * b.minutes)

    def rate(self) -> float:
        """Evaluations a second in this session; 0 before the first."""
        done = self.evaluations - self._before_evaluations
        return done / self.session_seconds if done and self.session_seconds > 0 else 0.0

    def seconds_left(self) -> float | None:
        """Estimate from the rate so far and the clock, whichever ends first; None when unknown."""
        left = []
        if self.budget.minutes is not None:
            left.append(max(0.0, 60 * self.budget.minutes - self.seconds))
        if self.budget.evaluations is not None and self.rate() > 0:
            left.append(max(0, self.budget.evaluations - self.evaluations) / self.rate())
        return min(left) if left else None

    def share(self) -> float:
        """Share of the budget used, in [0, 1]: of whichever limit is nearer."""
        shares = [0.0]
        if self.budget.minutes:
            shares.append(self.seconds / (60 * self.budget.minutes))
        if self.budget.evaluations:
            shares.append(self.evaluations / self.budget.evaluations)
        if self.ledger is not None:
            shares.append(self.ledger.share())
        return min(max(shares), 1.0)
