"""Evaluation in two stages: a program that predicts like a known one is turned down after one fold.

The outcome of a program that goes through is the same as `Evaluator.validate` gives; on the way its
residuals are put in words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from evaluator import Evaluator, Outcome, Scored
from evaluator.outcome import Scorecard
from harness.proposers.llm.patterns import residual_patterns
from tasks import Task
from tasks.rows import Rows
from tasks.split import Fold

Signature = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Staged:
    """What an evaluation found.

    Attributes:
        outcome: the outcome, or None where the program was turned down.
        twin: id of the candidate that predicts alike, or "".
        signature: errors of the first fold, to six digits; () where it failed.
        patterns: where it goes wrong.
    """

    outcome: Outcome | None
    twin: str = ""
    signature: Signature = ()
    patterns: tuple[str, ...] = ()


def staged_evaluation(
    evaluator: Evaluator, task: Task, folds: tuple[Fold, ...]
) -> Callable[[str, Callable[[Signature], str]], Staged]:
    """A function of (program, twin_of) -> Staged; `twin_of` names a candidate of that signature, or "" for none."""

    def run(program: str, twin_of: Callable[[Signature], str]) -> Staged:
        signature: Signature = ()
        twin = ""
        patterns: list[str] = []

        def after(name: str, rows: Rows, card: Scorecard, predicted: np.ndarray) -> bool:
            nonlocal signature, twin
            if not signature:  # the first fold
                signature = tuple(float(f"{value:.6g}") for value in _numbers(rows.y, predicted))
                twin = twin_of(signature)
            if not twin:
                patterns.extend(residual_patterns(task.spec, name, rows, predicted))
            return not twin

        outcome = evaluator.validate_until(program, task, folds, "first", after)
        if isinstance(outcome, Scored):
            return Staged(outcome, "", signature, tuple(patterns))
        return Staged(outcome, twin, signature)

    return run


def _numbers(y: np.ndarray, predicted: np.ndarray) -> list[float]:
    """Mean squared, mean absolute and mean signed error: equal for equal predictions alone, near enough."""
    r = predicted - y
    return [float((r * r).mean()), float(np.abs(r).mean()), float(r.mean())]
