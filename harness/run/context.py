"""What a search has around it while it runs: workers, budget, someone who may stop it, a screen."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from evaluator.outcome import Outcome
from harness.run.budget import Spending
from harness.search.candidate import Candidate


@dataclass(slots=True)
class Context:
    """What a loop has around it.

    Attributes:
        executor, workers: run evaluations, so many at once.
        room: how many at once from now on, where that changes while they run; else it is `workers`.
        spending: the budget.
        stopping: asked often; when true nothing new is started, and what is in flight is let go.
        progress: called after every outcome, and now and then with (None, None).
        say: messages for people.
        cut: ends what is in flight where it runs.
    """

    executor: Executor
    workers: int
    spending: Spending
    stopping: Callable[[], bool] = lambda: False
    progress: Callable[[Candidate | None, Outcome | None], None] = lambda candidate, outcome: None
    say: Callable[[str], None] = lambda text: None
    cut: Callable[[], None] = lambda: None
    room: Callable[[], int] | None = None

    def has_room(self, in_flight: int) -> bool:
        """Whether one more evaluation may be in flight beside so many."""
        return in_flight < (self.workers if self.room is None else self.room())

    def out_of_time(self, in_flight: int) -> bool:
        """Whether the search is to end with what is in flight cut; it is then, and said."""
        if not in_flight or not self.spending.overdue():
            return False
        grace = self.spending.budget.grace_s
        self.say(f"the minutes are over, and {grace:.0f} s of grace: {in_flight} in flight cut, uncounted")
        self.cut()
        return True
