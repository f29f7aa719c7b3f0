"""Compiled start of `fitting.vpnls.kernel`: rows looked over, logs centred, best cell of the coarse grid by moments.

Needs Numba; import it through `fitting.vpnls.fast` only. Twin of `surface.grid_start`. This file and `kernel` don't call
each other: Numba's cache looks at the time of one file, not at those of the functions it calls.
"""

import numpy as np
from numba import njit

from fitting.arrays import Array


@njit(cache=True, error_model="numpy")
def cell(
    n: int,
    ym: float,
    yy: float,
    um: float,
    vm: float,
    uu: float,
    vv: float,
    uy: float,
    vy: float,
    uv: float,
) -> tuple[float, float, float, float]:
    """Least squares with E, A, B >= 0 from centred moments: rss, E, A, B."""
    det = uu * vv - uv * uv
    if det > 1e-12 * uu * vv:
        a, b = (uy * vv - vy * uv) / det, (vy * uu - uy * uv) / det
        e = ym - a * um - b * vm
        if a >= 0 and b >= 0 and e >= 0:
            return yy - a * uy - b * vy, e, a, b
    total = yy + n * ym * ym
    best, E, A, B = (yy, ym, 0.0, 0.0) if ym >= 0 else (total, 0.0, 0.0, 0.0)
    if uu > 0:
        a = uy / uu
        e = ym - a * um
        if a >= 0 and e >= 0 and yy - a * uy < best:
            best, E, A, B = yy - a * uy, e, a, 0.0
    if vv > 0:
        b = vy / vv
        e = ym - b * vm
        if b >= 0 and e >= 0 and yy - b * vy < best:
            best, E, A, B = yy - b * vy, e, 0.0, b
    uu, vv, uv = uu + n * um * um, vv + n * vm * vm, uv + n * um * vm
    uy, vy = uy + n * um * ym, vy + n * vm * ym
    det = uu * vv - uv * uv
    if det > 1e-12 * uu * vv:
        a, b = (uy * vv - vy * uv) / det, (vy * uu - uy * uv) / det
        if a >= 0 and b >= 0 and total - a * uy - b * vy < best:
            best, E, A, B = total - a * uy - b * vy, 0.0, a, b
    a, b = uy / uu, vy / vv
    if a >= 0 and total - a * uy < best:
        best, E, A, B = total - a * uy, 0.0, a, 0.0
    if b >= 0 and total - b * vy < best:
        best, E, A, B = total - b * vy, 0.0, 0.0, b
    return best, E, A, B


@njit(cache=True, error_model="numpy")
def columns(x: Array, axis: Array, even: bool) -> Array:
    """exp(-axis x) as (n, COARSE); an even axis goes by multiplication."""
    n, m = len(x), len(axis)
    out = np.empty((n, m))
    for t in range(n):
        if even and m > 1:
            value, step = np.exp(-axis[0] * x[t]), np.exp(-(axis[1] - axis[0]) * x[t])
            for j in range(m):
                out[t, j] = value
                value *= step
        else:
            for j in range(m):
                out[t, j] = np.exp(-axis[j] * x[t])
    return out


@njit(cache=True, error_model="numpy")
def start(x: Array, z: Array, y: Array, alphas: Array, betas: Array, even: bool, theta: Array) -> None:
    """Best cell of the coarse grid, written to theta."""
    n, p, q = len(y), len(alphas), len(betas)
    U, V = columns(x, alphas, even), columns(z, betas, even)
    su, suu, suy = np.zeros(p), np.zeros(p), np.zeros(p)
    sv, svv, svy = np.zeros(q), np.zeros(q), np.zeros(q)
    G = np.zeros((p, q))
    ym = 0.0
    for t in range(n):
        ym += y[t]
    ym /= n
    yy = 0.0
    for t in range(n):
        d = y[t] - ym
        yy += d * d
        for i in range(p):
            u = U[t, i]
            su[i] += u
            suu[i] += u * u
            suy[i] += u * d
            for j in range(q):
                G[i, j] += u * V[t, j]
        for j in range(q):
            v = V[t, j]
            sv[j] += v
            svv[j] += v * v
            svy[j] += v * d
    best = np.inf
    for i in range(p):
        um = su[i] / n
        uu = suu[i] - n * um * um
        for j in range(q):
            vm = sv[j] / n
            rss, e, a, b = cell(
                n, ym, yy, um, vm, uu, svv[j] - n * vm * vm, suy[i], svy[j], G[i, j] - n * um * vm
            )
            if rss < best:
                best = rss
                theta[0], theta[1], theta[2], theta[3], theta[4] = e, a, b, alphas[i], betas[j]


@njit(cache=True, error_model="numpy")
def prepare(
    N: Array, D: Array, y: Array, alphas: Array, betas: Array, even: bool
) -> tuple[bool, Array, Array, float, float, float, Array]:
    """Rows looked over, logs centred, and the start of the search.

    Returns:
        fine (False: rows that need the checks of `vpnls.check_rows`), x, z (n,) centred logs, x0, z0 their means,
        sum of squares of y, theta (5,) of the centred problem.
    """
    n = len(y)
    x, z, theta = np.empty(n), np.empty(n), np.zeros(5)
    x0 = z0 = size = 0.0
    same = True
    for t in range(n):
        if not (0.0 < N[t] < np.inf and 0.0 < D[t] < np.inf and abs(y[t]) < np.inf):
            return False, x, z, 0.0, 0.0, 0.0, theta
        same = same and N[t] == N[0] and D[t] == D[0]
        x[t], z[t] = np.log(N[t]), np.log(D[t])
        x0 += x[t]
        z0 += z[t]
        size += y[t] * y[t]
    x0, z0 = x0 / n, z0 / n
    for t in range(n):
        x[t] -= x0
        z[t] -= z0
    if not same:
        start(x, z, y, alphas, betas, even, theta)
    return not same, x, z, x0, z0, size, theta
