"""Plain power law of data mixtures: L_i = sum_j c_ij (r_j + 0.02)**-e_i + bias_i.

The usual first guess, and where SLDBench's evolution starts: one power per feature and a bias, all
fitted by BFGS from ones. The features are divided by fixed scales, the exponentials are guarded, and a
descent that went astray is replaced by the mean.

The budget of seven constants per domain leaves one exponent for all shares. It is kept in [0.02, 2]:
where a fold leaves few mixtures a free exponent runs away.
"""

# EVOLVE-BLOCK-START
import numpy as np
from scipy.optimize import minimize

FLOOR = 0.02  # added to every share, so that a domain left out has a power too
F = 5


def logs(data_points):
    """(n, F) logs of the shares."""
    return np.log(np.maximum(np.asarray(data_points, dtype=float).reshape(-1, F), 0.0) + FLOOR)


def powers(z, exponent):
    return np.exp(np.clip(-z * exponent, -50.0, 50.0))


def scaling_law_func(data_points, params):
    """For each domain, the sum over shares of coefficient * share ** -exponent, plus a bias, (n, 5);
    params (5, 7): a row of [coefficients, exponent, bias] for each domain."""
    p = np.asarray(params, dtype=float).reshape(F, F + 2)
    z = logs(data_points)
    out = []
    for row in p:
        terms = row[:F] * powers(z, row[F])
        out.append(row[F + 1] + sum(terms[:, j] for j in range(F)))
    return np.column_stack(out)


def fit_one(z, y):
    """[coefficients, exponent, bias] of one domain by bounded BFGS on the mean squared error, from ones."""
    weight = 1.0 / (len(y) * max(float(y.var()), 1e-12))

    def objective(p):
        column = powers(z, p[F])
        r = column @ p[:F] + p[F + 1] - y
        slope = np.concatenate([r @ column, [(r @ (-z * column)) @ p[:F], r.sum()]])
        return weight * float(r @ r), 2.0 * weight * slope

    start = np.concatenate([np.ones(F + 1), [y.mean()]])
    box = [(None, None)] * F + [
        (0.02, 2.0),
        (None, None),
    ]  # a run-away exponent would explode outside the rows
    p = minimize(
        objective, start, jac=True, method="L-BFGS-B", bounds=box, options={"ftol": 1e-15, "gtol": 1e-8}
    ).x
    flat = np.concatenate([np.zeros(F + 1), [y.mean()]])
    if not np.all(np.isfinite(p)) or not objective(p)[0] <= objective(flat)[0]:
        return flat  # the descent went astray: no worse than the mean
    return p


def fit_scaling_law(data_points, loss_values):
    """(5, 7): the constants of each domain, fitted on its own."""
    z, Y = logs(data_points), np.asarray(loss_values, dtype=float)
    return np.array([fit_one(z, Y[:, i]) for i in range(F)])


# EVOLVE-BLOCK-END
