"""VPNLS for the vocabulary task: L = E + A_N N**-e_N + A_V V**-e_V + A_D D**-e_D, seven constants.

The constants come from `fitting.fit`: a grid over the exponents with the linear constants projected out, their
signs kept (variable projection with non-negative least squares), then Newton steps to the certified optimum.

How VPNLS is generalised: three features in place of two. The loss is measured against a unigram model
and is negative, so the bias E is free while the amplitudes stay >= 0. An exponent may be negative: the
training rows count data in characters, and at equal characters a larger vocabulary sees fewer tokens, so
the loss can rise with V. A term of amplitude >= 0 with an exponent of either sign says both without a
change of form.

Source: VPNLS, arXiv 2603.22339; variable projection, Golub and Pereyra 1973, Kaufman 1975.
"""

# EVOLVE-BLOCK-START
import numpy as np

from fitting import FittingError, fit

SCALE = np.array([1e8, 1e4, 1e10])  # parameters, words, characters
LAW = "L = E + A_N*N**-e_N + A_V*V**-e_V + A_D*D**-e_D"
NAMES = ("E", "A_N", "A_V", "A_D", "e_N", "e_V", "e_D")
BOUNDS = {
    "E": (None, None), "A_N": (0, None), "A_V": (0, None), "A_D": (0, None),
    "e_N": (-1.0, 1.5), "e_V": (-1.0, 1.5), "e_D": (-1.0, 1.5),
}  # fmt: skip


def scaled(data_points):
    """(n, 3) features in units of SCALE."""
    return np.maximum(np.asarray(data_points, dtype=float), 1e-300) / SCALE


def scaling_law_func(data_points, params):
    """Loss, (n,); params = (E, A_N, A_V, A_D, e_N, e_V, e_D)."""
    c = np.asarray(params, dtype=float).ravel()
    terms = c[1:4] * np.exp(np.clip(-np.log(scaled(data_points)) * c[4:7], -300.0, 300.0))
    return c[0] + terms[:, 0] + terms[:, 1] + terms[:, 2]


def fit_scaling_law(data_points, loss_values):
    """Constants of least squared error; the mean alone where the rows can't tell them."""
    (N, V, D), y = scaled(data_points).T, np.asarray(loss_values, dtype=float).ravel()
    try:
        found = fit(LAW, {"N": N, "V": V, "D": D, "L": y}, bounds=BOUNDS).constants
    except FittingError:
        found = {"E": y.mean()}
    return np.array([found.get(name, 0.0) for name in NAMES])


# EVOLVE-BLOCK-END
