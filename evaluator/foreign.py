"""Programs as others publish them, scored: no markers, one law with frozen constants, fits that differ from time to time.

A search asks for more (`evaluate.py`): what is scored here by leave can't win one.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

import numpy as np

from evaluator import contract
from evaluator.evaluate import Checks, Evaluator
from evaluator.metric import score
from evaluator.outcome import Failed, Failure, Outcome, Scorecard, Scored
from evaluator.pasted import explain
from evaluator.sandbox.job import Limits
from evaluator.sandbox.local import Sandbox
from evaluator.scale import Scale
from evaluator.trial import Trial, TrialResult, rounded
from tasks.rows import Rows, Task
from tasks.spec import TaskSpec

FITS = 5
"""Fits of a program that is not repeatable."""
FROZEN_MARK = "constants frozen: fitted by its author, nobody can say on which rows"
LOOSE_MARK = "not repeatable"

ADAPTER = """

def fit_scaling_law(data_points, loss_values):
    return [0.0]


def scaling_law_func(data_points, params):
    names, targets, groups = {features!r}, {targets!r}, {groups!r}
    said = law([dict(zip(names, map(float, row))) for row in data_points], groups[int(params[0])])
    table = []
    for row in said:
        if not isinstance(row, dict):
            raise TypeError("law must return one dict a row with the keys " + ", ".join(targets) + ", got " + type(row).__name__)
        if not set(targets) <= set(row):
            raise KeyError("law must return the keys " + ", ".join(targets) + ", got " + ", ".join(map(str, row)))
        table.append([float(row[t]) for t in targets])
    return table
"""


class Form(StrEnum):
    """Which contract a program keeps."""

    FITTED = "fit_scaling_law and scaling_law_func"
    FROZEN = "law(input_data, group) with frozen constants"


def form_of(program: str) -> Form:
    """The form of a program: frozen where it defines `law` and not both functions of the contract."""
    try:
        with contract.reading():
            tree = contract.parse(program)
    except contract.Unparsable:
        return Form.FITTED
    bound = {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}
    bound |= {
        t.id for n in tree.body if isinstance(n, ast.Assign) for t in n.targets if isinstance(t, ast.Name)
    }
    return Form.FROZEN if "law" in bound and not set(contract.SIGNATURES) <= bound else Form.FITTED


class Lenient(Evaluator):
    """Scores what the field writes, on the rows that it is asked for.

    Args:
        fits: of a program whose second fit differs from the first.
    """

    def __init__(self, sandbox: Sandbox, limits: Limits | None = None, fits: int = FITS) -> None:
        super().__init__(sandbox, limits, markers=False)
        self.fits = fits

    def score_rows(self, program: str, task: Task, rows: Rows, name: str, checks: Checks = "all") -> Outcome:
        """Fit on all of train, or ask the frozen law, and score on the rows given.

        Returns:
            Of a program that is not repeatable, the mean of `fits` fits under `name`, and each fit's card under `fit 1`, ...
        """
        if form_of(program) is Form.FROZEN:
            return self._frozen(program, task, rows, name)
        outcome = super().score_rows(program, task, rows, name, checks)
        if isinstance(outcome, Failed) and outcome.failure is Failure.NOT_REPEATABLE:
            return self._over_fits(program, task, rows, name)
        if isinstance(outcome, Failed) and outcome.failure is Failure.SYNTAX and (why := explain(program)):
            return replace(outcome, detail=f"{why} (Python says: {outcome.detail})")
        return outcome

    def _over_fits(self, program: str, task: Task, rows: Rows, name: str) -> Outcome:
        trial = Trial(self.sandbox, self.limits, program, task.spec, task.train, rows.X, rows.group)
        scale, cards = Scale.of(task.train), []
        done: list[TrialResult] = []
        started = time.monotonic()
        for k in range(self.fits):
            fitted = trial.fit(list(trial.train), again=bool(k % 2))
            y = fitted if isinstance(fitted, Failed) else trial.predict(rounded(fitted))
            if isinstance(fitted, Failed) or isinstance(y, Failed):
                return y if isinstance(y, Failed) else fitted  # type: ignore[return-value]
            broken = trial.check_rows(rounded(fitted), y) if k == 0 else None
            if broken is not None:
                return broken
            cards.append(score(rows.y, y, rows.group, scale))
            constants = {label: tuple(c.ravel().tolist()) for label, c in rounded(fitted).items()}
            done.append(TrialResult(y, constants, max(map(len, constants.values())), 0.0, 0.0, 0.0))
        found = {name: mean_card(cards)} | {f"fit {k}": card for k, card in enumerate(cards, 1)}
        return Scored(
            cards=found,
            constants=done[-1].constants,
            n_constants=max(p.n_constants for p in done),
            seconds=(time.monotonic() - started) / self.fits,
            cpu_seconds=sum(r.cpu_seconds for r in trial.replies),
            peak_memory_mb=max(r.peak_memory_mb for r in trial.replies),
        )

    def _frozen(self, program: str, task: Task, rows: Rows, name: str) -> Outcome:
        groups = list(dict.fromkeys(rows.group.tolist()))
        text = with_functions(program, task.spec, groups)
        broken = contract.check(text, self.sandbox.modules, markers=False)
        if broken is not None:
            return broken
        trial = Trial(self.sandbox, self.limits, text, task.spec, task.train, rows.X, rows.group)
        places = {label: np.array([float(i)]) for i, label in enumerate(groups)}
        y = trial.predict(places)
        if isinstance(y, Failed):
            return y
        broken = trial.check_rows(places, y)
        if broken is not None:
            return broken
        first = trial.replies[0]
        card = score(rows.y, y, rows.group, Scale.of(task.train))
        return Scored(
            {name: card}, {}, 0, first.seconds, first.cpu_seconds, first.peak_memory_mb, first.output
        )


def with_functions(program: str, spec: TaskSpec, groups: Sequence[str]) -> str:
    """A frozen law with the contract's two functions under it; its constants are the group's place in `groups`."""
    adapter = ADAPTER.format(features=spec.feature_names, targets=spec.target_names, groups=tuple(groups))
    return program.rstrip("\n") + "\n" + adapter


def mean_card(cards: Sequence[Scorecard]) -> Scorecard:
    """Mean of the errors of several fits on the same rows."""

    def mean(field: str, some: Sequence[Scorecard]) -> float:
        return float(np.mean([getattr(c, field) for c in some]))

    def of(some: Sequence[Scorecard]) -> Scorecard:
        nmse, r2, nmae, mae = (mean(name, some) for name in ("nmse", "r2", "nmae", "mae"))
        logs, relative = mean("log_error", some), mean("relative_error", some)
        return Scorecard(nmse, r2, nmae, some[0].n_rows, mae, {}, logs, relative)

    return replace(of(cards), per_group={g: of([c.per_group[g] for c in cards]) for g in cards[0].per_group})
