"""VPNLS for training on repeated data: L = E + A_U U**-e_U + A_N N**-e_N + A_D D**-e_D, seven constants.

The exponents are searched on a grid, where the linear constants of every cell come in closed form from
its normal equations with their signs kept (variable projection with non-negative least squares); the
best cells are then refined by Gauss-Newton steps on the exponents alone.

How VPNLS is generalised: a third power term in the unique tokens U beside parameters N and tokens D, so
a run that repeats its data is worse than one of the same D on fresh tokens. E and the amplitudes are >=
0.

Source: VPNLS, arXiv 2603.22339; variable projection, Golub and Pereyra 1973, Kaufman 1975.
"""

# EVOLVE-BLOCK-START
import numpy as np
from scipy.optimize import least_squares

SCALE = np.array([1e9, 1e9, 1e9])  # unique tokens, parameters, tokens
LOW = np.array([0.02, 0.02, 0.02])  # of the exponents
HIGH = np.array([1.5, 1.5, 1.5])
CELLS = 12  # grid points per exponent
POSITIVE = np.array([True, True, True, True])  # a loss in nats: nothing here is negative


def logs(data_points):
    """(n, 3) logs of the features in units of SCALE."""
    return np.log(np.maximum(np.asarray(data_points, dtype=float), 1e-300) / SCALE)


def powers(z, e):
    return np.exp(np.clip(-z * e, -300.0, 300.0))


def scaling_law_func(data_points, params):
    """Loss, (n,); params = (E, A_U, A_N, A_D, e_U, e_N, e_D)."""
    c = np.asarray(params, dtype=float).ravel()
    terms = c[1:4] * powers(logs(data_points), c[4:7])
    return c[0] + terms[:, 0] + terms[:, 1] + terms[:, 2]


def nonnegative_batch(H, v, positive):
    """Exact least squares with signs, for many small normal systems H c = v at once.

    Every support of the sign-constrained columns is tried, largest first, until a system has a
    solution that keeps its signs; the best such solution is the optimum.

    Args: H (m, K, K) and v (m, K), columns of unit norm; positive (K,) True where c >= 0.
    Returns: c (m, K) and its gain c.v (m,), which lowers the sum of squares by that much.
    """
    m, K = v.shape
    best, gain = np.zeros((m, K)), np.full(m, -np.inf)
    signed = np.flatnonzero(positive)
    todo = np.arange(m)
    masks = sorted(range(2 ** len(signed)), key=lambda b: -bin(b).count("1"))
    for mask in masks:
        use = np.array(
            [k for k in range(K) if not positive[k] or mask >> list(signed).index(k) & 1], dtype=int
        )
        if len(use) == 0:
            gain[todo] = np.maximum(gain[todo], 0.0)
            continue
        A = H[np.ix_(todo, use, use)] + 1e-13 * np.eye(len(use))
        c = np.linalg.solve(A, v[np.ix_(todo, use)][..., None])[..., 0]
        g = np.where((c[:, positive[use]] >= 0).all(axis=1), (c * v[np.ix_(todo, use)]).sum(axis=1), -np.inf)
        better = g > gain[todo]
        best[todo[better]] = 0.0
        best[np.ix_(todo[better], use)] = c[better]
        gain[todo] = np.maximum(gain[todo], g)
        if mask == masks[0]:  # a solution on all columns that keeps its signs can't be beaten
            todo = todo[~np.isfinite(g)]
        if len(todo) == 0:
            break
    return best, gain


def project(Phi, y, positive):
    """Best linear constants of the columns Phi (n, K), and the unit columns they use.

    Plain least squares where it keeps the signs; else enumeration finds which constants are zero.
    """
    norm = np.sqrt((Phi**2).sum(axis=0)) + 1e-300
    Z = Phi / norm
    plain = np.linalg.lstsq(Z, y, rcond=None)[0]
    if (plain[positive] >= 0).all():
        return plain / norm, Z
    c, _ = nonnegative_batch((Z.T @ Z)[None], (Z.T @ y)[None], positive)
    use = np.flatnonzero((c[0] != 0) | ~positive)
    exact = np.zeros(len(positive))
    if len(use):
        exact[use] = np.linalg.lstsq(Z[:, use], y, rcond=None)[0]
        if (exact[positive] < 0).any():  # a rounding-size amplitude: keep the signed solution
            exact = c[0]
    return exact / norm, Z[:, use]


def refine(columns, slopes, y, positive, start, low, high):
    """Gauss-Newton on the exponents alone, the linear constants projected out (Kaufman 1975).

    Args: columns(q) -> (n, K); slopes(q, c) -> (n, Q), d(columns(q) @ c)/dq at fixed c.
    Returns: half the sum of squares, exponents q, linear constants c.
    """

    def residual(q):
        Phi = columns(q)
        return Phi @ project(Phi, y, positive)[0] - y

    def jacobian(q):
        c, active = project(columns(q), y, positive)
        J = slopes(q, c)
        if active.shape[1]:
            basis = np.linalg.qr(active)[0]
            J = J - basis @ (basis.T @ J)
        return J

    start = np.clip(start, low + 1e-9, high - 1e-9)
    out = least_squares(
        residual,
        start,
        jacobian,
        bounds=(low, high),
        x_scale="jac",
        xtol=1e-12,
        ftol=1e-14,
        gtol=1e-15,
        max_nfev=60,
    )
    return out.cost, out.x, project(columns(out.x), y, positive)[0]


def grid_starts(z, y, axes, keep):
    """Best cells of the exponent grid; one matrix product gives the normal equations of all of them."""
    families = [powers(z[:, j : j + 1], axes[j]) for j in range(3)]
    Z = np.column_stack([np.ones(len(y)), *families])
    norm = np.sqrt((Z**2).sum(axis=0)) + 1e-300
    Z = Z / norm
    gram, moment = Z.T @ Z, Z.T @ y
    cell = np.stack(np.meshgrid(*[np.arange(CELLS)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    index = np.column_stack([np.zeros(len(cell), dtype=int), 1 + cell + CELLS * np.arange(3)])
    gain = nonnegative_batch(gram[index[:, :, None], index[:, None, :]], moment[index], POSITIVE)[1]
    best = cell[np.argsort(-gain, kind="stable")[:keep]]
    return np.stack([axes[j][best[:, j]] for j in range(3)], axis=1)


def fit_scaling_law(data_points, loss_values):
    """Constants (E, A_1..3, e_1..3) of least squared error."""
    z, y = logs(data_points), np.asarray(loss_values, dtype=float).ravel()
    axes = [np.linspace(LOW[j], HIGH[j], CELLS + 2)[1:-1] for j in range(3)]

    def columns(e):
        return np.column_stack([np.ones(len(y)), powers(z, e)])

    def slopes(e, c):
        return -z * powers(z, e) * c[1:]

    fits = [refine(columns, slopes, y, POSITIVE, q, LOW, HIGH) for q in grid_starts(z, y, axes, keep=3)]
    _, e, c = min(fits, key=lambda f: f[0])
    return np.concatenate([c, e])


# EVOLVE-BLOCK-END
