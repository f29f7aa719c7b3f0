"""Intervals of a law's constants, from how its values at the rows bend with them."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from evaluator.scale import Scale
from fitting import BadLaw, FittingError, Law
from tasks import Task

LEVEL = 0.9
SAME = 1e-6
"""The line of text must say what the program says, relatively to the targets' spread, to stand for it."""

Intervals = dict[str, dict[str, tuple[float, float, float]]]


def law_intervals(task: Task, summary: dict[str, Any], said: np.ndarray) -> Intervals:
    """group -> constant -> (value, low, high); nothing where the law's text is not what its program computes.

    One variance for all rows of a group, the law taken as true: Gauss and Newton's covariance at the constants, on the
    scale of errors. Ends are NaN where rows don't determine a constant.

    Args:
        said: (n, T) what the program says of the training rows.
    """
    try:
        law = Law.parse(summary["law"], task.spec.feature_names)
    except BadLaw:
        return {}
    scale = Scale.of(task.train)
    found: Intervals = {}
    units = [summary["units"].get(name, 1.0) for name in task.spec.feature_names]
    for label, index in task.train.by_group():
        values = (summary.get("constants") or {}).get(label)
        if not values:
            return {}
        columns = dict(zip(task.spec.feature_names, (task.train.X[index] / units).T, strict=True))
        found[label] = {}
        for t, target in enumerate(task.spec.target_names):
            suffix = f"[{target}]" if len(task.spec.targets) > 1 else ""
            mine = [values.get(f"{name}{suffix}") for name in law.constants]
            if any(v is None for v in mine):
                return {}
            constants = np.array(mine, dtype=float)
            try:
                y = np.atleast_1d(law.predict(constants.tolist(), columns))
                slopes = law.gradient(constants.tolist(), columns)
            except FittingError:
                return {}
            if not np.allclose(y, said[index, t], rtol=SAME, atol=SAME * float(scale.unit[t])):
                return {}
            residual = scale.to(_whole(y, task, t)) - scale.to(task.train.y[index])
            steep = slopes / (y[:, None] if scale.logged[t] else scale.unit[t])
            half = _half_widths(steep, residual[:, t])
            found[label] |= {
                f"{name}{suffix}": (float(c), float(c - h), float(c + h))
                for name, c, h in zip(law.constants, constants, half, strict=True)
            }
    return found


def _whole(y: np.ndarray, task: Task, t: int) -> np.ndarray:
    """One target's values as a table of all targets, the others 1."""
    out = np.ones((len(y), len(task.spec.targets)))
    out[:, t] = y
    return out


def _half_widths(slopes: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """(p,) half-widths; NaN where the rows don't tell."""
    n, p = slopes.shape
    if n <= p or not np.isfinite(slopes).all():
        return np.full(p, np.nan)
    size = np.sqrt((slopes**2).sum(axis=0))
    if (size == 0).any():
        return np.full(p, np.nan)
    _, s, vt = np.linalg.svd(slopes / size, full_matrices=False)
    loose = (vt[s < 1e-8 * s[0]] ** 2).sum(axis=0) > 1e-6
    inverse = np.where(s < 1e-8 * s[0], 0.0, 1 / np.maximum(s, 1e-300))
    spread = np.sqrt(((vt.T * inverse) ** 2).sum(axis=1)) / size
    sigma = float(np.sqrt(residual @ residual / (n - p)))
    half = float(special.stdtrit(n - p, (1 + LEVEL) / 2)) * sigma * spread
    return np.where(loose, np.nan, half)
