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
from fitting.uncertainty.sandwich import cluster_index, sandwich

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
        method: "sandwich": Student t on the linearised fit, amplitudes on the log scale, every row with its own noise;
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
        return _by_spread(result, level, chosen, method, covariance(result), degrees(result))
    if method == "sandwich":
        clusters = options.get("clusters")
        left = degrees(result)
        if clusters is not None and left > 0:
            left = min(left, int(cluster_index(result, clusters).max()))
        return _by_spread(result, level, chosen, method, sandwich(result, clusters), left)
    if method == "profile":
        return {name: profile_interval(result, name, level) for name in chosen}
    sample = bootstrap(result, **options)
    return {
        name: Interval(result.constants[name], *sample.interval(name, level), level, method)
        for name in chosen
    }


def _by_spread(
    result: Solution, level: float, chosen: list[str], method: str, spread: Array, left: int
) -> dict[str, Interval]:
    variance = np.diagonal(spread)
    t = float(special.stdtrit(left, 0.5 + level / 2)) if left > 0 else np.inf
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
    spread = sandwich(result) if method == "sandwich" else covariance(result)
    slots = _slots(result, group)
    variance = np.einsum("ij,jk,ik->i", J, spread[np.ix_(slots, slots)], J)
    left = degrees(result)
    t = float(special.stdtrit(left, 0.5 + level / 2)) if left > 0 else np.inf
    if noise:
        own = result.rss / max(left, 1)
        variance = variance + (own * value**2 if result.loss.log else own)
    half = t * np.sqrt(variance)
    return value, value - half, value + half


def _slots(result: Solution, group: str | None) -> list[int]:
    """Places of one group's constants among all."""
    g = 0 if group is None else result.problem.rows.labels.index(group)
    return [int(s[g] if len(s) > 1 else s[0]) for s in result.problem.model.slots]
