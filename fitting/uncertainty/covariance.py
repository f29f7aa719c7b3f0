"""The plain covariance of the constants at the optimum (one variance for all rows), and draws from a covariance."""

from __future__ import annotations

import numpy as np

from fitting.arrays import Array
from fitting.solve.newton import target_delta
from fitting.solve.solution import Solution


def degrees(result: Solution) -> int:
    """Rows less constants; rows of weight zero don't count."""
    w = result.problem.rows.weights
    n = result.n_points if w is None else int((w > 0).sum())
    return n - len(result.constants)


def slopes(result: Solution) -> Array:
    """(n, P) derivatives of the fitted values (of their logs, for a log loss) by each constant."""
    with np.errstate(all="ignore"):  # far out slopes are beyond all numbers
        f, J, _ = result.problem.model.full(result.theta[None], curved=False)
    return np.asarray((J[0] / f[0] if result.loss.log else J[0]).T)


def scores(result: Solution) -> Array:
    """(n,) derivative of each row's cost by its residual, weights left out."""
    loss = result.loss
    r = loss.residual(result.problem.rows.y, result.fitted)
    delta = target_delta(result.problem.objective())
    side = 1.0 if loss.two_sided else np.where(r < 0, loss.over, loss.under)
    return np.asarray(side * np.clip(r, -delta, delta))


def scale(result: Solution) -> float:
    """Variance that goes with (J'WJ)^-1: of the noise for squared losses, of the estimator's noise for robust ones.

    For Huber and quantile losses it is E[psi^2] / E[psi']^2 (Huber 1981, chapter 7).
    """
    rows, loss = result.problem.rows, result.loss
    r = loss.residual(rows.y, result.fitted)
    w = np.ones(rows.n) if rows.weights is None else rows.weights
    left = max(degrees(result), 1)
    if loss.huber_delta == np.inf and loss.two_sided:
        return float((w * r * r).sum()) / left
    psi = scores(result)
    return float((w * psi * psi).sum()) / left / max(mean_curvature(result), 1e-300) ** 2


def window_of(result: Solution, delta: float) -> float:
    """Half width of the window in which the density of residuals at zero is counted: delta, or that of a kernel."""
    size = np.abs(result.loss.residual(result.problem.rows.y, result.fitted))
    spread = 1.4826 * float(np.median(size)) or float(size.mean()) or 1e-300
    return max(delta, float(1.06 * spread * len(size) ** -0.2))


def mean_curvature(result: Solution) -> float:
    """E[psi'], the mean second derivative of the loss at the residuals.

    Few rows lie inside a small delta, so it is averaged over a window as wide as a density estimate would be.
    A robust fit passes through about as many rows as it has constants; they say nothing about the density.
    """
    loss = result.loss
    r = loss.residual(result.problem.rows.y, result.fitted)
    side = np.where(r < 0, loss.over, loss.under)
    if loss.huber_delta == np.inf:
        return float(side.mean())
    delta = target_delta(result.problem.objective())
    window = window_of(result, delta)
    inside, taken = np.abs(r) <= window, len(result.constants)
    share = max(int(inside.sum()) - taken, 1) / max(len(r) - taken, 1)
    return float(side[inside].mean()) * share * delta / window if inside.any() else delta / window / len(r)


def moving(result: Solution, J: Array, root: Array | float) -> tuple[Array, np.ndarray]:
    """Size of each column of slopes, and which constants may move: not on a bound, with some slope."""
    problem, theta = result.problem, result.theta
    # A constant that ran away has slopes beyond all squares, and does not move.
    with np.errstate(over="ignore"):
        norm = np.sqrt(np.square(np.reshape(root, (-1, 1)) * J).sum(axis=0))
    free = (theta > problem.low) & (theta < problem.high) & (norm > 0) & np.isfinite(norm)
    return norm, np.flatnonzero(free)


def covariance(result: Solution) -> Array:
    """(P, P) covariance; constants on a bound (or without slope) have zero rows and columns."""
    J = slopes(result)
    w = result.problem.rows.weights
    root = 1.0 if w is None else np.sqrt(w)
    norm, free = moving(result, J, root)
    out = np.zeros((J.shape[1], J.shape[1]))
    if len(free):
        Z = J[:, free] / norm[free] * np.reshape(root, (-1, 1))
        # through QR: squaring the matrix would lose half the digits on nearly collinear columns
        _, S, V = np.linalg.svd(Z, full_matrices=False)
        inverse = (V.T / np.maximum(S, 1e-14 * S[0]) ** 2) @ V
        out[np.ix_(free, free)] = inverse / np.multiply.outer(norm[free], norm[free]) * scale(result)
    return out


def positive_slots(result: Solution) -> np.ndarray:
    """Constants kept >= 0 and above it: their intervals are made on the log scale."""
    return np.asarray((result.problem.low >= 0) & (result.theta > 0))


def draws(result: Solution, n: int, seed: int = 0, spread: Array | None = None) -> Array:
    """(n, P) constants drawn from a covariance (the plain one if None), amplitudes log-normal."""
    rng = np.random.default_rng(seed)
    theta, C = result.theta, covariance(result) if spread is None else spread
    positive = positive_slots(result)
    linear = np.array([name.split("[")[0] in result.law.linear for name in result.constants])
    logged = positive & linear
    unit = np.where(logged, 1.0 / np.where(logged, theta, 1.0), 1.0)
    values, vectors = np.linalg.eigh(C * np.multiply.outer(unit, unit))
    z = rng.standard_normal((n, len(theta))) * np.sqrt(np.maximum(values, 0.0)) @ vectors.T
    drawn: Array = np.where(logged, theta * np.exp(np.clip(z, -50, 50)), theta + z)
    return drawn
