"""Step-law surface: power terms, a parabola in the learning rate, a valley in the batch size; 16 constants.

L = E + A N**-alpha + B D**-beta + K (lr - l_0)**2 N**gamma D**zeta
  + F (log b + b_0 / b) N**eta D**epsilon
l_0 = c N**-p D**r,  b_0 = g D**s,  with p, r, s >= 0

Step Law gives the optimum as these powers of N and D. The loss around it is the form of SLDBench's human
entry, which its predictions show in learning rate and batch size; how its terms scale with N and D can't
be seen there (one N, one D), so powers are our reading. The law is linear in some constants once the
others are held: those are projected out with their signs kept (Kaufman 1975), from a grid and then by
Gauss-Newton steps on the rest.

Source: Li et al. 2025, Predictable Scale: Part I, Step Law, arXiv 2503.04715.
"""

# EVOLVE-BLOCK-START
import numpy as np
from scipy.optimize import least_squares

SCALE = np.array([1e-3, 256.0, 1e10, 1e8])  # learning rate, batch size, tokens, parameters
POSITIVE = np.array([True, True, True, True, True])
# alpha, beta; gamma, zeta; eta, epsilon; log c, p, r; log g, s (c and g in units of SCALE)
LOW = np.array([0.02, 0.02, -2.0, -2.0, -2.0, -2.0, -4.0, 0.0, 0.0, -6.0, 0.0])
HIGH = np.array([1.5, 1.5, 2.0, 2.0, 2.0, 2.0, 5.0, 1.5, 1.5, 5.0, 1.5])


def parts(X, q):
    """Logs of tokens and parameters, the two bowls' inner parts, and the columns (n, 5)."""
    lr, bsz = X[:, 0] / SCALE[0], X[:, 1] / SCALE[1]
    d, n = np.log(X[:, 2] / SCALE[2]), np.log(X[:, 3] / SCALE[3])
    l0 = np.exp(np.clip(q[6] - q[7] * n + q[8] * d, -50.0, 50.0))
    ratio = np.exp(np.clip(q[9] + q[10] * d, -50.0, 50.0)) / bsz
    lr_scale = np.exp(np.clip(q[2] * n + q[3] * d, -50.0, 50.0))
    bsz_scale = np.exp(np.clip(q[4] * n + q[5] * d, -50.0, 50.0))
    Phi = np.column_stack(
        [
            np.ones(len(X)),
            np.exp(-q[0] * n),
            np.exp(-q[1] * d),
            (lr - l0) ** 2 * lr_scale,
            (np.log(X[:, 1]) + ratio) * bsz_scale,
        ]
    )
    return d, n, lr, l0, ratio, lr_scale, bsz_scale, Phi


def columns(X, q):
    return parts(X, q)[-1]


def slopes(X, q, c):
    """(n, 11) derivative of columns(X, q) @ c in q."""
    d, n, lr, l0, ratio, lr_scale, bsz_scale, Phi = parts(X, q)
    bowl, valley = c[3] * Phi[:, 3], c[4] * Phi[:, 4]
    shift, rise = -2.0 * c[3] * (lr - l0) * l0 * lr_scale, c[4] * ratio * bsz_scale
    return np.column_stack(
        [
            -n * c[1] * Phi[:, 1],
            -d * c[2] * Phi[:, 2],
            n * bowl,
            d * bowl,
            n * valley,
            d * valley,
            shift,
            -n * shift,
            d * shift,
            rise,
            d * rise,
        ]
    )


def scaling_law_func(data_points, params):
    """Loss, (n,); params = (E, A, B, K, F, then the eleven of LOW and HIGH)."""
    p = np.asarray(params, dtype=float).ravel()
    Phi = columns(np.asarray(data_points, dtype=float), p[5:16])
    return p[0] + p[1] * Phi[:, 1] + p[2] * Phi[:, 2] + p[3] * Phi[:, 3] + p[4] * Phi[:, 4]


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
    """Constants (16,) of least squared error, started around Step Law's published optimum."""
    X, y = np.asarray(data_points, dtype=float), np.asarray(loss_values, dtype=float).ravel()
    X = np.maximum(X, 1e-12)
    # Step Law: l_0 = 1.79 N**-0.713 D**0.307 and 0.58 D**0.571 tokens a batch of 2048-token sequences.
    log_l0 = np.log(1.79 / 1e-3) - 0.713 * np.log(1e8) + 0.307 * np.log(1e10)
    log_b0 = np.log(0.58 / 2048 / 256.0) + 0.571 * np.log(1e10)
    cells = np.array(
        [
            [a, b, g, 0.0, 0.0, 0.0, log_l0 + lift, 0.713, 0.307, log_b0 - 0.7, s]
            for a in (0.1, 0.3, 0.6)
            for b in (0.1, 0.3, 0.6)
            for g in (0.0, 0.7)
            for lift in (0.0, 0.7)
            for s in (0.3, 0.571)
        ]
    )
    starts = grid_starts(cells, lambda q: columns(X, q), y, POSITIVE, keep=3)
    fits = [
        refine(lambda q: columns(X, q), lambda q, c: slopes(X, q, c), y, POSITIVE, q, LOW, HIGH)
        for q in starts
    ]
    _, q, c = min(fits, key=lambda f: f[0])
    return np.concatenate([c, q])


# EVOLVE-BLOCK-END
