"""What a search with models has around it: evaluation, workers, budget, screen."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from evaluator.outcome import Outcome
from harness.proposers.llm.staged import Signature, Staged
from harness.run.budget import Spending
from harness.search.candidate import Candidate

Evaluate = Callable[[str, Callable[[Signature], str]], Staged]


@dataclass(slots=True)
class Surroundings:
    """What a live search has around it.

    Attributes:
        evaluate: program, twin_of -> what was found.
        executor, workers: run it, so many at once.
        spending: the budget.
        stopping: asked often; when true nothing is waited for any more.
        progress: called after every outcome, and now and then with (None, None).
        say: messages for people.
    """

    evaluate: Evaluate
    executor: Executor
    workers: int
    spending: Spending
    stopping: Callable[[], bool] = lambda: False
    progress: Callable[[Candidate | None, Outcome | None], None] = lambda candidate, outcome: None
    say: Callable[[str], None] = lambda text: None
