"""Newton directions for many problems at once, and what stands in for a matrix that is not positive definite."""

from __future__ import annotations

import numpy as np

from fitting.arrays import Array, Index
from fitting.solve.cholesky import solve_spd

RIDGES = (
    0.0,
    1e-13,
    1e-10,
    1e-6,
    1e-3,
    1.0,
)  # on the scaled diagonal, of Newton's matrix and of those that stand in for it


def directions(
    J: Array, S: Array, curved: tuple[Array, Array, Array], g: Array, free: Index, damp: Array
) -> Array:
    """Newton directions (R, P); where the Hessian is not positive definite, safer matrices in turn.

    Args:
        curved: second derivatives of the cost by the prediction: d2, safe and inside of `Objective.derivatives`.
        damp: (R,) added to the scaled diagonal, as Levenberg and Marquardt do.
    """
    d2, safe, inside = curved
    R, P = g.shape
    eye = np.eye(P)
    d = np.zeros((R, P))
    todo = np.arange(R)
    plain = _gram(J, d2) if d2 is safe else None  # squared errors: one matrix serves all kinds
    for kind, ridge in enumerate(RIDGES):
        some = slice(None) if len(todo) == R else todo
        ft = free[some]
        if kind == 0:
            H = (_gram(J, d2) if plain is None else plain) + S
        elif plain is not None:
            H = plain[some]
        elif kind == 1:  # without the curvature of the law
            H = _gram(J[some], inside[some] + 1e-3 * safe[some])
        else:
            H = _gram(J[some], safe[some])
        diagonal = H.diagonal(axis1=1, axis2=2)
        scale = 1.0 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
        H = H * scale[:, :, None] * scale[:, None, :]
        if not ft.all():
            H = H * (ft[:, :, None] & ft[:, None, :])
        H = H + np.where(ft, ridge + damp[some, None], 1.0 + damp[some, None])[:, :, None] * eye
        x, ok = solve_spd(H, -(g[some] * ft) * scale)
        step = x * scale * ft
        ok &= np.isfinite(step).all(axis=1) & (np.einsum("ij,ij->i", step, g[some]) <= 0)
        if ok.all():
            d[some] = step
            return d
        d[todo[ok]] = step[ok]
        todo = todo[~ok]
    d[todo] = -(g[todo] * free[todo])
    return d


def _gram(J: Array, w: Array) -> Array:
    """Weighted products of slopes, (R, P, P)."""
    out: Array = (J * w[:, None, :]) @ J.transpose(0, 2, 1)
    return out
