"""What a program is worth: fit it on train rows in one child, predict in another, score in the host.

No child ever holds a target it is scored on. One child fits; its constants cross to the host as
plain numbers; another child, with constants and bare features, predicts. The rules are checked here
by asking again: a second fit must give the same constants, and rows asked alone, in halves and in
another order must be answered as before.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np

from evaluator import contract
from evaluator.errors import BadEvaluation
from evaluator.metric import score
from evaluator.outcome import Failed, Failure, Outcome, Scorecard, Scored
from evaluator.sandbox import Job, Limits, Reply, Sandbox, Step
from tasks.rows import Rows, Task
from tasks.spec import TaskSpec

MOST_CONSTANTS = 256
"""Cap per group where the benchmark sets no budget; and see `_Run.budget`."""

RTOL = 1e-9
"""A row asked in another batch may be answered differently by this, relatively: rounding."""

ATOL_SPREAD = 1e-8
"""And by this share of the training targets' standard deviation, for laws whose terms cancel."""

SINGLE_ROWS = 5
"""Rows asked one at a time."""

Checks = Literal["none", "first", "all"]


class FoldLike(Protocol):
    """A cut of the training rows; see `tasks/split.py`."""

    name: str
    train: np.ndarray
    validation: np.ndarray


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a program predicts after fitting.

    Attributes:
        y: (m, T) finite predictions.
        constants: group label -> fitted constants, flat.
        n_constants: most constants of any group.
        seconds, cpu_seconds, peak_memory_mb: of both children.
        output: what the fit printed.
    """

    y: np.ndarray
    constants: dict[str, tuple[float, ...]]
    n_constants: int
    seconds: float
    cpu_seconds: float
    peak_memory_mb: float
    output: str = ""


class Evaluator:
    """Scores programs by rules that are checked, not believed.

    Args:
        sandbox: runs the children; may be shared by many evaluators and threads.
        limits: what one child may use.
    """

    def __init__(self, sandbox: Sandbox, limits: Limits | None = None) -> None:
        self.sandbox = sandbox
        self.limits = limits or Limits()

    def fit_and_predict(
        self,
        program: str,
        spec: TaskSpec,
        train: Rows,
        X: np.ndarray,
        group: np.ndarray,
        checks: bool = False,
    ) -> Prediction | Failed:
        """Fit on every group of `train`, then predict the rows X.

        Args:
            X: (m, F) features; their targets stay with the caller.
            group: (m,) labels, each with rows in `train`.
            checks: also check repeatability and that a prediction depends on its own row alone.

        Raises:
            BadEvaluation: shapes or labels do not fit together.
            SandboxError: the machine failed.
        """
        broken = contract.check(program, self.sandbox.modules)
        if broken is not None:
            return broken
        run = _Run(self, program, spec, train, np.asarray(X, dtype=float), np.asarray(group))
        started = time.monotonic()
        answer = run.both(checks)
        if isinstance(answer, Failed):
            return replace(answer, seconds=time.monotonic() - started)
        return answer

    def validate(
        self, program: str, task: Task, folds: Iterable[FoldLike], checks: Checks = "first"
    ) -> Outcome:
        """Score on validation folds of the training rows; the first fold that fails ends it.

        Args:
            folds: integer indices into `task.train`.
            checks: in which folds a second fit and further predictions are asked for.
        """
        pairs = [(f.name, task.train.take(f.train), task.train.take(f.validation)) for f in folds]
        return self._score(program, task.spec, pairs, checks, "fold ")

    def score_rows(self, program: str, task: Task, rows: Rows, name: str, checks: Checks = "all") -> Outcome:
        """Fit on all of train, score on the rows given."""
        return self._score(program, task.spec, [(name, task.train, rows)], checks, "")

    def broken_rules(
        self, program: str, spec: TaskSpec, train: Rows, X: np.ndarray, group: np.ndarray
    ) -> list[Failed]:
        """Every rule a program breaks, each once, in the order in which they are checked.

        A program over its budget is still asked for predictions, so that one fault hides no other;
        one that does not run at all has that fault alone.
        """
        broken = contract.check(program, self.sandbox.modules)
        if broken is not None:
            return [broken]
        run = _Run(self, program, spec, train, np.asarray(X, dtype=float), np.asarray(group))
        found: list[Failed] = []
        constants = run.fit(list(run.train))
        if isinstance(constants, Failed) and constants.failure is Failure.CONSTANTS_BUDGET:
            found.append(constants)
            run.spec = replace(spec, constants_budget=None)
            constants = run.fit(list(run.train))
        if isinstance(constants, Failed):
            return [*found, constants]
        y = run.predict(constants)
        if isinstance(y, Failed):
            found.append(y)
        else:
            found += [f for f in [run.check_rows(constants, y)] if f is not None]
        found += [f for f in [run.check_repeat(constants)] if f is not None]
        return found

    def _score(
        self, program: str, spec: TaskSpec, pairs: Sequence[tuple[str, Rows, Rows]], checks: Checks, kind: str
    ) -> Outcome:
        if not pairs or any(len(rows) == 0 for _, _, rows in pairs):
            raise BadEvaluation(f"task {spec.name!r}: expected rows to score, got none")
        cards: dict[str, Scorecard] = {}
        done: list[Prediction] = []
        started = time.monotonic()
        for i, (name, train, rows) in enumerate(pairs):
            asked = checks == "all" or (checks == "first" and i == 0)
            answer = self.fit_and_predict(program, spec, train, rows.X, rows.group, asked)
            if isinstance(answer, Failed):
                where = f"{kind}{name!r}: " if kind and not answer.detail.startswith("program") else ""
                return replace(answer, detail=where + answer.detail, seconds=time.monotonic() - started)
            cards[name] = score(rows.y, answer.y, rows.group)
            done.append(answer)
        return Scored(
            cards=cards,
            constants=done[-1].constants,
            n_constants=max(p.n_constants for p in done),
            seconds=sum(p.seconds for p in done),
            cpu_seconds=sum(p.cpu_seconds for p in done),
            peak_memory_mb=max(p.peak_memory_mb for p in done),
            output=done[-1].output,
        )


class _Run:
    """One program on one training set and one set of features."""

    def __init__(
        self,
        evaluator: Evaluator,
        program: str,
        spec: TaskSpec,
        train: Rows,
        X: np.ndarray,
        group: np.ndarray,
    ) -> None:
        F, T = len(spec.features), len(spec.targets)
        if train.X.shape != (len(train), F) or train.y.shape != (len(train), T) or X.shape != (len(group), F):
            raise BadEvaluation(
                f"task {spec.name!r}: expected {F} features and {T} targets, got train {train.X.shape} -> "
                f"{train.y.shape} and rows {X.shape} with {len(group)} labels"
            )
        self.train = dict(train.by_group())
        missing = [label for label in dict.fromkeys(group.tolist()) if label not in self.train]
        if missing:
            raise BadEvaluation(
                f"task {spec.name!r}: group {missing[0]!r} has rows to predict and none to fit"
            )
        self.sandbox, self.limits = evaluator.sandbox, evaluator.limits
        self.program, self.spec = program, spec
        self.rows, self.X, self.group = train, X, group
        self.F, self.T = F, T
        self.spread = train.y.std(axis=0)
        self.replies: list[Reply] = []

    def both(self, checks: bool) -> Prediction | Failed:
        constants = self.fit(list(self.train))
        if isinstance(constants, Failed):
            return constants
        output = self.replies[-1].output
        y = self.predict(constants)
        if isinstance(y, Failed):
            return y
        if checks:
            broken = self.check_rows(constants, y) or self.check_repeat(constants)
            if broken is not None:
                return broken
        return Prediction(
            y=y,
            constants={label: tuple(c.ravel().tolist()) for label, c in constants.items()},
            n_constants=max(c.size for c in constants.values()),
            seconds=sum(r.seconds for r in self.replies),
            cpu_seconds=sum(r.cpu_seconds for r in self.replies),
            peak_memory_mb=max(r.peak_memory_mb for r in self.replies),
            output=output,
        )

    def fit(self, labels: list[str], again: bool = False) -> dict[str, np.ndarray] | Failed:
        """Constants of each group, fitted in the order given in one child."""
        steps = []
        for label in labels:
            index, budget = self.train[label], self.budget(label)
            steps.append(
                Step(
                    self.name("fit", label),
                    {"rows": len(index), "most_constants": budget},
                    np.concatenate([self.rows.X[index].ravel(), self.rows.y[index].ravel()]),
                    most_numbers=budget,
                )
            )
        reply = self.run("fit", steps, again=again)
        if isinstance(reply, Failed):
            return reply
        for step, answer in zip(steps, reply.answers, strict=True):
            if answer.size == 0:
                return Failed(Failure.SHAPE, f"{step.name}: expected at least one constant, got none")
            if not np.isfinite(answer).all():
                bad = int(np.flatnonzero(~np.isfinite(answer.ravel()))[0])
                return Failed(Failure.NOT_FINITE, f"{step.name}: constant {bad} is {answer.ravel()[bad]}")
        return dict(zip(labels, reply.answers, strict=True))

    def budget(self, label: str) -> int:
        """Most constants for a group.

        Without a budget of the benchmark a law may still not carry its training rows along: half
        as many constants as rows, within 8 and MOST_CONSTANTS.
        """
        if self.spec.constants_budget is not None:
            return self.spec.constants_budget
        return min(MOST_CONSTANTS, max(8, len(self.train[label]) // 2))

    def predict(self, constants: dict[str, np.ndarray]) -> np.ndarray | Failed:
        """(m, T) predictions, one batch a group."""
        batches = [
            (label, np.flatnonzero(self.group == label)) for label in dict.fromkeys(self.group.tolist())
        ]
        answers = self.ask(constants, batches)
        if isinstance(answers, Failed):
            return answers
        y = np.empty((len(self.group), self.T))
        for (label, index), answer in zip(batches, answers, strict=True):
            if not np.isfinite(answer).all():
                row = int(np.flatnonzero(~np.isfinite(answer).all(axis=1))[0])
                features = ", ".join(
                    f"{n}={v:g}" for n, v in zip(self.spec.feature_names, self.X[index[row]], strict=True)
                )
                return Failed(
                    Failure.NOT_FINITE,
                    f"{self.name('predict', label)}: prediction at {features} is not finite",
                )
            y[index] = answer
        return y

    def check_rows(self, constants: dict[str, np.ndarray], y: np.ndarray) -> Failed | None:
        """A fresh child asked in other batches must give the same answers.

        Rows asked alone come first: the child cannot know of rows it has not been sent.
        """
        # Drawn from the text of the program, so the same rows are asked every time, and no
        # program can know them before it is written.
        rng = np.random.default_rng(
            int.from_bytes(hashlib.sha256(self.program.encode(errors="replace")).digest()[:8])
        )
        n = len(self.group)
        singles = rng.choice(n, size=min(SINGLE_ROWS, n), replace=False)
        batches = [(str(self.group[i]), np.array([i])) for i in singles]
        kinds = ["alone"] * len(batches)
        for label in reversed(list(dict.fromkeys(self.group.tolist()))):
            index = rng.permutation(np.flatnonzero(self.group == label))
            half = len(index) // 2
            parts = [index[:half], index[half:]] if half else []
            batches += [(label, part) for part in (*parts, index)]
            kinds += ["in half of the rows"] * len(parts) + ["in another order"]
        answers = self.ask(constants, batches, again=True)
        if isinstance(answers, Failed):
            if answers.failure in (Failure.EXCEPTION, Failure.SHAPE):
                return replace(
                    answers,
                    failure=Failure.ROW_DEPENDENCE,
                    detail=f"{answers.detail} (rows asked in other batches)",
                )
            return answers
        for (label, index), kind, answer in zip(batches, kinds, answers, strict=True):
            wrong = ~self.same(answer, y[index])
            if wrong.any():
                row, target = (int(k) for k in np.argwhere(wrong)[0])
                return Failed(
                    Failure.ROW_DEPENDENCE,
                    f"{self.name('predict', label)}: a row predicted as {y[index[row], target]:.10g} becomes "
                    f"{answer[row, target]:.10g} when asked {kind}; a prediction may depend on its own row alone",
                )
        return None

    def same(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.abs(a - b) <= RTOL * np.abs(b) + ATOL_SPREAD * self.spread

    def check_repeat(self, constants: dict[str, np.ndarray]) -> Failed | None:
        """A second child that fits the groups in reverse order must find the same constants, bit for bit.

        One machine, one thread, one seed: honest arithmetic repeats exactly, and a tolerance would
        let a clock pass, whose readings are large numbers that differ little.
        """
        again = self.fit(list(reversed(constants)), again=True)
        if isinstance(again, Failed):
            return replace(again, failure=Failure.NOT_REPEATABLE, detail=f"{again.detail} (in a second fit)")
        for label, first in constants.items():
            if not np.array_equal(first, again[label]):
                return Failed(
                    Failure.NOT_REPEATABLE,
                    f"{self.name('fit', label)}: constants {_listed(first)} became {_listed(again[label])} in a "
                    "second fit; seed every generator, and keep nothing between fits",
                )
        return None

    def ask(
        self, constants: dict[str, np.ndarray], batches: list[tuple[str, np.ndarray]], again: bool = False
    ) -> list[np.ndarray] | Failed:
        place = {label: i for i, label in enumerate(constants)}
        steps = [
            Step(
                self.name("predict", label),
                {"rows": len(index), "constants": place[label]},
                self.X[index],
                len(index) * self.T,
            )
            for label, index in batches
        ]
        reply = self.run("predict", steps, constants=list(constants.values()), again=again)
        if isinstance(reply, Failed):
            return reply
        for step, answer, (_, index) in zip(steps, reply.answers, batches, strict=True):
            if answer.shape != (len(index), self.T):
                return Failed(
                    Failure.BAD_REPLY,
                    f"{step.name}: expected {(len(index), self.T)} numbers, got {answer.shape}",
                )
        return reply.answers

    def run(
        self, call: str, steps: list[Step], constants: Sequence[np.ndarray] = (), again: bool = False
    ) -> Reply | Failed:
        job = Job(call, self.program, self.F, self.T, steps, constants, again)
        reply = self.sandbox.run(job, self.limits)
        if isinstance(reply, Reply):
            self.replies.append(reply)
        return reply

    def name(self, call: str, label: str) -> str:
        return call if len(self.train) == 1 else f"{call}, group {label!r}"


def _listed(constants: np.ndarray) -> str:
    shown = ", ".join(f"{value:.17g}" for value in constants.ravel()[:6])
    return f"({shown}{', ...' if constants.size > 6 else ''})"
