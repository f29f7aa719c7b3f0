"""Kriging: a Gaussian process with a linear trend in logs, its scales by maximum posterior.

Matheron (1969); Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), sections 2.7 and 5.4.1.
Near the rows it follows them in every feature, far out it falls back to its plane.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

from evaluator.controls import standardised
from tasks.rows import Rows
from tasks.spec import TaskSpec

MOST_ROWS = 300
"""Of a group: the cost is cubic. The outermost half and an even share of the others are kept."""

TREND = 4.0
"""Prior variance of the trend's coefficients, in units of the standardised target."""

LENGTH, VARIANCE, NOISE = (0.5, 1.0), (-1.0, 2.0), (-5.0, 3.0)
"""Mean and standard deviation of the priors on logs: of each feature's length scale, in standard deviations of the
feature, of the process's variance and of the noise's, in variances of the target."""

BOUNDS = ((-2.0, 3.0), (-8.0, 3.0), (-12.0, 1.0))
STEPS = 60
FEWEST = 4
LIMIT = 50.0


def kriging(spec: TaskSpec, train: Rows, z: np.ndarray, X: np.ndarray, group: np.ndarray) -> np.ndarray:
    """(m, T) values for rows X (m, F) of labels group (m,), from targets z (n, T) on the scale, group by group."""
    axes = [spec.feature_names.index(a) for a in spec.axis_features]
    known = dict(train.by_group())
    out = np.empty((len(X), z.shape[1]))
    for label in dict.fromkeys(group.tolist()):
        here = np.flatnonzero(group == label)
        rows = known.get(label, np.arange(len(train)))
        Z, Z_new = standardised(train.X[rows], X[here])
        varies = np.ptp(Z, axis=0) > 0
        kept = _thinned(Z, axes)
        for t in range(z.shape[1]):
            out[here, t] = _predicted(Z[kept][:, varies], z[rows[kept], t], Z_new[:, varies])
    return np.clip(out, -LIMIT, LIMIT)


def _thinned(Z: np.ndarray, axes: list[int]) -> np.ndarray:
    """Rows that are kept, in their order."""
    if len(Z) <= MOST_ROWS:
        return np.arange(len(Z))
    outward = np.argsort(Z[:, axes or list(range(Z.shape[1]))].max(axis=1), kind="stable")
    half = MOST_ROWS // 2
    inner = outward[:-half]
    even = inner[np.linspace(0, len(inner) - 1, MOST_ROWS - half).round().astype(int)]
    return np.unique(np.concatenate([even, outward[-half:]]))


@dataclass(frozen=True, slots=True)
class _Process:
    """A fitted process: features Z (n, d), weights of them (n,), scales, and what standardises the target."""

    Z: np.ndarray
    weights: np.ndarray
    lengths: np.ndarray
    variance: float
    mean: float
    spread: float

    def at(self, Z_new: np.ndarray) -> np.ndarray:
        away = _distances(Z_new, self.Z)
        shared = self.variance * np.exp(-0.5 * (away / self.lengths**2).sum(axis=-1)) + _trend(Z_new, self.Z)
        value: np.ndarray = self.mean + self.spread * (shared @ self.weights)
        return value


def _predicted(Z: np.ndarray, z: np.ndarray, Z_new: np.ndarray) -> np.ndarray:
    if len(Z) < FEWEST or not Z.shape[1] or np.ptp(z) == 0:
        return np.full(len(Z_new), z.mean())
    Z = np.ascontiguousarray(Z)
    return _process(Z.tobytes(), Z.shape, np.ascontiguousarray(z).tobytes()).at(Z_new)


@lru_cache(maxsize=8192)
def _process(features: bytes, shape: tuple[int, int], targets: bytes) -> _Process:
    """The process of these rows; a page asks for the same ones at many places."""
    Z, z = np.frombuffer(features).reshape(shape), np.frombuffer(targets)
    n, d = shape
    mean, spread = float(z.mean()), float(z.std())
    y = (z - mean) / spread
    away, trend = _distances(Z, Z), _trend(Z, Z)
    bounds = np.array([BOUNDS[0]] * d + list(BOUNDS[1:]))
    priors = np.array([LENGTH] * d + [VARIANCE, NOISE])

    def covariance(logs: np.ndarray) -> np.ndarray:
        logs = np.clip(logs, *bounds.T)
        close = np.exp(-0.5 * (away / np.exp(2 * logs[:d])).sum(axis=-1))
        found: np.ndarray = np.exp(logs[d]) * close + trend + (np.exp(logs[d + 1]) + 1e-9) * np.eye(n)
        return found

    def cost(logs: np.ndarray) -> float:
        try:
            root = np.linalg.cholesky(covariance(logs))
        except np.linalg.LinAlgError:
            return 1e10
        explained = np.linalg.solve(root, y)
        off = (logs - priors[:, 0]) / priors[:, 1]
        return float(0.5 * explained @ explained + np.log(np.diag(root)).sum() + 0.5 * off @ off)

    logs = minimize(cost, priors[:, 0], method="L-BFGS-B", options={"maxiter": STEPS}).x
    weights = cho_solve(cho_factor(covariance(logs)), y)
    logs = np.clip(logs, *bounds.T)
    return _Process(Z, weights, np.exp(logs[:d]), float(np.exp(logs[d])), mean, spread)


def _distances(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """(m, n, d) squared differences of each feature."""
    return (A[:, None, :] - B[None]) ** 2


def _trend(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """(m, n) covariance that a plane of unknown coefficients brings."""
    return TREND * (1.0 + A @ B.T)
