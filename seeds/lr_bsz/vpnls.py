"""VPNLS for learning rate and batch size: power terms plus two drifting bowls, twelve constants.

L = E + A N**-a + B D**-b + k1 u + k2 u**2 + h1 v + h2 v**2
u = log(lr N**p D**-r),  v = log(bsz D**-s)

The exponents are searched on a grid, where the linear constants of every cell come in closed form from
its normal equations with their signs kept (variable projection with non-negative least squares); the
best cells are then refined by Gauss-Newton steps on the exponents alone.

How VPNLS is generalised: loss has a best learning rate and a best batch size, which no falling power
has. In logs each is a parabola; its three constants are linear, so they are projected out with the rest,
and only the drift of the optimum with N and D (as powers, as Step Law has it) joins the exponents in the
search. E, A, B and the curvatures k2, h2 are >= 0; the slopes k1, h1, which place the bottoms, are free.

Source: VPNLS, arXiv 2603.22339; variable projection, Golub and Pereyra 1973, Kaufman 1975. Optimum as
powers: Li et al. 2025, arXiv 2503.04715.
"""

# EVOLVE-BLOCK-START
import numpy as np
from scipy.optimize import least_squares

SCALE = np.array([1e-3, 256.0, 1e10, 1e8])  # learning rate, batch size, tokens, parameters
LOW = np.array([0.02, 0.02, -0.5, -0.5, -0.5])
HIGH = np.array([1.5, 1.5, 1.5, 1.5, 1.5])
POSITIVE = np.array([True, True, True, False, True, False, True])


def logs(data_points):
    """(n, 4) logs of the features in units of SCALE."""
    return np.log(np.maximum(np.asarray(data_points, dtype=float), 1e-300) / SCALE)


def powers(z, e):
    return np.exp(np.clip(-z * e, -300.0, 300.0))


def columns(z, q):
    """(n, 7): 1, parameters' power, tokens' power, and u, u**2 of the learning rate and of the batch size."""
    lr, bsz = z[:, 0] + q[2] * z[:, 3] - q[3] * z[:, 2], z[:, 1] - q[4] * z[:, 2]
    return np.column_stack(
        [np.ones(len(z)), powers(z[:, 3], q[0]), powers(z[:, 2], q[1]), lr, lr * lr, bsz, bsz * bsz]
    )


def slopes(z, q, c):
    """(n, 5) derivative of columns(z, q) @ c in the exponents."""
    Phi = columns(z, q)
    lr, bsz = c[3] + 2 * c[4] * Phi[:, 3], c[5] + 2 * c[6] * Phi[:, 5]
    return np.column_stack(
        [
            -z[:, 3] * c[1] * Phi[:, 1],
            -z[:, 2] * c[2] * Phi[:, 2],
            lr * z[:, 3],
            -lr * z[:, 2],
            -bsz * z[:, 2],
        ]
    )


def scaling_law_func(data_points, params):
    """Loss, (n,); params = (E, A, B, four bowl constants, a, b, p, r, s)."""
    c = np.asarray(params, dtype=float).ravel()
    Phi = columns(logs(data_points), c[7:12])
    return c[0] + sum(c[k] * Phi[:, k] for k in range(1, 7))


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


def grid_starts(z, y, keep):
    """Best cells of the exponent grid; one matrix product gives the normal equations of all of them."""
    power = np.linspace(0.1, 1.0, 7)
    drift = np.array([0.0, 0.35, 0.7])
    lr = [z[:, 0] + p * z[:, 3] - r * z[:, 2] for p in drift for r in drift]
    bsz = [z[:, 1] - s * z[:, 2] for s in drift]
    families = (
        [[powers(z[:, 3], e)] for e in power],
        [[powers(z[:, 2], e)] for e in power],
        [[u, u * u] for u in lr],
        [[u, u * u] for u in bsz],
    )
    Z = np.column_stack(
        [np.ones(len(y))] + [column for family in families for block in family for column in block]
    )
    norm = np.sqrt((Z**2).sum(axis=0)) + 1e-300
    Z = Z / norm
    gram, moment = Z.T @ Z, Z.T @ y
    i, j, k, l = (g.ravel() for g in np.meshgrid(range(7), range(7), range(9), range(3), indexing="ij"))
    index = np.column_stack([0 * i, 1 + i, 8 + j, 15 + 2 * k, 16 + 2 * k, 33 + 2 * l, 34 + 2 * l])
    gain = nonnegative_batch(gram[index[:, :, None], index[:, None, :]], moment[index], POSITIVE)[1]
    best = np.argsort(-gain, kind="stable")[:keep]
    return np.column_stack([power[i], power[j], drift[k // 3], drift[k % 3], drift[l]])[best]


def fit_scaling_law(data_points, loss_values):
    """Constants of least squared error, bowl constants as (linear, quadratic) per bowl."""
    z, y = logs(data_points), np.asarray(loss_values, dtype=float).ravel()
    fits = [
        refine(lambda q: columns(z, q), lambda q, c: slopes(z, q, c), y, POSITIVE, q, LOW, HIGH)
        for q in grid_starts(z, y, keep=2)
    ]
    _, q, c = min(fits, key=lambda f: f[0])
    return np.concatenate([c, q])


# EVOLVE-BLOCK-END
