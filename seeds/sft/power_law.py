"""Plain power law of fine-tuning: L = c D**-e + bias.

The usual first guess, and where SLDBench's evolution starts: one power per feature and a bias, all
fitted by BFGS from ones. The features are divided by fixed scales, the exponentials are guarded, and a
descent that went astray is replaced by the mean.
"""

# EVOLVE-BLOCK-START
import numpy as np
from scipy.optimize import minimize

SCALE = np.array([1e4])  # examples
F = 1


def logs(data_points):
    """(n, F) logs of the features in units of SCALE."""
    return np.log(np.maximum(np.asarray(data_points, dtype=float).reshape(-1, F), 1e-300) / SCALE)


def powers(z, exponents):
    return np.exp(np.clip(-z * exponents, -50.0, 50.0))


def scaling_law_func(data_points, params):
    """Sum of coefficient * feature ** -exponent, plus a bias, (n,)."""
    p = np.asarray(params, dtype=float).ravel()
    terms = p[:F] * powers(logs(data_points), p[F : 2 * F])
    return p[2 * F] + sum(terms[:, j] for j in range(F))


def fit_scaling_law(data_points, loss_values):
    """[coefficients, exponents, bias] by BFGS on the mean squared error, from ones."""
    z, y = logs(data_points), np.asarray(loss_values, dtype=float).ravel()
    weight = 1.0 / (len(y) * max(float(y.var()), 1e-12))

    def objective(p):
        column = powers(z, p[F : 2 * F])
        r = column @ p[:F] + p[2 * F] - y
        slope = np.concatenate([r @ column, r @ (-z * column) * p[:F], [r.sum()]])
        return weight * float(r @ r), 2.0 * weight * slope

    start = np.concatenate([np.ones(2 * F), [y.mean()]])
    p = minimize(objective, start, jac=True, method="BFGS", options={"gtol": 1e-8, "maxiter": 400}).x
    flat = np.concatenate([np.zeros(2 * F), [y.mean()]])
    if not np.all(np.isfinite(p)) or not objective(p)[0] <= objective(flat)[0]:
        return flat  # the descent went astray: no worse than the mean
    return p


# EVOLVE-BLOCK-END
