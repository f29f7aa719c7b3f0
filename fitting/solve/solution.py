"""A solved problem: constants, goodness of fit and predictions, before anybody asks how sure they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from fitting.arrays import Array
from fitting.errors import BadOption
from fitting.law.law import Law
from fitting.solve.losses import Loss
from fitting.solve.problem import Problem
from fitting.status import FitStatus


@dataclass(frozen=True)
class Solution:
    """Constants of a law at the optimum of a problem, and what follows from them alone.

    Attributes:
        law: the law (fixed constants filled in, tied ones merged).
        constants: name -> value; constants that differ between groups are named E[label].
        objective: the mean cost that was made small: mean squared residual, mean Huber, ...
        rss: weighted sum of squared residuals; n_points: rows; loss: the loss.
        status, status_message: how the fit ended; BOUND_HIT when a constant sits on its bound.
        steps: Newton steps over all starts.
        problem: the rows and models behind it.
    """

    law: Law
    constants: dict[str, float]
    objective: float
    rss: float
    n_points: int
    loss: Loss
    status: FitStatus
    status_message: str
    steps: int
    problem: Problem

    @classmethod
    def of(
        cls, problem: Problem, theta: np.ndarray, converged: bool, steps: int, adrift: Sequence[int] = ()
    ) -> Self:
        rows, loss = problem.rows, problem.loss
        f = problem.model.value(theta[None])[0]
        r = loss.residual(rows.y, f)
        rss = float((r * r).sum() if rows.weights is None else (rows.weights * r * r).sum())
        gone, lost = runaways(problem, theta)
        inner = problem.inner.names(rows.labels)
        values = dict(zip(problem.names, theta, strict=True))
        lost += [
            f"{inner[s]} runs away to {values[inner[s]]:.3g}: the rows would take ten times as much"
            for s in adrift
            if not any(p.startswith(f"{inner[s]} ") for p in (*gone, *lost))
        ]
        hit = [*bound_phrases(problem, theta), *gone, *lost]
        status = FitStatus.CONVERGED if converged else FitStatus.MAX_ITER
        if hit:
            status = FitStatus.ABNORMAL if lost else FitStatus.BOUND_HIT
        message = (
            "; ".join(hit) if hit else "Newton converged" if converged else "Newton stopped before converging"
        )
        if hit and not converged:
            message += "; Newton stopped before converging"
        constants = dict(zip(problem.names, map(float, theta), strict=True))
        value = loss.mean(r, rows.weights)
        return cls(problem.law, constants, value, rss, rows.n, loss, status, message, steps, problem)

    @property
    def theta(self) -> np.ndarray:
        """(P,) constants in the order of `constants`."""
        return np.array(list(self.constants.values()))

    def group_constants(self, label: str) -> dict[str, float]:
        """The constants that hold in one group."""
        labels = self.problem.rows.labels
        if label not in labels:
            raise BadOption(f"no group {label!r}; groups are {', '.join(labels) or 'none'}")
        g = labels.index(label)
        theta = self.theta
        slots = zip(self.law.constants, self.problem.model.slots, strict=True)
        return {name: float(theta[s[g] if len(s) > 1 else s[0]]) for name, s in slots}

    def one_set(self, group: str | None) -> dict[str, float]:
        """Constants of one group, or of all rows when none differs between groups."""
        if group is not None:
            return self.group_constants(group)
        if self.problem.free:
            raise BadOption(
                f"constants differ between groups: pass group=, one of {', '.join(self.problem.rows.labels)}"
            )
        return dict(self.constants)

    def predict(
        self, data: Mapping[str, Any] | None = None, *, group: str | None = None, **features: Any
    ) -> Any:
        """Values of the law for columns given by name: `predict(N=7e10, D=1.4e12)`."""
        return self.law.predict(self.one_set(group), data, **features)

    @property
    def fitted(self) -> np.ndarray:
        """(n,) values at the rows of the fit."""
        values: Array = self.problem.model.value(self.theta[None])[0].copy()
        return values

    @property
    def residuals(self) -> np.ndarray:
        """(n,) observed - fitted."""
        r: Array = self.problem.rows.y - self.fitted
        return r

    @property
    def r2(self) -> float:
        """1 - RSS / total sum of squares, weighted as the fit was; NaN when the target does not vary."""
        y, w = self.problem.rows.y, self.problem.rows.weights
        total = float(np.average((y - np.average(y, weights=w)) ** 2, weights=w))
        return 1.0 - float(np.average(self.residuals**2, weights=w)) / total if total > 0 else float("nan")

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value:.6g}" for name, value in self.constants.items())
        return f"<{type(self).__name__} {self.law.text!r}: {values}; {self.loss.describe()} {self.objective:.6g}, {self.status}>"


def bound_phrases(problem: Problem, theta: np.ndarray) -> list[str]:
    """One phrase per constant that sits on its bound."""
    hit = []
    for name, value, low, high in zip(problem.names, theta, problem.low, problem.high, strict=True):
        if low == high:
            continue
        if value <= low:
            hit.append(f"{name} at its lower bound {low:g}")
        elif value >= high:
            hit.append(f"{name} at its upper bound {high:g}")
    return hit


FAR = 1e9  # times the size of the data that a constant meets: nothing the rows could settle
NEVER = 1e-250  # an amplitude, or a scale in the units of its column, below it has gone to zero


def runaways(problem: Problem, theta: np.ndarray) -> tuple[list[str], list[str]]:
    """Phrases for constants whose term has vanished (exp(a) with a beyond all numbers), and for those that left the data."""
    if not problem.recast.changes and all(part.kind == "exponent" for part in problem.parts.values()):
        return [], []
    inside = problem.inward(theta[None])[0]
    gone: list[str] = []
    lost: list[str] = []
    places = dict(zip(problem.inner.law.constants, problem.inner.slots, strict=True))
    for name, raw in zip(problem.law.constants, problem.model.slots, strict=True):
        slots = places[name]
        change = problem.recast.changes.get(name)
        part = problem.parts.get(name)
        for slot, at in zip(raw, slots, strict=True):
            value, shown = inside[at], problem.names[slot]
            if change is not None and change.kind != "log":
                # (D_c/D)**beta with a small beta: the term may be a thousandth still when D_c is beyond all numbers.
                beyond = change.kind == "pow" and not NEVER < theta[slot] < 1 / NEVER
                if beyond or not NEVER < value < 1 / NEVER:
                    gone.append(f"{shown} runs away to {theta[slot]:.3g}: its term vanishes")
            elif part is not None and part.kind != "exponent":
                reach = 50.0 if change is not None else FAR
                if abs(value - part.centre) > reach * (part.scale + (1.0 if change is not None else 0.0)):
                    lost.append(f"{shown} runs away to {theta[slot]:.3g}, far beyond the rows")
    return gone, lost
