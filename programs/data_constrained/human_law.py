"""Data-constrained scaling law: L = E + A / N'**alpha + B / D'**beta, seven constants.

D' = U_D + U_D R_D* (1 - exp(-R_D / R_D*)) with U_D unique tokens repeated R_D = D / U_D - 1 times, and
likewise N' = U_N + U_N R_N* (1 - exp(-R_N / R_N*)), where U_N = min(N, N_opt(U_D)) are the parameters
that a compute-optimal run would spend on the unique tokens: N_opt = G (U_D G)**(beta / alpha), G =
(alpha A / (beta B))**(1 / (alpha + beta)).

Source: Muennighoff et al. 2023, Scaling Data-Constrained Language Models, arXiv 2305.16264.
"""

# EVOLVE-BLOCK-START
import numpy as np
from scipy.optimize import least_squares

UNIT = 1e9  # tokens and parameters are counted in 1e9
# E, log A, log B, alpha, beta, log R_D*, log R_N*
LOW = np.array([-20.0, -20.0, -20.0, 0.02, 0.02, -2.0, -2.0])
HIGH = np.array([20.0, 20.0, 20.0, 1.5, 1.5, 7.0, 7.0])


def effective(total, unique, log_R):
    """Worth of `total` units, `unique` of them distinct; repeats decay with scale R* = exp(log_R)."""
    unique = np.minimum(unique, total)
    return unique * (1.0 - np.exp(log_R) * np.expm1(-(total / unique - 1.0) * np.exp(-log_R)))


def law(X, p):
    """Loss, (n,), of p = (E, log A, log B, alpha, beta, log R_D*, log R_N*)."""
    unique, N, D = (np.maximum(X[:, j], 1.0) / UNIT for j in range(3))
    E, log_A, log_B, alpha, beta, log_RD, log_RN = p
    log_G = (np.log(alpha / beta) + log_A - log_B) / (alpha + beta)
    # Parameters of a compute-optimal run on the unique tokens: the rest of N counts as repeats.
    best_N = np.exp(np.clip(log_G + (beta / alpha) * (np.log(unique) + log_G), -200.0, 200.0))
    N_eff, D_eff = effective(N, best_N, log_RN), effective(D, unique, log_RD)
    return (
        E
        + np.exp(np.clip(log_A - alpha * np.log(N_eff), -300.0, 300.0))
        + np.exp(np.clip(log_B - beta * np.log(D_eff), -300.0, 300.0))
    )


def scaling_law_func(data_points, params):
    """Loss, (n,); params = (E, A, B, alpha, beta, R_D*, R_N*), A and B in units of 1e9."""
    p = np.array(params, dtype=float).ravel()
    p[[1, 2, 5, 6]] = np.log(np.maximum(p[[1, 2, 5, 6]], 1e-300))
    return law(np.asarray(data_points, dtype=float), p)


def starts_of(X, y, keep=6):
    """Best cells of a grid over exponents and decay scales; E, A, B by least squares, N_opt = U / 20."""
    unique, N, D = (np.maximum(X[:, j], 1.0) / UNIT for j in range(3))
    found = []
    for log_RD in (0.7, 2.0, 3.3):
        for log_RN in (0.0, 1.5, 3.0):
            log_D, log_N = np.log(effective(D, unique, log_RD)), np.log(effective(N, unique / 20.0, log_RN))
            for alpha in (0.15, 0.25, 0.35, 0.5, 0.7):
                for beta in (0.15, 0.25, 0.35, 0.5, 0.7):
                    Phi = np.column_stack([np.ones(len(y)), np.exp(-alpha * log_N), np.exp(-beta * log_D)])
                    E, A, B = np.linalg.lstsq(Phi, y, rcond=None)[0]
                    E, A, B = float(np.clip(E, -19.0, 19.0)), max(A, 1e-3), max(B, 1e-3)
                    error = float(((Phi @ np.array([E, A, B]) - y) ** 2).sum())
                    found.append((error, np.array([E, np.log(A), np.log(B), alpha, beta, log_RD, log_RN])))
    found.sort(key=lambda f: f[0])
    return [p for _, p in found[:keep]]


def fit_scaling_law(data_points, loss_values):
    """Constants (7,) of least squared error, from several starts."""
    X, y = np.asarray(data_points, dtype=float), np.asarray(loss_values, dtype=float).ravel()
    fits = [
        least_squares(
            lambda p: law(X, p) - y,
            np.clip(p, LOW + 1e-6, HIGH - 1e-6),
            bounds=(LOW, HIGH),
            x_scale="jac",
            xtol=1e-12,
            ftol=1e-13,
            gtol=1e-15,
            max_nfev=200,
        )
        for p in starts_of(X, y)
    ]
    p = min(fits, key=lambda f: f.cost).x.copy()
    p[[1, 2, 5, 6]] = np.exp(p[[1, 2, 5, 6]])
    return p


# EVOLVE-BLOCK-END
