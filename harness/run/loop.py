"""The loop: ask, evaluate beside each other, write down, tell.

Written against `concurrent.futures.Executor`. The next proposal is made as soon as a worker is
free; no worker waits for a generation to end. With one worker the order is fixed, and so is the
journal.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from enum import StrEnum

from evaluator.outcome import Outcome
from harness.record.journal import Journal
from harness.run.budget import Spending
from harness.search.candidate import Candidate
from harness.search.search import Search

POLL_S = 0.2


class Ending(StrEnum):
    """Why a search stopped."""

    BUDGET = "budget"
    EXHAUSTED = "exhausted"
    INTERRUPTED = "interrupted"


def run_search(
    search: Search,
    evaluate: Callable[[str], Outcome],
    journal: Journal,
    spending: Spending,
    executor: Executor,
    workers: int,
    stopping: Callable[[], bool] = lambda: False,
    progress: Callable[[Candidate | None, Outcome | None], None] = lambda candidate, outcome: None,
) -> Ending:
    """Search until the budget is spent, nothing new is found, or someone asks to stop.

    Args:
        search: state, already told what the journal holds.
        evaluate: program text -> outcome; raises only when the machine is at fault.
        journal: gets every outcome before the search is told.
        spending: the budget.
        executor: runs `evaluate`.
        workers: evaluations in flight at most.
        stopping: asked often; when true nothing new is started, and what is in flight is let go.
        progress: called after every outcome, and now and then with (None, None).
    """
    in_flight: dict[Future[Outcome], Candidate] = {}
    exhausted = False
    while True:
        while not stopping() and len(in_flight) < workers and spending.may_start(len(in_flight)):
            candidate = search.ask()
            # With others in flight the search may know more in a moment; alone it will not.
            exhausted = candidate is None and not in_flight
            if candidate is None:
                break
            in_flight[executor.submit(evaluate, candidate.program)] = candidate
        if stopping():
            for future in in_flight:
                future.cancel()
            return Ending.INTERRUPTED
        if not in_flight:
            return Ending.EXHAUSTED if exhausted else Ending.BUDGET
        done, _ = wait(in_flight, timeout=POLL_S, return_when=FIRST_COMPLETED)
        for future in sorted(done, key=lambda f: in_flight[f].index):
            candidate = in_flight.pop(future)
            outcome = future.result()
            journal.append(candidate, outcome, spending.seconds)
            search.tell(candidate, outcome)
            spending.evaluations += 1
            progress(candidate, outcome)
        if not done:
            progress(None, None)


def replay(search: Search, journal: Journal) -> Search:
    """Tell a fresh search everything the journal holds; a new run and a resumed one are one path."""
    for candidate, outcome in journal.evaluations():
        search.tell(candidate, outcome)
    return search
