"""Opens the sealed rows. The one place that does, and it says so before it does.

Held-out scores are reported and never guide anything: call this when a search has ended.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from evaluator.ceiling import noise_ceiling
from evaluator.evaluate import Evaluator
from evaluator.metric import score
from evaluator.outcome import Outcome, Scorecard
from evaluator.trial import Prediction
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
        average: card of the median over the predictions of the program and its partners, row by row;
            None without partners. It is a prediction, not a program.
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
    average: Scorecard | None = None

    @property
    def card(self) -> Scorecard | None:
        """The held-out card, or None when the program failed."""
        return getattr(self.outcome, "cards", {}).get(NAME)


def reveal(
    program: str, task: Task, evaluator: Evaluator, record: Record, partners: Sequence[str] = ()
) -> Report:
    """Score one program on the held-out rows; `record` is called before they are opened.

    Args:
        record: called once, as record("reveal", {"task", "programs", "rows", "heldout_hash"}), where
            programs are SHA-256 hex digests. If it raises, nothing is opened.
        partners: programs chosen beside it, whose predictions are averaged with its own.
    """
    rows = _open([program, *partners], task, record)
    return Report(
        task=task.name,
        outcome=evaluator.score_rows(program, task, rows, NAME),
        ceiling=noise_ceiling(rows),
        train_ceiling=noise_ceiling(task.train),
        controls=control_cards(task, rows),
        heldout_hash=task.provenance.heldout_hash,
        n_rows=len(rows),
        simulated=task.provenance.simulated,
        average=_average([program, *partners], task, rows, evaluator) if partners else None,
    )


def hindsight(
    programs: Sequence[str],
    task: Task,
    evaluator: Evaluator,
    record: Record,
    each: Callable[..., Iterable[Outcome]] = map,
) -> list[Outcome]:
    """Held-out outcomes of every program of a search that has ended: how well did its choice do?

    Rules are not checked again, so these are for plots of what selection could have had, not for ranking.

    Args:
        each: `map`, or the `map` of an executor.
    """
    rows = _open(programs, task, record)
    return list(each(lambda p: evaluator.score_rows(p, task, rows, NAME, checks="none"), programs))


def _open(programs: Sequence[str], task: Task, record: Record) -> Rows:
    record(
        "reveal",
        {
            "task": task.name,
            "programs": [hashlib.sha256(p.encode(errors="surrogatepass")).hexdigest() for p in programs],
            "rows": len(task.heldout),
            "heldout_hash": task.provenance.heldout_hash,
        },
    )
    return task.heldout.open()


def _average(programs: Sequence[str], task: Task, rows: Rows, evaluator: Evaluator) -> Scorecard | None:
    answers = [evaluator.fit_and_predict(p, task.spec, task.train, rows.X, rows.group) for p in programs]
    kept = [a.y for a in answers if isinstance(a, Prediction)]
    return score(rows.y, np.median(kept, axis=0), rows.group) if kept else None


def control_cards(task: Task, rows: Rows) -> dict[str, Scorecard]:
    """Cards of the simple methods, fitted on all of train; they too see features alone."""
    from evaluator.controls import all_controls

    cards = {}
    for name, predict in all_controls().items():
        y = np.asarray(predict(task.spec, task.train, rows.X, rows.group), dtype=float)
        cards[name] = score(rows.y, y.reshape(rows.y.shape), rows.group)
    return cards
