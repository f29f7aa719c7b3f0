"""Fit one form to the seen part of a run and predict its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from curves import original
from curves.forms import FORMS, Form, form_named
from curves.problem import LOSSES, CurveProblem, problem
from curves.solver import Solution, solve_many
from fitting.errors import BadOption

SOLVERS = ("projection", "original")
VARIANTS = tuple(f"{form}_{loss}" for form in FORMS for loss in LOSSES)
"""The eight variants by name, such as rational_huber."""


@dataclass(frozen=True, slots=True)
class CurveFit:
    """A fitted form L = F + A*g(progress; theta).

    Attributes:
        form, loss, solver: what was asked. F: predicted endpoint. A: whole drop from progress 0 to 1.
        theta: shape constants by name. at_bound: names of constants on a bound of their box: a fit that says so
            has not found its own value, and F at its upper bound only repeats the least loss seen.
        mae, objective: mean absolute residual and minimised loss on the prefix. n: points fitted.
        seen: progress of the last point. converged: the solver's word.
    """

    form: str
    loss: str
    solver: str
    F: float
    A: float
    theta: dict[str, float]
    at_bound: tuple[str, ...]
    mae: float
    objective: float
    n: int
    seen: float
    converged: bool

    @property
    def variant(self) -> str:
        return f"{self.form}_{self.loss}"

    @property
    def endpoint(self) -> float:
        """Predicted loss at progress 1."""
        return self.F

    def predict(self, progress: np.ndarray | float) -> np.ndarray:
        """(n,) loss at any progress in [0, 1]."""
        tau = np.atleast_1d(np.asarray(progress, dtype=float))
        return self.F + self.A * FORMS[self.form].shape(tau, np.array(list(self.theta.values())))


def fit_curve(
    progress: np.ndarray,
    loss_values: np.ndarray,
    form: str = "rational",
    loss: str = "huber",
    solver: str = "projection",
    *,
    after: float = 0.0,
) -> CurveFit:
    """Fit one form to a prefix.

    Args:
        progress: (n,) step / final step, increasing in [0, 1]. loss_values: (n,) > 0.
        form: log, exponential, power or rational. loss: mae or huber.
        solver: "projection" (ours) or "original" (the published procedure).
        after: leave out points with less progress than this (warm-up), if 4 points or more remain.

    Raises:
        BadData: fewer than 3 points, or not a curve. BadOption: an unknown name.
    """
    return fit_curves([(progress, loss_values)], form, loss, solver, after=after)[0]


def fit_curves(
    prefixes: Sequence[tuple[np.ndarray, np.ndarray]],
    form: str = "rational",
    loss: str = "huber",
    solver: str = "projection",
    *,
    after: float = 0.0,
) -> list[CurveFit]:
    """`fit_curve` for many (progress, loss) prefixes; our solver takes them together, several times as fast."""
    shape = form_named(form)
    if solver not in SOLVERS:
        raise BadOption(f"solver: expected one of {', '.join(SOLVERS)}, got {solver!r}")
    problems = [problem(*_warm(progress, values, after), loss) for progress, values in prefixes]
    if not problems:
        return []
    found = (
        solve_many(problems, shape)
        if solver == "projection"
        else [original.solve(p, shape) for p in problems]
    )
    return [_result(p, shape, loss, solver, s) for p, s in zip(problems, found, strict=True)]


def _warm(progress: np.ndarray, values: np.ndarray, after: float) -> tuple[np.ndarray, np.ndarray]:
    progress, values = np.asarray(progress, dtype=float), np.asarray(values, dtype=float)
    keep = progress >= after
    if after > 0 and keep.sum() >= 4 and progress.shape == values.shape:
        return progress[keep], values[keep]
    return progress, values


def _result(asked: CurveProblem, shape: Form, loss: str, solver: str, found: Solution) -> CurveFit:
    F, A, theta, converged = found
    residual = asked.y - F - A * shape.shape(asked.tau, theta)
    bounds = [("F", F, asked.F_low, asked.F_high), ("A", A, 0.0, asked.A_high)]
    bounds += zip(shape.theta, theta, shape.low, shape.high, strict=True)
    return CurveFit(
        form=shape.name,
        loss=loss,
        solver=solver,
        F=F,
        A=A,
        theta=dict(zip(shape.theta, map(float, theta), strict=True)),
        at_bound=tuple(name for name, x, low, high in bounds if _on(x, low) or _on(x, high)),
        mae=float(np.abs(residual).mean()),
        objective=float(asked.objective(residual)),
        n=len(asked.y),
        seen=float(asked.tau[-1]),
        converged=converged,
    )


def _on(x: float, bound: float) -> bool:
    return bool(abs(x - bound) <= 1e-6 * max(abs(bound), 1e-3))
