"""Additive power law: L = bias + A_N N**-e_N + A_V V**-e_V + A_D D**-e_D, seven constants, signs free.

A grid of 16 exponents per feature, every cell solved by linear least squares, then a bounded
quasi-Newton refinement (L-BFGS-B) of the ten best cells with the linear constants projected out.

Source: additive powers as in Tao et al. 2024, arXiv 2407.13623; projection, Golub and Pereyra 1973.
"""

# EVOLVE-BLOCK-START
import numpy as np
from scipy.optimize import minimize

SCALE = np.array([1e8, 1e4, 1e10])  # parameters, words, characters
BOUND = 1.5  # exponents lie in [-BOUND, BOUND]; a negative one is a term that grows with its feature
POINTS = (
    16  # grid values per exponent; even, so that 0, where a term would repeat the bias, is not among them
)
KEEP = 10


def logs(data_points):
    """(n, 3) logs of the features in units of SCALE."""
    return np.log(np.maximum(np.asarray(data_points, dtype=float), 1e-300) / SCALE)


def powers(z, e):
    return np.exp(np.clip(-z * e, -300.0, 300.0))


def scaling_law_func(data_points, params):
    """Loss, (n,); params = (bias, A_N, A_V, A_D, e_N, e_V, e_D)."""
    c = np.asarray(params, dtype=float).ravel()
    terms = c[1:4] * powers(logs(data_points), c[4:7])
    return c[0] + terms[:, 0] + terms[:, 1] + terms[:, 2]


def linear_constants(z, y, e):
    """Bias and amplitudes (4,) by least squared error at fixed exponents, and the columns (n, 4)."""
    Phi = np.column_stack([np.ones(len(y)), powers(z, e)])
    norm = np.sqrt((Phi**2).sum(axis=0)) + 1e-300
    return np.linalg.lstsq(Phi / norm, y, rcond=None)[0] / norm, Phi


def grid_starts(z, y):
    """The KEEP best of POINTS**3 exponent triples, all solved from one Gram matrix."""
    grid = np.linspace(-BOUND, BOUND, POINTS)
    Z = np.column_stack([np.ones(len(y))] + [powers(z[:, j : j + 1], grid) for j in range(3)])
    norm = np.sqrt((Z**2).sum(axis=0)) + 1e-300
    Z = Z / norm
    gram, moment = Z.T @ Z, Z.T @ y
    cell = np.stack(np.meshgrid(*[np.arange(POINTS)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    index = np.column_stack([np.zeros(len(cell), dtype=int), 1 + cell + POINTS * np.arange(3)])
    H, v = gram[index[:, :, None], index[:, None, :]] + 1e-12 * np.eye(4), moment[index]
    c = np.linalg.solve(H, v[..., None])[..., 0]
    squared = (y @ y) - 2.0 * (c * v).sum(axis=1) + (c * (H @ c[..., None])[..., 0]).sum(axis=1)
    return grid[cell[np.argsort(squared, kind="stable")[:KEEP]]]


def fit_scaling_law(data_points, loss_values):
    """Constants (7,) of least squared error: the grid, then L-BFGS-B from its best ten cells."""
    z, y = logs(data_points), np.asarray(loss_values, dtype=float).ravel()
    floor = 1e-28 * float(y @ y) + 1e-200

    def objective(e):
        """Log of the projected sum of squares and its gradient in the exponents.

        The log makes stopping independent of the unit of the loss; with the linear constants at their
        optimum the gradient is the partial one.
        """
        c, Phi = linear_constants(z, y, e)
        r = Phi @ c - y
        squares = float(r @ r) + floor
        return np.log(squares), 2.0 * (r @ (-z * Phi[:, 1:] * c[1:])) / squares

    fits = [
        minimize(
            objective,
            e,
            jac=True,
            method="L-BFGS-B",
            bounds=[(-BOUND, BOUND)] * 3,
            options={"ftol": 1e-14, "gtol": 1e-10, "maxiter": 200},
        )
        for e in grid_starts(z, y)
    ]
    e = min(fits, key=lambda f: f.fun).x
    return np.concatenate([linear_constants(z, y, e)[0], e])


# EVOLVE-BLOCK-END
