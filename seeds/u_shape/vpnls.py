"""VPNLS for U-shaped scaling: Brier = E + B C**-a + H exp(-((x - m) / w)**2 / 2), six constants.

The constants come from `fitting.fit`: a grid over the exponents with the linear constants projected out, their
signs kept (variable projection with non-negative least squares), then Newton steps to the certified optimum.

How VPNLS is generalised: the feature x = log10 C is a logarithm already and may be negative, so the
power is taken of compute C = 10**x itself. The target is the Brier score negated (higher is better), so
the law is written for the Brier score, a loss that is never negative, and predicted with its sign
changed: E, B, H >= 0. A plain power law can't turn; one bump of place m and width w lets a benchmark get
worse before it gets better, and dies out beyond it, so an extrapolation stays between E and the power
law.

Source: VPNLS, arXiv 2603.22339; variable projection, Golub and Pereyra 1973, Kaufman 1975.
"""

# EVOLVE-BLOCK-START
import numpy as np

from fitting import FittingError, fit

LAW = "L = E + B*C**-a + H*exp(-0.5*((x - m)/w)**2)"
NAMES = ("E", "B", "H", "a", "m", "w")


def box(x):
    """Bounds of the constants, (low, high) each.

    The bump lies inside the fitted range of log10 compute and is no narrower than a tenth and no wider than
    half of it: outside, or narrower, nothing in the rows would hold it.
    """
    span = max(np.ptp(x), 1e-3)
    shape = {"a": (0.02, 3.0), "m": (x.min(), x.min() + span), "w": (0.1 * span, 0.5 * span)}
    return {"E": (0, None), "B": (0, None), "H": (0, None), **shape}


def scaling_law_func(data_points, params):
    """Negated Brier score, (n,); params = (E, B, H, a, m, w)."""
    E, B, H, a, m, w = np.asarray(params, dtype=float).ravel()
    x = np.asarray(data_points, dtype=float).ravel()
    power = np.exp(np.clip(-a * np.log(10.0) * x, -300.0, 300.0))
    return -(E + B * power + H * np.exp(-0.5 * ((x - m) / w) ** 2))


def fit_scaling_law(data_points, loss_values):
    """Constants of least squared error; the mean alone where the rows can't tell them."""
    x, y = np.asarray(data_points, dtype=float).ravel(), -np.asarray(loss_values, dtype=float).ravel()
    try:
        found = fit(LAW, {"x": x, "C": 10.0**x, "L": y}, bounds=box(x)).constants
    except FittingError:
        found = {"E": y.mean(), "w": 1.0}
    return np.array([found.get(name, 0.0) for name in NAMES])


# EVOLVE-BLOCK-END
