"""Many small symmetric systems solved at once."""

from __future__ import annotations

import numpy as np
from scipy.linalg.lapack import dposv

from fitting.arrays import Array, Index

EPS = np.finfo(float).eps
FACTORED = 60  # so many small systems are solved faster one by one


def solve_spd(A: Array, b: Array) -> tuple[Array, Index]:
    """x with A x = b, and whether each A is positive definite.

    Args: A (R, P, P), of unit diagonal or so, b (R, P).
    """
    R, P = b.shape
    if R > FACTORED:
        x, ok = side_by_side(np.ascontiguousarray(A.transpose(1, 2, 0)), np.ascontiguousarray(b.T), 4 * EPS)
        return x.T, ok
    x, ok = np.zeros((R, P)), np.zeros(R, dtype=bool)
    for i in range(R):
        _, xi, info = dposv(A[i], b[i])
        x[i], ok[i] = xi, info == 0
    return x, ok


def side_by_side(A: Array, b: Array, least: float) -> tuple[Array, Index]:
    """x (P, R) with A x = b, A (P, P, R), and whether all pivots of each A were above `least`, which stands in for the others."""
    P = len(b)
    L = np.empty_like(A)
    ok = np.ones(b.shape[1], dtype=bool)
    for j in range(P):
        column = A[j:, j] - (L[j:, :j] * L[j, :j]).sum(axis=1) if j else A[:, 0]
        ok &= column[0] > least
        L[j:, j] = column / np.sqrt(np.maximum(column[0], least))
    x = b.copy()
    for j in range(P):
        x[j] = (x[j] - (L[j, :j] * x[:j]).sum(axis=0)) / L[j, j]
    for j in range(P - 1, -1, -1):
        x[j] = (x[j] - (L[j + 1 :, j] * x[j + 1 :]).sum(axis=0)) / L[j, j]
    return x, ok
