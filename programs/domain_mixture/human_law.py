"""Data mixing law: L_i = c_i + k_i exp(sum_j t_ij r_j), seven constants for each of five domains.

r_j is the share of domain j in the training data. Started from log-linear fits over a grid of asymptotes
c_i on both sides of the losses (k_i of either sign), then least squares in all constants.

Source: Ye et al. 2024, Data Mixing Laws, arXiv 2403.16952.
"""

# EVOLVE-BLOCK-START
import numpy as np
from scipy.optimize import least_squares


def scaling_law_func(data_points, params):
    """Losses, (n, 5); params (5, 7): a row of (c, k, t_1..t_5) for each domain."""
    X, p = np.asarray(data_points, dtype=float), np.asarray(params, dtype=float).reshape(5, 7)
    out = [
        p[i, 0] + p[i, 1] * np.exp(np.clip(sum(p[i, 2 + j] * X[:, j] for j in range(5)), -300.0, 300.0))
        for i in range(5)
    ]
    return np.column_stack(out)


def starts_of(X, y, keep=3):
    """Best log-linear fits of y - c over asymptotes c below all losses (k > 0) and above them (k < 0)."""
    spread = max(np.ptp(y), 1e-6)
    gaps = spread * np.geomspace(0.02, 50.0, 24)
    found = []
    for sign, asymptotes in ((1.0, y.min() - gaps), (-1.0, y.max() + gaps)):
        for c in asymptotes:
            u = np.linalg.lstsq(X, np.log(sign * (y - c)), rcond=None)[0]
            error = float(((c + sign * np.exp(np.clip(X @ u, -300.0, 300.0)) - y) ** 2).sum())
            found.append((error, sign, np.concatenate([[c], u])))
    found.sort(key=lambda f: f[0])
    return found[:keep]


def fit_scaling_law(data_points, loss_values):
    """Constants (5, 7) of least squared error.

    Shares sum to 1, so log|k| is only fixed together with the mean of t: the fit runs over c and
    t_j + log|k|, and k is then chosen so that the t_j of a domain average to 0.
    """
    X, Y = np.asarray(data_points, dtype=float), np.asarray(loss_values, dtype=float)
    rows = []
    for i in range(5):
        best = None
        for _, sign, p in starts_of(X, Y[:, i]):

            def residual(p, sign=sign, y=Y[:, i]):
                return p[0] + sign * np.exp(np.clip(X @ p[1:], -300.0, 300.0)) - y

            def jacobian(p, sign=sign):
                return np.column_stack(
                    [np.ones(len(X)), sign * np.exp(np.clip(X @ p[1:], -300.0, 300.0))[:, None] * X]
                )

            fit = least_squares(
                residual, p, jacobian, x_scale="jac", xtol=1e-12, ftol=1e-14, gtol=1e-15, max_nfev=200
            )
            if best is None or fit.cost < best[0]:
                best = fit.cost, sign, fit.x
        _, sign, p = best
        shift = np.clip(p[1:].mean(), -300.0, 300.0)
        rows.append(np.concatenate([[p[0], sign * np.exp(shift)], p[1:] - shift]))
    return np.array(rows)


# EVOLVE-BLOCK-END
