"""Who makes the drafts of a run, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evaluator.sandbox.job import Limits
from harness.proposers.assignment import Assignment
from harness.proposers.formula.proposer import FormulaProposer, RandomProposer
from harness.proposers.llm.settings import LlmConfig
from harness.search.candidate import Draft
from harness.search.search import Proposer

if TYPE_CHECKING:
    from harness.proposers.llm.proposer import LlmProposer


@dataclass(frozen=True, slots=True)
class Proposers:
    """Who makes the drafts of a run.

    Attributes:
        direct: makes drafts at once; None where models alone make them.
        llm: asks models, whose drafts take time; None where nobody is asked.
        starters: drafts a search begins with, after its seeds.
    """

    direct: Proposer | None
    llm: LlmProposer | None
    starters: list[Draft]


def make_proposers(
    name: str, assignment: Assignment, llm: LlmConfig, fit_cpu_s: float = Limits().fit_cpu_s
) -> Proposers:
    """The proposers of that name for this task.

    Args:
        llm: settings of the models, for those who ask any.
        fit_cpu_s: what a fit may take, for models to know.

    Raises:
        ValueError: no proposer of that name (a checked config names only those that exist).
    """
    formula = FormulaProposer(assignment.facts, assignment.title)
    starters = formula.starters()
    if name == "formula":
        return Proposers(formula, None, starters)
    if name == "random":
        return Proposers(RandomProposer(assignment.facts, assignment.title), None, starters)
    from harness.proposers.llm.proposer import LlmProposer  # loads a client that formulas need not wait for

    if name == "llm":
        # One plain power law, so that there is a parent even without seed programs.
        return Proposers(None, LlmProposer(llm, assignment, fit_cpu_s), starters[:1])
    if name == "mixed":
        return Proposers(formula, LlmProposer(llm, assignment, fit_cpu_s), starters)
    raise ValueError(f"no proposer {name!r}")
