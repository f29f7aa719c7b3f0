"""Simple methods at full strength: what a choice has to beat on validation evidence, and on every scoreboard.

They are fitted group by group and target by target on training rows, and answer on the scale of errors.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from evaluator.controls import LOG_LIMIT, log_quadratic, standardised
from evaluator.scale import Scale
from fitting import FittingError, fit, huber, log_huber
from harness.choosing.rows.last_levels import local
from tasks.rows import Rows
from tasks.spec import TaskSpec

Control = Callable[[TaskSpec, Rows, Scale, np.ndarray, np.ndarray], np.ndarray]
"""control(spec, train, scale, X, group) -> (m, T) predictions on the scale."""

DELTA = 1e-3
"""Width of the Huber loss in logs, as in Chinchilla's third approach."""

MOST_POWERS = 4
"""Features that get a power of their own; in a wider table all enter as lines."""


def power_sum(spec: TaskSpec, train: Rows, scale: Scale, X: np.ndarray, group: np.ndarray) -> np.ndarray:
    """A constant and a power of every feature, amplitudes of both signs, Huber loss in logs."""
    return _by_group(_power_sum_column, train, scale, X, group)


def log_quadratic_in_logs(
    spec: TaskSpec, train: Rows, scale: Scale, X: np.ndarray, group: np.ndarray
) -> np.ndarray:
    """Least squares of the target on the scale on the features in logs, their squares and products."""
    z = scale.to(train.y)
    out = np.empty((len(X), z.shape[1]))
    for rows, here in _groups(train, group):
        Z, Z_new = standardised(train.X[rows], X[here])
        out[here] = np.clip(log_quadratic([], Z, z[rows], Z_new), -LOG_LIMIT, LOG_LIMIT)
    return out


def last_two_levels(
    spec: TaskSpec, train: Rows, scale: Scale, X: np.ndarray, group: np.ndarray
) -> np.ndarray:
    """A line through the last two levels of the axis."""
    return local(spec, train, scale.to(train.y), X, group).line


CONTROLS: dict[str, Control] = {
    "power sum": power_sum,
    "log-quadratic": log_quadratic_in_logs,
    "last two levels": last_two_levels,
}


def on_the_board(train: Rows) -> dict[str, Callable[[TaskSpec, Rows, np.ndarray, np.ndarray], np.ndarray]]:
    """The same as scoreboards call them: (spec, train, X, group) to predictions in units of the targets.

    Args:
        train: the rows that say on which scale errors are measured.
    """
    scale = Scale.of(train)

    def shown(control: Control) -> Callable[[TaskSpec, Rows, np.ndarray, np.ndarray], np.ndarray]:
        return lambda spec, rows, X, group: scale.back(control(spec, rows, scale, X, group))

    return {f"{name}, error in logs": shown(control) for name, control in CONTROLS.items()}


def _groups(train: Rows, group: np.ndarray):
    known = dict(train.by_group())
    for label in dict.fromkeys(group.tolist()):
        yield known.get(label, np.arange(len(train))), np.flatnonzero(group == label)


def _by_group(column, train: Rows, scale: Scale, X: np.ndarray, group: np.ndarray) -> np.ndarray:
    out = np.empty((len(X), train.y.shape[1]))
    for rows, here in _groups(train, group):
        for t in range(train.y.shape[1]):
            logged = bool(scale.logged[t])
            out[here, t] = column(train.X[rows], train.y[rows, t], X[here], logged)
    return scale.to(out)


def _power_sum_column(X: np.ndarray, y: np.ndarray, X_new: np.ndarray, logged: bool) -> np.ndarray:
    varying = [j for j in range(X.shape[1]) if np.ptp(X[:, j]) > 0]
    n_powers = 0
    terms, columns, new = ["c0"], {}, {}
    for k, j in enumerate(varying):
        x = X[:, j]
        if x.min() > 0 and len(varying) <= MOST_POWERS:
            unit = np.exp(np.log(x).mean())
            columns[f"x{k}"], new[f"x{k}"] = x / unit, np.maximum(X_new[:, j], x.min() / 10) / unit
            terms.append(f"c{k + 1}*x{k}**-a{k + 1}")
            n_powers += 1
        else:
            columns[f"x{k}"], new[f"x{k}"] = x / x.std(), X_new[:, j] / x.std()
            terms.append(f"c{k + 1}*x{k}")
    mean = np.full(len(X_new), float(np.exp(np.log(y).mean()) if logged else y.mean()))
    if len(y) <= len(terms) + n_powers or np.ptp(y) == 0:
        return mean
    try:
        found = fit(
            " + ".join(terms),
            {**columns, "y": y},
            target="y",
            loss=log_huber(DELTA) if logged else huber(0.1 * float(y.std())),
            nonnegative=False,
        )
        value = np.asarray(found.predict(new), dtype=float)
    except (FittingError, np.linalg.LinAlgError, FloatingPointError):
        return mean
    return np.where(np.isfinite(value), value, mean)
