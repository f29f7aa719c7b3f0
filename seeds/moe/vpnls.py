"""VPNLS for mixtures of experts: L = L0 + A X**-a + B N**-b + C X**-a N**-b, six constants.

The constants come from `fitting.fit`: a grid over the exponents with the linear constants projected out, their
signs kept (variable projection with non-negative least squares), then Newton steps to the certified optimum.

How VPNLS is generalised: one power of the experts, one of the dense parameters, and their product, which
uses the same two exponents: what experts bring may depend on the size of the model. All amplitudes are
>= 0.

Source: VPNLS, arXiv 2603.22339; variable projection, Golub and Pereyra 1973, Kaufman 1975.
"""

# EVOLVE-BLOCK-START
import numpy as np

from fitting import FittingError, fit

SCALE = np.array([8.0, 1e8])  # experts, dense parameters
LAW = "L = L0 + A*X**-a + B*N**-b + C*X**-a*N**-b"
NAMES = ("L0", "A", "B", "C", "a", "b")
BOUNDS = {"a": (0.02, 2.0), "b": (0.02, 2.0), **{name: (0, None) for name in NAMES[:4]}}


def scaled(data_points):
    """(n, 2) features in units of SCALE."""
    return np.maximum(np.asarray(data_points, dtype=float), 1e-300) / SCALE


def scaling_law_func(data_points, params):
    """Loss, (n,); params = (L0, A, B, C, a, b)."""
    L0, A, B, C, a, b = np.asarray(params, dtype=float).ravel()
    X, N = np.exp(np.clip(-np.log(scaled(data_points)) * (a, b), -300.0, 300.0)).T
    return L0 + A * X + B * N + C * X * N


def fit_scaling_law(data_points, loss_values):
    """Constants of least squared error; the mean alone where the rows can't tell them."""
    (X, N), y = scaled(data_points).T, np.asarray(loss_values, dtype=float).ravel()
    try:
        found = fit(LAW, {"X": X, "N": N, "L": y}, bounds=BOUNDS).constants
    except FittingError:
        found = {"L0": y.mean()}
    return np.array([found.get(name, 0.0) for name in NAMES])


# EVOLVE-BLOCK-END
