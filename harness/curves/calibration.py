"""Endpoint intervals from the errors that the same prediction made on finished runs.

An error, final loss minus predicted, is measured in the continuation's scale (how far the loss fell over the second half
of what was seen). Quantiles of that ratio by prefix turn a new run's scale into an interval (split-conformal prediction).
"""

from __future__ import annotations

import numpy as np

from harness.curves.tail import Continuation, continue_curve

PREFIXES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
WARMUP = 0.02
"""Progress before which a finished run's rows are not fitted."""
LEAST = 5
"""Rows a prefix must have to be continued."""

PUBLIC: dict[float, tuple[float, float, float]] = {
    0.1: (-1.418, -0.839, 1.435),
    0.2: (-2.124, -0.636, 0.753),
    0.3: (-1.39, -0.521, 0.233),
    0.4: (-1.051, -0.409, 0.104),
    0.5: (-0.886, -0.294, 0.067),
    0.6: (-0.866, -0.191, 0.25),
    0.7: (-0.885, -0.135, 0.293),
    0.8: (-0.925, -0.07, 0.233),
    0.9: (-0.434, -0.027, 0.17),
    0.95: (-0.138, -0.012, 0.127),
}
"""Prefix -> 5 %, 50 % and 95 % quantile on three public sets; made by `python benchmarks/curve_intervals.py`."""


def ratios(tau: np.ndarray, loss: np.ndarray) -> list[tuple[float, float, float]]:
    """(prefix, error / scale, scale) of one finished run at every prefix with LEAST rows or more."""
    out = []
    for prefix in PREFIXES:
        seen = (tau >= min(WARMUP, prefix / 4)) & (tau <= prefix)
        if seen.sum() >= LEAST and tau[seen][-1] >= 0.6 * prefix:
            found = continue_curve(tau[seen], loss[seen])
            out.append((prefix, float((loss[-1] - found.endpoint) / found.scale), found.scale))
    return out


def conformal(values: np.ndarray, weight: np.ndarray | None = None) -> tuple[float, float, float]:
    """5 %, 50 %, 95 % quantiles of (n,) ratios, the outer two widened for a finite n as split-conformal prediction does."""
    order = np.argsort(values)
    values = values[order]
    weight = np.ones(len(values)) if weight is None else weight[order]
    share = (np.cumsum(weight) - weight / 2) / weight.sum()
    n = weight.sum() ** 2 / (weight**2).sum()
    edge = min(0.95 * (n + 1) / n, 1.0)
    low, middle, high = np.interp([1 - edge, 0.5, edge], share, values)
    return float(low), float(middle), float(high)


def calibrate(runs: list[tuple[np.ndarray, np.ndarray]]) -> dict[float, tuple[float, float, float]]:
    """The same table from a user's own finished runs, (tau, loss) each; prefixes with fewer than 8 runs are left out."""
    rows = [row for tau, loss in runs for row in ratios(tau, loss)]
    found = {p: np.array([r for q, r, _ in rows if q == p]) for p in PREFIXES}
    return {p: conformal(values) for p, values in found.items() if len(values) >= 8}


def interval(
    found: Continuation, table: dict[float, tuple[float, float, float]] | None = None
) -> tuple[float, float, float]:
    """(low, endpoint, high): the 90 % interval and the median, between the table's prefixes by straight lines."""
    table = PUBLIC if table is None else table
    prefixes = sorted(table)
    low, middle, high = (np.interp(found.tau, prefixes, [table[p][i] for p in prefixes]) for i in range(3))
    return tuple(max(found.endpoint + float(q) * found.scale, 0.0) for q in (low, middle, high))  # type: ignore[return-value]
