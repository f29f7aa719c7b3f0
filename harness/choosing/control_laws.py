"""The simple methods as programs, so that a search that found nothing better can end with one of them.

What a control is beside the choice (`controls.py`) is a function of rows; here it is a law with constants, by the same rules
as any: within the budget, one program, every check. The line through the last two levels is a law only where one
feature alone varies.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.choosing.controls import DELTA, MOST_POWERS
from harness.proposers.facts import TaskFacts
from harness.search.archive import Member
from harness.search.candidate import Candidate, Draft
from tasks import Task

HEAD = '''"""{title}

{what} One of the simple methods that a law has to beat, as a program.
"""

import numpy as np
'''

LINEAR = '''
# EVOLVE-BLOCK-START
FEATURES_IN_LOGS = np.array({positive})
TARGETS_IN_LOGS = {logged}


def logs(data_points):
    """(n, F) features, in logs where they are positive."""
    X = np.asarray(data_points, dtype=float)
    return np.where(FEATURES_IN_LOGS, np.log(np.where(FEATURES_IN_LOGS, np.maximum(X, 1e-300), 1.0)), X)

{terms}

def fit_scaling_law(data_points, loss_values):
    Z = logs(data_points)
    Y = np.asarray(loss_values, dtype=float).reshape(len(Z), -1)
    Y = np.where(TARGETS_IN_LOGS, np.log(np.where(TARGETS_IN_LOGS, np.maximum(Y, 1e-300), 1.0)), Y)
    return np.concatenate([coefficients(Z, y) for y in Y.T])


def scaling_law_func(data_points, params):
    columns = terms(logs(data_points))
    value = columns @ np.asarray(params, dtype=float).reshape(-1, columns.shape[1]).T
    value = np.where(TARGETS_IN_LOGS, np.exp(np.clip(value, -50.0, 50.0)), value)
    return value[:, 0] if value.shape[1] == 1 else value


# EVOLVE-BLOCK-END
'''

QUADRATIC = '''
def terms(Z):
    """1, the features, their squares and products."""
    j, k = np.triu_indices(Z.shape[1])
    return np.column_stack([np.ones(len(Z)), Z, Z[:, j] * Z[:, k]])


def coefficients(Z, y):
    """Least squares on standardised features, of minimum norm where rows are too few; then of the features as they are."""
    middle, spread = Z.mean(axis=0), Z.std(axis=0)
    spread = np.where(spread > 1e-12 * (1.0 + np.abs(middle)), spread, 1.0)
    found = np.linalg.lstsq(terms((Z - middle) / spread), y, rcond=None)[0]
    F = Z.shape[1]
    j, k = np.triu_indices(F)
    constant, slope, bend = found[0], found[1 : F + 1] / spread, found[F + 1 :] / (spread[j] * spread[k])
    constant = constant - slope @ middle + bend @ (middle[j] * middle[k])
    slope = slope - np.bincount(j, bend * middle[k], F) - np.bincount(k, bend * middle[j], F)
    return np.concatenate([[constant], slope, bend])
'''

LINE = '''
def terms(Z):
    """1 and the feature along which one extrapolates."""
    return np.column_stack([np.ones(len(Z)), Z[:, {axis}]])


def coefficients(Z, y):
    """The line through the means of the last two levels; the last mean alone where there is one level."""
    z = Z[:, {axis}]
    levels = np.unique(z)[-2:]
    means = np.array([y[z == level].mean() for level in levels])
    slope = (means[-1] - means[0]) / (levels[-1] - levels[0]) if len(levels) == 2 else 0.0
    return np.array([means[-1] - slope * levels[-1], slope])
'''

POWERS = '''from fitting import FittingError, fit, huber, log_huber

# EVOLVE-BLOCK-START
POWERS = {powers}  # features with a power of their own; the others enter as they are
LINES = {lines}
TARGETS_IN_LOGS = {logged}
LAW = "{law}"
WIDTH = {delta!r}


def units(data_points):
    """Of each feature, for the fit: a geometric mean, or a standard deviation."""
    X = np.asarray(data_points, dtype=float)
    each = [np.exp(np.log(X[:, j]).mean()) for j in POWERS] + [X[:, j].std() or 1.0 for j in LINES]
    return X, np.array(each)


def fit_one(X, scale, y, logged):
    columns = {{f"x{{j}}": X[:, j] / u for j, u in zip(POWERS + LINES, scale)}}
    n = 1 + len(POWERS) + len(LINES)
    try:
        loss = log_huber(WIDTH) if logged else huber(0.1 * float(y.std()))
        found = fit(LAW, {{**columns, "y": y}}, target="y", loss=loss, nonnegative=False).constants
    except (FittingError, np.linalg.LinAlgError, FloatingPointError):
        found = {{"c0": float(np.exp(np.log(y).mean()) if logged else y.mean())}}
    c = np.array([found.get(f"c{{k}}", 0.0) for k in range(n)])
    a = np.array([found.get(f"a{{k}}", 0.0) for k in range(1, len(POWERS) + 1)])
    c[1:] *= np.concatenate([scale[: len(a)] ** a, 1.0 / scale[len(a) :]])
    return np.concatenate([c, a])


def fit_scaling_law(data_points, loss_values):
    X, scale = units(data_points)
    Y = np.asarray(loss_values, dtype=float).reshape(len(X), -1)
    return np.concatenate([fit_one(X, scale, y, logged) for y, logged in zip(Y.T, TARGETS_IN_LOGS)])


def scaling_law_func(data_points, params):
    X = np.asarray(data_points, dtype=float)
    values = []
    for row in np.asarray(params, dtype=float).reshape(len(TARGETS_IN_LOGS), -1):
        c, a = row[: 1 + len(POWERS) + len(LINES)], row[1 + len(POWERS) + len(LINES) :]
        value = c[0] + X[:, LINES] @ c[1 + len(POWERS) :]
        for j, amplitude, exponent in zip(POWERS, c[1:], a):
            value = value + amplitude * np.maximum(X[:, j], 1e-300) ** -exponent
        values.append(value)
    return values[0] if len(values) == 1 else np.stack(values, axis=1)


# EVOLVE-BLOCK-END
'''


def control_law(name: str, task: Task, facts: TaskFacts, title: str) -> Member | None:
    """A control as a law of this task; None where it is none, or has more constants than the task allows.

    Args:
        name: of `controls.CONTROLS`.
        title: first line of the program's docstring.
    """
    made = _MAKERS[name](task, facts)
    if made is None:
        return None
    law, names, what, body = made
    if facts.budget is not None and len(names) > facts.budget_per_target:
        return None
    program = HEAD.format(title=title, what=what) + body
    id = f"control {name}"
    size = len(names) + law.count(" + ") + 1
    draft = Draft(program, id, law, "free", id, tuple(names), size)
    candidate = Candidate(id, program, None, None, 0, 0, "control", draft)
    return Member(candidate, float("nan"), len(names) * task.train.y.shape[1], ())


Made = tuple[str, Sequence[str], str, str]
"""The law on one line, the constants' names, what it is, and the program below its head."""


def _power_sum(task: Task, facts: TaskFacts) -> Made | None:
    X, y, names = task.train.X, task.train.y, facts.names
    varying = [j for j in range(X.shape[1]) if np.ptp(X[:, j]) > 0]
    positive = [j for j in varying if X[:, j].min() > 0] if len(varying) <= MOST_POWERS else []
    lines = [j for j in varying if j not in positive]
    order = [*positive, *lines]
    shown = [f"c{k}*{names[j]}" + (f"**-a{k}" if j in positive else "") for k, j in enumerate(order, 1)]
    inner = [f"c{k}*x{j}" + (f"**-a{k}" if j in positive else "") for k, j in enumerate(order, 1)]
    constants = [*(f"c{k}" for k in range(len(order) + 1)), *(f"a{k + 1}" for k in range(len(positive)))]
    body = POWERS.format(
        powers=positive,
        lines=lines,
        logged=(y.min(axis=0) > 0).tolist(),
        law=" + ".join(["c0", *inner]),
        delta=DELTA,
    )
    return " + ".join(["c0", *shown]), constants, "A constant and a power of every feature, Huber loss.", body


def _log_quadratic(task: Task, facts: TaskFacts) -> Made | None:
    logged, shown = (task.train.y.min(axis=0) > 0).tolist(), _in_logs(task, facts)
    pairs = [(j, k) for j in range(len(shown)) for k in range(j, len(shown))]
    texts = ["c0", *(f"c{i}*{x}" for i, x in enumerate(shown, 1))]
    for i, (j, k) in enumerate(pairs, len(shown) + 1):
        texts.append(f"c{i}*{shown[j]}" + ("**2" if j == k else f"*{shown[k]}"))
    what = "Least squares on the features, their squares and products, all in logs where they are positive."
    return (
        _law(texts, logged),
        [f"c{i}" for i in range(len(texts))],
        what,
        _linear(task, logged, QUADRATIC),
    )


def _last_two_levels(task: Task, facts: TaskFacts) -> Made | None:
    axes = [task.spec.feature_names.index(a) for a in task.spec.axis_features]
    if len(axes) != 1 or any(
        np.ptp(task.train.X[rows, j]) > 0
        for _, rows in task.train.by_group()
        for j in range(task.train.X.shape[1])
        if j != axes[0]
    ):
        return None
    logged, shown = (task.train.y.min(axis=0) > 0).tolist(), _in_logs(task, facts)
    body = _linear(task, logged, LINE.format(axis=axes[0]))
    what = "A line through the last two levels, in logs where they are positive."
    return _law(["c0", f"c1*{shown[axes[0]]}"], logged), ["c0", "c1"], what, body


_MAKERS = {
    "power sum": _power_sum,
    "log-quadratic": _log_quadratic,
    "last two levels": _last_two_levels,
}


def _in_logs(task: Task, facts: TaskFacts) -> list[str]:
    positive = task.train.X.min(axis=0) > 0
    names = facts.names[
        : len(positive)
    ]  # where targets have features of their own, one more name stands behind
    return [f"log({name})" if p else name for name, p in zip(names, positive, strict=True)]


def _law(texts: list[str], logged: list[bool]) -> str:
    """The law on one line; "" where targets differ in what they are predicted by."""
    body = " + ".join(texts)
    return "" if len(set(logged)) > 1 else f"exp({body})" if logged[0] else body


def _linear(task: Task, logged: list[bool], terms: str) -> str:
    return LINEAR.format(positive=(task.train.X.min(axis=0) > 0).tolist(), logged=logged, terms=terms)
