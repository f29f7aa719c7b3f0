"""One view of many runs beside each other: a line for each that ends, and now and then one for all of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from evaluator.outcome import Outcome
from harness.proposers.assignment import Assignment
from harness.record.run_folder import RunFolder
from harness.run.budget import Spending
from harness.run.run import Watcher
from harness.search.candidate import Candidate
from harness.search.search import Search

EVERY_S = 10.0


class SuiteProgress:
    """What the runs of a suite have done so far; runs report from threads of their own.

    Args:
        n_runs: that are to end.
        say: takes one line.
        clock: seconds.
    """

    def __init__(
        self, n_runs: int, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._say, self._clock, self._n_runs = say, clock, n_runs
        self._lock = threading.Lock()
        self._start = self._last = clock()
        self.n_ended = self.n_searching = self.evaluations = 0

    def watcher(self) -> Watcher:
        """For one run."""
        return _OneOfMany(self)

    def ended(self, line: str) -> None:
        """A run has ended; `line` is on it."""
        with self._lock:
            self.n_ended += 1
            self._say(f"[{self.n_ended}/{self._n_runs}] {line}")

    def searching(self, change: int) -> None:
        """So many more runs search; less, where below zero."""
        with self._lock:
            self.n_searching += change

    def evaluated(self, n: int) -> None:
        """So many candidates were scored by one of the runs."""
        with self._lock:
            self.evaluations += n
            now = self._clock()
            if now - self._last < EVERY_S:
                return
            self._last = now
            rate = self.evaluations / (now - self._start)
            self._say(
                f"{self.n_ended} of {self._n_runs} runs ended, {self.n_searching} search: "
                f"{self.evaluations} evaluations, {rate:.0f} a second"
            )


class _OneOfMany(Watcher):
    def __init__(self, suite: SuiteProgress) -> None:
        self._suite = suite

    def begin(self, assignment: Assignment, folder: RunFolder, spending: Spending, sandbox: str) -> None:
        self._suite.searching(1)

    def progress(self, search: Search, candidate: Candidate | None, outcome: Outcome | None) -> None:
        self._suite.evaluated(candidate is not None)

    def end(self) -> None:
        self._suite.searching(-1)
