"""Exhaustive grids over (alpha, beta) with E, A, B solved exactly in each cell: `fit_vpnls(method="grid")`.

Cells are solved in batches. Least squares uses moments (`surface.grid_start`); Huber uses a Newton iteration on the
three amplitudes of every cell, inside their box, until every cell that could win has converged.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from fitting.arrays import Array, Index
from fitting.errors import BadOption
from fitting.vpnls.surface import grid_start

MAX_CELLS = 200_000_000
BATCH = 500_000  # Huber cells times rows solved together


def axis(low: float, high: float, resolution: float) -> np.ndarray:
    """low, low + resolution, ... up to high. The upper bound is on the grid only when the step divides."""
    if not (np.isfinite(resolution) and resolution > 0):
        raise BadOption(f"resolution must be finite and > 0, got {resolution!r}; 0.01 is usual")
    count = int((high - low) / resolution + 1e-9) + 1
    if count > MAX_CELLS**0.5:
        raise BadOption(f"resolution {resolution:g} gives {count} lines per axis; use 1e-4 or coarser")
    return low + resolution * np.arange(count)


def search(
    x: Array,
    z: Array,
    y: Array,
    low: Array,
    high: Array,
    resolution: float,
    delta: float,
    hint: tuple[float, float],
    passes: int = 10,
    workers: int = 1,
) -> Array:
    """Winner of the grid: theta (5,), for centred logs x and z.

    Args:
        low, high: (5,) box; amplitudes are those of the centred columns.
        delta: Huber delta, inf for least squares.
        hint: (alpha, beta) near the winner; sets how good a cell must be to be looked at closely.
        passes: Newton passes per Huber cell; cells that could still win go on until they have converged.
        workers: threads.
    """
    alphas, betas = axis(low[3], high[3], resolution), axis(low[4], high[4], resolution)
    plain = delta == np.inf and not np.any(low[:3] > 0) and np.all(high[:3] == np.inf)
    count = max(workers, -(-len(alphas) * len(betas) // 400_000)) if plain else workers
    blocks = np.array_split(alphas, min(count, len(alphas)))
    if not plain:
        V = np.exp(-np.multiply.outer(betas, z))
        ceiling, near = _ceiling(x, y, V, alphas, betas, low[:3], high[:3], delta, hint)

    def solve(block: np.ndarray) -> tuple[float, np.ndarray]:
        if plain:
            return _least(x, z, y, block, betas)
        return _lines(x, y, V, block, betas, low[:3], high[:3], delta, passes, ceiling)

    if workers > 1 and len(blocks) >= workers:
        with ThreadPoolExecutor(workers) as pool:
            found = list(pool.map(solve, blocks))
    else:
        found = [solve(block) for block in blocks]
    if not plain:
        found.append((ceiling, near))
    theta = found[int(np.argmin([cost for cost, _ in found]))][1]  # ties: the first found, alpha before beta
    if not plain:
        u, v = np.exp(-theta[3] * x), np.exp(-theta[4] * z)
        theta[:3] = cells(u, v[None], y, low[:3], high[:3], delta, 1000, 0.0, theta[None, :3])[0][0]
    return theta


def _least(x: Array, z: Array, y: Array, alphas: Array, betas: Array) -> tuple[float, Array]:
    theta, table = grid_start(x, z, y, alphas, betas)
    return float(table.min()), theta


def _lines(
    x: Array,
    y: Array,
    V: Array,
    alphas: Array,
    betas: Array,
    low: Array,
    high: Array,
    delta: float,
    passes: int,
    ceiling: float,
) -> tuple[float, Array]:
    """Best cell of lines of constant alpha. Cells proved worse than `ceiling` or than the best so far are left out."""
    best, theta = np.inf, np.zeros(5)
    slack = 1e-24 * float(y @ y)  # below it costs are rounding errors
    parts = min(len(alphas), -(-len(alphas) * len(betas) * len(y) // BATCH))
    for lines in np.array_split(alphas, parts):
        U, W = (
            np.repeat(np.exp(-np.multiply.outer(lines, x)), len(betas), axis=0),
            np.tile(V, (len(lines), 1)),
        )
        exponents = np.stack([np.repeat(lines, len(betas)), np.tile(betas, len(lines))], axis=1)
        coef = _plain(U, W, y)
        r = _residual(U, W, y, coef)
        # least-squares residuals are orthogonal to the columns: a proof of how low each cell can go
        keep = _floor(_orthogonal(U, W, r), y, delta) <= min(best, ceiling) + slack
        # the way down to a small delta is shorter over larger ones
        stage = max(delta, 0.6 * float(np.median(np.abs(r[keep])))) if keep.any() else delta
        coef, cost = np.clip(coef, low, high), np.full(len(r), np.inf)
        for _ in range(50):
            U, W, exponents, coef, cost = U[keep], W[keep], exponents[keep], coef[keep], cost[keep]
            if not len(W):
                break
            coef, new = cells(U, W, y, low, high, stage, max(1, passes // 3), 1e-10, coef)
            psi = np.clip(_residual(U, W, y, coef), -stage, stage)
            keep = _floor(_orthogonal(U, W, psi), y, delta) <= min(best, ceiling) + slack
            if stage == delta:
                keep &= cost - new > 1e-10 * new
                cost = new
                j = int(np.argmin(cost))
                if cost[j] < best:
                    best, theta = float(cost[j]), np.array([*coef[j], *exponents[j]])
            stage = max(delta, 0.3 * stage)
    return best, theta


def _ceiling(
    x: Array,
    y: Array,
    V: Array,
    alphas: Array,
    betas: Array,
    low: Array,
    high: Array,
    delta: float,
    hint: tuple[float, float],
) -> tuple[float, Array]:
    """Cost and theta of the best of the cells around `hint` (alpha, beta): the winner is not above it."""
    around = [
        np.clip(np.searchsorted(axis_, at) - np.array([1, 0]), 0, len(axis_) - 1)
        for axis_, at in zip((alphas, betas), hint, strict=True)
    ]
    best, theta = np.inf, np.zeros(5)
    for k in around[0]:
        coef, cost = cells(np.exp(-alphas[k] * x), V[around[1]], y, low, high, delta, 100, 1e-10)
        j = int(np.argmin(cost))
        if cost[j] < best:
            best, theta = float(cost[j]), np.array([*coef[j], alphas[k], betas[around[1][j]]])
    return best * (1 + 1e-9), theta


def _floor(psi: Array, y: Array, delta: float) -> Array:
    """Lower bound of the Huber objective of each cell, by duality.

    Any psi orthogonal to the cell's columns and within +-delta shows that no amplitudes bring the objective
    below sum(psi y) - sum(psi**2)/2. Here psi is shrunk to fit.
    """
    shrink = np.minimum(1.0, delta / np.maximum(np.abs(psi).max(axis=1), 1e-300))
    bound: Array = shrink * (psi @ y - 0.5 * shrink * np.einsum("ij,ij->i", psi, psi))
    return bound


def _orthogonal(u: Array, V: Array, psi: Array) -> Array:
    """psi (m, n) less its part along each cell's columns."""
    return _residual(u, V, psi, _plain(u, V, psi))


def _residual(u: Array, V: Array, y: Array, coef: Array) -> Array:
    return y - coef[:, :1] - coef[:, 1:2] * u - coef[:, 2:] * V


def cells(
    u: Array,
    V: Array,
    y: Array,
    low: Array,
    high: Array,
    delta: float,
    passes: int,
    tolerance: float,
    coef: Array | None = None,
) -> tuple[Array, Array]:
    """Amplitudes of many cells by projected Newton on the (convex) Huber objective.

    Args:
        u: (n,) or (m, n); V: (m, n); low, high: (3,) box; delta: Huber delta or inf.
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
    u = np.broadcast_to(u, V.shape)
    Ul, Vl = u, V
    r, psi, cost[:] = _state(Ul, Vl, y, coef, delta)
    for _ in range(passes):
        c, F = coef[live], cost[live]
        grad = -np.stack([psi.sum(1), np.einsum("ij,ij->i", psi, Ul), np.einsum("ij,ij->i", psi, Vl)], axis=1)
        blocked = ((c <= low) & (grad >= 0)) | ((c >= high) & (grad <= 0))
        new, r_new, psi_new, F_new = _step(
            Ul, Vl, y, c, grad, blocked, (np.abs(r) <= delta).astype(float) + 1e-12, low, high, delta
        )
        worse = F_new > F
        if worse.any():  # overshot: shorter steps, and the reweighted step, which never does
            w = np.flatnonzero(worse)
            weight = np.minimum(1.0, delta / np.maximum(np.abs(r[w]), 1e-300))
            reweighted = _step(Ul[w], Vl[w], y, c[w], grad[w], blocked[w], weight, low, high, delta)
            ahead = new[w] - c[w]
            for trial in (reweighted[0], *(c[w] + t * ahead for t in (0.6, 0.3, 0.1, 0.03))):
                part = (trial, *_state(Ul[w], Vl[w], y, trial, delta))
                better = part[3] < F_new[w]
                k = w[better]
                new[k], r_new[k], psi_new[k], F_new[k] = (piece[better] for piece in part)
            lost = F_new > F
            new[lost], r_new[lost], psi_new[lost], F_new[lost] = c[lost], r[lost], psi[lost], F[lost]
        coef[live], cost[live] = new, F_new
        go = F - F_new > tolerance * F
        if not go.any():
            break
        live, Ul, Vl, r, psi = live[go], Ul[go], Vl[go], r_new[go], psi_new[go]
    return coef, cost


def _state(u: Array, V: Array, y: Array, coef: Array, delta: float) -> tuple[Array, Array, Array]:
    """Residuals and psi (m, n), costs (m,)."""
    r = _residual(u, V, y, coef)
    psi = np.clip(r, -delta, delta) if delta != np.inf else r
    return r, psi, np.einsum("ij,ij->i", psi, r - 0.5 * psi)


def _step(
    u: Array,
    V: Array,
    y: Array,
    coef: Array,
    grad: Array,
    blocked: Index,
    weight: Array,
    low: Array,
    high: Array,
    delta: float,
) -> tuple[Array, Array, Array, Array]:
    """One projected step with the given weights of rows (m, n)."""
    WV = weight * V
    G = np.empty((len(V), 3, 3))
    G[:, 0, 0] = weight.sum(1)
    G[:, 0, 1] = np.einsum("ij,ij->i", weight, u)
    G[:, 0, 2] = WV.sum(1)
    G[:, 1, 1] = np.einsum("ij,ij->i", weight * u, u)
    G[:, 1, 2] = np.einsum("ij,ij->i", WV, u)
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


def _plain(u: Array, V: Array, y: Array) -> Array:
    """Least squares per cell without signs; u and y are (n,) or one per cell (m, n)."""
    um, vm, ym = u.mean(axis=-1), V.mean(axis=1), y.mean(axis=-1)
    u, V, y = u - um[..., None], V - vm[:, None], y - ym[..., None]
    uu, vv, uv = _dot(u, u) * (1 + 1e-13), _dot(V, V) * (1 + 1e-13), _dot(u, V)
    uy, vy = _dot(u, y), _dot(V, y)
    det = np.maximum(uu * vv - uv * uv, 1e-300)
    A, B = (uy * vv - vy * uv) / det, (vy * uu - uy * uv) / det
    return np.stack([ym - A * um - B * vm, A, B], axis=1)


def _dot(a: Array, b: Array) -> Array:
    """Products of rows, each (n,) or (m, n)."""
    products: Array = np.einsum("...j,...j->...", a, b)
    return products
