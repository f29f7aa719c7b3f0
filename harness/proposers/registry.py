"""Proposers by name."""

from __future__ import annotations

from harness.proposers.facts import TaskFacts
from harness.proposers.formula.proposer import FormulaProposer, RandomProposer
from harness.proposers.llm.proposer import LlmProposer
from harness.proposers.llm.settings import LlmConfig
from harness.proposers.mixed import MixedProposer
from harness.search.search import Proposer
from tasks import Task


def make_proposer(name: str, facts: TaskFacts, task: Task, llm: LlmConfig) -> Proposer:
    """The proposer of that name for this task.

    Args:
        llm: settings of the models, for those who ask any.

    Raises:
        ValueError: no proposer of that name (a checked config names only those that exist).
    """
    formula = FormulaProposer(facts, f"{task.name}: {task.spec.title}")
    if name == "formula":
        return formula
    if name == "random":
        return RandomProposer(facts, f"{task.name}: {task.spec.title}")
    if name == "llm":
        return LlmProposer(llm, facts, task)
    if name == "mixed":
        return MixedProposer(formula, LlmProposer(llm, facts, task))
    raise ValueError(f"no proposer {name!r}")
