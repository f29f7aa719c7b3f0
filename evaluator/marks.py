"""What a scoreboard says beside a score: signs that a program brought its answers along.

A mark is no failure. The sandbox keeps a program from seeing answers; nothing can keep its author from having seen them.
"""

from __future__ import annotations

import numpy as np

from evaluator.evaluate import Evaluator
from evaluator.literals import literals
from evaluator.outcome import Outcome, Scored
from evaluator.trial import Trial
from tasks.rows import Task

IDLE = "its fitted constants change nothing in its predictions"


def marks(program: str, task: Task, evaluator: Evaluator, outcome: Outcome) -> tuple[str, ...]:
    """Marks of a program that was scored: numbers in its text beyond the limit, constants that do nothing.

    Args:
        outcome: with the constants of a fit on all of `task.train`.

    Raises:
        SandboxError: the machine failed.
    """
    limits = evaluator.limits
    said = literals(program).mark(limits.text_numbers, limits.list_numbers)
    found = [said] if said else []
    if isinstance(outcome, Scored) and _idle(program, task, evaluator, outcome):
        found.append(IDLE)
    return tuple(found)


def _idle(program: str, task: Task, evaluator: Evaluator, outcome: Scored) -> bool:
    """Whether quite other constants give the same predictions of the training rows, to the last bit."""
    train = task.train
    if set(outcome.constants) != set(train.group.tolist()):
        return False
    trial = Trial(evaluator.sandbox, evaluator.limits, program, task.spec, train, train.X, train.group)
    fitted = {label: np.array(values) for label, values in outcome.constants.items()}
    first = trial.predict(fitted)
    other = trial.predict({label: 1.37 * values + 0.11 for label, values in fitted.items()})
    return isinstance(first, np.ndarray) and isinstance(other, np.ndarray) and np.array_equal(first, other)
