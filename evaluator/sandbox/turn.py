"""A sandbox for a while: what holds it can be cut short, and the sandbox goes on for others."""

from __future__ import annotations

from evaluator.errors import CallsEnded
from evaluator.outcome import Failed
from evaluator.sandbox.job import Job, Limits, Reply, Together
from evaluator.sandbox.local import LocalSandbox


class Turn:
    """A sandbox until `end` is called; then every call of it raises CallsEnded, those in flight too.

    Args:
        sandbox: of this turn alone while it lasts: its end ends all calls in flight.

    Attributes:
        sandbox, level, modules: as given, and its own.
    """

    def __init__(self, sandbox: LocalSandbox) -> None:
        self.sandbox = sandbox
        self._over = False
        self.level, self.modules = sandbox.level, sandbox.modules

    def run(self, job: Job, limits: Limits) -> Reply | Failed:
        if self._over:
            raise CallsEnded("sandbox: this turn is over")
        return self.sandbox.run(job, limits)

    def run_together(self, job: Together, limits: Limits) -> Reply | None:
        if self._over:
            raise CallsEnded("sandbox: this turn is over")
        return self.sandbox.run_together(job, limits)

    def end(self) -> None:
        """Cut it short."""
        self._over = True
        self.sandbox.end_calls()

    def close(self) -> None:
        self.end()
