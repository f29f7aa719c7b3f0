"""Bootstraps: many resamples refitted as one batch, started from the optimum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fitting.arrays import Array
from fitting.columns import frame, label_index
from fitting.errors import BadData, BadOption
from fitting.solve.solution import Solution

KINDS = ("case", "within", "cluster", "wild")
CHUNK_BYTES = 200_000_000
BATCHES = 10
"""In so many parts at least, where someone watches."""


@dataclass(frozen=True)
class Bootstrap:
    """Refitted constants of resampled rows.

    Attributes:
        names: constants (slots); samples: (n, P); converged: (n,); kind, seed: how they were drawn.
    """

    names: tuple[str, ...]
    samples: np.ndarray
    converged: np.ndarray
    kind: str
    seed: int

    def __getitem__(self, name: str) -> np.ndarray:
        """(n,) samples of one constant."""
        if name not in self.names:
            raise BadOption(f"bootstrap: no constant {name!r}; expected one of {', '.join(self.names)}")
        return self.samples[:, self.names.index(name)]

    def to_frame(self) -> Any:
        """One row a resample, one column a constant, as a pandas data frame."""
        return frame(dict(zip(self.names, self.samples.T, strict=True)))

    def interval(self, name: str, level: float = 0.95) -> tuple[float, float]:
        """Percentile interval of one constant."""
        tail = 50 * (1 - level)
        low, high = np.percentile(self[name], [tail, 100 - tail])
        return float(low), float(high)


def bootstrap(
    result: Solution,
    n: int = 1000,
    kind: str = "case",
    *,
    strata: object = None,
    clusters: object = None,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Bootstrap:
    """Refit `n` resamples.

    Args:
        kind: "case" draws rows; "within" draws rows inside each of `strata` (an IsoFLOP budget, say), so that every
            stratum keeps its size; "cluster" draws whole `clusters` (runs that share what went wrong); "wild"
            keeps the rows and flips signs of residuals (of whole clusters, when given).
        strata, clusters: (rows,) labels, or a column of the data the law uses; "within" takes the fit's groups
            when strata is not given.
        seed: of `numpy.random.default_rng`.
        progress: told after every batch how many resamples are done.
    """
    if kind not in KINDS:
        raise BadOption(f"bootstrap: unknown kind {kind!r}; expected one of {', '.join(KINDS)}")
    if not (isinstance(n, int) and n >= 1):
        raise BadOption(f"bootstrap: n must be an integer >= 1, got {n!r}")
    rng = np.random.default_rng(seed)
    problem = result.problem
    rows = problem.rows
    if kind == "wild":
        draws = _flipped(result, n, clusters, rng)
    elif kind == "within":
        labels = rows.group if strata is None else _labels(result, strata, "strata")
        if labels is None:
            raise BadOption("bootstrap: kind 'within' needs strata= (labels of the rows, such as the budget)")
        draws = _within(labels, n, rng)
    elif kind == "cluster":
        if clusters is None:
            raise BadOption("bootstrap: kind 'cluster' needs clusters= (labels of the rows)")
        draws = _clusters(_labels(result, clusters, "clusters"), n, rng)
    else:
        draws = _within(np.zeros(rows.n, dtype=int), n, rng)
    size = max(1, CHUNK_BYTES // (8 * rows.n * (problem.inner.n_slots + 6)))
    if progress is not None:
        size = min(size, -(-n // BATCHES))
    thetas, good = [], []
    for at in range(0, n, size):
        part = draws[at : at + size]
        if kind == "wild":
            objective = problem.objective(y=part)
        else:
            objective = problem.objective(weights=part if rows.weights is None else part * rows.weights)
        batch = problem.run(np.tile(result.theta, (len(part), 1)), objective)
        thetas.append(batch.theta)
        good.append(batch.converged)
        if progress is not None:
            progress(min(at + size, n))
    return Bootstrap(tuple(problem.names), np.vstack(thetas), np.concatenate(good), kind, seed)


def _labels(result: Solution, labels: object, what: str) -> np.ndarray:
    """Labels of the rows as indices."""
    rows = result.problem.rows
    if isinstance(labels, str):
        if labels not in rows.columns:
            raise BadData(
                f"{what}: no column {labels!r} in the fit ({', '.join(rows.columns)}); pass the labels"
            )
        labels = rows.columns[labels]
    index, _ = label_index(what, labels)
    if len(index) != rows.n:
        raise BadData(f"unequal lengths: {what} has {len(index)} rows, the fit has {rows.n}")
    return index


def _within(labels: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """How often each row is drawn (n, rows), drawing inside each label."""
    counts = np.zeros((n, len(labels)))
    for label in range(labels.max() + 1):
        members = np.flatnonzero(labels == label)
        picks = rng.integers(0, len(members), (n, len(members)))
        np.add.at(counts, (np.arange(n)[:, None], members[picks]), 1.0)
    return counts


def _clusters(labels: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    m = labels.max() + 1
    if m < 2:
        raise BadData("bootstrap: all rows are in one cluster; nothing can be resampled")
    picks = rng.integers(0, m, (n, m))
    counts = np.zeros((n, m))
    np.add.at(counts, (np.arange(n)[:, None], picks), 1.0)
    return counts[:, labels]


def _flipped(result: Solution, n: int, clusters: object, rng: np.random.Generator) -> np.ndarray:
    """Targets (n, rows): fitted values plus residuals with random signs, widened for the degrees of freedom."""
    rows = result.problem.rows
    labels = np.arange(rows.n) if clusters is None else _labels(result, clusters, "clusters")
    signs = rng.choice([-1.0, 1.0], (n, labels.max() + 1))[:, labels]
    widen = np.sqrt(rows.n / max(rows.n - len(result.constants), 1))
    f = result.fitted
    if result.loss.log:
        y: Array = f * np.exp(signs * widen * np.log(rows.y / f))
    else:
        y = f + signs * widen * (rows.y - f)
    return y
