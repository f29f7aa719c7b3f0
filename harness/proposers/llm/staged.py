"""Evaluation in two stages: a program that predicts like a known one is turned down after one fold.

The outcome of a program that goes through is the same as `Evaluator.validate` gives; on the way its
residuals are put in words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from evaluator import Evaluator, Failed, Outcome
from evaluator.evaluate import Prediction, scored
from evaluator.metric import score
from evaluator.outcome import Scorecard
from harness.proposers.llm.patterns import residual_patterns
from tasks import Task
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
    cut = [(f.name, task.train.take(f.train), task.train.take(f.validation)) for f in folds]

    def run(program: str, twin_of: Callable[[Signature], str]) -> Staged:
        cards: dict[str, Scorecard] = {}
        done: list[Prediction] = []
        signature: Signature = ()
        patterns: list[str] = []
        for i, (name, train, rows) in enumerate(cut):
            answer = evaluator.fit_and_predict(program, task.spec, train, rows.X, rows.group, i == 0)
            if isinstance(answer, Failed):
                where = "" if answer.detail.startswith("program") else f"fold {name!r}: "
                seconds = answer.seconds + sum(p.seconds for p in done)
                return Staged(
                    replace(answer, detail=where + answer.detail, seconds=seconds), signature=signature
                )
            cards[name] = score(rows.y, answer.y, rows.group)
            done.append(answer)
            patterns += residual_patterns(task.spec, name, rows, answer.y)
            if i == 0:
                signature = tuple(float(f"{value:.6g}") for value in _numbers(rows.y, answer.y))
                twin = twin_of(signature)
                if twin:
                    return Staged(None, twin, signature)
        outcome = scored(cards, done)
        return Staged(outcome, "", signature, tuple(patterns))

    return run


def _numbers(y: np.ndarray, predicted: np.ndarray) -> list[float]:
    """Mean squared, mean absolute and mean signed error: equal for equal predictions alone, near enough."""
    r = predicted - y
    return [float((r * r).mean()), float(np.abs(r).mean()), float(r.mean())]
