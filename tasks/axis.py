"""An axis to extrapolate along: a feature, or a product of features such as `params*tokens` (compute)."""

from __future__ import annotations

import re

import numpy as np

from tasks.errors import BadSpec


def parse_axis(axis: str, features: tuple[str, ...]) -> tuple[tuple[int, float], ...]:
    """(place of a feature, its power) of every factor; a feature is known by its exact name first.

    Raises:
        BadSpec: what is neither a feature nor a product of them.
    """
    if axis in features:
        return ((features.index(axis), 1.0),)
    rest, sign, factors = axis.strip(), 1.0, []
    while True:
        name = max((f for f in features if rest.startswith(f)), key=len, default=None)
        number = re.match(r"\d+(\.\d+)?(e\d+)?\s*(?=\*)", rest)
        if name is not None:
            power, rest = 1.0, rest[len(name) :].lstrip()
            raised = re.match(r"(?:\*\*|\^)\s*(-?\d+(?:\.\d+)?)\s*", rest)
            if raised:
                power, rest = float(raised[1]), rest[raised.end() :]
            factors.append((features.index(name), sign * power))
        elif number is not None:
            rest = rest[number.end() :]  # 6*N*D: a factor moves no row
        else:
            raise BadSpec(
                f"extrapolation axis {axis!r} is not a feature, nor a product of features such as "
                f"{'*'.join(features[:2])}; features are {', '.join(features)}"
            )
        if not rest:
            return tuple(factors)
        if rest[0] not in "*/":
            raise BadSpec(f"extrapolation axis {axis!r}: expected * or / before {rest!r}")
        sign = 1.0 if rest[0] == "*" else -1.0
        rest = rest[1:].lstrip()


def axis_values(axis: str, features: tuple[str, ...], X: np.ndarray) -> np.ndarray:
    """(n,) values of an axis; levels that differ by rounding alone are one."""
    factors = parse_axis(axis, features)
    if factors == ((factors[0][0], 1.0),):
        return X[:, factors[0][0]]
    out = np.ones(len(X))
    for place, power in factors:
        with np.errstate(divide="ignore", invalid="ignore"):
            out = out * X[:, place] ** power
    with np.errstate(divide="ignore", invalid="ignore"):
        digits = 9 - np.ceil(np.log10(np.where(out == 0, 1.0, np.abs(out))))
        return np.array([round(v, int(d)) if np.isfinite(d) else v for v, d in zip(out, digits, strict=True)])
