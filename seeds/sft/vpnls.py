"""VPNLS for fine-tuning: L = E + A (1 + D / S)**-b, four constants.

The constants come from `fitting.fit`: a grid over the exponents with the linear constants projected out, their
signs kept (variable projection with non-negative least squares), then Newton steps to the certified optimum.

How VPNLS is generalised: with one feature there is room for a shift S, the examples' worth of what
pre-training has taught already: below S the loss is flat, above it falls as a power. E and A are >= 0 (a loss
in nats); without that a small b would buy a better fit with a negative limit.

Source: VPNLS, arXiv 2603.22339; variable projection, Golub and Pereyra 1973, Kaufman 1975.
"""

# EVOLVE-BLOCK-START
import numpy as np

from fitting import FittingError, fit

SCALE = 1e4  # fine-tuning examples
LAW = "L = E + A*(1 + D/S)**-b"
NAMES = ("E", "A", "S", "b")
BOUNDS = {"E": (0, None), "A": (0, None), "S": (np.exp(-8.0), np.exp(6.0)), "b": (0.02, 3.0)}


def scaling_law_func(data_points, params):
    """Loss, (n,); params = (E, A, S, b)."""
    E, A, S, b = np.asarray(params, dtype=float).ravel()
    D = np.maximum(np.asarray(data_points, dtype=float)[:, 0], 0.0) / SCALE
    return E + A * np.exp(-b * np.log1p(D / S))


def fit_scaling_law(data_points, loss_values):
    """Constants of least squared error; the mean alone where the rows can't tell them."""
    D, y = np.asarray(data_points, dtype=float)[:, 0] / SCALE, np.asarray(loss_values, dtype=float).ravel()
    try:
        found = fit(LAW, {"D": np.maximum(D, 0.0), "L": y}, bounds=BOUNDS).constants
    except FittingError:
        found = {"E": y.mean(), "S": 1.0}
    return np.array([found.get(name, 0.0) for name in NAMES])


# EVOLVE-BLOCK-END
