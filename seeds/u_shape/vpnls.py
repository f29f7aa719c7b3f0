"""VPNLS for U-shaped scaling: Brier = E + B C**-a + H exp(-((x - m) / w)**2 / 2), six constants.

The exponents are searched on a grid, where the linear constants of every cell come in closed form from
its normal equations with their signs kept (variable projection with non-negative least squares); the
best cells are then refined by Gauss-Newton steps on the exponents alone.

How VPNLS is generalised: the feature x = log10 C is a logarithm already and may be negative, so the
power is taken of compute C = 10**x itself. The target is the Brier score negated (higher is better), so
the law is written for the Brier score, a loss that is never negative, and predicted with its sign
changed: E, B, H >= 0. A plain power law can't turn; one bump of place m and width w lets a benchmark get
worse before it gets better, and dies out beyond it, so an extrapolation stays between E and the power
law. The grid runs over (a, m, w).

Source: VPNLS, arXiv 2603.22339; variable projection, Golub and Pereyra 1973, Kaufman 1975.
"""

# EVOLVE-BLOCK-START
import numpy as np
from scipy.optimize import least_squares

CELLS = (8, 6, 6)
POSITIVE = np.array([True, True, True])


def columns(X, q):
    """(n, 3): 1, the falling power of compute, the bump."""
    x = X[:, 0]
    power = np.exp(np.clip(-q[0] * np.log(10.0) * x, -300.0, 300.0))
    return np.column_stack([np.ones(len(x)), power, np.exp(-0.5 * ((x - q[1]) / q[2]) ** 2)])


def slopes(X, q, c):
    """(n, 3) derivative of columns(X, q) @ c in the exponent, the place and the width."""
    x, Phi = X[:, 0], columns(X, q)
    t = (x - q[1]) / q[2]
    return np.column_stack(
        [-c[1] * np.log(10.0) * x * Phi[:, 1], c[2] * Phi[:, 2] * t / q[2], c[2] * Phi[:, 2] * t * t / q[2]]
    )


def scaling_law_func(data_points, params):
    """Negated Brier score, (n,); params = (E, B, H, a, m, w)."""
    p = np.asarray(params, dtype=float).ravel()
    Phi = columns(np.asarray(data_points, dtype=float).reshape(-1, 1), p[3:6])
    return -(p[0] + p[1] * Phi[:, 1] + p[2] * Phi[:, 2])


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


def box(x):
    """Bounds of the exponent of compute and of the bump's place and width in log10 compute.

    The bump lies inside the fitted range and is no narrower than a tenth and no wider than half of it:
    outside, or narrower, nothing in the rows would hold it.
    """
    span = max(np.ptp(x), 1e-3)
    return np.array([0.02, x.min(), 0.1 * span]), np.array([3.0, x.min() + span, 0.5 * span])


def fit_scaling_law(data_points, loss_values):
    """Constants (E, B, H, a, m, w) of least squared error."""
    X, y = np.asarray(data_points, dtype=float), -np.asarray(loss_values, dtype=float).ravel()
    low, high = box(X[:, 0])
    axes = [np.linspace(low[j], high[j], CELLS[j] + 2)[1:-1] for j in range(len(low))]
    cells = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(low))
    places = [
        cells[cells[:, 1] == m] for m in axes[1]
    ]  # a start per place: each may have a valley of its own
    starts = [grid_starts(part, lambda q: columns(X, q), y, POSITIVE, keep=1)[0] for part in places]
    fits = [
        refine(lambda q: columns(X, q), lambda q, c: slopes(X, q, c), y, POSITIVE, q, low, high)
        for q in starts
    ]
    _, q, c = min(fits, key=lambda f: f[0])
    return np.concatenate([c, q])


# EVOLVE-BLOCK-END
