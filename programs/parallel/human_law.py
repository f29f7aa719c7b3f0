"""ParScale: L = E + (A / (N (k log P + 1)))**alpha, four constants.

P parallel streams with shared weights act like k log P + 1 times the parameters. E and A are >= 0, alpha
in [0.01, 2], k in [e**-7, e**7]. The law is linear in some constants once the others are held: those are
projected out with their signs kept (Kaufman 1975), from a grid and then by Gauss-Newton steps on the
rest.

Source: Chen et al. 2025, Parallel Scaling Law for Language Models, arXiv 2505.10475.
"""

# EVOLVE-BLOCK-START
import numpy as np
from scipy.optimize import least_squares

LOW = np.array([-7.0, 0.01])  # log k, alpha
HIGH = np.array([7.0, 2.0])
CELLS = (16, 16)
POSITIVE = np.array([True, True])


def columns(X, q):
    """(n, 2): 1 and (N (k log P + 1)) ** -alpha, N in 1e9 parameters."""
    size = np.log(X[:, 0] / 1e9) + np.log1p(np.exp(q[0]) * np.log(np.maximum(X[:, 1], 1.0)))
    return np.column_stack([np.ones(len(X)), np.exp(np.clip(-q[1] * size, -300.0, 300.0))])


def slopes(X, q, c):
    """(n, 2) derivative of columns(X, q) @ c in (log k, alpha)."""
    u = np.exp(q[0]) * np.log(np.maximum(X[:, 1], 1.0))
    power = c[1] * columns(X, q)[:, 1]
    return np.column_stack([-q[1] * power * u / (1.0 + u), -power * (np.log(X[:, 0] / 1e9) + np.log1p(u))])


def scaling_law_func(data_points, params):
    """Loss, (n,); params = (E, A, k, alpha), A in 1e9 parameters."""
    E, A, k, alpha = np.asarray(params, dtype=float).ravel()
    if A <= 0.0:
        return np.full(len(data_points), E)
    q = np.array([np.log(max(k, 1e-300)), alpha])
    return E + np.exp(alpha * np.log(A)) * columns(np.asarray(data_points, dtype=float), q)[:, 1]


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


def fit_scaling_law(data_points, loss_values):
    """Constants (E, A, k, alpha) of least squared error."""
    X, y = np.asarray(data_points, dtype=float), np.asarray(loss_values, dtype=float).ravel()
    axes = [np.linspace(LOW[j], HIGH[j], CELLS[j] + 2)[1:-1] for j in range(len(LOW))]
    cells = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(LOW))
    starts = grid_starts(cells, lambda q: columns(X, q), y, POSITIVE, keep=3)
    fits = [
        refine(lambda q: columns(X, q), lambda q, c: slopes(X, q, c), y, POSITIVE, q, LOW, HIGH)
        for q in starts
    ]
    _, q, c = min(fits, key=lambda f: f[0])
    A = np.exp(np.clip(np.log(c[1]) / q[1], -600.0, 600.0)) if c[1] > 0 else 0.0
    return np.array([c[0], A, np.exp(q[0]), q[1]])


# EVOLVE-BLOCK-END
