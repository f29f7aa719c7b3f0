"""The one predictor of a run's end: an average of power laws in the summed learning rate, with the bite of its decay.

    L(t) = F + A*g(u; s, alpha) + c*(eta(t) - eta(1))

u is the share of the run's summed learning rate (its intrinsic time), g a power law with g(0) = 1 and g(1) = 0, and eta the
rate as a share of its peak. So F is the loss at the end, and c what a decay from the peak to zero takes off it. Without a
known rate u is progress and c is zero.

A part of a run before its decay tells nothing of c. Over public runs of many kinds it is about as much as the second half
of the run takes off, A*g(0.5): the prior, with a width of its own, that c is drawn to and that the seen part may overrule.
At fixed (s, alpha) all is linear; the answer is the average over a grid of them, each weighted by how well it fits. No
optimiser, no start, no bounds to sit on.

Sources: the law is a simple case of those of arXiv 2408.11029 and 2503.12811; prior, average and defaults are chosen on
public sets, whole sets left out (docs/decisions/0005-endpoint-predictor.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from curves.curve import checked
from curves.rate import Rate
from fitting.errors import BadData

SHIFTS = np.geomspace(1e-3, 3.0, 9)
ALPHAS = np.geomspace(0.08, 4.0, 12)
GRID = np.array([(s, a) for s in SHIFTS for a in ALPHAS])
"""(K, 2) s and alpha."""
MOST = 60
"""Points fitted; more are averaged in neighbouring groups."""
LEAST = 4
"""Points a forecast needs."""
EVIDENCE = 15
"""Residuals of a curve resemble their neighbours: at most so many count as independent."""
ROUGH = 2e-3
"""No form is truer than this share of the seen fall."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What was chosen by leaving sets out.

    Attributes:
        bite: c over A*g(0.5) before the data speak. slack: width of that, in units of the fall over the second half of
            what is seen. skip: share of the seen part that is left out at its start, and no less than the warm-up where
            the rate is known. late: points count by this power of their intrinsic time; the first phase of a run follows
            no power law.
    """

    bite: float = 1.3
    slack: float = 0.5
    skip: float = 0.2
    late: float = 1.0


DEFAULT = Settings()


@dataclass(frozen=True, slots=True)
class Forecast:
    """A predicted end, before calibration.

    Attributes:
        endpoint: predicted loss at progress 1. scale: the unit its errors are measured in: fall over the second half of
            what was seen, or the noise where that is more. seen: last progress. n: points fitted.
        rate: the learning rate used, or None. gain: what the rate's decay to come takes off the end.
        alpha: mean exponent. weights, theta, linear: (m,), (m, 2), (m, 3) the averaged laws (F, A, c).
    """

    endpoint: float
    scale: float
    seen: float
    n: int
    rate: Rate | None
    gain: float
    alpha: float
    weights: np.ndarray
    theta: np.ndarray
    linear: np.ndarray

    @property
    def kind(self) -> str:
        """Kind of schedule, which calibration goes by."""
        return "unknown" if self.rate is None else self.rate.kind

    def predict(self, progress: np.ndarray | float, endpoint: float | None = None) -> np.ndarray:
        """(n,) loss at any progress.

        Args:
            endpoint: where the curve is to end, as after calibration: it is bent there from the last point seen on.
        """
        tau = np.atleast_1d(np.asarray(progress, dtype=float))
        u, eta = _clock(tau, self.rate)
        laws = self.linear[:, :1] + self.linear[:, 1:2] * _shape(u, self.theta) + self.linear[:, 2:] * eta
        shift = 0.0 if endpoint is None else endpoint - self.endpoint
        way = np.clip((tau - self.seen) / max(1 - self.seen, 1e-12), 0.0, 1.0)
        return np.asarray(self.weights @ laws + shift * way)


def predict_endpoint(
    progress: np.ndarray, loss: np.ndarray, rate: Rate | None = None, settings: Settings = DEFAULT
) -> Forecast:
    """Predict the end of a run from its seen part.

    Args:
        progress: (n,) step / final step, increasing in [0, 1]. loss: (n,) > 0.
        rate: the learning rate of the whole run, if it is known.

    Raises:
        BadData: fewer than LEAST points after the warm-up, or not a curve.
    """
    tau, y = checked(progress, loss, "prefix")
    if y.min() <= 0:
        raise BadData(f"prefix: losses must be > 0, the least is {y.min():g}; shift them first")
    seen = float(tau[-1])
    keep = _settled(tau, rate, settings.skip)
    tau, y = tau[keep], y[keep]
    if len(y) < LEAST:
        raise BadData(
            f"prefix: a prediction needs {LEAST} points or more after the warm-up, got {len(y)}; wait for more evaluations"
        )
    u, eta = _clock(tau, rate)
    u, eta, y = _grouped(u, eta, y)
    noise = _noise(y)
    span = max(float(y[0] - y[-1]), 0.3 * float(np.ptp(y)), 1e-9)
    fall = float(np.interp(u[-1] / 2, u, y) - y[-3:].mean())
    late = max(fall, 0.02 * span)
    share = u**settings.late / np.mean(u**settings.late)
    prior = settings.bite, settings.slack * late
    weights, linear = _averaged(u, eta, y, share, prior, max(noise, ROUGH * span))
    some = weights > 1e-4
    weights, linear, theta = weights[some] / weights[some].sum(), linear[some], GRID[some]
    bite = float(weights @ linear[:, 2])
    ahead = float(_clock(np.array([seen]), rate)[1][0])
    return Forecast(
        endpoint=max(float(weights @ linear[:, 0]), 0.0),
        scale=max(late, noise, 1e-4 * float(y[-1])),
        seen=seen,
        n=len(y),
        rate=rate,
        gain=max(bite * ahead, 0.0),
        alpha=float(weights @ theta[:, 1]),
        weights=weights,
        theta=theta,
        linear=linear,
    )


def predict_endpoints(
    prefixes: Sequence[tuple[np.ndarray, np.ndarray]], rates: Sequence[Rate | None] | None = None
) -> list[Forecast]:
    """`predict_endpoint` for many (progress, loss) prefixes."""
    known = rates if rates is not None else [None] * len(prefixes)
    return [predict_endpoint(t, y, rate) for (t, y), rate in zip(prefixes, known, strict=True)]


def _settled(tau: np.ndarray, rate: Rate | None, skip: float) -> np.ndarray:
    """(n,) true after the warm-up; never so late that most of what is seen would go."""
    seen = tau[-1]
    warm = 0.0 if rate is None else min(rate.warmup, 0.3 * seen)
    after = tau >= max(skip * seen, warm)
    return after if after.sum() >= LEAST else tau > 0


def _clock(tau: np.ndarray, rate: Rate | None) -> tuple[np.ndarray, np.ndarray]:
    """(n,) u, and the rate less its last value."""
    if rate is None:
        return tau, np.zeros_like(tau)
    return rate.summed(tau), rate.at(tau) - rate.end


def _grouped(*columns: np.ndarray) -> list[np.ndarray]:
    """At most MOST points: means over neighbouring groups of nearly one size."""
    n = len(columns[0])
    if n <= MOST:
        return list(columns)
    edges = np.linspace(0, n, MOST + 1).round().astype(int)
    return [np.add.reduceat(c, edges[:-1]) / np.diff(edges) for c in columns]


def _noise(y: np.ndarray) -> float:
    """Standard deviation of the noise, from second differences, robustly."""
    if len(y) < 5:
        return 0.0
    return float(1.4826 * np.median(np.abs(y[1:-1] - (y[:-2] + y[2:]) / 2)) / np.sqrt(1.5))


def _shape(u: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """(K, n) g of n points under K (s, alpha)."""
    s, alpha = theta[:, :1], theta[:, 1:2]
    end = np.exp(-alpha * np.log1p(1 / s))
    return np.asarray((np.exp(-alpha * np.log1p(u / s)) - end) / (1 - end))


def _averaged(
    u: np.ndarray,
    eta: np.ndarray,
    y: np.ndarray,
    share: np.ndarray,
    of_bite: tuple[float, float],
    least: float,
) -> tuple[np.ndarray, np.ndarray]:
    """(K,) weights and (K, 3) F, A, c of the laws of the grid.

    Huber losses by reweighting, in units of each law's own residuals; (c - bite*A*g(0.5))/slack is one more residual, with
    `of_bite` = bite, slack. share: (n,) weight of each point, 1 on average.
    """
    bite, slack = of_bite
    g = _shape(u, GRID)
    half = _shape(np.array([0.5]), GRID)[:, 0]
    X = np.stack([np.ones_like(g), g, np.broadcast_to(eta, g.shape)], axis=-1)
    prior = np.stack([np.zeros(len(GRID)), -bite * half, np.ones(len(GRID))], axis=-1) / slack
    sigma = np.full(len(GRID), least)
    w = np.broadcast_to(share, g.shape)
    for _ in range(3):
        wX = X * w[..., None] / sigma[:, None, None] ** 2
        H = np.swapaxes(wX, 1, 2) @ X
        b = np.swapaxes(wX, 1, 2) @ y
        H += prior[:, :, None] * prior[:, None, :] + 1e-9 * np.eye(3) * H[:, 1:2, 1:2]
        x = np.linalg.solve(H, b[..., None])[..., 0]
        wrong = x[:, 2] < 0  # a decay that costs: no bite instead
        if wrong.any():
            x[wrong, :2] = np.linalg.solve(H[wrong, :2, :2], b[wrong, :2, None])[..., 0]
            x[wrong, 2] = 0.0
        residual = np.abs(y - (X @ x[..., None])[..., 0])
        sigma = np.maximum(1.4826 * np.median(residual, axis=1), least)
        edge = 2 * sigma[:, None]
        w = share * edge / np.maximum(residual, edge)
    huber = (share * np.where(residual <= edge, residual**2, edge * (2 * residual - edge))).mean(axis=1)
    score = -min(len(y), EVIDENCE) / 2 * np.log(huber + least**2) - 0.5 * (prior * x).sum(axis=1) ** 2
    possible = (x[:, 0] >= 0) & (x[:, 1] >= 0)
    if possible.any():
        score = np.where(possible, score, -np.inf)
    weights = np.exp(score - score.max())
    return weights / weights.sum(), x
