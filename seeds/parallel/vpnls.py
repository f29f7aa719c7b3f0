"""VPNLS for parallel scaling: L = E + A N**-a P**-b, four constants.

The constants come from `fitting.fit`: a grid over the exponents with the linear constants projected out, their
signs kept (variable projection with non-negative least squares), then Newton steps to the certified optimum.

How VPNLS is generalised: the budget of four constants has no room for a term per feature, and the
published account is that P parallel streams act like more parameters, so the two features share one
product term. The exponent b may be 0, where streams do nothing. E and A are >= 0.

Source: VPNLS, arXiv 2603.22339; variable projection, Golub and Pereyra 1973, Kaufman 1975.
"""

# EVOLVE-BLOCK-START
import numpy as np

from fitting import FittingError, fit

SCALE = np.array([1e9, 1.0])  # parameters, parallel streams
LAW = "L = E + A*N**-a*P**-b"
NAMES = ("E", "A", "a", "b")
BOUNDS = {"E": (0, None), "A": (0, None), "a": (0.01, 2.0), "b": (0.0, 1.5)}


def scaled(data_points):
    """(n, 2) features in units of SCALE."""
    return np.maximum(np.asarray(data_points, dtype=float), 1e-300) / SCALE


def scaling_law_func(data_points, params):
    """Loss, (n,); params = (E, A, a, b)."""
    E, A, a, b = np.asarray(params, dtype=float).ravel()
    N, P = np.log(scaled(data_points)).T
    return E + A * np.exp(np.clip(-a * N - b * P, -300.0, 300.0))


def fit_scaling_law(data_points, loss_values):
    """Constants of least squared error; the mean alone where the rows can't tell them."""
    (N, P), y = scaled(data_points).T, np.asarray(loss_values, dtype=float).ravel()
    try:
        found = fit(LAW, {"N": N, "P": P, "L": y}, bounds=BOUNDS).constants
    except FittingError:
        found = {"E": y.mean()}
    return np.array([found.get(name, 0.0) for name in NAMES])


# EVOLVE-BLOCK-END
