"""What the data can't tell: identifiability and lack of fit, said in plain words."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from scipy import special

from fitting.solve.solution import Solution
from fitting.uncertainty.covariance import covariance, degrees, slopes
from fitting.uncertainty.spread import uneven_spread

COLLINEAR = 0.995  # correlation of two log columns above which their terms are taken for one
CONDITION = 3e4  # of the slopes, amplitudes centred and columns scaled
LACK = 1e-3  # level of the lack-of-fit test


def warnings_of(result: Solution) -> list[str]:
    """All warnings, the gravest first."""
    return [
        *taken_for_data(result),
        *identifiability(result),
        *at_bounds(result),
        *lack_of_fit(result),
        *uneven_spread(result),
    ]


USUAL_CONSTANTS = ("E", "A", "B", "alpha", "beta", "gamma")


def taken_for_data(result: Solution) -> list[str]:
    """Columns that bear the name of a constant: the law reads them as data."""
    named = [v for v in result.law.used if v in USUAL_CONSTANTS]
    if not named:
        return []
    return [
        f"{', '.join(named)} is a column of the data, so the law takes it for data and fits no such constant; if a constant "
        "was meant, rename the column"
    ]


def identifiability(result: Solution) -> list[str]:
    """Too few rows, columns that do not vary or move together, constants that can't be told apart."""
    found = []
    rows, P = result.problem.rows, len(result.constants)
    left = degrees(result)
    if left <= 0:
        found.append(
            f"{left + P} rows for {P} constants: other constants fit as well, and nothing is left to judge the fit by; "
            "add rows, or fix or tie constants"
        )
    levels = {v: len(np.unique(rows.columns[v])) for v in result.law.used}
    for name, count in levels.items():
        if count == 1:
            found.append(
                f"{name} is the same in all rows: its constants can't be told from the others; fix or tie them"
            )
    for one, other in combinations([v for v, count in levels.items() if count > 1], 2):
        r = _correlation(rows.columns[one], rows.columns[other])
        if abs(r) > COLLINEAR:
            found.append(
                f"{one} and {other} move together (correlation of logs {r:.4f}): their terms can't be told apart, "
                "so single constants mean little; vary them separately, or fix or tie constants"
            )
    if left > 0 and not found:
        found += _flat_directions(result)
    return found


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    if a.min() > 0 and b.min() > 0:
        a, b = np.log(a), np.log(b)
    a, b = a - a.mean(), b - b.mean()
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def _flat_directions(result: Solution) -> list[str]:
    problem = result.problem
    inside = problem.inward(result.theta[None])
    with np.errstate(all="ignore"):
        _, J, _ = problem.inner.full(inside, curved=False)
    low, high = problem.bounds_inside()
    moving = (inside[0] > low) & (inside[0] < high)
    Z = J[0].T
    norm = np.sqrt((Z * Z).sum(axis=0))
    keep = np.flatnonzero(moving & (norm > 0) & np.isfinite(norm))
    if len(keep) < 2:
        return []
    names = np.array(problem.inner.names(problem.rows.labels))[keep]
    _, size, turned = np.linalg.svd(Z[:, keep] / norm[keep], full_matrices=False)
    if size[0] > CONDITION * size[-1]:
        part = np.abs(turned[-1])
        who = ", ".join(names[part > 0.2 * part.max()])
        return [
            f"{who} can't be told apart by these rows (condition number {size[0] / max(size[-1], 1e-300):.1e})"
        ]
    error = np.sqrt(np.diagonal(covariance(result)))
    # the `a` of exp(a) may well be zero
    settled = {c for c in result.law.nonlinear if c not in problem.recast.changes}
    loose = [
        name
        for name, value, e in zip(result.constants, result.theta, error, strict=True)
        if e > abs(value) > 0 and name.split("[")[0] in settled
    ]
    if loose:
        return [f"{', '.join(loose)}: the standard error is larger than the value; the rows don't settle it"]
    return []


def at_bounds(result: Solution) -> list[str]:
    """Constants on a bound, and exponents that mean nothing because their amplitude is zero."""
    found = []
    if result.status == "abnormal":
        found.append(
            f"{result.status_message}: the rows don't settle it; fix it, bound it, or use a simpler law"
        )
    if result.status == "bound_hit":
        found.append(
            f"{result.status_message}: the optimum may lie beyond; widen bounds={{...}} if that makes sense"
        )
    J = slopes(result)
    dead = [
        name
        for name, column, low, high in zip(
            result.constants, J.T, result.problem.low, result.problem.high, strict=True
        )
        if not column.any() and low < high
    ]
    if dead:
        found.append(f"{', '.join(dead)}: no effect on any row (an amplitude of zero switches them off)")
    return found


def lack_of_fit(result: Solution) -> list[str]:
    """Whether residuals still follow the columns: an F test of squares and products of the logs."""
    rows, P = result.problem.rows, len(result.constants)
    used = [v for v in result.law.used if np.ptp(rows.columns[v]) > 0]
    logs = [np.log(c) if c.min() > 0 else c for c in (rows.columns[v] for v in used)]
    logs = [(c - c.mean()) / c.std() for c in logs]
    extra = [a * a for a in logs] + [a * b for a, b in combinations(logs, 2)] + [a**3 for a in logs]
    left = degrees(result) - len(extra)
    if left < 5 or not extra:
        return []
    r = result.loss.residual(rows.y, result.fitted)
    root = np.ones(rows.n) if rows.weights is None else np.sqrt(rows.weights)
    if result.loss.huber_delta != np.inf:  # a robust fit leaves large residuals alone: so does the test
        spread = 1.4826 * float(np.median(np.abs(r)))
        r = np.clip(r, -2 * spread, 2 * spread)
    if float(np.abs(r).max()) <= 1e-10 * float(np.abs(rows.y).max()):
        return []
    J = slopes(result)
    with np.errstate(over="ignore", invalid="ignore"):
        norm = np.sqrt((J * J).sum(axis=0))
    usable = (norm > 0) & np.isfinite(norm)
    J = J[:, usable] / norm[usable]
    small, large = (root[:, None] * M for M in (J, np.column_stack([J, *extra])))
    r = root * r
    rss = [float(np.square(r - M @ np.linalg.lstsq(M, r, rcond=1e-12)[0]).sum()) for M in (small, large)]
    F = (rss[0] - rss[1]) / len(extra) / (rss[1] / left)
    p = float(special.fdtrc(len(extra), left, F))
    if p >= LACK:
        return []
    return [
        f"lack of fit: residuals still follow {', '.join(used)} (F = {F:.1f} on {len(extra)} and {left}, p = {p:.1e}); "
        f"the law misses a part of the pattern, so intervals are too narrow ({P} constants)"
    ]
