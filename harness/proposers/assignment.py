"""A task as a run takes it on: its rows, the facts read off them, and the folds that judge laws. Made once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from harness.proposers.facts import TaskFacts
from tasks import Task
from tasks.split import Fold, validation_folds


@dataclass(frozen=True)
class Assignment:
    """What proposers, evaluation and choice share.

    Attributes:
        task: spec and rows, the held-out ones sealed.
        facts: what a proposer may know of the training rows.
    """

    task: Task
    facts: TaskFacts

    @classmethod
    def of(cls, task: Task) -> Assignment:
        return cls(task, TaskFacts.of(task.spec, task.train))

    @cached_property
    def folds(self) -> tuple[Fold, ...]:
        """Cuts of the training rows; all that guides a search. Rows too few to cut raise `BadTask` here."""
        return validation_folds(self.task.spec, self.task.train)

    @property
    def title(self) -> str:
        return f"{self.task.name}: {self.task.spec.title}"

    @property
    def n_constants(self) -> int:
        """Most constants of one program over all targets."""
        return self.facts.budget_per_target * self.facts.n_targets
