"""Exhaustive grids over (alpha, beta) with E, A, B solved exactly in each cell: `fit_vpnls(method="grid")`.

Cells are solved in batches. Least squares uses moments (`surface.grid_start`); Huber uses a Newton iteration on the
three amplitudes of every cell, inside their box, until each cell has converged.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from fitting.errors import BadOption
from fitting.surface import grid_start

MAX_CELLS = 200_000_000


def axis(low: float, high: float, resolution: float) -> np.ndarray:
    """low, low + resolution, ... up to high. The upper bound is on the grid only when the step divides."""
    if not (np.isfinite(resolution) and resolution > 0):
        raise BadOption(f"resolution must be finite and > 0, got {resolution!r}; 0.01 is usual")
    count = int((high - low) / resolution + 1e-9) + 1
    if count > MAX_CELLS**0.5:
        raise BadOption(f"resolution {resolution:g} gives {count} lines per axis; use 1e-4 or coarser")
    return low + resolution * np.arange(count)


def search(x, z, y, low, high, resolution: float, delta: float, passes: int = 10, workers: int = 1):
    """Winner of the grid: theta (5,), for centred logs x and z.

    Args:
        low, high: (5,) box; amplitudes are those of the centred columns.
        delta: Huber delta, inf for least squares.
        passes: Newton passes per Huber cell; cells that could still win go on until they have converged.
        workers: threads.
    """
    alphas, betas = axis(low[3], high[3], resolution), axis(low[4], high[4], resolution)
    plain = delta == np.inf and not np.any(low[:3] > 0) and np.all(high[:3] == np.inf)
    count = max(workers, -(-len(alphas) * len(betas) // 400_000)) if plain else workers
    blocks = np.array_split(alphas, min(count, len(alphas)))
    V = None if plain else np.exp(-np.multiply.outer(betas, z))

    def solve(block: np.ndarray) -> tuple[float, np.ndarray]:
        if plain:
            return _least(x, z, y, block, betas)
        return _lines(x, y, V, block, betas, low[:3], high[:3], delta, passes)

    if workers > 1 and len(blocks) >= workers:
        with ThreadPoolExecutor(workers) as pool:
            found = list(pool.map(solve, blocks))
    else:
        found = [solve(block) for block in blocks]
    theta = found[int(np.argmin([cost for cost, _ in found]))][1]  # ties: the first found, alpha before beta
    if not plain:
        u, v = np.exp(-theta[3] * x), np.exp(-theta[4] * z)
        theta[:3] = cells(u, v[None], y, low[:3], high[:3], delta, 1000, 0.0, theta[None, :3])[0][0]
    return theta


def _least(x, z, y, alphas, betas):
    theta, table = grid_start(x, z, y, alphas, betas)
    return float(table.min()), theta


def _lines(x, y, V, alphas, betas, low, high, delta, passes):
    """Best cell of neighbouring lines of constant alpha; each line starts where the one before ended."""
    best, theta, coef = np.inf, np.zeros(5), None
    for alpha in alphas:
        u = np.exp(-alpha * x)
        coef, cost = cells(u, V, y, low, high, delta, passes, 1e-3, coef)
        near = np.flatnonzero(cost <= 1.02 * min(best, cost.min()))  # can still win
        if len(near):
            coef[near], cost[near] = cells(u, V[near], y, low, high, delta, 30, 1e-8, coef[near])
            j = near[int(np.argmin(cost[near]))]
            if cost[j] < best:
                best, theta = float(cost[j]), np.array([*coef[j], alpha, betas[j]])
    return best, theta


def cells(u, V, y, low, high, delta, passes, tolerance, coef=None):
    """Amplitudes of many cells that share u, by projected Newton on the (convex) Huber objective.

    Args:
        u: (n,); V: (m, n); low, high: (3,) box; delta: Huber delta or inf.
        passes, tolerance: at most so many; a cell that falls by less than this share of its cost is done.
        coef: (m, 3) start; least squares if None.

    Returns:
        coef (m, 3), cost (m,): sum of r**2/2 or Huber.
    """
    m = len(V)
    if coef is None:
        coef = np.clip(_plain(u, V, y), low, high)
    coef = coef.copy()
    cost = np.empty(m)
    live = np.arange(m)
    Vl = V
    r, psi, cost[:] = _state(u, Vl, y, coef, delta)
    for _ in range(passes):
        c, F = coef[live], cost[live]
        grad = -np.stack([psi.sum(1), psi @ u, np.einsum("ij,ij->i", psi, Vl)], axis=1)
        blocked = ((c <= low) & (grad >= 0)) | ((c >= high) & (grad <= 0))
        new, r_new, psi_new, F_new = _step(
            u, Vl, y, c, grad, blocked, (np.abs(r) <= delta) + 1e-12, low, high, delta
        )
        worse = F_new > F
        if worse.any():  # overshot: shorter steps, and the reweighted step, which never does
            w = np.flatnonzero(worse)
            weight = np.minimum(1.0, delta / np.maximum(np.abs(r[w]), 1e-300))
            reweighted = _step(u, Vl[w], y, c[w], grad[w], blocked[w], weight, low, high, delta)
            ahead = new[w] - c[w]
            for trial in (reweighted[0], *(c[w] + t * ahead for t in (0.6, 0.3, 0.1, 0.03))):
                part = (trial, *_state(u, Vl[w], y, trial, delta))
                better = part[3] < F_new[w]
                k = w[better]
                new[k], r_new[k], psi_new[k], F_new[k] = (piece[better] for piece in part)
            lost = F_new > F
            new[lost], r_new[lost], psi_new[lost], F_new[lost] = c[lost], r[lost], psi[lost], F[lost]
        coef[live], cost[live] = new, F_new
        go = F - F_new > tolerance * F
        if not go.any():
            break
        live, Vl, r, psi = live[go], Vl[go], r_new[go], psi_new[go]
    return coef, cost


def _state(u, V, y, coef, delta):
    r = y - coef[:, :1] - coef[:, 1:2] * u - coef[:, 2:] * V
    psi = np.clip(r, -delta, delta) if delta != np.inf else r
    return r, psi, np.einsum("ij,ij->i", psi, r - 0.5 * psi)


def _step(u, V, y, coef, grad, blocked, weight, low, high, delta):
    """One projected step with the given weights of rows (m, n)."""
    WV = weight * V
    G = np.empty((len(V), 3, 3))
    G[:, 0, 0] = weight.sum(1)
    G[:, 0, 1] = weight @ u
    G[:, 0, 2] = WV.sum(1)
    G[:, 1, 1] = weight @ (u * u)
    G[:, 1, 2] = WV @ u
    G[:, 2, 2] = np.einsum("ij,ij->i", WV, V)
    G[:, 1, 0], G[:, 2, 0], G[:, 2, 1] = G[:, 0, 1], G[:, 0, 2], G[:, 1, 2]
    scale = 1.0 / np.sqrt(np.einsum("ijj->ij", G))
    G *= scale[:, :, None] * scale[:, None, :]
    free = ~blocked
    G *= free[:, :, None] & free[:, None, :]
    G[:, range(3), range(3)] += 1e-12 + blocked
    d = np.linalg.solve(G, -(grad * scale * free)[..., None])[..., 0] * scale
    new = np.clip(coef + d, low, high)
    return (new, *_state(u, V, y, new, delta))


def _plain(u, V, y):
    """Least squares per cell without signs."""
    m = len(V)
    Phi = np.stack([np.ones_like(V), np.broadcast_to(u, V.shape), V], axis=1)
    G = Phi @ Phi.transpose(0, 2, 1)
    b = Phi @ y
    scale = 1.0 / np.sqrt(np.einsum("ijj->ij", G))
    G = G * scale[:, :, None] * scale[:, None, :] + 1e-13 * np.eye(3)
    return (np.linalg.solve(G, (b * scale)[..., None])[..., 0] * scale).reshape(m, 3)
