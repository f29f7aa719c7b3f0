"""Where to begin: a coarse grid over the nonlinear constants, every cell solved for the linear ones by moments.

Each column of the law depends on some of the nonlinear constants only. It is evaluated once per combination of
those, and one matrix product per pair of columns gives the normal equations of all cells.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from fitting.arrays import Array, Index
from fitting.law.compiled import compile_trees
from fitting.law.expression import Node, names
from fitting.law.law import Law
from fitting.solve.cholesky import side_by_side
from fitting.solve.roles import Role

PER_AXIS = {1: 48, 2: 24, 3: 11}
SCATTERED = 2048
MAX_ROWS, FEW_ROWS = 400, 64  # of a lattice, of scattered cells
LEAST = 1e-14  # columns that are one another to the last digit leave no pivot, and rounding may leave less

Column = tuple[np.ndarray, Index | slice | None]
"""Values (m, n) at m combinations of constants, and which of them each cell has; None: there is one."""


def starts(
    law: Law,
    columns: list[np.ndarray],
    y: np.ndarray,
    weights: np.ndarray | None,
    roles: dict[str, Role],
    low: np.ndarray,
    high: np.ndarray,
    count: int,
    reach: float = 1.0,
) -> np.ndarray:
    """The best `count` cells that are not neighbours: (count', n_constants) in the order of `law.constants`.

    Args:
        law: with its columns (n,) or (1,), in the order of `law.used`.
        low, high: (n_constants,) box.
        reach: above 1 the cells are scattered over so much wider ranges.
    """
    index = {c: i for i, c in enumerate(law.constants)}
    nonlinear = law.nonlinear
    box = {c: (low[index[c]], high[index[c]]) for c in nonlinear}
    cells, unit, axes = _cells(nonlinear, roles, box, reach)
    n = len(y)
    keep = _spread_rows(y, MAX_ROWS if axes is not None else FEW_ROWS)
    columns = [c[keep] if len(c) == n else c for c in columns]
    y = y[keep]
    w = None if weights is None else weights[keep]
    offset, trees = law.design
    with np.errstate(all="ignore"):
        tables = [_evaluate(tree, law, columns, nonlinear, axes, cells, len(y)) for tree in (*trees, offset)]
        linear_low = np.array([low[index[c]] for c in law.linear])
        linear_high = np.array([high[index[c]] for c in law.linear])
        coef, rss = _solve(tables, y, w, len(unit), linear_low, linear_high, count == 1)
    rss = np.where(np.isfinite(rss), rss, np.inf)
    chosen = _apart(rss, unit, count)
    theta = np.zeros((len(chosen), law.n_constants))
    for k, c in enumerate(law.linear):
        theta[:, index[c]] = coef[chosen, k]
    for c in nonlinear:
        theta[:, index[c]] = cells[c][chosen]
    return np.clip(np.nan_to_num(theta), low, high)


def _spread_rows(y: np.ndarray, most: int) -> np.ndarray:
    """At most so many rows, evenly spread over the sorted targets; no matter in which order rows come."""
    if len(y) <= most:
        return np.arange(len(y))
    order = np.argsort(y, kind="stable")
    chosen: Index = order[np.linspace(0, len(y) - 1, most).round().astype(int)]
    return chosen


def _cells(
    nonlinear: tuple[str, ...], roles: dict[str, Role], box: dict[str, tuple[float, float]], reach: float
) -> tuple[dict[str, np.ndarray], np.ndarray, list[np.ndarray] | None]:
    """Value of each nonlinear constant in each cell, the cells' places in the unit cube (cells, k), and the axes where the
    cells are all combinations of their values."""
    k = len(nonlinear)
    if k == 0:
        return {}, np.zeros((1, 0)), []
    if k in PER_AXIS and reach == 1.0:
        axes = [roles[c].axis(PER_AXIS[k], *box[c]) for c in nonlinear]
        grid, unit = _lattice(tuple(len(a) for a in axes))
        cells = {c: a[grid[:, j]] for j, (c, a) in enumerate(zip(nonlinear, axes, strict=True))}
        leans = any(roles[c].leans for c in nonlinear)
        return (_leaning(cells, roles), unit, None) if leans else (cells, unit, axes)
    unit = halton(SCATTERED if reach == 1.0 else 2 * SCATTERED, k)
    cells = {}
    for j, c in enumerate(nonlinear):
        axis = roles[c].axis(24 if reach == 1.0 else 60, *box[c], reach)
        cells[c] = np.interp(unit[:, j], np.linspace(0, 1, len(axis)), axis)
    return _leaning(cells, roles), unit, None


def _leaning(cells: dict[str, np.ndarray], roles: dict[str, Role]) -> dict[str, np.ndarray]:
    """Places moved along with the slopes beside them: in y - m - s*x, m is near y - s*x."""
    for c in cells:
        cells[c] = cells[c] + sum(factor * cells[s] for s, factor in roles[c].leans if s in cells)
    return cells


@lru_cache(maxsize=64)
def _lattice(sizes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """All combinations of places on axes of these lengths, and where they lie in the unit cube."""
    grid = np.indices(sizes).reshape(len(sizes), -1).T
    return grid, grid / np.maximum(np.array(sizes) - 1.0, 1.0)


def halton(count: int, k: int) -> Array:
    """The first `count` points of Halton's sequence in the unit cube of k dimensions."""
    out = np.zeros((count, k))
    for j, prime in enumerate(_primes(k)):
        left, share = np.arange(count), 1.0
        while left.any():
            share /= prime
            out[:, j] += share * (left % prime)
            left = left // prime
    return out


def _primes(k: int) -> list[int]:
    found: list[int] = []
    n = 2
    while len(found) < k:
        if all(n % p for p in found):
            found.append(n)
        n += 1
    return found


def _evaluate(
    tree: Node,
    law: Law,
    columns: list[np.ndarray],
    nonlinear: tuple[str, ...],
    axes: list[np.ndarray] | None,
    cells: dict[str, np.ndarray],
    n: int,
) -> Column:
    """A column at its own combinations of constants (m, n), and which combination each cell has."""
    present = names(tree)
    inside = [c for c in nonlinear if c in present]
    before, body = compile_trees((tree,), law.used, tuple(inside))
    prepared = before(columns)
    if not inside:
        value = np.broadcast_to(np.asarray(body((), prepared)[0], dtype=float), (1, n))
        return value, None
    which: Index | slice = slice(None)
    points = [cells[c] for c in inside]
    if axes is not None and len(inside) < len(
        nonlinear
    ):  # on a lattice it takes fewer combinations than cells
        at = [nonlinear.index(c) for c in inside]
        own, _ = _lattice(tuple(len(axes[j]) for j in at))
        which = _own_cell(tuple(len(a) for a in axes), tuple(at))
        points = [axes[j][own[:, k]] for k, j in enumerate(at)]
    value = body([p[:, None] for p in points], prepared)[0]
    return np.broadcast_to(np.asarray(value, dtype=float), (len(points[0]), n)), which


@lru_cache(maxsize=64)
def _own_cell(sizes: tuple[int, ...], at: tuple[int, ...]) -> Index:
    """For each cell of a lattice, its number in the lattice of the axes `at` alone."""
    grid, _ = _lattice(sizes)
    own: Index = np.ravel_multi_index(tuple(grid[:, j] for j in at), tuple(sizes[j] for j in at))
    return own


def _dot(one: Column, other: Column, w: np.ndarray | None, cells: int) -> Array:
    """Weighted products of two columns, per cell."""
    (a, ia), (b, ib) = one, other
    if w is not None:
        a = a * w
    if ia is None and ib is None:
        return np.broadcast_to(a[0] @ b[0], (cells,))
    if ia is None or ib is None:
        row, many, which = (a[0], b, ib) if ia is None else (b[0], a, ia)
        product: Array = (many @ row)[which]
    elif len(a) * len(b) <= 4 * cells:
        product = (a @ b.T)[ia, ib]
    else:
        product = np.einsum("ij,ij->i", a[ia], b[ib])
    return product


def _solve(
    tables: list[Column],
    y: Array,
    w: Array | None,
    cells: int,
    low: Array,
    high: Array,
    one: bool,
) -> tuple[Array, Array]:
    """Linear constants (cells, q) within their signs, and the weighted residual sum of squares (cells,).

    one: only the best cell is wanted, so those that could not be it are left at the next point within their signs.
    """
    q = len(tables) - 1
    target: Column = (y[None, :], None)
    offset = tables[-1]
    shifted = bool(offset[0].any())
    yy = _dot(target, target, w, cells)
    if shifted:
        yy = yy - 2 * _dot(target, offset, w, cells) + _dot(offset, offset, w, cells)
    if q == 0:
        return np.zeros((cells, 0)), yy
    G, b = np.empty((q, q, cells)), np.empty((q, cells))
    for i in range(q):
        b[i] = _dot(tables[i], target, w, cells)
        if shifted:
            b[i] -= _dot(tables[i], offset, w, cells)
        for j in range(i, q):
            G[i, j] = G[j, i] = _dot(tables[i], tables[j], w, cells)
    bad = ~(np.isfinite(G).all(axis=(0, 1)) & np.isfinite(b).all(axis=0))
    G[:, :, bad], b[:, bad] = np.eye(q)[:, :, None], 0.0
    scale = 1.0 / np.sqrt(np.maximum(np.einsum("iij->ij", G), 1e-300))
    G, b = G * scale[:, None] * scale[None, :], b * scale
    low, high = low[:, None] / scale, high[:, None] / scale
    coef, _ = side_by_side(G + 1e-11 * np.eye(q)[:, :, None], b, LEAST)
    out = (coef < low) | (coef > high)
    unsigned, coef = coef, np.clip(coef, low, high)
    free = ~out
    left = out.any(axis=0)
    if one and left.any() and not left.all():  # signs cost: a cell is no better with them than without
        without = np.where(bad, np.inf, yy - np.einsum("ij,ij->j", unsigned, b))
        left &= without < without[~left].min(initial=np.inf)
    todo = np.flatnonzero(left)
    for _ in range(q):  # what left its bounds is held there; good enough for a start
        if not len(todo):
            break
        f, here, Gt = free[:, todo], coef[:, todo], G[:, :, todo]
        rhs = np.where(f, b[:, todo] - np.einsum("ijk,jk->ik", Gt, np.where(f, 0.0, here)), here)
        c, _ = side_by_side(Gt * (f[:, None] & f[None, :]) + np.eye(q)[:, :, None] * (1e-11 + ~f), rhs, LEAST)
        c = np.where(f, c, here)
        out = f & ((c < low[:, todo]) | (c > high[:, todo]))
        coef[:, todo] = np.clip(c, low[:, todo], high[:, todo])
        free[:, todo] = f & ~out
        todo = todo[out.any(axis=0)]
    rss = yy - 2 * np.einsum("ij,ij->j", coef, b) + np.einsum("ik,ijk,jk->k", coef, G, coef)
    return (coef * scale).T, np.where(bad, np.inf, np.maximum(rss, 0.0))


def _apart(rss: np.ndarray, unit: np.ndarray, count: int) -> list[int]:
    """Cells in order of rss, skipping those close to one already chosen."""
    if count == 1:
        return [int(np.argmin(rss))]
    near = 0.12 if unit.shape[1] > 1 else 0.06
    chosen: list[int] = []
    for i in np.argsort(rss, kind="stable")[:400]:
        if not np.isfinite(rss[i]) and chosen:
            break
        if all(np.abs(unit[i] - unit[j]).max() > near for j in chosen):
            chosen.append(int(i))
            if len(chosen) == count:
                break
    return chosen
