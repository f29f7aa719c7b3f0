"""Compiled twin of the Newton part of `fitting.vpnls.surface`. Needs Numba; import it through `fitting.vpnls.fast` only.

Same steps, same stopping: Newton on five constants inside the box, homotopy for Huber.
"""

import numpy as np
from numba import njit

from fitting.arrays import Array

EPS = 2.220446049250313e-16
MAX_STEPS = (
    200.0  # as a number that is not whole: for a literal integer Numba would compile `newton` once more
)
FEW = 7
MAX_STAGES = 60


@njit(cache=True, error_model="numpy")
def objective(x: Array, z: Array, y: Array, theta: Array, delta: float, U: Array, r: Array) -> float:
    """Sum of r**2/2 or Huber; columns u, v and residuals are left in U and r."""
    F = 0.0
    for t in range(len(y)):
        u, v = np.exp(-theta[3] * x[t]), np.exp(-theta[4] * z[t])
        U[0, t], U[1, t] = u, v
        d = y[t] - theta[0] - theta[1] * u - theta[2] * v
        r[t] = d
        c = min(max(d, -delta), delta)
        F += c * (d - 0.5 * c)
    return F


@njit(cache=True, error_model="numpy")
def take(source: Array, sink: Array) -> None:
    """Copy by hand: `sink[:] = source` alone takes Numba two seconds to compile."""
    for i in range(len(source)):
        sink[i] = source[i]


@njit(cache=True, error_model="numpy")
def size_of(r: Array, k: int, scratch: Array) -> float:
    """The k-th smallest of |r|, from 0, by Hoare's selection: `np.sort` takes Numba more than a second to compile."""
    for t in range(len(r)):
        scratch[t] = abs(r[t])
    left, right = 0, len(r) - 1
    while left < right:
        pivot = scratch[k]
        i, j = left, right
        while i <= j:
            while scratch[i] < pivot:
                i += 1
            while pivot < scratch[j]:
                j -= 1
            if i <= j:
                scratch[i], scratch[j] = scratch[j], scratch[i]
                i += 1
                j -= 1
        if j < k:
            left = i
        if k < i:
            right = j
    found: float = scratch[k]
    return found


@njit(cache=True, error_model="numpy")
def cholesky(A: Array, b: Array, x: Array, k: int, ridge: float) -> bool:
    """x with A x = b for the leading k by k part, scaled to unit diagonal; whether A was positive definite."""
    scale = np.empty(k)
    L = np.empty((k, k))
    for i in range(k):
        if not A[i, i] > 0:
            return False
        scale[i] = 1.0 / np.sqrt(A[i, i])
    for i in range(k):
        for j in range(i + 1):
            value = A[i, j] * scale[i] * scale[j] + (ridge if i == j else 0.0)
            for m in range(j):
                value -= L[i, m] * L[j, m]
            if i == j:
                if not value > 4 * EPS:
                    return False
                L[i, i] = np.sqrt(value)
            else:
                L[i, j] = value / L[j, j]
    for i in range(k):
        value = b[i] * scale[i]
        for m in range(i):
            value -= L[i, m] * x[m]
        x[i] = value / L[i, i]
    for i in range(k - 1, -1, -1):
        value = x[i]
        for m in range(i + 1, k):
            value -= L[m, i] * x[m]
        x[i] = value / L[i, i]
    for i in range(k):
        x[i] *= scale[i]
    return True


@njit(cache=True, error_model="numpy")
def gram(x: Array, z: Array, theta: Array, U: Array, w: Array, W: Array) -> None:
    """Weighted products of the five slopes, into W."""
    for i in range(5):
        for j in range(5):
            W[i, j] = 0.0
    for t in range(len(x)):
        if w[t] == 0.0:
            continue
        u, v = U[0, t], U[1, t]
        p, q = x[t] * u, z[t] * v
        c = w[t]
        W[0, 0] += c
        W[1, 0] += c * u
        W[2, 0] += c * v
        W[3, 0] += c * p
        W[4, 0] += c * q
        W[1, 1] += c * u * u
        W[2, 1] += c * v * u
        W[3, 1] += c * p * u
        W[4, 1] += c * q * u
        W[2, 2] += c * v * v
        W[3, 2] += c * p * v
        W[4, 2] += c * q * v
        W[3, 3] += c * p * p
        W[4, 3] += c * q * p
        W[4, 4] += c * q * q
    for i in range(5):
        si = -theta[i - 2] if i > 2 else 1.0
        for j in range(i + 1):
            sj = -theta[j - 2] if j > 2 else 1.0
            W[i, j] *= si * sj
            W[j, i] = W[i, j]


@njit(cache=True, error_model="numpy")
def newton(
    x: Array,
    z: Array,
    y: Array,
    theta: Array,
    delta: float,
    low: Array,
    high: Array,
    tolerance: float,
    limit: float,
    size: float,
    U: Array,
    r: Array,
) -> tuple[float, int, bool]:
    """Damped Newton inside the box; theta is changed in place. Returns objective, steps, converged."""
    n = len(y)
    huber = delta < np.inf
    U2, r2, w = np.empty((2, n)), np.empty(n), np.empty(n)
    W, H = np.empty((5, 5)), np.empty((5, 5))
    g, gf, d, step, new = np.empty(5), np.empty(5), np.empty(5), np.empty(5), np.empty(5)
    free = np.empty(
        6, dtype=np.int64
    )  # the sixth is how many there are: not a literal, so `cholesky` is compiled once
    floor = (8 * EPS) ** 2 * size
    F = objective(x, z, y, theta, delta, U, r)
    steps = int(limit)
    for count in range(1, steps + 1):
        m0 = m1 = m2 = m3 = m4 = m5 = m6 = 0.0
        for t in range(n):
            c = min(max(r[t], -delta), delta)
            u, v = U[0, t], U[1, t]
            p, q = x[t] * u, z[t] * v
            m0 += c
            m1 += c * u
            m2 += c * v
            m3 += c * p
            m4 += c * q
            m5 += c * p * x[t]
            m6 += c * q * z[t]
        A, B = theta[1], theta[2]
        g[0], g[1], g[2], g[3], g[4] = -m0, -m1, -m2, A * m3, B * m4
        k = 0
        for i in range(5):
            held = (theta[i] <= low[i] and g[i] >= 0) or (theta[i] >= high[i] and g[i] <= 0)
            if not held and not (i == 3 and A == 0.0) and not (i == 4 and B == 0.0):
                free[k] = i
                k += 1
        if k == 0:
            return F, count, True
        free[5] = k
        drop = -1.0
        for kind in range(6):
            if kind <= 2:
                for t in range(n):
                    size_t = abs(r[t])
                    if kind == 2:  # reweighted: goes down for certain
                        w[t] = min(1.0, delta / max(size_t, 1e-300)) if huber else 1.0
                    else:  # rows outside delta count a little when they must
                        w[t] = 1.0 if size_t <= delta else 1e-3 * kind
                gram(x, z, theta, U, w, W)
            for i in range(k):
                gf[i] = -g[free[i]]
                for j in range(k):
                    H[i, j] = W[free[i], free[j]]
            ridge = 0.0
            if kind == 0:
                for i in range(k):
                    for j in range(k):
                        a, b = free[i], free[j]
                        if (a == 1 and b == 3) or (a == 3 and b == 1):
                            H[i, j] += m3
                        elif (a == 2 and b == 4) or (a == 4 and b == 2):
                            H[i, j] += m4
                        elif a == 3 and b == 3:
                            H[i, j] -= A * m5
                        elif a == 4 and b == 4:
                            H[i, j] -= B * m6
            else:
                ridge = 1e-12 if kind == 1 else 1e-10 * 1e3 ** (kind - 2)
            if not cholesky(H, gf, step, free[5], ridge):
                continue
            drop = 0.0
            for i in range(k):
                drop += step[i] * gf[i]
            if 0 <= drop < np.inf:
                break
            drop = -1.0
        for i in range(5):
            d[i] = 0.0
        if drop < 0:
            drop = 0.0
            for i in range(k):
                d[free[i]] = gf[i]
                drop += gf[i] * gf[i]
        else:
            for i in range(k):
                d[free[i]] = step[i]
        noise = EPS * np.sqrt(F) * np.sqrt(size) + floor
        small = drop <= tolerance * F + noise
        s = 1.0
        while True:
            gain = 0.0
            for i in range(5):
                new[i] = min(max(theta[i] + s * d[i], low[i]), high[i])
                gain += g[i] * (new[i] - theta[i])
            F2 = objective(x, z, y, new, delta, U2, r2)
            if small:
                if F + noise >= F2:
                    take(new, theta)
                return min(F, F2), count, True
            if F2 < F and F + 1e-4 * gain >= F2:
                break
            s *= 0.5
            if s < 1e-9:
                return F, count, drop <= 1e-8 * F + 10 * noise
        take(new, theta)
        F = F2
        U, U2 = U2, U
        r, r2 = r2, r
    return F, steps, False


@njit(cache=True, error_model="numpy")
def descend(
    x: Array,
    z: Array,
    x0: float,
    z0: float,
    y: Array,
    size: float,
    theta: Array,
    low: Array,
    high: Array,
    delta: float,
) -> tuple[Array, Array, float, int, bool, float, int]:
    """From the start `theta` to the optimum.

    Returns:
        theta (5,) in units of the data, theta of the centred problem, sum of costs, steps, converged, rss, and how
        many rows lie within delta.
    """
    n = len(y)
    U, r, absolute = np.empty((2, n)), np.empty(n), np.empty(n)
    target = 1e-14 if delta == np.inf else 1e-4
    stage, limit, steps, fine = np.inf, MAX_STEPS, 0, False
    # One loop over the stages, so that `newton` is called from one place: every call of it is compiled anew.
    for count in range(MAX_STAGES + 2):
        _, more, fine = newton(x, z, y, theta, stage, low, high, target, limit, size, U, r)
        steps += more
        F = objective(x, z, y, theta, delta, U, r)
        if stage <= delta:
            break
        rank = int(0.9 * (n - 1)) if count == 0 else min(FEW, n - 1)
        wide = size_of(r, rank, absolute)
        stage = wide if count == 0 else min(0.8 * stage, max(0.3 * stage, wide))
        target, limit = 1e-3, 8.0
        if stage <= delta / 0.6 or count >= MAX_STAGES:
            stage, target, limit = delta, 1e-13, MAX_STEPS
    rss, inside = 0.0, 0
    for t in range(n):
        rss += r[t] * r[t]
        inside += abs(r[t]) <= delta
    raw = np.empty(5)
    take(theta, raw)
    raw[1] *= np.exp(theta[3] * x0)
    raw[2] *= np.exp(theta[4] * z0)
    return raw, theta, F, steps, fine, rss, inside
