"""Law of routed models: log L = a log N + b log E_hat + c log N log E_hat + d, six constants.

1 / E_hat = 1 / (E - 1 + 1 / (1/E_start - 1/E_max)) + 1 / E_max: the number of experts E saturates at
E_max. N is the dense parameter count in 1e8. A grid over the two expert counts gives starts, linear in
log L; then all six constants by least squares in L, the error the benchmark counts.

Source: Clark et al. 2022, Unified Scaling Laws for Routed Language Models, arXiv 2202.01169.
"""

# EVOLVE-BLOCK-START
import numpy as np
from scipy.optimize import least_squares

LOW = np.array(
    [np.log(1e-2), np.log(8.0)]
)  # log E_start' and log E_max, E_start' = 1 / (1/E_start - 1/E_max)
HIGH = np.array([np.log(1e2), np.log(1e5)])
CELLS = 24


def columns(X, q):
    """(n, 4): 1, log N, log E_hat and their product; N in 1e8 parameters."""
    n = np.log(np.maximum(X[:, 1], 1e-300) / 1e8)
    e = -np.log(1.0 / (np.maximum(X[:, 0], 1.0) - 1.0 + np.exp(q[0])) + np.exp(-q[1]))
    return np.column_stack([np.ones(len(X)), n, e, n * e])


def law(X, q, c):
    Phi = columns(X, q)
    return np.exp(np.clip(c[0] + c[1] * Phi[:, 1] + c[2] * Phi[:, 2] + c[3] * Phi[:, 3], -300.0, 300.0))


def scaling_law_func(data_points, params):
    """Loss, (n,); params = (d, a, b, c, E_start, E_max)."""
    p = np.asarray(params, dtype=float).ravel()
    q = np.array([-np.log(max(1.0 / p[4] - 1.0 / p[5], 1e-300)), np.log(p[5])])
    return law(np.asarray(data_points, dtype=float), q, p[:4])


def fit_scaling_law(data_points, loss_values):
    """Constants (6,) of least squared error: a grid linear in log loss, then all six at once."""
    X, y = np.asarray(data_points, dtype=float), np.asarray(loss_values, dtype=float).ravel()
    log_y = np.log(np.maximum(y, 1e-300))
    starts = []
    for e_start in np.linspace(LOW[0], HIGH[0], CELLS):
        for e_max in np.linspace(LOW[1], HIGH[1], CELLS):
            q = np.array([e_start, e_max])
            c = np.linalg.lstsq(columns(X, q), log_y, rcond=None)[0]
            starts.append((float(((law(X, q, c) - y) ** 2).sum()), np.concatenate([c, q])))
    starts.sort(key=lambda s: s[0])
    inf = np.full(4, np.inf)
    fits = [
        least_squares(
            lambda p: law(X, p[4:], p[:4]) - y,
            np.clip(p, np.append(-inf, LOW + 1e-9), np.append(inf, HIGH - 1e-9)),
            bounds=(np.append(-inf, LOW), np.append(inf, HIGH)),
            x_scale="jac",
            xtol=1e-12,
            ftol=1e-14,
            gtol=1e-15,
            max_nfev=200,
        )
        for _, p in starts[:3]
    ]
    p = min(fits, key=lambda f: f.cost).x
    e_max = np.exp(p[5])
    return np.concatenate([p[:4], [1.0 / (np.exp(-p[4]) + 1.0 / e_max), e_max]])


# EVOLVE-BLOCK-END
