"""Whether the spread of the residuals is uneven over the rows."""

from __future__ import annotations

import numpy as np
from scipy import special

from fitting.solve.solution import Solution
from fitting.uncertainty.covariance import degrees, moving, slopes

UNEVEN = 0.01  # level of the test


def uneven_spread(result: Solution) -> list[str]:
    """A warning when the size of residuals follows the columns: Glejser's regression with Koenker's statistic."""
    rows = result.problem.rows
    used = [v for v in result.law.used if np.ptp(rows.columns[v]) > 0]
    logs = [np.log(c) if c.min() > 0 else c for c in (rows.columns[v] for v in used)]
    sides = [(c - c.mean()) / c.std() for c in logs if c.std() > 0]
    if not sides or degrees(result) < len(sides) + 8:
        return []
    root = np.ones(rows.n) if rows.weights is None else np.sqrt(rows.weights)
    J = slopes(result)
    norm, free = moving(result, J, root)
    r = root * result.loss.residual(rows.y, result.fitted)
    if not len(free) or float(np.abs(r).max()) <= 1e-10 * float(np.abs(rows.y).max()):
        return []
    U = np.linalg.svd(J[:, free] / norm[free] * root[:, None], full_matrices=False)[0]
    size = np.abs(r) / np.sqrt(np.maximum(1.0 - (U * U).sum(axis=1), 0.05))
    size = np.minimum(size, 6.0 * float(np.median(size)))  # a few wild rows are not a trend
    keep = root > 0
    table = np.column_stack([np.ones(rows.n), *sides])[keep]
    size = size[keep] - size[keep].mean()
    coef = np.linalg.lstsq(table, size, rcond=None)[0]
    total = float(size @ size)
    left = float(np.square(size - table @ coef).sum())
    p = float(special.chdtrc(len(sides), len(size) * (1.0 - left / total))) if total > 0 else 1.0
    if p >= UNEVEN:
        return []
    main = int(np.argmax(np.abs(coef[1:])))
    way = "grow" if coef[1 + main] > 0 else "shrink"
    return [
        f"uneven spread: residuals {way} with {used[main]} (p = {p:.1e}); plain covariance and profile intervals are too "
        "narrow for some constants, sandwich intervals and case bootstraps hold; weights= would sharpen the fit"
    ]
