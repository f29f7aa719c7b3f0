"""Standard errors, confidence intervals of the constants, and of predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from fitting.errors import BadOption
from fitting.solve.newton import target_delta

if TYPE_CHECKING:
    from fitting.result import FittedLaw

METHODS = ("covariance", "profile", "bootstrap")


@dataclass(frozen=True, slots=True)
class Interval:
    """A value between two others: `low <= high`, nan where it can't be said (a constant on its bound)."""

    value: float
    low: float
    high: float
    level: float
    method: str

    def __contains__(self, x: float) -> bool:
        return self.low <= x <= self.high

    def __iter__(self):
        return iter((self.low, self.high))


def degrees(result: FittedLaw) -> int:
    """Rows less constants; rows of weight zero don't count."""
    w = result.problem.rows.weights
    n = result.n_points if w is None else int((w > 0).sum())
    return n - len(result.constants)


def slopes(result: FittedLaw) -> np.ndarray:
    """(n, P) derivatives of the fitted values (of their logs, for a log loss) by each constant."""
    f, J, _ = result.problem.model.full(result.theta[None])
    return (J[0] / f[0] if result.loss.log else J[0]).T


def scale(result: FittedLaw) -> float:
    """Variance that goes with (J'WJ)^-1: of the noise for squared losses, of the estimator's noise for robust ones.

    For Huber and quantile losses it is E[psi^2] / E[psi']^2 (Huber 1981, chapter 7).
    """
    rows, loss = result.problem.rows, result.loss
    r = loss.residual(rows.y, result.fitted)
    w = np.ones(rows.n) if rows.weights is None else rows.weights
    left = max(degrees(result), 1)
    if loss.huber_delta == np.inf and loss.two_sided:
        return float((w * r * r).sum()) / left
    delta = target_delta(result.problem.objective())
    psi = np.where(r < 0, loss.over, loss.under) * np.clip(r, -delta, delta)
    return float((w * psi * psi).sum()) / left / max(mean_curvature(result), 1e-300) ** 2


def mean_curvature(result: FittedLaw) -> float:
    """E[psi'], the mean second derivative of the loss at the residuals.

    Few rows lie inside a small delta, so it is averaged over a window as wide as a density estimate would be.
    A robust fit passes through about as many rows as it has constants; they say nothing about the density.
    """
    loss = result.loss
    r = loss.residual(result.problem.rows.y, result.fitted)
    side = np.where(r < 0, loss.over, loss.under)
    if loss.huber_delta == np.inf:
        return float(side.mean())
    delta = target_delta(result.problem.objective())
    size = np.abs(r)
    spread = 1.4826 * float(np.median(size)) or float(size.mean()) or 1e-300
    window = max(delta, 1.06 * spread * len(r) ** -0.2)
    inside, taken = size <= window, len(result.constants)
    share = max(int(inside.sum()) - taken, 1) / max(len(r) - taken, 1)
    return float(side[inside].mean()) * share * delta / window if inside.any() else delta / window / len(r)


def covariance(result: FittedLaw) -> np.ndarray:
    """(P, P) covariance; constants on a bound (or without slope) have zero rows and columns."""
    J = slopes(result)
    w = result.problem.rows.weights
    P = J.shape[1]
    problem, theta = result.problem, result.theta
    norm = np.sqrt((J * J).sum(axis=0) if w is None else (w[:, None] * J * J).sum(axis=0))
    free = np.flatnonzero((theta > problem.low) & (theta < problem.high) & (norm > 0) & np.isfinite(norm))
    out = np.zeros((P, P))
    if len(free):
        Z = J[:, free] / norm[free]
        if w is not None:
            Z = Z * np.sqrt(w)[:, None]
        # through QR: squaring the matrix would lose half the digits on nearly collinear columns
        _, S, V = np.linalg.svd(Z, full_matrices=False)
        inverse = (V.T / np.maximum(S, 1e-14 * S[0]) ** 2) @ V
        out[np.ix_(free, free)] = inverse / np.multiply.outer(norm[free], norm[free]) * scale(result)
    return out


def positive_slots(result: FittedLaw) -> np.ndarray:
    """Constants kept >= 0 and above it: their intervals are made on the log scale."""
    return (result.problem.low >= 0) & (result.theta > 0)


def intervals(
    result: FittedLaw,
    level: float = 0.95,
    method: str = "covariance",
    names: Sequence[str] | None = None,
    **options,
) -> dict[str, Interval]:
    """Confidence interval of each constant.

    Args:
        level: of confidence.
        method: "covariance": Student t on the linearised fit, amplitudes on the log scale (fast); "profile": where
            the best objective with the constant held rises too far (right for curved problems); "bootstrap":
            percentiles of refitted resamples.
        names: constants; all if None.
        options: of the bootstrap (n, kind, seed, strata, clusters).
    """
    if not 0 < level < 1:
        raise BadOption(f"level: expected a share between 0 and 1 such as 0.95, got {level!r}")
    if method not in METHODS:
        raise BadOption(f"intervals: unknown method {method!r}; expected one of {', '.join(METHODS)}")
    chosen = list(result.constants) if names is None else list(names)
    for name in chosen:
        if name not in result.constants:
            raise BadOption(f"intervals: no constant {name!r}; expected one of {', '.join(result.constants)}")
    if options and method != "bootstrap":
        raise BadOption(f"intervals: {', '.join(options)} are options of method='bootstrap'")
    if method == "covariance":
        return _by_covariance(result, level, chosen)
    if method == "profile":
        from fitting.uncertainty.profile import profile_interval

        return {name: profile_interval(result, name, level) for name in chosen}
    sample = result.bootstrap(**options)
    return {
        name: Interval(result.constants[name], *sample.interval(name, level), level, method)
        for name in chosen
    }


def _by_covariance(result: FittedLaw, level: float, chosen: list[str]) -> dict[str, Interval]:
    variance = np.diagonal(covariance(result))
    left = degrees(result)
    t = float(stats.t.ppf(0.5 + level / 2, left)) if left > 0 else np.inf
    positive = positive_slots(result)
    out = {}
    for i, (name, value) in enumerate(result.constants.items()):
        if name not in chosen:
            continue
        if variance[i] <= 0 or left <= 0:
            low = high = np.nan
        elif positive[i] and name.split("[")[0] in result.law.linear:
            factor = np.exp(min(t * np.sqrt(variance[i]) / value, 700.0))
            low, high = value / factor, value * factor
        else:
            half = t * np.sqrt(variance[i])
            low, high = value - half, value + half
        out[name] = Interval(value, float(low), float(high), level, "covariance")
    return {name: out[name] for name in chosen}


def prediction_interval(
    result: FittedLaw, data: Mapping, level: float = 0.95, *, noise: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values of the law with a confidence band (`noise=True`: for a new row), by the delta method.

    Returns:
        value, low, high, each (m,).
    """
    if result.problem.free:
        raise BadOption("prediction_interval: constants differ between groups; fit one group at a time")
    value = np.atleast_1d(result.predict(data))
    J = result.law.gradient(result.constants, data)
    variance = np.einsum("ij,jk,ik->i", J, covariance(result), J)
    left = degrees(result)
    t = float(stats.t.ppf(0.5 + level / 2, left)) if left > 0 else np.inf
    if noise:
        spread = result.rss / max(left, 1)
        variance = variance + (spread * value**2 if result.loss.log else spread)
    half = t * np.sqrt(variance)
    return value, value - half, value + half


def draws(result: FittedLaw, n: int, seed: int = 0) -> np.ndarray:
    """(n, P) constants drawn from the covariance, amplitudes log-normal."""
    rng = np.random.default_rng(seed)
    theta, C = result.theta, covariance(result)
    positive = positive_slots(result)
    linear = np.array([name.split("[")[0] in result.law.linear for name in result.constants])
    logged = positive & linear
    unit = np.where(logged, 1.0 / np.where(logged, theta, 1.0), 1.0)
    values, vectors = np.linalg.eigh(C * np.multiply.outer(unit, unit))
    z = rng.standard_normal((n, len(theta))) * np.sqrt(np.maximum(values, 0.0)) @ vectors.T
    return np.where(logged, theta * np.exp(np.clip(z, -50, 50)), theta + z)
