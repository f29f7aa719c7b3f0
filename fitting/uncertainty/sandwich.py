"""The covariance of the constants that holds under uneven and clustered noise.

The plain covariance takes one variance for all rows. Where the noise of some rows is larger (small models, short runs) and
those rows settle a constant, its interval comes out too narrow. The sandwich lets every row speak for its own noise, and
Student's t has as many degrees of freedom as residuals speak (`fitting.uncertainty.satterthwaite`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from fitting.arrays import Array
from fitting.columns import label_index
from fitting.errors import BadData
from fitting.solve.newton import target_delta
from fitting.solve.solution import Solution
from fitting.uncertainty.covariance import degrees, moving, scores, slopes
from fitting.uncertainty.satterthwaite import degrees_of_clusters, degrees_of_rows

MOST = 0.99  # leverages above count as this


@dataclass(frozen=True, slots=True)
class Pulls:
    """How the noise of single rows, or of whole clusters, moves the constants that may move.

    Attributes:
        free: (k,) those constants; norm: (k,) sizes of their slopes.
        pull: (k, n) each row's, or (k, clusters) each cluster's, square root of its share of the variances (constants times norm).
        degrees: given a combination of the constants (m, k), the degrees of freedom (m,) of its variance.
    """

    free: np.ndarray
    norm: Array
    pull: Array
    degrees: Callable[[Array], Array]


def sandwich(result: Solution, clusters: object = None) -> Array:
    """(P, P) covariance by residuals, each divided by the root of one less its leverage (HC2); zero rows for constants on a bound.

    Args:
        clusters: (rows,) labels of rows that share their errors: whole clusters stand in for single rows, each with what
            its own leverage hides taken back (CR2).

    Source: MacKinnon and White 1985; Bell and McCaffrey 2002; for robust losses Huber 1967 with Powell's 1991 estimate of the density.
    """
    P = len(result.constants)
    out = np.zeros((P, P))
    found = pulls(result, clusters)
    if found is not None:
        pull = found.pull / found.norm[:, None]
        out[np.ix_(found.free, found.free)] = pull @ pull.T
    return out


def spread_along(
    result: Solution, directions: Array | None = None, clusters: object = None
) -> tuple[Array, Array]:
    """Variances of combinations of the constants by the sandwich, and the degrees of freedom of Student's t that go with them.

    Args:
        directions: (m, P); each constant by itself if None.
    """
    D = np.eye(len(result.constants)) if directions is None else directions
    left = float(max(degrees(result), 1))
    found = pulls(result, clusters)
    if found is None:
        return np.zeros(len(D)), np.full(len(D), left)
    scaled = D[:, found.free] / found.norm
    variance = np.square(scaled @ found.pull).sum(axis=1)
    return variance, np.minimum(found.degrees(scaled), left)


def widened(result: Solution) -> Array:
    """The sandwich with each standard error widened as Student's t is at 95 %: for draws from a normal."""
    _, left = spread_along(result)
    wide = special.stdtrit(left, 0.975) / special.ndtri(0.975)
    return np.asarray(sandwich(result) * np.multiply.outer(wide, wide))


def pulls(result: Solution, clusters: object = None) -> Pulls | None:
    """How rows or clusters move the constants; None where no constant may move."""
    J = slopes(result)
    root = np.sqrt(row_weights(result))
    norm, free = moving(result, J, root)
    if not len(free):
        return None
    Z = J[:, free] / norm[free] * root[:, None]
    U, S, V = np.linalg.svd(Z, full_matrices=False)
    bread = _turned(result, Z, (V.T / np.maximum(S, 1e-14 * S[0])) @ U.T)  # constants by rows
    size = np.where(root > 0, scores(result) * _own(result) / np.maximum(root, 1e-300), 0.0)
    if clusters is not None:
        return _of_clusters(bread, U, size, cluster_index(result, clusters), norm[free], free)
    left = 1.0 - np.minimum((U * U).sum(axis=1), MOST)
    spread = np.square(_sizes(result, size))
    spread /= spread.mean()

    def found(combined: Array) -> Array:
        return degrees_of_rows(np.square(combined @ bread) / left, spread, U)

    return Pulls(free, norm[free], bread * (size / np.sqrt(left)), found)


def _of_clusters(
    bread: Array, U: Array, size: Array, labels: np.ndarray, norm: Array, free: np.ndarray
) -> Pulls:
    m = int(labels.max()) + 1
    pull, along = np.zeros((len(free), m)), np.zeros((len(free), m, U.shape[1]))
    gram = np.zeros((m, len(free), len(free)))
    for g in range(m):
        mine = np.flatnonzero(labels == g)
        own = U[mine]
        values, vectors = np.linalg.eigh(np.eye(len(mine)) - own @ own.T)
        part = bread[:, mine] @ (vectors / np.sqrt(np.maximum(values, 1.0 - MOST))) @ vectors.T
        pull[:, g], along[:, g], gram[g] = part @ size[mine], part @ own, part @ part.T

    def found(combined: Array) -> Array:
        lengths = np.einsum("mi,gij,mj->mg", combined, gram, combined)
        return degrees_of_clusters(lengths, np.einsum("mi,igk->mgk", combined, along))

    return Pulls(free, norm, pull, found)


def row_weights(result: Solution) -> Array:
    """Weight of each row in the curvature of the objective: its own, times its side of an asymmetric squared loss."""
    rows, loss = result.problem.rows, result.loss
    w = np.ones(rows.n) if rows.weights is None else rows.weights
    if loss.huber_delta == np.inf and not loss.two_sided:
        r = loss.residual(rows.y, result.fitted)
        w = w * np.where(r < 0, loss.over, loss.under)
    return np.asarray(w, dtype=float)


def _own(result: Solution) -> Array | float:
    w = result.problem.rows.weights
    return 1.0 if w is None else w


def _turned(result: Solution, Z: Array, pull: Array) -> Array:
    """For a robust loss: every row counts in the curvature by the chance that its residual lies inside delta."""
    if result.loss.huber_delta == np.inf:
        return pull
    curved = (Z * _inside_chance(result)[:, None]).T @ Z
    return np.asarray(np.linalg.solve(curved, Z.T @ (Z @ pull)))


def _inside_chance(result: Solution) -> Array:
    """(n,) expected second derivative of the loss at each row: residuals share a density once divided by their sizes."""
    rows, loss = result.problem.rows, result.loss
    r = loss.residual(rows.y, result.fitted)
    size = _sizes(result, r)
    z = np.sort(np.abs(r / size))
    taken = len(
        result.constants
    )  # a robust fit passes through as many rows: they say nothing about the density
    window = float(1.06 * (1.4826 * np.median(z) or z.mean() or 1e-300) * rows.n**-0.2)
    reach = target_delta(result.problem.objective()) / size

    def share(width: Array) -> Array:
        count = np.searchsorted(z, width, side="right") - taken
        return np.asarray(np.maximum(count, 1) / max(rows.n - taken, 1))

    near = np.abs(r / size) <= window
    side = np.where(r < 0, loss.over, loss.under)[near].mean() if near.any() else 1.0
    low = share(np.array(window)) * reach / window
    return np.asarray(side * np.where(reach > window, share(reach), low))


def _sizes(result: Solution, r: Array) -> Array:
    """(n,) how large residuals are, as a product of powers of the columns; all one where rows are few."""
    columns = [c for c in (result.problem.rows.columns[v] for v in result.law.used) if np.ptp(c) > 0]
    logs = [np.log(c) if c.min() > 0 else c for c in columns]
    if len(r) < 10 * (len(logs) + 1) or not np.median(np.abs(r)) > 0:
        return np.ones(len(r))
    table = np.column_stack([np.ones(len(r)), *((c - c.mean()) / c.std() for c in logs)])
    size = np.log(np.maximum(np.abs(r), 0.1 * float(np.median(np.abs(r)))))
    coef = np.linalg.lstsq(table, size, rcond=None)[0]
    return np.asarray(np.exp(table[:, 1:] @ coef[1:]))


def cluster_index(result: Solution, clusters: object) -> np.ndarray:
    """Labels of rows as 0, 1, ...; a name stands for a column of the fit."""
    rows = result.problem.rows
    if isinstance(clusters, str):
        if clusters not in rows.columns:
            raise BadData(
                f"clusters: no column {clusters!r} in the fit ({', '.join(rows.columns)}); pass the labels"
            )
        clusters = rows.columns[clusters]
    found, _ = label_index("clusters", clusters)
    if len(found) != rows.n:
        raise BadData(f"unequal lengths: clusters has {len(found)} rows, the fit has {rows.n}")
    if found.max() < 1:
        raise BadData("clusters: all rows are in one cluster; expected two or more")
    return found
