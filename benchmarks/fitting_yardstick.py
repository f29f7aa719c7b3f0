"""Yardsticks for `benchmarks/fitting.py`: the grid search as vpnls 0.1.0 does it, and multi-start L-BFGS.

The grid is written anew from the published description (raw normal equations, Cramer's rule, drop negative
coefficients, ten reweighted passes for Huber) and compiled with Numba where that is installed. Timing it says how
a machine compares with the one vpnls was timed on; its losses stand in for those of vpnls on any data.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

try:
    from numba import njit
except ImportError:  # no yardstick without a compiler
    njit = None


def _three(G, b, use, coef):
    """Solve the normal equations of the columns in use by Cramer's rule; zeros where they are singular."""
    coef[:] = 0.0
    k = 0
    i = np.zeros(3, dtype=np.int64)
    for c in range(3):
        if use[c]:
            i[k] = c
            k += 1
    if k == 3:
        d = (
            G[0, 0] * (G[1, 1] * G[2, 2] - G[1, 2] * G[2, 1])
            - G[0, 1] * (G[1, 0] * G[2, 2] - G[1, 2] * G[2, 0])
            + G[0, 2] * (G[1, 0] * G[2, 1] - G[1, 1] * G[2, 0])
        )
        if abs(d) > 1e-300:
            for c in range(3):
                p, q = (c + 1) % 3, (c + 2) % 3
                coef[c] = (
                    b[0] * (G[1, p] * G[2, q] - G[1, q] * G[2, p])
                    + b[1] * (G[2, p] * G[0, q] - G[2, q] * G[0, p])
                    + b[2] * (G[0, p] * G[1, q] - G[0, q] * G[1, p])
                ) / d
    elif k == 2:
        p, q = i[0], i[1]
        d = G[p, p] * G[q, q] - G[p, q] * G[q, p]
        if abs(d) > 1e-300:
            coef[p] = (b[p] * G[q, q] - b[q] * G[p, q]) / d
            coef[q] = (b[q] * G[p, p] - b[p] * G[q, p]) / d
    elif k == 1 and G[i[0], i[0]] > 0:
        coef[i[0]] = b[i[0]] / G[i[0], i[0]]


def _cell(u, v, y, w, coef):
    """Weighted fit of one cell, negative coefficients dropped all at once."""
    G, b = np.zeros((3, 3)), np.zeros(3)
    use = np.ones(3, dtype=np.bool_)
    for t in range(len(y)):
        c = w[t]
        G[0, 0] += c
        G[0, 1] += c * u[t]
        G[0, 2] += c * v[t]
        G[1, 1] += c * u[t] * u[t]
        G[1, 2] += c * u[t] * v[t]
        G[2, 2] += c * v[t] * v[t]
        b[0] += c * y[t]
        b[1] += c * u[t] * y[t]
        b[2] += c * v[t] * y[t]
    G[1, 0], G[2, 0], G[2, 1] = G[0, 1], G[0, 2], G[1, 2]
    for _ in range(4):
        three(G, b, use, coef)
        negative = False
        for c in range(3):
            if use[c] and coef[c] < 0:
                use[c], negative = False, True
        if not negative:
            return
    for c in range(3):
        coef[c] = max(coef[c], 0.0)


def _search(N, D, y, alphas, betas, delta, passes):
    """Best mean cost of the grid: mean squared residual for delta = inf, else mean Huber; and its exponents."""
    n = len(y)
    x, z = np.log(N), np.log(D)
    u, v, w, coef = np.empty(n), np.empty(n), np.ones(n), np.zeros(3)
    best, alpha, beta = np.inf, 0.0, 0.0
    for i in range(len(alphas)):
        for t in range(n):
            u[t] = np.exp(-alphas[i] * x[t])
        for j in range(len(betas)):
            for t in range(n):
                v[t] = np.exp(-betas[j] * z[t])
                w[t] = 1.0
            cell(u, v, y, w, coef)
            if delta < np.inf:
                for _ in range(passes):
                    for t in range(n):
                        r = abs(y[t] - coef[0] - coef[1] * u[t] - coef[2] * v[t])
                        w[t] = 1.0 if r <= delta else delta / r
                    cell(u, v, y, w, coef)
            cost = 0.0
            for t in range(n):
                r = abs(y[t] - coef[0] - coef[1] * u[t] - coef[2] * v[t])
                if delta == np.inf:
                    cost += r * r
                else:
                    cost += 0.5 * r * r if r <= delta else delta * (r - 0.5 * delta)
            if cost < best:
                best, alpha, beta = cost, alphas[i], betas[j]
    return best / n, alpha, beta


if njit is not None:
    three, cell, search = njit(cache=True)(_three), njit(cache=True)(_cell), njit(cache=True)(_search)
else:
    search = None


def grid(N, D, L, resolution: float, delta: float = np.inf, high: float = 0.99, passes: int = 10):
    """(loss, alpha, beta) of the grid from 0.01 to `high`; None without Numba."""
    if search is None:
        return None
    axis = 0.01 + resolution * np.arange(int((high - 0.01) / resolution + 1e-9) + 1)
    return search(np.asarray(N, float), np.asarray(D, float), np.asarray(L, float), axis, axis, delta, passes)


def multi_start(N, D, L, delta: float = np.inf, starts: int = 10, high: float = 0.99, seed: int = 0) -> float:
    """Best mean cost of L-BFGS-B on all five constants (log E, log A, log B) from random starts, exact gradients."""
    x, z = np.log(N), np.log(D)
    x0, z0 = x.mean(), z.mean()
    x, z, n = x - x0, z - z0, len(L)
    rng = np.random.default_rng(seed)
    size = float(np.mean(np.abs(L)))

    def cost(theta):
        E, A, B = np.exp(theta[:3])
        u, v = A * np.exp(-theta[3] * x), B * np.exp(-theta[4] * z)
        r = L - E - u - v
        psi = np.clip(r, -delta, delta)
        g = -np.array([E * psi.sum(), psi @ u, psi @ v, -(psi * x) @ u, -(psi * z) @ v])
        return float(psi @ (r - 0.5 * psi)) / n, g / n

    best = np.inf
    for _ in range(starts):
        start = np.append(np.log(size * rng.uniform(0.05, 1.0, 3)), rng.uniform(0.05, 0.95, 2))
        box = [(np.log(size) - 30, np.log(size) + 10)] * 3 + [(0.01, high)] * 2
        options = {"ftol": 1e-15, "gtol": 1e-15, "maxiter": 10_000}
        best = min(best, minimize(cost, start, jac=True, method="L-BFGS-B", bounds=box, options=options).fun)
    return float(best) * (2.0 if delta == np.inf else 1.0)
