"""Opens the sealed rows. The one place that does, and it says so before it does.

Held-out scores are reported and never guide anything: call this when a search has ended.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from evaluator.ceiling import noise_ceiling
from evaluator.errors import BadEvaluation
from evaluator.evaluate import Evaluator
from evaluator.marks import marks
from evaluator.metric import score
from evaluator.outcome import Outcome, Scorecard
from evaluator.scale import Scale
from tasks.rows import Rows, Task

if TYPE_CHECKING:
    from evaluator.controls import Control

NAME = "heldout"

Record = Callable[[str, dict[str, Any]], object]
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
        forecast: card of the forecast, which many laws make together; None without one. It is no program.
        marks: signs that the program brought its answers along; see `marks.py`.
        coverage: share of held-out targets inside the forecast's 90 % interval.
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
    forecast: Scorecard | None = None
    coverage: float | None = None
    marks: tuple[str, ...] = ()

    @property
    def card(self) -> Scorecard | None:
        """The held-out card, or None when the program failed."""
        return getattr(self.outcome, "cards", {}).get(NAME)


class Predicted(Protocol):
    """Predictions of rows with an interval, (m, T) each."""

    @property
    def values(self) -> np.ndarray: ...

    @property
    def low(self) -> np.ndarray: ...

    @property
    def high(self) -> np.ndarray: ...


class Forecasting(Protocol):
    """What forecasts rows from features alone, by programs that the record names."""

    @property
    def programs(self) -> Sequence[str]: ...

    def __call__(self, X: np.ndarray, group: np.ndarray) -> Predicted: ...


def reveal(
    program: str,
    task: Task,
    evaluator: Evaluator,
    record: Record,
    forecaster: Forecasting | None = None,
    controls: Mapping[str, Control] | None = None,
) -> Report:
    """Score one program on the held-out rows; `record` is called before they are opened.

    Args:
        record: called once, as record("reveal", {"task", "programs", "rows", "heldout_hash"}), where
            programs are SHA-256 hex digests. If it raises, nothing is opened.
        forecaster: what many laws say together; it is asked for the held-out features and sees no target.
        controls: name -> simple method, shown after those of every scoreboard.
    """
    rows = _open([program, *(forecaster.programs if forecaster else ())], task, record)
    said = forecaster(rows.X, rows.group) if forecaster else None
    outcome = evaluator.score_rows(program, task, rows, NAME)
    return Report(
        task=task.name,
        outcome=outcome,
        ceiling=noise_ceiling(rows),
        train_ceiling=noise_ceiling(task.train),
        controls=control_cards(task, rows, controls),
        heldout_hash=task.provenance.heldout_hash,
        n_rows=len(rows),
        simulated=task.provenance.simulated,
        forecast=None if said is None else score(rows.y, said.values, rows.group, Scale.of(task.train)),
        coverage=None if said is None else float(((said.low <= rows.y) & (rows.y <= said.high)).mean()),
        marks=marks(program, task, evaluator, outcome),
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


def opened(task: Task, facts: Mapping[str, Any]) -> Rows:
    """The held-out rows once more, to draw what a search that has ended said of them.

    Args:
        facts: of the report that its journal holds, from `reveal`.

    Raises:
        BadEvaluation: the journal speaks of other rows.
    """
    if facts["heldout_hash"] != task.provenance.heldout_hash:
        raise BadEvaluation(
            f"task {task.name!r}: the report is of held-out rows {facts['heldout_hash']}, these are "
            f"{task.provenance.heldout_hash}; give the rows that the search was revealed on"
        )
    return task.heldout.open()


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


def control_cards(task: Task, rows: Rows, more: Mapping[str, Control] | None = None) -> dict[str, Scorecard]:
    """Cards of the simple methods, fitted on all of train; they too see features alone.

    Args:
        more: methods shown after those of every scoreboard.
    """
    from evaluator.controls import all_controls

    cards = {}
    for name, predict in {**all_controls(), **(more or {})}.items():
        y = np.asarray(predict(task.spec, task.train, rows.X, rows.group), dtype=float)
        cards[name] = score(rows.y, y.reshape(rows.y.shape), rows.group, Scale.of(task.train))
    return cards
