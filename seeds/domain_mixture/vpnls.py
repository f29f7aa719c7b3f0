"""VPNLS for data mixtures: L_i = sum_j B_ij r_j + A_i (r_i + 0.02)**-a_i, seven constants a domain.

The exponents are searched on a grid, where the linear constants of every cell come in closed form from
its normal equations with their signs kept (variable projection with non-negative least squares); the
best cells are then refined by Gauss-Newton steps on the exponents alone.

How VPNLS is generalised: shares r_j sum to 1 and may be 0. The linear part is an average over the
domains of the loss that training on each would leave on domain i; it takes the place of the bias (a
constant is the case of all B_ij equal). A domain's own share acts as a power law in its own tokens,
moved by 0.02 because the other domains teach some of it even at share 0. B and A are >= 0. Each domain
is fitted on its own.

Source: VPNLS, arXiv 2603.22339; variable projection, Golub and Pereyra 1973, Kaufman 1975.
"""

# EVOLVE-BLOCK-START
import numpy as np
from scipy.optimize import least_squares

DELTA = 0.02  # what a domain's share is worth when it is zero
LOW, HIGH = np.array([0.01]), np.array([4.0])  # exponent of the domain's own share
CELLS = 16
POSITIVE = np.ones(6, dtype=bool)


def columns(X, q, i):
    """(n, 6): the five shares and the power of the domain's own share."""
    return np.column_stack([X, np.exp(-q[0] * np.log(np.maximum(X[:, i], 0.0) + DELTA))])


def slopes(X, q, c, i):
    """(n, 1) derivative of columns(X, q, i) @ c in the exponent."""
    u = np.log(np.maximum(X[:, i], 0.0) + DELTA)
    return (-c[5] * u * np.exp(-q[0] * u))[:, None]


def scaling_law_func(data_points, params):
    """Losses, (n, 5); params (5, 7): a row of (B_1..B_5, A, a) for each domain."""
    X, p = np.asarray(data_points, dtype=float), np.asarray(params, dtype=float).reshape(5, 7)
    out = []
    for i in range(5):
        Phi = columns(X, p[i, 6:], i)
        out.append(sum(p[i, k] * Phi[:, k] for k in range(6)))
    return np.column_stack(out)


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


def grid_starts(cells, columns, y, positive, keep):
    """The `keep` cells of least squared error, the linear constants solved in closed form in each."""
    Phi = np.stack([columns(q) for q in cells])
    Phi = Phi / (np.sqrt((Phi**2).sum(axis=1, keepdims=True)) + 1e-300)
    flipped = Phi.transpose(0, 2, 1)
    gain = nonnegative_batch(flipped @ Phi, flipped @ y, positive)[1]
    return cells[np.argsort(-gain, kind="stable")[:keep]]


def fit_one(X, y, i):
    """(B_1..B_5, A, a) of domain i by least squared error."""
    cells = np.geomspace(LOW[0], HIGH[0], CELLS + 2)[1:-1, None]
    starts = grid_starts(cells, lambda q: columns(X, q, i), y, POSITIVE, keep=2)
    fits = [
        refine(lambda q: columns(X, q, i), lambda q, c: slopes(X, q, c, i), y, POSITIVE, q, LOW, HIGH)
        for q in starts
    ]
    _, q, c = min(fits, key=lambda f: f[0])
    return np.concatenate([c, q])


def fit_scaling_law(data_points, loss_values):
    """Constants (5, 7): each domain fitted on its own."""
    X, Y = np.asarray(data_points, dtype=float), np.asarray(loss_values, dtype=float)
    return np.array([fit_one(X, Y[:, i], i) for i in range(5)])


# EVOLVE-BLOCK-END
