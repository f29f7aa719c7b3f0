"""The covariance of the constants at the optimum, and draws from it."""

from __future__ import annotations

import numpy as np

from fitting.solve.newton import target_delta
from fitting.solve.solution import Solution


def degrees(result: Solution) -> int:
    """Rows less constants; rows of weight zero don't count."""
    w = result.problem.rows.weights
    n = result.n_points if w is None else int((w > 0).sum())
    return n - len(result.constants)


def slopes(result: Solution) -> np.ndarray:
    """(n, P) derivatives of the fitted values (of their logs, for a log loss) by each constant."""
    f, J, _ = result.problem.model.full(result.theta[None])
    return (J[0] / f[0] if result.loss.log else J[0]).T


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
    delta = target_delta(result.problem.objective())
    psi = np.where(r < 0, loss.over, loss.under) * np.clip(r, -delta, delta)
    return float((w * psi * psi).sum()) / left / max(mean_curvature(result), 1e-300) ** 2


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
    size = np.abs(r)
    spread = 1.4826 * float(np.median(size)) or float(size.mean()) or 1e-300
    window = max(delta, 1.06 * spread * len(r) ** -0.2)
    inside, taken = size <= window, len(result.constants)
    share = max(int(inside.sum()) - taken, 1) / max(len(r) - taken, 1)
    return float(side[inside].mean()) * share * delta / window if inside.any() else delta / window / len(r)


def covariance(result: Solution) -> np.ndarray:
    """(P, P) covariance; constants on a bound (or without slope) have zero rows and columns."""
    J = slopes(result)
    w = result.problem.rows.weights
    P = J.shape[1]
    problem, theta = result.problem, result.theta
    norm = np.sqrt((J * J).sum(axis=0) if w is None else (w[:, None] * J * J).sum(axis=0))
    free = np.flatnonzero((theta > problem.low) & (theta < problem.high) & (norm > 0) & np.isfinite(norm))
    out = np.zeros((P, P))
    if len(free):
        Z = J[:, free] / norm[free]
        if w is not None:
            Z = Z * np.sqrt(w)[:, None]
        # through QR: squaring the matrix would lose half the digits on nearly collinear columns
        _, S, V = np.linalg.svd(Z, full_matrices=False)
        inverse = (V.T / np.maximum(S, 1e-14 * S[0]) ** 2) @ V
        out[np.ix_(free, free)] = inverse / np.multiply.outer(norm[free], norm[free]) * scale(result)
    return out


def positive_slots(result: Solution) -> np.ndarray:
    """Constants kept >= 0 and above it: their intervals are made on the log scale."""
    return (result.problem.low >= 0) & (result.theta > 0)


def draws(result: Solution, n: int, seed: int = 0) -> np.ndarray:
    """(n, P) constants drawn from the covariance, amplitudes log-normal."""
    rng = np.random.default_rng(seed)
    theta, C = result.theta, covariance(result)
    positive = positive_slots(result)
    linear = np.array([name.split("[")[0] in result.law.linear for name in result.constants])
    logged = positive & linear
    unit = np.where(logged, 1.0 / np.where(logged, theta, 1.0), 1.0)
    values, vectors = np.linalg.eigh(C * np.multiply.outer(unit, unit))
    z = rng.standard_normal((n, len(theta))) * np.sqrt(np.maximum(values, 0.0)) @ vectors.T
    return np.where(logged, theta * np.exp(np.clip(z, -50, 50)), theta + z)
