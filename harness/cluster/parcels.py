"""Candidates that travel together: a message costs a few milliseconds, as much as many an evaluation does."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from evaluator.outcome import Outcome
from harness.cluster.evaluation import Evaluation
from harness.search.candidate import Candidate

WORK_S = 0.08
"""Of work in a parcel, as far as is known: a message costs the controller and the worker 4 ms of processor."""

MOST = 8
"""Candidates in a parcel: the more are on their way, the less the search knows when it proposes the next."""

HELD_S = 0.5
"""A parcel that has taken so long goes home with what is done; what was not begun is sent again."""

RECENT = 0.1
"""Weight of the latest parcel in what an evaluation is taken to take."""


@dataclass(slots=True, eq=False)
class Errand:
    """One evaluation on its way; `future` is the caller's. Alone: a suspect, which travels while nothing else does."""

    future: Future[Any]
    evaluation: Evaluation
    candidate: Candidate
    alone: bool = False


@dataclass(slots=True, eq=False)
class Parcel:
    """Errands of one evaluation, in one message."""

    errands: list[Errand]


class Pace:
    """How long evaluations take of late, and so how many belong in a parcel."""

    def __init__(self) -> None:
        self._mean_s = float("inf")  # nothing is known: one at a time

    @property
    def size(self) -> int:
        return max(1, min(MOST, int(WORK_S / self._mean_s)))

    def took(self, n: int, seconds: float) -> None:
        mean_s = max(seconds / n, 1e-6)
        known = self._mean_s < float("inf")
        self._mean_s = (1 - RECENT) * self._mean_s + RECENT * mean_s if known else mean_s


def score_parcel(evaluation: Evaluation, candidates: Sequence[Candidate]) -> tuple[list[Outcome], float]:
    """On a worker: outcomes of the first of the candidates, at least one, and the seconds that they took.

    Raises:
        BadCluster, SandboxError: the machine failed at the first.
    """
    start, found = time.monotonic(), []
    for candidate in candidates:
        try:
            found.append(evaluation(candidate))
        except Exception:
            if not found:
                raise
            break  # what is finished travels home; the one that failed is tried again as a first
        if time.monotonic() - start > HELD_S:
            break
    return found, time.monotonic() - start
