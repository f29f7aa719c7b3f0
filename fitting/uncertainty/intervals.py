"""Confidence intervals of the constants, by any method, and of predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats

from fitting.errors import BadOption
from fitting.solve.solution import Solution
from fitting.uncertainty.bootstrap import bootstrap
from fitting.uncertainty.covariance import covariance, degrees, positive_slots
from fitting.uncertainty.interval import Interval
from fitting.uncertainty.profile import profile_interval

METHODS = ("covariance", "profile", "bootstrap")


def intervals(
    result: Solution,
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
        return {name: profile_interval(result, name, level) for name in chosen}
    sample = bootstrap(result, **options)
    return {
        name: Interval(result.constants[name], *sample.interval(name, level), level, method)
        for name in chosen
    }


def _by_covariance(result: Solution, level: float, chosen: list[str]) -> dict[str, Interval]:
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
    result: Solution, data: Mapping, level: float = 0.95, *, noise: bool = False
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
