"""The loop: ask, evaluate beside each other, write down, tell.

Written against `concurrent.futures.Executor`. The next proposal is made as soon as a worker is
free; no worker waits for a generation to end. With one worker the order is fixed, and so is the
journal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Protocol

from evaluator.outcome import Outcome
from harness.record.journal import Journal
from harness.run.arrivals import Arrivals
from harness.run.context import Context
from harness.search.candidate import Candidate
from harness.search.ending import Ending
from harness.search.search import Search

POLL_S = 0.2


class Loop(Protocol):
    """One way through a search: proposals at once (`DirectLoop`), or some that take time (`InFlightLoop`)."""

    @property
    def search(self) -> Search: ...

    def replay(self) -> None:
        """Tell a fresh search everything the journal holds; a new run and a resumed one are one path."""
        ...

    def run(self, context: Context) -> Ending:
        """Search until the budget is spent, nothing new is found, or someone asks to stop."""
        ...

    def facts(self) -> dict[str, Any]:
        """What the summary says of it beside the search."""
        ...


class DirectLoop:
    """The loop where every proposal is there at once.

    Args:
        search: fresh; `replay` tells it what the journal holds.
        evaluate: candidate -> outcome; raises only when the machine is at fault.
        journal: gets every outcome before the search is told.
        arrivals: makes what tells of evaluations that are done.
    """

    def __init__(
        self,
        search: Search,
        evaluate: Callable[[Candidate], Outcome],
        journal: Journal,
        arrivals: Callable[[], Arrivals] = Arrivals,
    ) -> None:
        self.search, self.evaluate, self.journal, self.arrivals = search, evaluate, journal, arrivals

    def replay(self) -> None:
        # Programs are read for the few that a long search still holds.
        for candidate, outcome in self.journal.evaluations(texts=False):
            self.search.tell(candidate, outcome)
        self.search.fill(self.journal.program)

    def run(self, context: Context) -> Ending:
        in_flight: dict[Future[Outcome], Candidate] = {}
        arrivals = self.arrivals()
        exhausted = False
        while True:
            while self._may_start(context, len(in_flight)):
                candidate = self.search.ask()
                # With others in flight the search may know more in a moment; alone it will not.
                exhausted = candidate is None and not in_flight
                if candidate is None:
                    break
                future = context.executor.submit(self.evaluate, candidate)
                in_flight[future] = candidate
                arrivals.expect(future)
            if context.stopping():
                for future in in_flight:
                    future.cancel()
                return Ending.INTERRUPTED
            if context.out_of_time(len(in_flight)):
                for future in in_flight:
                    future.cancel()
                return Ending.BUDGET
            if not in_flight:
                return Ending.EXHAUSTED if exhausted else Ending.BUDGET
            done = sorted(arrivals.wait(POLL_S), key=lambda f: in_flight[f].index)
            come = [(in_flight.pop(future), future) for future in done]
            self._came([(c, f.result()) for c, f in come if not f.cancelled() and not f.exception()], context)
            for _, future in come:
                future.result()  # the machine is at fault: raised once what was finished is written down
            if not done:
                context.progress(None, None)

    def facts(self) -> dict[str, Any]:
        return {}

    @staticmethod
    def _may_start(context: Context, in_flight: int) -> bool:
        return (
            not context.stopping() and context.has_room(in_flight) and context.spending.may_start(in_flight)
        )

    def _came(self, done: Sequence[tuple[Candidate, Outcome]], context: Context) -> None:
        """Write down what came at once all at once, then tell it."""
        if done:
            with self.journal.together():
                for candidate, outcome in done:
                    self.journal.append(candidate, outcome, context.spending.seconds)
        for candidate, outcome in done:
            self.search.tell(candidate, outcome)
            context.spending.evaluations += 1
            context.progress(candidate, outcome)
