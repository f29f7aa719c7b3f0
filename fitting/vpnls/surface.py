"""The fast core for one surface, L = E + A/N**alpha + B/D**beta: grid start, then active-set Newton.

1. The logs are centred, so that all columns are of order one.
2. A coarse grid over the exponents is solved by moments: one matrix product gives every cell's normal equations.
3. From the best cell, damped Newton on all five constants with the exact Hessian, within the box.
4. A Huber loss is reached by a homotopy: least squares first, then delta from the size of the residuals down to
   the one asked for, each stage started where the last one ended.

Stopping compares the decrease that Newton predicts with the objective itself, so units don't matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dposv

from fitting.arrays import Array

COARSE = 24
MAX_STEPS = 200
FEW = 7  # rows kept inside delta on the way down
MAX_STAGES = 60
EPS = np.finfo(float).eps


@dataclass(slots=True)
class SurfaceFit:
    """Where the core ended: constants of the centred problem, objective (mean of r**2/2 or Huber), steps."""

    theta: np.ndarray
    objective: float
    steps: int
    converged: bool


class Surface:
    """One data set, ready to be fitted with any loss inside one box.

    Args:
        x, z: (n,) log N and log D, centred.
        y: (n,) losses.
        low, high: (5,) box for E, A, B, alpha, beta (amplitudes of the centred columns).
    """

    def __init__(self, x: np.ndarray, z: np.ndarray, y: np.ndarray, low: np.ndarray, high: np.ndarray):
        n = len(y)
        self.n, self.y = n, y
        self.xz = np.array([x, z])
        self.low, self.high = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
        self.lows, self.highs = self.low.tolist(), self.high.tolist()
        self.M = np.empty((7, n))  # 1, u, v, x u, z v, x^2 u, z^2 v
        self.M[0] = 1.0
        self.size = float(y @ y)
        self.floor = (8 * EPS) ** 2 * self.size  # squared rounding error of all residuals

    def residual(self, theta: np.ndarray) -> np.ndarray:
        """Residuals; leaves the columns 1, u, v of `theta` in M."""
        np.multiply(self.xz, -theta[3:, None], out=self.M[3:5])
        np.exp(self.M[3:5], out=self.M[1:3])
        return self.y - theta[:3] @ self.M[:3]

    def newton(self, theta: np.ndarray, delta: float, tolerance: float, limit: int) -> SurfaceFit:
        """Damped Newton from `theta` until the predicted decrease is below `tolerance` of the objective."""
        M, huber = self.M, delta != np.inf
        r = self.residual(theta)
        psi = np.clip(r, -delta, delta) if huber else r
        F = float(psi @ (r - 0.5 * psi))
        for step in range(1, limit + 1):
            np.multiply(M[1:3], self.xz, out=M[3:5])
            np.multiply(M[3:5], self.xz, out=M[5:7])
            five = M[:5]
            moments = M @ psi
            s = np.array([1.0, 1.0, 1.0, -theta[1], -theta[2]])
            g = -s * moments[:5]
            gram = (five * (np.abs(r) <= delta) if huber else five) @ five.T
            d, drop = self.direction(theta, g, gram, moments, s, r, delta)
            if d is None:
                return SurfaceFit(theta, F, step, True)
            noise = (
                EPS * F**0.5 * self.size**0.5 + self.floor
            )  # rounding error of F: smaller drops can't be seen
            small = drop <= tolerance * F + noise
            t = 1.0
            while True:
                new = np.minimum(np.maximum(theta + t * d, self.low), self.high)
                r_new = self.residual(new)
                psi_new = np.clip(r_new, -delta, delta) if huber else r_new
                F_new = float(psi_new @ (r_new - 0.5 * psi_new))
                if small:
                    best = new if F_new <= F + noise else theta
                    return SurfaceFit(best, min(F, F_new), step, True)
                if F_new < F and F_new <= F + 1e-4 * float(g @ (new - theta)):
                    break
                t *= 0.5
                if t < 1e-9:
                    return SurfaceFit(theta, F, step, drop <= 1e-8 * F + 10 * noise)
            theta, r, psi, F = new, r_new, psi_new, F_new
        return SurfaceFit(theta, F, limit, False)

    def direction(
        self, theta: Array, g: Array, gram: Array, moments: Array, s: Array, r: Array, delta: float
    ) -> tuple[Array | None, float]:
        """Newton direction inside the box, constants held at a bound, and the decrease it promises."""
        at = theta.tolist()
        slope = g.tolist()
        free = [
            i
            for i in range(5)
            if not (at[i] <= self.lows[i] and slope[i] >= 0)
            and not (at[i] >= self.highs[i] and slope[i] <= 0)
        ]
        H = gram * s * s[:, None]
        H[1, 3] += moments[3]
        H[3, 1] = H[1, 3]
        H[2, 4] += moments[4]
        H[4, 2] = H[2, 4]
        H[3, 3] -= theta[1] * moments[5]
        H[4, 4] -= theta[2] * moments[6]
        # an amplitude of zero leaves its exponent without any slope: hold it
        for exponent, amplitude in ((3, 1), (4, 2)):
            if at[amplitude] == 0.0 and exponent in free:
                free.remove(exponent)
        if not free:
            return None, 0.0
        d = np.zeros(5)
        whole = len(free) == 5
        pick = slice(None) if whole else np.array(free)
        Hf, gf = (H, g) if whole else (H[np.ix_(free, free)], g[pick])
        diagonal = np.diagonal(Hf)
        if diagonal.min() > 0:
            scale = 1.0 / np.sqrt(diagonal)
            _, step, info = dposv(Hf * scale * scale[:, None], -gf * scale)
            if info == 0:
                d[pick] = step * scale
                drop = -float(g @ d)
                if 0 <= drop < np.inf:
                    return d, drop
        # not convex here: Gauss-Newton, in which rows outside delta count a little (they have no curvature
        # of their own) or, if need be, with the weights that make it go down for certain
        S = s * s[:, None]
        whole_gram = self.M[:5] @ self.M[:5].T
        for blend, ridge in ((1e-3, 1e-12), (0.03, 1e-10), (1.0, 1e-6), (1.0, 1e-3), (1.0, 1.0)):
            G = ((1.0 - blend) * gram + blend * whole_gram) if delta != np.inf else gram
            if blend == 1.0 and delta != np.inf:
                weight = np.minimum(1.0, delta / np.maximum(np.abs(r), 1e-300))
                G = (self.M[:5] * weight) @ self.M[:5].T
            G = (G * S)[np.ix_(free, free)]
            scale = 1.0 / np.sqrt(np.maximum(np.diagonal(G), 1e-300))
            _, step, info = dposv(G * scale * scale[:, None] + ridge * np.eye(len(free)), -gf * scale)
            if info == 0:
                d[pick] = step * scale
                drop = -float(g @ d)
                if 0 <= drop < np.inf:
                    return d, drop
        d[pick] = -gf * scale * scale
        return d, -float(g @ d)

    def huber(
        self, theta: np.ndarray, delta: float, tolerance: float = 1e-13, share: float = 0.9
    ) -> SurfaceFit:
        """Homotopy down to `delta`, from a least-squares optimum or, with few rows inside at first, from nearby."""
        few, many = min(FEW, self.n - 1), int(share * (self.n - 1))
        size = np.abs(self.residual(theta))
        stage = float(np.partition(size, many)[many])
        steps = 0
        for _ in range(MAX_STAGES):
            if stage <= delta / 0.6:
                break
            fit = self.newton(theta, stage, 1e-3, 8)
            theta, steps = fit.theta, steps + fit.steps
            # a few rows stay inside delta, or the Hessian would be singular
            size = np.abs(self.residual(theta))
            stage = min(0.8 * stage, max(0.3 * stage, float(np.partition(size, few)[few])))
        fit = self.newton(theta, delta, tolerance, MAX_STEPS)
        fit.steps += steps
        return fit

    def fit(self, theta: np.ndarray, delta: float) -> SurfaceFit:
        """From a start to the optimum for one loss."""
        least = self.newton(theta, np.inf, 1e-14 if delta == np.inf else 1e-4, MAX_STEPS)
        if delta == np.inf:
            return least
        fit = self.huber(least.theta, delta)
        fit.steps += least.steps
        return fit


def coarse_axis(low: float, high: float, count: int = COARSE) -> np.ndarray:
    """Exponents of the coarse grid: even inside a box up to 1.2, denser at the small end of a wider one."""
    if high - low <= 1e-12:
        return np.array([low])
    if high <= 1.2 or low <= 0:
        return np.linspace(low, high, count)
    return low + (high - low) * np.linspace(0.0, 1.0, count) ** 1.7


def grid_start(x: Array, z: Array, y: Array, alphas: Array, betas: Array) -> tuple[Array, Array]:
    """Best cell of the coarse grid under least squares with E, A, B >= 0.

    Returns:
        theta (5,) and the (len(alphas), len(betas)) table of residual sums of squares.
    """
    U, V = np.exp(-np.multiply.outer(alphas, x)), np.exp(-np.multiply.outer(betas, z))
    n = len(y)
    ym = y.mean()
    yc = y - ym
    um, vm = U.mean(axis=1), V.mean(axis=1)
    U -= um[:, None]
    V -= vm[:, None]
    uu, vv = np.einsum("ij,ij->i", U, U)[:, None], np.einsum("ij,ij->i", V, V)
    uy, vy = (U @ yc)[:, None], V @ yc
    uv = U @ V.T
    yy = float(yc @ yc)
    with np.errstate(all="ignore"):
        det = uu * vv - uv * uv
        A = (uy * vv - vy * uv) / det
        B = (vy * uu - uy * uv) / det
        rss = yy - A * uy - B * vy
        flat = det <= 1e-12 * uu * vv
        E = ym - A * um[:, None] - B * vm
        rss[flat | ~np.isfinite(rss)] = np.inf
        best = int(np.argmin(rss))
        i, j = divmod(best, len(betas))
        if np.isfinite(rss[i, j]) and min(E[i, j], A[i, j], B[i, j]) >= 0:
            return np.array([E[i, j], A[i, j], B[i, j], alphas[i], betas[j]]), rss
        return _faces(n, ym, yy, um, vm, uu, vv, uy, vy, uv, (E, A, B, rss), alphas, betas)


def _faces(
    n: int,
    ym: float,
    yy: float,
    um: Array,
    vm: Array,
    uu: Array,
    vv: Array,
    uy: Array,
    vy: Array,
    uv: Array,
    inside: tuple[Array, Array, Array, Array],
    alphas: Array,
    betas: Array,
) -> tuple[Array, Array]:
    """Best cell when signs matter: the interior where it is allowed, else the best face."""
    E, A, B, rss = inside
    total = yy + n * ym * ym
    um, shape = um[:, None], uv.shape
    raw_uu, raw_vv, raw_uv = uu + n * um * um, vv + n * vm * vm, uv + n * um * vm
    raw_uy, raw_vy = uy + n * um * ym, vy + n * vm * ym
    zero = np.zeros(shape)
    faces = [(np.where((E >= 0) & (A >= 0) & (B >= 0), rss, np.inf), E, A, B)]

    def face(e: Array, a: Array, b: Array, cost: Array) -> None:
        allowed = (e >= 0) & (a >= 0) & (b >= 0) & np.isfinite(cost)
        e, a, b = (np.broadcast_to(c, shape) for c in (e, a, b))
        faces.append((np.where(allowed, cost, np.inf), e, a, b))

    a = uy / uu
    face(ym - a * um + zero, a + zero, zero, yy - a * uy + zero)
    b = vy / vv
    face(ym - b * vm + zero, zero, b + zero, yy - b * vy + zero)
    det = raw_uu * raw_vv - raw_uv * raw_uv
    a, b = (raw_uy * raw_vv - raw_vy * raw_uv) / det, (raw_vy * raw_uu - raw_uy * raw_uv) / det
    face(zero, a, b, total - a * raw_uy - b * raw_vy)
    a = raw_uy / raw_uu
    face(zero, a + zero, zero, total - a * raw_uy + zero)
    b = raw_vy / raw_vv
    face(zero, zero, b + zero, total - b * raw_vy + zero)
    face(np.full(shape, max(ym, 0.0)), zero, zero, np.full(shape, yy if ym >= 0 else total))
    costs = np.stack([f[0] for f in faces])
    table = costs.min(axis=0)
    i, j = divmod(int(np.argmin(table)), shape[1])
    _, E, A, B = faces[int(np.argmin(costs[:, i, j]))]
    return np.array([E[i, j], A[i, j], B[i, j], alphas[i], betas[j]]), table
