"""Active-set Newton on all constants of a law, for many problems at once.

One problem is one row of `theta`: another start, another resample (its own row weights), another target. All
problems advance together; those that have converged leave the batch. Bounds are kept by projection; a constant
at its bound whose slope points outward is held. A robust loss is reached by the homotopy of `fitting.vpnls.surface`.
Stopping compares the decrease that Newton predicts with the objective itself: units don't matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fitting.arrays import Array, Index
from fitting.solve.directions import directions
from fitting.solve.losses import Loss
from fitting.solve.model import Model

EPS = np.finfo(float).eps
FEW = 2  # rows kept inside delta on the way down, beyond the constants
STAGE_STEPS = 8
MAX_STAGES = 60
HALVINGS = 34  # of a step before nothing is left of it
TRIALS = 5  # halvings of a step before it is damped
LEAST_DAMPING, MOST_DAMPING = 1e-4, 1e10


@dataclass(slots=True)
class Batch:
    """Where the problems ended: theta (R, P), objective (R,) as a sum, converged (R,), steps taken by each (R,)."""

    theta: np.ndarray
    objective: np.ndarray
    converged: np.ndarray
    steps: np.ndarray


class Objective:
    """A loss over the rows: costs, and their derivatives with respect to predictions.

    Args:
        y: (n,) or (R, n) targets.
        weights: (n,), (R, n), or None for ones.
    """

    def __init__(self, loss: Loss, y: np.ndarray, weights: np.ndarray | None):
        self.loss = loss
        self.y = np.atleast_2d(y)
        self.weights = None if weights is None else np.atleast_2d(weights)
        self.t = np.log(self.y) if loss.log else self.y

    def pick(self, rows: np.ndarray, table: np.ndarray) -> np.ndarray:
        return table if len(table) == 1 else table[rows]

    def residual(self, f: np.ndarray, rows: np.ndarray) -> np.ndarray:
        t = self.pick(rows, self.t)
        r: Array = t - np.log(f) if self.loss.log else t - f
        return r

    def side(self, r: Array, rows: Index) -> Array | None:
        """Weight of each row, sides included; None for ones."""
        w = None if self.weights is None else self.pick(rows, self.weights)
        if self.loss.two_sided:
            return w
        s = np.where(r < 0, self.loss.over, self.loss.under)
        return s if w is None else s * w

    def cost(self, f: np.ndarray, delta: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Sum of costs (R,); inf where it is not finite."""
        r = self.residual(f, rows)
        if delta.min() == np.inf:
            return self.total(0.5 * r * r, self.side(r, rows))
        c = np.minimum(np.maximum(r, -delta), delta)
        return self.total(c * (r - 0.5 * c), self.side(r, rows))

    def total(self, rho: Array, w: Array | None) -> Array:
        F = rho.sum(axis=-1) if w is None else (w * rho).sum(axis=-1)
        return np.where(np.isfinite(F), F, np.inf)

    def derivatives(
        self, f: Array, delta: Array, rows: Index
    ) -> tuple[Array, Array, tuple[Array, Array, Array]]:
        """Sum of costs (R,), d1 of each cost by its prediction, and three curvatures: d2, the safe one (Gauss-Newton,
        reweighted), and that of rows inside delta alone. They are one array for squared errors."""
        r = self.residual(f, rows)
        w = self.side(r, rows)
        if delta.min() == np.inf and not self.loss.log:
            one = np.ones_like(r) if w is None else np.broadcast_to(w, r.shape)
            return self.total(0.5 * r * r, w), -r if w is None else -r * w, (one, one, one)
        c = np.minimum(np.maximum(r, -delta), delta)
        F = self.total(c * (r - 0.5 * c), w)
        inside = (np.abs(r) <= delta).astype(float)
        safe = np.where(r == 0, 1.0, c / np.where(r == 0, 1.0, r))
        d1, d2 = -c, inside
        if self.loss.log:
            d1, d2, safe = d1 / f, (d2 + c) / f**2, safe / f**2
            inside = inside / f**2
        if w is not None:
            d1, d2, safe, inside = d1 * w, d2 * w, safe * w, inside * w
        return F, d1, (d2, safe, inside)


def minimise(
    model: Model,
    objective: Objective,
    theta: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    *,
    tolerance: float = 1e-13,
    max_steps: int = 300,
    warm: bool = False,
    halvings: int = HALVINGS,
    trials: int = TRIALS,
    curved: bool = True,
) -> Batch:
    """Local optima from the starts `theta` (R, P).

    Args:
        low, high: (P,) or (R, P) box; equal bounds hold a constant.
        tolerance: predicted decrease, as a share of the objective, below which a problem has converged.
        max_steps: Newton steps per problem.
        warm: start the homotopy at the target delta (the starts are already close).
        halvings: of a step of a robust loss that does not go down, before a problem is given up.
        trials: of a step of another loss, before it is damped.
        curved: whether the curvature of the law counts; without it (Gauss-Newton) steps from far are cheaper and no worse.
    """
    theta = np.clip(np.array(theta, dtype=float), low, high)
    R = len(theta)
    low, high = np.broadcast_to(low, theta.shape), np.broadcast_to(high, theta.shape)
    target = target_delta(objective)
    delta = np.full(R, target if warm else np.inf)
    out = Batch(theta, np.full(R, np.inf), np.zeros(R, dtype=bool), np.zeros(R, dtype=int))
    size = np.square(objective.t).sum(axis=-1) if objective.weights is None else _weighted_size(objective)
    size = np.broadcast_to(size, (R,))
    in_stage, stages = np.zeros(R, dtype=int), np.zeros(R, dtype=int)
    damp, smooth = (
        np.zeros(R),
        target == np.inf,
    )  # at the kinks of a robust loss short steps do better than turned ones
    live = np.arange(R)
    with np.errstate(all="ignore"):
        for _ in range(max_steps):
            some: Index | slice = live if len(live) < R else slice(None)
            th, dl = out.theta[some], delta[some, None]
            f, J, K = model.full(th, curved)
            F, d1, d2 = objective.derivatives(f, dl, live)
            g = (J @ d1[..., None])[..., 0]
            bad = ~(np.isfinite(F) & np.isfinite(g).all(axis=1))
            if bad.any():
                live, keep = live[~bad], ~bad
                some = live
                if not len(live):
                    break
                th, dl, J, K, d1, F, g = (a[keep] for a in (th, dl, J, K, d1, F, g))
                one = d2[0][keep]
                d2 = (one, one, one) if d2[0] is d2[1] else (one, d2[1][keep], d2[2][keep])
            S = model.contract(K, d1)
            lo, hi = low[some], high[some]
            free = (lo < hi) & (((J * J) @ d2[1][..., None])[..., 0] > 0 if len(live) == 1 else J.any(axis=2))
            at_low, at_high = th <= lo, th >= hi
            if at_low.any() or at_high.any():
                free &= ~(at_low & (g >= 0)) & ~(at_high & (g <= 0))
            d = directions(J, S, d2, g, free, damp[some])
            drop = -np.einsum("ij,ij->i", g, d)
            noise = EPS * np.sqrt(F) * np.sqrt(size[some]) + (8 * EPS) ** 2 * size[some]
            final = dl[:, 0] <= target
            done = drop <= np.where(final, tolerance, 1e-3) * F + noise
            new, F_new, share = _line_search(
                model, objective, th, d, g, F, dl, live, lo, hi, done, noise, trials if smooth else halvings
            )
            moved = share > 0
            out.theta[some], out.objective[some] = new, F_new
            out.steps[some] += 1
            in_stage[some] += 1
            # a damped step is small by itself: only an undamped one can say that nothing is left to gain
            damped = damp[some]
            done &= damped == 0
            if smooth:
                damp[some] = again = _damping(damped, share)
                moved |= ~done & (again <= MOST_DAMPING)
            ended = final & (done | ~moved)
            out.converged[live[ended]] = (drop <= np.maximum(1e-8 * F, 10 * noise))[ended]
            if not final.all():
                rest = np.isfinite(delta[some]) & (in_stage[some] >= STAGE_STEPS)
                onward = live[~final & (done | ~moved | rest)]
                if len(onward):
                    _next_stage(model, objective, out.theta, onward, delta, target, stages)
                    in_stage[onward] = 0
            live = live[~ended]
            if not len(live):
                break
    return out


def _damping(damp: Array, share: Array) -> Array:
    """Damping of the next step: more where little or nothing of this one could be taken, less where all of it was."""
    more = np.maximum(10.0 * damp, LEAST_DAMPING)
    less = np.where(damp > LEAST_DAMPING, 0.1 * damp, 0.0)
    out: Array = np.where(share == 1.0, less, np.where(share < 0.2, more, damp))
    return out


def _weighted_size(objective: Objective) -> np.ndarray:
    assert objective.weights is not None
    size: Array = (objective.weights * np.square(objective.t)).sum(axis=-1)
    return size


def target_delta(objective: Objective) -> float:
    """Delta of the last stage; a quantile ends at a delta too small to matter."""
    if objective.loss.huber_delta > 0:
        return objective.loss.huber_delta
    spread = np.abs(objective.t - np.median(objective.t)).mean()
    return 1e-7 * float(spread) if spread > 0 else 1e-12


def _next_stage(
    model: Model,
    objective: Objective,
    theta: Array,
    which: Index,
    delta: Array,
    target: float,
    stages: Index,
) -> None:
    """A smaller delta for the problems `which`, a few rows staying inside."""
    r = np.abs(objective.residual(model.value(theta[which]), which))
    r = np.where(np.isfinite(r), r, np.inf)
    if objective.weights is not None:
        r = np.where(objective.pick(which, objective.weights) > 0, r, np.inf)
    r.sort(axis=1)
    present = np.maximum(np.isfinite(r).sum(axis=1), 1)
    pick = np.arange(len(which))
    few = r[pick, np.minimum(theta.shape[1] + FEW, present - 1)]
    first = r[pick, (0.9 * (present - 1)).astype(int)]
    now = delta[which]
    below = np.where(np.isinf(now), first, np.minimum(0.8 * now, np.maximum(0.3 * now, few)))
    stages[which] += 1
    delta[which] = np.where((below <= target / 0.6) | (stages[which] > MAX_STAGES), target, below)


def _line_search(
    model: Model,
    objective: Objective,
    th: Array,
    d: Array,
    g: Array,
    F: Array,
    dl: Array,
    live: Index,
    low: Array,
    high: Array,
    done: Index,
    noise: Array,
    halvings: int,
) -> tuple[Array, Array, Array]:
    """Halve the step until the objective falls enough, and the share of it that was taken, 0 for none; the last step of a
    converged problem is taken whole."""
    R = len(th)
    new, F_new, share = th.copy(), F.copy(), np.zeros(R)
    t = 1.0
    todo = np.arange(R)
    for _ in range(halvings):
        some: Index | slice = slice(None) if len(todo) == R else todo
        at, cost = th[some], F[some]
        trial = np.minimum(np.maximum(at + t * d[some], low[some]), high[some])
        value = objective.cost(model.value(trial), dl[some], live[some])
        gain = np.einsum("ij,ij->i", g[some], trial - at)
        last = done[some]
        fine = np.where(last, value <= cost + noise[some], (value < cost) & (value <= cost + 1e-4 * gain))
        if len(todo) == R and fine.all():
            return trial, value, np.full(R, t)
        hit = todo[fine]
        new[hit], F_new[hit], share[hit] = trial[fine], value[fine], t
        todo = todo[~fine & ~last]
        if not len(todo):
            break
        t *= 0.5
    return new, F_new, share
