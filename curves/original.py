"""The published procedure of a within-run fit, kept for comparison: one start from a grid, then SciPy over all constants.

MAE by L-BFGS-B on the mean absolute residual, Huber by `least_squares`. The first is not smooth, so it stops where
rounding lets it: moving the start by one part in 1e12 moves mean endpoint errors by a tenth on public curves.
Source: the within-run prediction study of Delphi midtraining (github.com/marin-community/marin, scripts/analysis).
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import least_squares, minimize

from curves.forms import Form
from curves.problem import CurveProblem

ROUNDING = 1e-12
"""Relative change of a start that another machine's rounding could make."""


def solve(
    problem: CurveProblem, form: Form, rounding: np.random.Generator | None = None
) -> tuple[float, float, np.ndarray, bool]:
    """F, A, (k,) theta and SciPy's word for success; the start itself where SciPy fails.

    Args:
        rounding: moves the start by ROUNDING, to see what of a result is the procedure's and what the machine's.
    """
    tau, y = problem.tau, problem.y
    start = _start(problem, form)
    if rounding is not None:
        start = start * (1.0 + ROUNDING * rounding.standard_normal(len(start)))
    low = np.concatenate([[0.0, problem.F_low], form.low])
    high = np.concatenate([[problem.A_high, problem.F_high], form.high])

    def residuals(x: np.ndarray) -> np.ndarray:
        return np.asarray(x[1] + x[0] * form.shape(tau, x[2:]) - y)

    try:
        if problem.loss == "mae":
            found = minimize(
                lambda x: float(np.abs(residuals(x)).mean()), start, method="L-BFGS-B",
                bounds=list(zip(low, high, strict=True)), options={"maxiter": 200},
            )  # fmt: skip
        else:
            inside = np.clip(start, np.nextafter(low, high), np.nextafter(high, low))
            found = least_squares(
                residuals, inside, bounds=(low, high), loss="huber", f_scale=problem.delta, max_nfev=300
            )
    except (ValueError, FloatingPointError):  # SciPy refuses the start
        return float(start[1]), float(start[0]), start[2:], False
    if not np.isfinite(found.x).all():
        return float(start[1]), float(start[0]), start[2:], False
    return float(found.x[1]), float(found.x[0]), found.x[2:], bool(found.success)


def _start(problem: CurveProblem, form: Form) -> np.ndarray:
    """(2 + k,) the best A, F, theta among grid shapes and a few amplitudes each."""
    y = problem.y
    G = form.shape(problem.tau, form.starts)
    best, least = None, np.inf
    for theta, g in zip(form.starts, G, strict=True):
        for A in _amplitudes(y, g):
            F = float(np.clip(_location(problem, y - A * g), problem.F_low, problem.F_high))
            A = min(A, problem.A_high)
            value = float(problem.objective(y - F - A * g))
            if value < least:
                best, least = np.concatenate([[A, F], theta]), value
    if best is None:  # nothing falls: a flat line at the upper bound
        best = np.concatenate([[1e-6, problem.F_high], form.starts[0]])
    return best


def _amplitudes(y: np.ndarray, g: np.ndarray) -> list[float]:
    centred = g - g.mean()
    rough = [float(centred @ y / max(centred @ centred, 1e-300))]
    if g[0] != g[-1]:
        rough.append(float((y[0] - y[-1]) / (g[0] - g[-1])))
        rough.append(float(np.ptp(y) / np.ptp(g)))
    steps = np.diff(g)
    slopes = np.diff(y)[steps != 0] / steps[steps != 0]
    if (slopes > 0).any():
        rough.append(float(np.median(slopes[slopes > 0])))
    return [a * f for a in rough if np.isfinite(a) and a > 0 for f in (0.75, 1.0, 1.25)]


def _location(problem: CurveProblem, values: np.ndarray) -> float:
    """Median, or the Huber location by 20 bisections."""
    if problem.loss == "mae":
        return float(np.median(values))
    low, high = float(values.min()), float(values.max())
    for _ in range(20):
        middle = (low + high) / 2
        if np.clip(values - middle, -problem.delta, problem.delta).sum() > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2
