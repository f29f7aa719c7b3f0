"""Degrees of freedom of a sandwich: how far its own estimate of a variance may be off.

A sandwich variance is a weighted sum of squared residuals. Where a few rows carry a constant, few residuals speak for it, and
Student's t of rows less constants is too narrow. Satterthwaite: the degrees of freedom of the chi-squared whose mean and variance
are those of the sum, under normal errors of a given spread.

Source: Satterthwaite 1946; Bell and McCaffrey 2002; with a working model of the spread, Pustejovsky and Tipton 2018.
"""

from __future__ import annotations

import numpy as np

from fitting.arrays import Array

CHUNK = 256


def degrees_of_rows(weights: Array, spread: Array, U: Array) -> Array:
    """(m,) degrees of freedom of sums of `weights` (m, n) times squared residuals.

    Args:
        spread: (n,) variances of the errors, up to a factor.
        U: (n, k) orthonormal columns that the fit takes out of the errors: residuals are (1 - UU') errors.
    """
    # The covariance of residuals i and j is s_i (where i = j) less F_i . G_j: no table of rows by rows is needed.
    F = np.hstack([spread[:, None] * U, U, -U @ (U.T @ (spread[:, None] * U))])
    G = np.hstack([U, spread[:, None] * U, U])
    taken = (F * G).sum(axis=1)
    variance = np.maximum(spread - taken, 0.0)
    out = np.empty(len(weights))
    for at in range(0, len(weights), CHUNK):
        w = weights[at : at + CHUNK]
        square = (w * w) @ (variance**2 - taken**2)
        square += (((F.T * w[:, None, :]) @ F) * ((G.T * w[:, None, :]) @ G)).sum(axis=(1, 2))
        out[at : at + CHUNK] = _ratio(w @ variance, square)
    return out


def degrees_of_clusters(size: Array, along: Array) -> Array:
    """(m,) degrees of freedom of sums over g clusters of (pull . residuals of the cluster)**2, for errors of one spread.

    Args:
        size: (m, g) squared lengths of the pulls.
        along: (m, g, k) the pulls times the orthonormal columns that the fit takes out of the errors.
    """
    taken = np.square(along).sum(axis=2)
    square = np.square(size).sum(axis=1) - 2.0 * (size * taken).sum(axis=1)
    square += np.square(along.transpose(0, 2, 1) @ along).sum(axis=(1, 2))
    return _ratio((size - taken).sum(axis=1), square)


def _ratio(mean: Array, square: Array) -> Array:
    found: Array = np.where(square > 0, mean**2 / np.where(square > 0, square, 1.0), 1.0)
    return np.maximum(found, 1.0)
