"""A task inside the training rows: their outer part plays the held-out rows.

What chooses laws is developed and judged on nested tasks, so that the real held-out rows need not be
looked at. A nested task has the spec, the budget and the axis of its parent.
"""

from __future__ import annotations

from dataclasses import replace

from tasks.errors import BadTable
from tasks.rows import Asked, Rows, Sealed, Task
from tasks.spec import Provenance
from tasks.split import validation_folds


def nested(task: Task, share: float = 0.25) -> Task:
    """The task with the outermost `share` of its training rows hidden in place of the held-out rows.

    Args:
        task: its own held-out rows stay sealed and are no part of the result.
        share: of each group's rows, rounded to whole levels of the axis. Without an axis one of the parts that
            rows are dealt into is hidden, whatever the share.

    Raises:
        BadTable: no group has enough rows to hide any, or what is left can't be cut into folds.
    """
    train, hidden, name = nested_rows(task, share)
    provenance = Provenance(
        kind="nested",
        where=f"{name} of the training rows of {task.provenance.where}",
        train_hash=train.digest(),
        heldout_hash=hidden.digest(),
        simulated=task.provenance.simulated,
        note=f"nested: the {name} of the training rows are hidden and play the held-out rows",
        official=False,
    )
    asked = Asked(hidden.X, hidden.group)
    inner = Task(replace(task.spec, published=()), train, Sealed(hidden), provenance, asked)
    validation_folds(inner.spec, inner.train)
    return inner


def nested_rows(task: Task, share: float) -> tuple[Rows, Rows, str]:
    """What of the training rows is left, what is hidden, both in the open, and what the cut is called; see `nested`."""
    if not 0 < share < 1:
        raise BadTable(f"task {task.name!r}: expected a share of rows to hide between 0 and 1, got {share!r}")
    fold = validation_folds(task.spec, task.train, (share,))[0]
    return task.train.take(fold.train), task.train.take(fold.validation), fold.name
