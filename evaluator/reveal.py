"""Opens the sealed rows. The one place that does, and it says so before it does.

Held-out scores are reported and never guide anything: call this when a search has ended.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from evaluator.ceiling import noise_ceiling
from evaluator.evaluate import Evaluator
from evaluator.metric import score
from evaluator.outcome import Outcome, Scorecard
from tasks.rows import Rows, Task

NAME = "heldout"

Record = Callable[[str, dict], object]
"""Called as record("reveal", facts); a journal writes it down."""


@dataclass(frozen=True, slots=True)
class Report:
    """Held-out scores of one program, with what to compare them to.

    Attributes:
        task: name.
        outcome: the program's; its one card is named "heldout".
        ceiling: best R2 any function of the features could reach on these rows.
        train_ceiling: the same on the training rows.
        controls: name -> card of each simple method that every scoreboard shows.
        heldout_hash: of the rows, from the task's provenance.
        n_rows: held-out rows.
        simulated: whether the rows are simulated; every screen must say so.
    """

    task: str
    outcome: Outcome
    ceiling: float
    train_ceiling: float
    controls: dict[str, Scorecard]
    heldout_hash: str
    n_rows: int
    simulated: bool = False

    @property
    def card(self) -> Scorecard | None:
        """The held-out card, or None when the program failed."""
        return getattr(self.outcome, "cards", {}).get(NAME)


def reveal(program: str, task: Task, evaluator: Evaluator, record: Record) -> Report:
    """Score one program on the held-out rows; `record` is called before they are opened."""
    return reveal_many([program], task, evaluator, record)[0]


def reveal_many(programs: Sequence[str], task: Task, evaluator: Evaluator, record: Record) -> list[Report]:
    """Score several programs, all chosen beforehand, on one opening of the held-out rows.

    Args:
        record: called once, as record("reveal", {"task", "programs", "rows", "heldout_hash"}), where
            programs are SHA-256 hex digests. If it raises, nothing is opened.
    """
    programs = list(programs)
    record(
        "reveal",
        {
            "task": task.name,
            "programs": [hashlib.sha256(p.encode(errors="surrogatepass")).hexdigest() for p in programs],
            "rows": len(task.heldout),
            "heldout_hash": task.provenance.heldout_hash,
        },
    )
    rows = task.heldout.open()
    controls = control_cards(task, rows)
    ceiling, train_ceiling = noise_ceiling(rows), noise_ceiling(task.train)
    return [
        Report(
            task=task.name,
            outcome=evaluator.score_rows(program, task, rows, NAME),
            ceiling=ceiling,
            train_ceiling=train_ceiling,
            controls=controls,
            heldout_hash=task.provenance.heldout_hash,
            n_rows=len(rows),
            simulated=task.provenance.simulated,
        )
        for program in programs
    ]


def control_cards(task: Task, rows: Rows) -> dict[str, Scorecard]:
    """Cards of the simple methods, fitted on all of train; they too see features alone."""
    from evaluator.controls import all_controls

    cards = {}
    for name, predict in all_controls().items():
        y = np.asarray(predict(task.spec, task.train, rows.X, rows.group), dtype=float)
        cards[name] = score(rows.y, y.reshape(rows.y.shape), rows.group)
    return cards
