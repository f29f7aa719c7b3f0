"""What a program is worth: fit it on train rows in one child, predict in another, score in the host.

No child ever holds a target it is scored on. One child fits; its constants cross to the host as
plain numbers; another child, with constants and bare features, predicts. The rules are checked here
by asking again: a second fit must give the same constants, and rows asked alone, in halves and in
another order must be answered as before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Literal, Protocol

import numpy as np

from evaluator import contract
from evaluator.errors import BadEvaluation
from evaluator.metric import score
from evaluator.outcome import Failed, Failure, Outcome, Scorecard, Scored
from evaluator.sandbox.job import Limits
from evaluator.sandbox.local import Sandbox
from evaluator.scale import Scale
from evaluator.trial import Trial, TrialResult, rounded
from tasks.rows import Rows, Task
from tasks.spec import TaskSpec

Checks = Literal["none", "first", "all"]

AfterFold = Callable[[str, Rows, Scorecard, TrialResult], bool]


class FoldLike(Protocol):
    """A cut of the training rows; see `tasks/split.py`."""

    @property
    def name(self) -> str: ...
    @property
    def train(self) -> np.ndarray: ...
    @property
    def validation(self) -> np.ndarray: ...


class Evaluator:
    """Scores programs by rules that are checked, not believed.

    Args:
        sandbox: runs the children; may be shared by many evaluators and threads.
        limits: what one child may use.
        markers: whether a program must name the part of it that evolves.
    """

    def __init__(self, sandbox: Sandbox, limits: Limits | None = None, markers: bool = True) -> None:
        self.sandbox, self.markers = sandbox, markers
        self.limits = limits or Limits()

    def fit_and_predict(
        self,
        program: str,
        spec: TaskSpec,
        train: Rows,
        X: np.ndarray,
        group: np.ndarray,
        checks: bool = False,
    ) -> TrialResult | Failed:
        """Fit on every group of `train`, then predict the rows X.

        Args:
            X: (m, F) features; their targets stay with the caller.
            group: (m,) labels, each with rows in `train`.
            checks: also check repeatability and that a prediction depends on its own row alone.

        Raises:
            BadEvaluation: shapes or labels do not fit together.
            SandboxError: the machine failed.
        """
        broken = contract.check(program, self.sandbox.modules, self.markers)
        if broken is not None:
            return broken
        trial = Trial(
            self.sandbox, self.limits, program, spec, train, np.asarray(X, dtype=float), np.asarray(group)
        )
        started = time.monotonic()
        answer = trial.fit_and_predict(checks)
        if isinstance(answer, Failed):
            return replace(answer, seconds=time.monotonic() - started)
        return answer

    def fit_rows(self, program: str, spec: TaskSpec, train: Rows) -> dict[str, np.ndarray] | Failed:
        """Constants of every group, as they reach predictions: for `predict_rows`, as often as wanted."""
        broken = contract.check(program, self.sandbox.modules, self.markers)
        if broken is not None:
            return broken
        none = np.empty((0, len(spec.features)))
        trial = Trial(self.sandbox, self.limits, program, spec, train, none, np.empty(0, dtype=str))
        constants = trial.fit(list(trial.train))
        return constants if isinstance(constants, Failed) else rounded(constants)

    def predict_rows(
        self,
        program: str,
        spec: TaskSpec,
        train: Rows,
        constants: dict[str, np.ndarray],
        X: np.ndarray,
        group: np.ndarray,
    ) -> np.ndarray | Failed:
        """(m, T) predictions of the rows X with the constants that `fit_rows` found on `train`."""
        trial = Trial(
            self.sandbox, self.limits, program, spec, train, np.asarray(X, dtype=float), np.asarray(group)
        )
        return trial.predict(constants)

    def validate(
        self, program: str, task: Task, folds: Iterable[FoldLike], checks: Checks = "first"
    ) -> Outcome:
        """Score on validation folds of the training rows; the first fold that fails ends it.

        Args:
            folds: integer indices into `task.train`.
            checks: in which folds a second fit and further predictions are asked for.
        """
        outcome = self.validate_until(program, task, folds, checks)
        assert outcome is not None
        return outcome

    def validate_until(
        self,
        program: str,
        task: Task,
        folds: Iterable[FoldLike],
        checks: Checks = "first",
        after: AfterFold = lambda name, rows, card, answer: True,
    ) -> Outcome | None:
        """As `validate`, with a look at every fold as soon as it is scored.

        Args:
            after: (fold, its validation rows, their card, predictions and constants) -> whether to go on.

        Returns:
            None where `after` ended it.
        """
        pairs = [(f.name, task.train.take(f.train), task.train.take(f.validation)) for f in folds]
        return self._score(program, task, pairs, checks, "fold ", after)

    def validate_together(self, program: str, task: Task, folds: Sequence[FoldLike]) -> Outcome:
        """As `validate` without checks, all folds in one child, which serves other programs before and after.

        The rows that one fold hides are in the same child as another fold's fits, so this is for programs whose text
        is our own to the letter, as that of laws of the offline search is.
        """
        fits = [task.train.take(f.train) for f in folds]
        asked = [task.train.take(f.validation) for f in folds]
        names = [f.name for f in folds]
        together, rows = _joined(fits, names), _joined(asked, names)
        answer = self._ours(program, _of_parts(task.spec, names), together, rows.X, rows.group)
        if isinstance(answer, Failed):
            return answer
        parts = np.split(answer.y, np.cumsum([len(r) for r in asked])[:-1])
        scale = Scale.of(task.train)
        cards = {name: score(r.y, y, r.group, scale) for name, r, y in zip(names, asked, parts, strict=True)}
        last = f"{names[-1]}: "
        constants = {k.removeprefix(last): v for k, v in answer.constants.items() if k.startswith(last)}
        return scored(cards, [replace(answer, constants=constants)])

    def predict_cuts(
        self,
        program: str,
        spec: TaskSpec,
        cuts: Sequence[tuple[Rows, np.ndarray, np.ndarray]],
        together: bool = False,
    ) -> list[np.ndarray] | Failed:
        """Predictions of several fits: for each (rows to fit, features, groups), an (m, T) array.

        Args:
            together: all in one child, for programs whose text is our own to the letter; see `validate_together`.
        """
        if not together:
            answers = []
            for train, X, group in cuts:
                answer = self.fit_and_predict(program, spec, train, X, group)
                if isinstance(answer, Failed):
                    return answer
                answers.append(answer.y)
            return answers
        names = [f"cut {i}" for i in range(len(cuts))]
        fits = _joined([train for train, _, _ in cuts], names)
        blank = [Rows(X, np.zeros((len(X), fits.y.shape[1])), group) for _, X, group in cuts]
        asked = _joined(blank, names)
        answer = self._ours(program, _of_parts(spec, names), fits, asked.X, asked.group)
        if isinstance(answer, Failed):
            return answer
        return np.split(answer.y, np.cumsum([len(r) for r in blank])[:-1])

    def _ours(
        self, program: str, spec: TaskSpec, train: Rows, X: np.ndarray, group: np.ndarray
    ) -> TrialResult | Failed:
        """As `fit_and_predict` without checks, for text that is our own: quickly, and the usual way where that fails."""
        answer = Trial(self.sandbox, self.limits, program, spec, train, X, group).fit_and_predict_ours()
        return answer or self.fit_and_predict(program, spec, train, X, group)

    def score_rows(self, program: str, task: Task, rows: Rows, name: str, checks: Checks = "all") -> Outcome:
        """Fit on all of train, score on the rows given."""
        outcome = self._score(program, task, [(name, task.train, rows)], checks, "")
        assert outcome is not None
        return outcome

    def broken_rules(
        self, program: str, spec: TaskSpec, train: Rows, X: np.ndarray, group: np.ndarray
    ) -> list[Failed]:
        """Every rule a program breaks, each once, in the order in which they are checked.

        A program over its budget is still asked for predictions, so that one fault hides no other;
        one that does not run at all has that fault alone.
        """
        broken = contract.check(program, self.sandbox.modules, self.markers)
        if broken is not None:
            return [broken]
        trial = Trial(
            self.sandbox, self.limits, program, spec, train, np.asarray(X, dtype=float), np.asarray(group)
        )
        found: list[Failed] = []
        constants = trial.fit(list(trial.train))
        if isinstance(constants, Failed) and constants.failure is Failure.CONSTANTS_BUDGET:
            found.append(constants)
            trial.spec = replace(spec, constants_budget=None, group_budgets=())
            constants = trial.fit(list(trial.train))
        if isinstance(constants, Failed):
            return [*found, constants]
        y = trial.predict(rounded(constants))
        if isinstance(y, Failed):
            found.append(y)
        else:
            found += [f for f in [trial.check_rows(rounded(constants), y)] if f is not None]
        found += [f for f in [trial.check_repeat(constants)] if f is not None]
        return found

    def _score(
        self,
        program: str,
        task: Task,
        pairs: Sequence[tuple[str, Rows, Rows]],
        checks: Checks,
        kind: str,
        after: AfterFold = lambda name, rows, card, answer: True,
    ) -> Outcome | None:
        """Fit and score pair after pair; None where `after` ends it."""
        spec, scale = task.spec, Scale.of(task.train)
        if not pairs or any(len(rows) == 0 for _, _, rows in pairs):
            raise BadEvaluation(f"task {spec.name!r}: expected rows to score, got none")
        cards: dict[str, Scorecard] = {}
        done: list[TrialResult] = []
        started = time.monotonic()
        for i, (name, train, rows) in enumerate(pairs):
            asked = checks == "all" or (checks == "first" and i == 0)
            answer = self.fit_and_predict(program, spec, train, rows.X, rows.group, asked)
            if isinstance(answer, Failed):
                where = f"{kind}{name!r}: " if kind and not answer.detail.startswith("program") else ""
                return replace(
                    answer,
                    detail=where + answer.detail,
                    seconds=time.monotonic() - started,
                    cpu_seconds=answer.cpu_seconds + sum(p.cpu_seconds for p in done),
                )
            cards[name] = score(rows.y, answer.y, rows.group, scale)
            done.append(answer)
            if not after(name, rows, cards[name], answer):
                return None
        return scored(cards, done)


def _joined(parts: Sequence[Rows], names: Sequence[str]) -> Rows:
    """All rows, each group named after its part too."""
    labels = [f"{name}: {label}" for r, name in zip(parts, names, strict=True) for label in r.group.tolist()]
    return Rows(np.concatenate([r.X for r in parts]), np.concatenate([r.y for r in parts]), np.array(labels))


def _of_parts(spec: TaskSpec, names: Sequence[str]) -> TaskSpec:
    """The spec for rows as `_joined` labels them."""
    own = tuple((f"{name}: {label}", n) for name in names for label, n in spec.group_budgets)
    return replace(spec, group_budgets=own) if own else spec


def scored(cards: dict[str, Scorecard], done: Sequence[TrialResult]) -> Scored:
    """The outcome of a program that was scored on several sets of rows, one prediction each, in order."""
    return Scored(
        cards=cards,
        constants=done[-1].constants,
        n_constants=max(p.n_constants for p in done),
        seconds=sum(p.seconds for p in done),
        cpu_seconds=sum(p.cpu_seconds for p in done),
        peak_memory_mb=max(p.peak_memory_mb for p in done),
        output=done[-1].output,
    )
