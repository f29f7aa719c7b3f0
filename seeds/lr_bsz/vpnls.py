"""VPNLS for learning rate and batch size: power terms plus two drifting bowls, twelve constants.

L = E + A N**-a + B D**-b + k1 u + k2 u**2 + h1 v + h2 v**2
u = log(lr N**p D**-r),  v = log(bsz D**-s)

The constants come from `fitting.fit`: a grid over the exponents with the linear constants projected out, their
signs kept (variable projection with non-negative least squares), then Newton steps to the certified optimum.

How VPNLS is generalised: loss has a best learning rate and a best batch size, which no falling power
has. In logs each is a parabola; its three constants are linear, so they are projected out with the rest,
and only the drift of the optimum with N and D (as powers, as Step Law has it) joins the exponents in the
search. E, A, B and the curvatures k2, h2 are >= 0; the slopes k1, h1, which place the bottoms, are free.

Source: VPNLS, arXiv 2603.22339; variable projection, Golub and Pereyra 1973, Kaufman 1975. Optimum as
powers: Li et al. 2025, arXiv 2503.04715.
"""

# EVOLVE-BLOCK-START
import numpy as np

from fitting import FittingError, fit

SCALE = np.array([1e-3, 256.0, 1e10, 1e8])  # learning rate, batch size, tokens, parameters
U, V = "(log(lr) + p*log(N) - r*log(D))", "(log(bsz) - s*log(D))"
LAW = f"L = E + A*N**-a + B*D**-b + k1*{U} + k2*{U}**2 + h1*{V} + h2*{V}**2"
NAMES = ("E", "A", "B", "k1", "k2", "h1", "h2", "a", "b", "p", "r", "s")
BOUNDS = {
    **{name: (0, None) for name in ("E", "A", "B", "k2", "h2")}, "k1": (None, None), "h1": (None, None),
    "a": (0.02, 1.5), "b": (0.02, 1.5), "p": (-0.5, 1.5), "r": (-0.5, 1.5), "s": (-0.5, 1.5),
}  # fmt: skip


def scaled(data_points):
    """(n, 4) features in units of SCALE."""
    return np.maximum(np.asarray(data_points, dtype=float), 1e-300) / SCALE


def scaling_law_func(data_points, params):
    """Loss, (n,); params = (E, A, B, k1, k2, h1, h2, a, b, p, r, s)."""
    E, A, B, k1, k2, h1, h2, a, b, p, r, s = np.asarray(params, dtype=float).ravel()
    lr, bsz, D, N = np.log(scaled(data_points)).T
    u, v = lr + p * N - r * D, bsz - s * D
    powers = A * np.exp(np.clip(-a * N, -300, 300)) + B * np.exp(np.clip(-b * D, -300, 300))
    return E + powers + k1 * u + k2 * u * u + h1 * v + h2 * v * v


def fit_scaling_law(data_points, loss_values):
    """Constants of least squared error; the mean alone where the rows can't tell them."""
    (lr, bsz, D, N), y = scaled(data_points).T, np.asarray(loss_values, dtype=float).ravel()
    try:
        found = fit(LAW, {"lr": lr, "bsz": bsz, "D": D, "N": N, "L": y}, bounds=BOUNDS).constants
    except FittingError:
        found = {"E": y.mean()}
    return np.array([found.get(name, 0.0) for name in NAMES])


# EVOLVE-BLOCK-END
