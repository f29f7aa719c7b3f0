"""VPNLS for training on repeated data: L = E + A_U U**-e_U + A_N N**-e_N + A_D D**-e_D, seven constants.

The constants come from `fitting.fit`: a grid over the exponents with the linear constants projected out, their
signs kept (variable projection with non-negative least squares), then Newton steps to the certified optimum.

How VPNLS is generalised: a third power term in the unique tokens U beside parameters N and tokens D, so
a run that repeats its data is worse than one of the same D on fresh tokens. E and the amplitudes are >=
0.

Source: VPNLS, arXiv 2603.22339; variable projection, Golub and Pereyra 1973, Kaufman 1975.
"""

# EVOLVE-BLOCK-START
import numpy as np

from fitting import FittingError, fit

SCALE = 1e9  # unique tokens, parameters, tokens
LAW = "L = E + A_U*U**-e_U + A_N*N**-e_N + A_D*D**-e_D"
NAMES = ("E", "A_U", "A_N", "A_D", "e_U", "e_N", "e_D")
BOUNDS = {**{name: (0, None) for name in NAMES[:4]}, **{name: (0.02, 1.5) for name in NAMES[4:]}}


def scaled(data_points):
    """(n, 3) features in units of SCALE."""
    return np.maximum(np.asarray(data_points, dtype=float), 1e-300) / SCALE


def scaling_law_func(data_points, params):
    """Loss, (n,); params = (E, A_U, A_N, A_D, e_U, e_N, e_D)."""
    c = np.asarray(params, dtype=float).ravel()
    terms = c[1:4] * np.exp(np.clip(-np.log(scaled(data_points)) * c[4:7], -300.0, 300.0))
    return c[0] + terms[:, 0] + terms[:, 1] + terms[:, 2]


def fit_scaling_law(data_points, loss_values):
    """Constants of least squared error; the mean alone where the rows can't tell them."""
    (U, N, D), y = scaled(data_points).T, np.asarray(loss_values, dtype=float).ravel()
    try:
        found = fit(LAW, {"U": U, "N": N, "D": D, "L": y}, bounds=BOUNDS).constants
    except FittingError:
        found = {"E": y.mean()}
    return np.array([found.get(name, 0.0) for name in NAMES])


# EVOLVE-BLOCK-END
