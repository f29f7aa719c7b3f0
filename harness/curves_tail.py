"""The rest of one run's loss curve from its beginning: two forms of progress, fitted robustly, and their mean.

    L(tau) = F + A*g(tau),  g(1) = 0, so F is the endpoint;  tau = step / final step
    power      g = (tau + s)**-a - (1 + s)**-a
    rational   g = h(tau) - h(1),  h = 1/(1 + (tau/t0)**b)

For fixed shape (s, a) or (t0, b) the loss is linear in F and A >= 0: both come from weighted least squares, in closed form
for a whole grid of shapes at once; Huber's loss comes from reweighting, and the grid zooms in three times.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

SHAPES = {"power": ((-9.2, 2.3), (-3.0, 2.3)), "rational": ((-4.6, 2.3), (-2.3, 2.3))}
"""Form -> ranges of the two shape constants, in ln."""


def _g(form: str, theta: np.ndarray, tau: np.ndarray) -> np.ndarray:
    """(k, n) basis of k shapes at n points; 1 at the first point of the run that was fitted would only rescale A."""
    first, second = np.exp(theta[:, :1]), np.exp(theta[:, 1:])
    with np.errstate(over="ignore"):
        if form == "power":
            g = ((tau + first) / (1 + first)) ** -second - 1
        else:
            g = 1 / (1 + (tau / first) ** second) - 1 / (1 + (1 / first) ** second)
    return g


@dataclass(frozen=True)
class Tail:
    """One fitted form: F the endpoint, A, the two shape constants (in ln), mae over the rows fitted."""

    form: str
    F: float
    A: float
    theta: np.ndarray
    mae: float

    def __call__(self, tau: np.ndarray) -> np.ndarray:
        return self.F + self.A * _g(self.form, self.theta[None], np.asarray(tau, dtype=float))[0]


def fit_tail(tau: np.ndarray, loss: np.ndarray, form: str) -> Tail:
    """Fit one form to (n,) rows with tau in (0, 1), n >= 3."""
    delta = max(0.002, 0.1 * float(np.ptp(loss)))
    (low1, high1), (low2, high2) = SHAPES[form]
    best = None
    for _ in range(4):
        a, b = np.meshgrid(np.linspace(low1, high1, 15), np.linspace(low2, high2, 13))
        theta = np.column_stack([a.ravel(), b.ravel()])
        F, A, cost = _project(_g(form, theta, tau), loss, delta)
        k = int(np.argmin(cost))
        if best is None or cost[k] < best[0]:
            best = cost[k], F[k], A[k], theta[k]
        (limit1, limit2), at = SHAPES[form], best[3]
        half1, half2 = (high1 - low1) / 8, (high2 - low2) / 7
        low1, high1 = max(limit1[0], at[0] - half1), min(limit1[1], at[0] + half1)
        low2, high2 = max(limit2[0], at[1] - half2), min(limit2[1], at[1] + half2)
    _, F, A, theta = best
    tail = Tail(form, float(F), float(A), theta, 0.0)
    return Tail(form, float(F), float(A), theta, float(np.mean(np.abs(tail(tau) - loss))))


def _project(g: np.ndarray, y: np.ndarray, delta: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(k,) F in [1e-8, min y], A >= 0 and Huber cost of k bases (k, n)."""
    scale = np.abs(g).max(axis=1, keepdims=True)
    g = g / np.where(scale > 0, scale, 1)
    w = np.ones_like(g)
    for _ in range(6):
        total = w.sum(axis=1)
        mean_g, mean_y = (w * g).sum(axis=1) / total, (w * y).sum(axis=1) / total
        dg = g - mean_g[:, None]
        var = (w * dg * dg).sum(axis=1)
        A = np.maximum((w * dg * (y - mean_y[:, None])).sum(axis=1) / np.where(var > 0, var, np.inf), 0)
        F = mean_y - A * mean_g
        out = (F < 1e-8) | (y.min() < F)
        F = np.clip(F, 1e-8, y.min())
        power = (w * g * g).sum(axis=1)
        held = np.maximum((w * g * (y - F[:, None])).sum(axis=1) / np.where(power > 0, power, np.inf), 0)
        A = np.where(out, held, A)
        r = np.abs(F[:, None] + A[:, None] * g - y)
        w = np.where(r > delta, delta / np.maximum(r, 1e-300), 1.0)
    cost = np.where(r <= delta, r * r / 2, delta * (r - delta / 2)).sum(axis=1)
    return F, A / np.where(scale[:, 0] > 0, scale[:, 0], 1), cost


@dataclass(frozen=True)
class Continuation:
    """The mean of both forms, and the scale its errors are measured in.

    Attributes:
        tau: last progress seen. endpoint: predicted loss at tau = 1, before any calibration.
        scale: the larger of the noise around the fits and the fall over the second half of what was seen, nats.
    """

    tails: tuple[Tail, ...]
    tau: float
    endpoint: float
    scale: float

    def curve(self, endpoint: float) -> Callable[[np.ndarray], np.ndarray]:
        """The continuation bent to end at `endpoint`: its fit at the last row seen, more and more of the shift after."""
        shift = endpoint - self.endpoint

        def loss(tau: np.ndarray) -> np.ndarray:
            tau = np.asarray(tau, dtype=float)
            share = np.clip((tau - self.tau) / (1 - self.tau), 0, 1) if self.tau < 1 else 1.0
            return np.mean([t(tau) for t in self.tails], axis=0) + shift * share

        return loss


def continue_curve(tau: np.ndarray, loss: np.ndarray) -> Continuation:
    """Fit both forms to the rows seen so far, (n,) tau in (0, 1) and loss, n >= 3."""
    tails = tuple(fit_tail(tau, loss, form) for form in SHAPES)
    fitted = np.mean([t(tau) for t in tails], axis=0)
    half = float(np.interp(tau[-1] / 2, tau, fitted) - fitted[-1])
    noise = float(np.mean(np.abs(fitted - loss)))
    return Continuation(tails, float(tau[-1]), float(np.mean([t.F for t in tails])), max(half, noise, 1e-4))
