"""Proposers by name."""

from __future__ import annotations

from harness.proposers.facts import TaskFacts
from harness.proposers.formula import FormulaProposer, RandomProposer
from harness.search import Proposer
from tasks import Task


def make_proposer(name: str, facts: TaskFacts, task: Task) -> Proposer:
    """The proposer of that name for this task.

    Raises:
        ValueError: no proposer of that name (a checked config names only those that exist).
    """
    if name == "formula":
        return FormulaProposer(facts, f"{task.name}: {task.spec.title}")
    if name == "random":
        return RandomProposer(facts, f"{task.name}: {task.spec.title}")
    raise ValueError(f"no proposer {name!r}")
