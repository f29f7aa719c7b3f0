"""VPNLS for data mixtures: L_i = sum_j B_ij r_j + A_i (r_i + 0.02)**-a_i, seven constants a domain.

The constants come from `fitting.fit`: a grid over the exponents with the linear constants projected out, their
signs kept (variable projection with non-negative least squares), then Newton steps to the certified optimum.

How VPNLS is generalised: shares r_j sum to 1 and may be 0. The linear part is an average over the
domains of the loss that training on each would leave on domain i; it takes the place of the bias (a
constant is the case of all B_ij equal). A domain's own share acts as a power law in its own tokens,
moved by 0.02 because the other domains teach some of it even at share 0. B and A are >= 0. Each domain
is fitted on its own.

Source: VPNLS, arXiv 2603.22339; variable projection, Golub and Pereyra 1973, Kaufman 1975.
"""

# EVOLVE-BLOCK-START
import numpy as np

from fitting import FittingError, fit

DELTA = 0.02  # what a domain's share is worth when it is zero
LAW = "L = B1*r1 + B2*r2 + B3*r3 + B4*r4 + B5*r5 + A*own**-a"
NAMES = ("B1", "B2", "B3", "B4", "B5", "A", "a")
BOUNDS = {"a": (0.01, 4.0), **{name: (0, None) for name in NAMES[:6]}}


def own(X, i):
    """(n,) share of domain i, with what others teach of it."""
    return np.maximum(X[:, i], 0.0) + DELTA


def scaling_law_func(data_points, params):
    """Losses, (n, 5); params (5, 7): a row of (B_1..B_5, A, a) for each domain."""
    X, p = np.asarray(data_points, dtype=float), np.asarray(params, dtype=float).reshape(5, 7)
    power = [p[i, 5] * np.exp(-p[i, 6] * np.log(own(X, i))) for i in range(5)]
    return np.column_stack([sum(p[i, j] * X[:, j] for j in range(5)) + power[i] for i in range(5)])


def fit_one(X, y, i):
    """Seven constants of domain i; an equal loss everywhere where the rows can't tell them."""
    shares = {f"r{j + 1}": X[:, j] for j in range(5)}
    try:
        found = fit(LAW, {**shares, "own": own(X, i), "L": y}, bounds=BOUNDS).constants
    except FittingError:
        found = {f"B{j + 1}": y.mean() for j in range(5)}
    return [found.get(name, 0.0) for name in NAMES]


def fit_scaling_law(data_points, loss_values):
    """Constants of least squared error, flat, domain by domain."""
    X = np.asarray(data_points, dtype=float)
    y = np.asarray(loss_values, dtype=float).reshape(len(X), 5)
    return np.concatenate([fit_one(X, y[:, i], i) for i in range(5)])


# EVOLVE-BLOCK-END
