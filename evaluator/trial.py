"""One program put to the question: fit, predict, and ask again in other ways.

Each question goes to a fresh child. The one that fits holds training rows, the one that predicts holds
constants and bare features, and neither holds a target that is scored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from evaluator.child import digits
from evaluator.errors import BadEvaluation
from evaluator.outcome import Failed, Failure
from evaluator.sandbox.job import Job, Limits, Part, Reply, Step, Together
from evaluator.sandbox.local import Sandbox
from tasks.rows import Rows
from tasks.spec import TaskSpec

MOST_CONSTANTS = 256
"""Cap per group where the benchmark sets no budget; and see `Trial.budget`."""

RTOL = 1e-9
"""A row asked in another batch may be answered differently by this, relatively: rounding."""

ATOL_SPREAD = 1e-8
"""And by this share of the training targets' standard deviation, for laws whose terms cancel."""

SINGLE_ROWS = 5
"""Rows asked one at a time."""


@dataclass(frozen=True, slots=True)
class TrialResult:
    """What a program predicts after fitting.

    Attributes:
        y: (m, T) finite predictions.
        constants: group label -> fitted constants, flat, as rounded before they predicted.
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


class Trial:
    """One program on one training set and one set of features.

    Args:
        train: rows with targets, for the fits.
        X: (m, F) features to predict.
        group: (m,) labels, each with rows in `train`.

    Raises:
        BadEvaluation: shapes or labels do not fit together.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        limits: Limits,
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
        self.sandbox, self.limits = sandbox, limits
        self.program, self.spec = program, spec
        self.rows, self.X, self.group = train, X, group
        self.F, self.T = F, T
        self.spread = train.y.std(axis=0)
        self.replies: list[Reply] = []

    def fit_and_predict(self, checks: bool) -> TrialResult | Failed:
        """Predictions of a fit, and if asked the checks that they rest on."""
        answer = self._fit_and_predict(checks)
        if not isinstance(answer, Failed):
            return answer
        cpu = answer.cpu_seconds + sum(r.cpu_seconds for r in self.replies)
        peak = max([answer.peak_memory_mb, *(r.peak_memory_mb for r in self.replies)])
        return replace(answer, cpu_seconds=cpu, peak_memory_mb=peak)

    def fit_and_predict_ours(self) -> TrialResult | None:
        """The same without checks, in a child that serves many programs; None where the usual way has to tell.

        Only for text that is known to be our own, to the letter: such a program reads nothing but what it is given.
        """
        places = {label: np.flatnonzero(self.group == label) for label in self.train}
        parts = [
            Part(self.rows.X[index], self.rows.y[index], self.X[places[label]], self.budget(label))
            for label, index in self.train.items()
        ]
        reply = self.sandbox.run_together(Together(self.program, self.F, self.T, parts), self.limits)
        if reply is None:
            return None
        found, answers = reply.answers[::2], reply.answers[1::2]
        if not all(a.size and np.isfinite(a).all() for a in found):
            return None
        y = np.empty((len(self.group), self.T))
        for index, answer in zip(places.values(), answers, strict=True):
            y[index] = answer
        if not np.isfinite(y).all():
            return None
        constants = {label: digits.rounded(c) for label, c in zip(self.train, found, strict=True)}
        return self._prediction(y, constants, [reply])

    def _prediction(
        self, y: np.ndarray, constants: dict[str, np.ndarray], replies: Sequence[Reply], output: str = ""
    ) -> TrialResult:
        return TrialResult(
            y=y,
            constants={label: tuple(c.ravel().tolist()) for label, c in constants.items()},
            n_constants=max(c.size for c in constants.values()),
            seconds=sum(r.seconds for r in replies),
            cpu_seconds=sum(r.cpu_seconds for r in replies),
            peak_memory_mb=max((r.peak_memory_mb for r in replies), default=0.0),
            output=output,
        )

    def _fit_and_predict(self, checks: bool) -> TrialResult | Failed:
        fitted = self.fit(list(self.train))
        if isinstance(fitted, Failed):
            return fitted
        constants = rounded(fitted)
        output = self.replies[-1].output
        y = self.predict(constants)
        if isinstance(y, Failed):
            return y
        if checks:
            broken = self.check_rows(constants, y) or self.check_repeat(fitted)
            if broken is not None:
                return broken
        return self._prediction(y, constants, self.replies, output)

    def fit(self, labels: list[str], again: bool = False) -> dict[str, np.ndarray] | Failed:
        """Constants of each group as returned, fitted in the order given in one child."""
        steps = []
        for label in labels:
            index, budget = self.train[label], self.budget(label)
            steps.append(
                Step(
                    self._name("fit", label),
                    {"rows": len(index), "most_constants": budget},
                    np.concatenate([self.rows.X[index].ravel(), self.rows.y[index].ravel()]),
                    most_numbers=budget,
                )
            )
        reply = self._run("fit", steps, again=again)
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
        most = self.spec.budget_of(label)
        if most is not None:
            return most
        return min(MOST_CONSTANTS, max(8, len(self.train[label]) // 2))

    def predict(self, constants: dict[str, np.ndarray]) -> np.ndarray | Failed:
        """(m, T) predictions, one batch a group."""
        batches = [
            (label, np.flatnonzero(self.group == label)) for label in dict.fromkeys(self.group.tolist())
        ]
        answers = self._ask(constants, batches)
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
                    f"{self._name('predict', label)}: prediction at {features} is not finite",
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
        answers = self._ask(constants, batches, again=True)
        if isinstance(answers, Failed):
            if answers.failure in (Failure.EXCEPTION, Failure.SHAPE):
                return replace(
                    answers,
                    failure=Failure.ROW_DEPENDENCE,
                    detail=f"{answers.detail} (rows asked in other batches)",
                )
            return answers
        for (label, index), kind, answer in zip(batches, kinds, answers, strict=True):
            wrong = ~self._same(answer, y[index])
            if wrong.any():
                row, target = (int(k) for k in np.argwhere(wrong)[0])
                return Failed(
                    Failure.ROW_DEPENDENCE,
                    f"{self._name('predict', label)}: a row predicted as {y[index[row], target]:.10g} becomes "
                    f"{answer[row, target]:.10g} when asked {kind}; a prediction may depend on its own row alone",
                )
        return None

    def _same(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        same: np.ndarray = np.abs(a - b) <= RTOL * np.abs(b) + ATOL_SPREAD * self.spread
        return same

    def check_repeat(self, constants: dict[str, np.ndarray]) -> Failed | None:
        """A second child that fits the groups in reverse order must find the same constants, bit for bit.

        One machine, one thread, one seed: honest arithmetic repeats exactly, and a tolerance would
        let a clock pass, whose readings are large numbers that differ little.
        """
        again = self.fit(list(reversed(constants)), again=True)
        if isinstance(again, Failed):
            # Out of time or memory only now: that is what happened, and a loaded machine may have done it.
            kept = again.failure in (Failure.TIMEOUT, Failure.MEMORY)
            failure = again.failure if kept else Failure.NOT_REPEATABLE
            return replace(again, failure=failure, detail=f"{again.detail} (in a second fit)")
        for label, first in constants.items():
            if not np.array_equal(first, again[label]):
                return Failed(
                    Failure.NOT_REPEATABLE,
                    f"{self._name('fit', label)}: constants {_listed(first)} became {_listed(again[label])} in a "
                    "second fit; seed every generator, and keep nothing between fits",
                )
        return None

    def _ask(
        self, constants: dict[str, np.ndarray], batches: list[tuple[str, np.ndarray]], again: bool = False
    ) -> list[np.ndarray] | Failed:
        place = {label: i for i, label in enumerate(constants)}
        steps = [
            Step(
                self._name("predict", label),
                {"rows": len(index), "constants": place[label]},
                self.X[index],
                len(index) * self.T,
            )
            for label, index in batches
        ]
        reply = self._run("predict", steps, constants=list(constants.values()), again=again)
        if isinstance(reply, Failed):
            return reply
        for step, answer, (_, index) in zip(steps, reply.answers, batches, strict=True):
            if answer.shape != (len(index), self.T):
                return Failed(
                    Failure.BAD_REPLY,
                    f"{step.name}: expected {(len(index), self.T)} numbers, got {answer.shape}",
                )
        return reply.answers

    def _run(
        self, call: str, steps: list[Step], constants: Sequence[np.ndarray] = (), again: bool = False
    ) -> Reply | Failed:
        job = Job(call, self.program, self.F, self.T, steps, constants, again)
        reply = self.sandbox.run(job, self.limits)
        if isinstance(reply, Reply):
            self.replies.append(reply)
        return reply

    def _name(self, call: str, label: str) -> str:
        return call if len(self.train) == 1 else f"{call}, group {label!r}"


def rounded(constants: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Constants of each group as they reach the predictions."""
    return {label: digits.rounded(values) for label, values in constants.items()}


def _listed(constants: np.ndarray) -> str:
    shown = ", ".join(f"{value:.17g}" for value in constants.ravel()[:6])
    return f"({shown}{', ...' if constants.size > 6 else ''})"
