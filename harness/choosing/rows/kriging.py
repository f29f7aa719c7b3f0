"""Kriging: a Gaussian process with a linear trend in logs, its scales by maximum posterior.

Matheron (1969); Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), sections 2.7 and 5.4.1.
Near the rows it follows them in every feature, far out it falls back to its plane.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.linalg.lapack import dpotrf, dpotri
from scipy.optimize import minimize
from threadpoolctl import ThreadpoolController

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
    mean, spread = float(z.mean()), float(z.std())
    posterior = Posterior(Z, (z - mean) / spread)
    with one_thread():
        start, steps = posterior.priors[:, 0], {"maxiter": STEPS}
        found = minimize(posterior.cost, start, jac=True, method="L-BFGS-B", options=steps)
        logs = np.clip(found.x, *posterior.bounds.T)
        weights = cho_solve(cho_factor(posterior.covariance(logs)[1]), posterior.y)
    d = shape[1]
    return _Process(Z, weights, np.exp(logs[:d]), float(np.exp(logs[d])), mean, spread)


class Posterior:
    """How likely scales are, given rows.

    Args:
        Z: (n, d) standardised features.
        y: (n,) standardised targets.
    """

    def __init__(self, Z: np.ndarray, y: np.ndarray) -> None:
        d = Z.shape[1]
        self.y = y
        self.away, self.trend = _distances(Z, Z), _trend(Z, Z)
        self.bounds = np.array([BOUNDS[0]] * d + list(BOUNDS[1:]))
        self.priors = np.array([LENGTH] * d + [VARIANCE, NOISE])

    def covariance(self, logs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(n, n) each: what the process brings, and all with trend and noise, at logs of lengths, variance and noise."""
        *lengths, variance, noise = logs
        close = np.exp(variance - 0.5 * self.away @ np.exp(-2 * np.array(lengths)))
        whole = close + self.trend
        whole[np.diag_indices(len(whole))] += np.exp(noise) + 1e-9
        return close, whole

    def cost(self, logs: np.ndarray) -> tuple[float, np.ndarray]:
        """Minus the log of the posterior but for a constant, and its slopes; beyond the bounds the prior alone counts."""
        off = (logs - self.priors[:, 0]) / self.priors[:, 1]
        inside = np.clip(logs, *self.bounds.T)
        close, whole = self.covariance(inside)
        root, failed = dpotrf(whole, lower=1)
        if failed:
            return 1e10, np.zeros(len(logs))
        weights = cho_solve((root, True), self.y)
        lower = np.tril(dpotri(root, lower=1)[0])
        slack = lower + np.tril(lower, -1).T - np.outer(weights, weights)
        shared = slack * close
        slopes = 0.5 * np.array(
            [
                *(np.exp(-2 * inside[:-2]) * np.einsum("ij,ijk->k", shared, self.away)),
                shared.sum(),
                np.exp(inside[-1]) * np.trace(slack),
            ]
        )
        value = 0.5 * self.y @ weights + np.log(np.diag(root)).sum() + 0.5 * off @ off
        return float(value), np.where(inside == logs, slopes, 0.0) + off / self.priors[:, 1]


def one_thread() -> AbstractContextManager[object]:
    """Matrices of a few hundred rows take longer with threads of their own, many times so where cores are busy."""
    return _libraries().limit(limits=1, user_api="blas")


@lru_cache(maxsize=1)
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()


def _distances(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """(m, n, d) squared differences of each feature."""
    return (A[:, None, :] - B[None]) ** 2


def _trend(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """(m, n) covariance that a plane of unknown coefficients brings."""
    return TREND * (1.0 + A @ B.T)
