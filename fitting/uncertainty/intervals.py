"""Confidence intervals of the constants, by any method, and of predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import special

from fitting.arrays import Array
from fitting.errors import BadOption
from fitting.solve.solution import Solution
from fitting.uncertainty.bootstrap import bootstrap
from fitting.uncertainty.covariance import covariance, degrees, positive_slots
from fitting.uncertainty.interval import Interval
from fitting.uncertainty.profile import profile_interval
from fitting.uncertainty.sandwich import spread_along

METHODS = ("sandwich", "covariance", "profile", "bootstrap")


def intervals(
    result: Solution,
    level: float = 0.95,
    method: str = "sandwich",
    names: Sequence[str] | None = None,
    **options: Any,
) -> dict[str, Interval]:
    """Confidence interval of each constant.

    Args:
        level: of confidence.
        method: "sandwich": Student t on the linearised fit, amplitudes on the log scale, every row with its own noise, as many
            degrees of freedom as residuals speak for the constant;
            "covariance": the same with one noise for all rows; "profile": where the best objective with the constant
            held rises too far (right for curved problems, one noise for all rows); "bootstrap": percentiles of refitted
            resamples.
        names: constants; all if None.
        options: of the sandwich (clusters) and of the bootstrap (n, kind, seed, strata, clusters).
    """
    if not 0 < level < 1:
        raise BadOption(f"level: expected a share between 0 and 1 such as 0.95, got {level!r}")
    if method not in METHODS:
        raise BadOption(f"intervals: unknown method {method!r}; expected one of {', '.join(METHODS)}")
    chosen = list(result.constants) if names is None else list(names)
    for name in chosen:
        if name not in result.constants:
            raise BadOption(f"intervals: no constant {name!r}; expected one of {', '.join(result.constants)}")
    known = {"sandwich": ("clusters",), "bootstrap": ("n", "kind", "seed", "strata", "clusters")}.get(
        method, ()
    )
    unknown = [name for name in options if name not in known]
    if unknown:
        takes = f"takes {', '.join(known)}" if known else "has no options"
        raise BadOption(f"intervals: method={method!r} {takes}, got {', '.join(unknown)}")
    if method == "covariance":
        left = np.full(len(result.constants), float(degrees(result)))
        return _by_spread(result, level, chosen, method, np.diagonal(covariance(result)), left)
    if method == "sandwich":
        variance, left = spread_along(result, clusters=options.get("clusters"))
        return _by_spread(result, level, chosen, method, variance, left)
    if method == "profile":
        return {name: profile_interval(result, name, level) for name in chosen}
    sample = bootstrap(result, **options)
    return {
        name: Interval(result.constants[name], *sample.interval(name, level), level, method)
        for name in chosen
    }


def _by_spread(
    result: Solution, level: float, chosen: list[str], method: str, variance: Array, left: Array
) -> dict[str, Interval]:
    t = special.stdtrit(np.maximum(left, 1.0), 0.5 + level / 2)
    none = degrees(result) <= 0
    positive = positive_slots(result)
    out = {}
    for i, (name, value) in enumerate(result.constants.items()):
        if name not in chosen:
            continue
        if variance[i] <= 0 or none:
            low = high = np.nan
        elif positive[i] and name.split("[")[0] in result.law.linear:
            factor = np.exp(min(t[i] * np.sqrt(variance[i]) / value, 700.0))
            low, high = value / factor, value * factor
        else:
            half = t[i] * np.sqrt(variance[i])
            low, high = value - half, value + half
        out[name] = Interval(value, float(low), float(high), level, method)
    return {name: out[name] for name in chosen}


def prediction_interval(
    result: Solution,
    data: Mapping[str, Any],
    level: float = 0.95,
    *,
    noise: bool = False,
    method: str = "sandwich",
    group: str | None = None,
) -> tuple[Array, Array, Array]:
    """Values of the law with a confidence band (`noise=True`: for a new row), by the delta method.

    Returns:
        value, low, high, each (m,).
    """
    if not 0 < level < 1:
        raise BadOption(f"level: expected a share between 0 and 1 such as 0.95, got {level!r}")
    if method not in ("sandwich", "covariance"):
        raise BadOption(f"prediction_interval: unknown method {method!r}; expected sandwich or covariance")
    constants = result.one_set(group)
    value = np.atleast_1d(result.law.predict(constants, data))
    J = result.law.gradient(constants, data)
    left = degrees(result)
    along = np.zeros((len(J), len(result.constants)))
    along[:, _slots(result, group)] = J
    if method == "sandwich":
        variance, freedom = spread_along(result, along)
    else:
        variance = np.einsum("ij,jk,ik->i", along, covariance(result), along)
        freedom = np.full(len(J), float(max(left, 1)))
    if noise:
        own = result.rss / max(left, 1) * (value**2 if result.loss.log else 1.0)
        if method == "sandwich":  # as many degrees of freedom as the two variances together have (Welch)
            parts = variance**2 / freedom + own**2 / max(left, 1)
            freedom = np.where(parts > 0, (variance + own) ** 2 / np.where(parts > 0, parts, 1.0), freedom)
        variance = variance + own
    t = special.stdtrit(freedom, 0.5 + level / 2) if left > 0 else np.full(len(J), np.inf)
    half = t * np.sqrt(variance)
    return value, value - half, value + half


def _slots(result: Solution, group: str | None) -> list[int]:
    """Places of one group's constants among all."""
    g = 0 if group is None else result.problem.rows.labels.index(group)
    return [int(s[g] if len(s) > 1 else s[0]) for s in result.problem.model.slots]
