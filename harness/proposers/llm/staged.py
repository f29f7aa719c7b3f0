"""Evaluation in two stages: a program that predicts like a known one is turned down after one fold.

The outcome of a program that goes through is the same as `Evaluator.validate` gives; on the way it is put in words
where the program goes wrong, what its fits found, and whether it computes the law it was said to be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from evaluator import Evaluator, Failed, Outcome, Scored
from evaluator.outcome import Scorecard
from evaluator.trial import Trial, TrialResult
from harness.proposers.facts import TaskFacts
from harness.proposers.llm.fits import fit_line
from harness.proposers.llm.patterns import residual_patterns
from harness.proposers.llm.stated import Stated, agreement
from harness.proposers.llm.tools import Call, Tools
from tasks import Task
from tasks.rows import Rows
from tasks.split import Fold

Signature = tuple[float, ...]
TwinOf = Callable[[Signature], str]


@dataclass(frozen=True, slots=True)
class Staged:
    """What an evaluation found.

    Attributes:
        outcome: the outcome, or None where the program was turned down.
        twin: id of the candidate that predicts alike, or "".
        signature: errors of the first fold, to six digits; () where it failed.
        patterns: where it goes wrong.
        fits: one line a fold: errors on fitted and on hidden rows, constants.
        agrees: whether it computes its stated law; None where that can't be told.
        took_s: processor seconds, to one digit.
    """

    outcome: Outcome | None
    twin: str = ""
    signature: Signature = ()
    patterns: tuple[str, ...] = ()
    fits: tuple[str, ...] = ()
    agrees: bool | None = None
    took_s: float = 0.0

    def notes(self) -> dict[str, object]:
        """What a journal keeps beside the outcome."""
        return {
            "signature": list(self.signature),
            "patterns": list(self.patterns),
            "fits": list(self.fits),
            "agrees": self.agrees,
            "took_s": self.took_s,
        }

    @classmethod
    def of(cls, outcome: Outcome, notes: dict) -> Staged:
        """The value of an outcome and `notes()`."""
        return cls(
            outcome,
            "",
            tuple(map(float, notes.get("signature", ()))),
            tuple(notes.get("patterns", ())),
            tuple(notes.get("fits", ())),
            notes.get("agrees"),
            float(notes.get("took_s", 0.0)),
        )


@dataclass(slots=True)
class StagedEvaluation:
    """Evaluates programs on the folds of a task, and runs the calls of models.

    Attributes:
        evaluator, task, folds: what it evaluates with and on.
        facts: of the training rows.
    """

    evaluator: Evaluator
    task: Task
    folds: tuple[Fold, ...]
    facts: TaskFacts = field(init=False)

    def __post_init__(self) -> None:
        self.facts = TaskFacts.of(self.task.spec, self.task.train)

    def __call__(self, program: str, twin_of: TwinOf) -> Staged:
        """An evaluation; `twin_of` names a candidate of that signature, or "" for none."""
        looking = _Looking(self, program, twin_of)
        outcome = self.evaluator.validate_until(program, self.task, self.folds, "first", looking.after)
        found = replace(looking.found, outcome=outcome)
        if not isinstance(outcome, Scored):
            return Staged(outcome, found.twin, found.signature)
        took = float(f"{outcome.cpu_seconds / len(self.folds):.1g}")
        return replace(found, took_s=took)

    def tool(self, call: Call) -> str:
        """The result of a call of a model, as text."""
        return Tools(self.evaluator, self.task, self.facts).run(call, lambda p: self(p, lambda s: ""))


@dataclass(slots=True)
class _Looking:
    """What is seen of one program, fold by fold."""

    by: StagedEvaluation
    program: str
    twin_of: TwinOf
    found: Staged = field(default_factory=lambda: Staged(None))

    def after(self, name: str, rows: Rows, card: Scorecard, answer: TrialResult) -> bool:
        """Look at one fold; False where the program is a twin of a known one."""
        by, first = self.by, not self.found.signature
        if first:
            signature = tuple(float(f"{value:.6g}") for value in _numbers(rows.y, answer.y))
            self.found = replace(self.found, signature=signature, twin=self.twin_of(signature))
        if self.found.twin:
            return False
        fold = next(f for f in by.folds if f.name == name)
        train = by.task.train.take(fold.train)
        inner = self._again(train, answer)
        stated = Stated.of_program(self.program)
        agrees = self.found.agrees
        if first and stated.law and inner is not None:
            agrees = agreement(stated, by.facts, train, inner, answer.constants)
        line = fit_line(by.facts, self.program, name, (train, inner), (rows, answer.y), answer.constants)
        self.found = replace(
            self.found,
            patterns=(*self.found.patterns, *residual_patterns(by.task.spec, name, rows, answer.y)),
            fits=(*self.found.fits, line),
            agrees=agrees,
        )
        return True

    def _again(self, train: Rows, answer: TrialResult) -> np.ndarray | None:
        """Predictions of the rows that a fold fitted, by the constants it found; None where that fails."""
        e = self.by.evaluator
        trial = Trial(e.sandbox, e.limits, self.program, self.by.task.spec, train, train.X, train.group)
        y = trial.predict({label: np.array(c) for label, c in answer.constants.items()})
        return None if isinstance(y, Failed) else y


def staged_evaluation(evaluator: Evaluator, task: Task, folds: tuple[Fold, ...]) -> StagedEvaluation:
    """A function of (program, twin_of) -> Staged, which also runs the calls of models."""
    return StagedEvaluation(evaluator, task, folds)


def _numbers(y: np.ndarray, predicted: np.ndarray) -> list[float]:
    """Mean squared, mean absolute and mean signed error: equal for equal predictions alone, near enough."""
    r = predicted - y
    return [float((r * r).mean()), float(np.abs(r).mean()), float(r.mean())]
