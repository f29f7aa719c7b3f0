"""Four forms of a loss curve in normalised progress: L = F + A*g(progress; theta), g(0) = 1, g(1) = 0.

So F is the loss at the end and A the whole drop, whatever the shape constants theta are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np

from fitting.errors import BadOption


@dataclass(frozen=True, slots=True)
class Form:
    """A shape.

    Attributes:
        name: log, exponential, power or rational. theta: names of the shape constants.
        shape: (n,) progress, (..., k) theta -> (..., n) g.
        low, high: (k,) bounds of theta.
        starts: (m, k) starting grid of the original procedure.
        spread: (K, k) the coarse grid of ours, spaced in logarithm between the bounds.
    """

    name: str
    theta: tuple[str, ...]
    shape: Callable[[np.ndarray, np.ndarray], np.ndarray]
    low: np.ndarray
    high: np.ndarray
    starts: np.ndarray
    spread: np.ndarray


def _log(tau: np.ndarray, theta: np.ndarray) -> np.ndarray:
    s = theta[..., 0:1]
    return np.asarray(np.log((1 + s) / (tau + s)) / np.log((1 + s) / s))


def _exponential(tau: np.ndarray, theta: np.ndarray) -> np.ndarray:
    r = theta[..., 0:1]
    # (e^-rt - e^-r)/(1 - e^-r), without the difference of two near numbers at small r
    return np.asarray(-np.exp(-r * tau) * np.expm1(-r * (1 - tau)) / -np.expm1(-r))


def _power(tau: np.ndarray, theta: np.ndarray) -> np.ndarray:
    s, a = theta[..., 0:1], theta[..., 1:2]
    # divided by s^-a above and below: nothing overflows at s = 1e-4, a = 10
    end = np.exp(-a * np.log1p(1 / s))
    return np.asarray((np.exp(-a * np.log1p(tau / s)) - end) / (1 - end))


def _rational(tau: np.ndarray, theta: np.ndarray) -> np.ndarray:
    t0, b = theta[..., 0:1], theta[..., 1:2]
    with np.errstate(divide="ignore"):
        ratio = np.exp(np.minimum(b * (np.log(tau) - np.log(t0)), 300.0))
    end = 1 / (1 + np.exp(np.minimum(-b * np.log(t0), 300.0)))
    return np.asarray((1 / (1 + ratio) - end) / (1 - end))


def _form(
    name: str,
    theta: tuple[str, ...],
    shape: Callable[[np.ndarray, np.ndarray], np.ndarray],
    bounds: list[tuple[float, float]],
    starts: list[list[float]],
    points: int,
) -> Form:
    low, high = (np.array(side, dtype=float) for side in zip(*bounds, strict=True))
    axes = [np.geomspace(a, b, points) for a, b in bounds]
    return Form(
        name, theta, shape, low, high, np.array(list(product(*starts))), np.array(list(product(*axes)))
    )


FORMS = {
    form.name: form
    for form in (
        _form("log", ("s",), _log, [(1e-4, 10)], [[0.01, 0.03, 0.1, 0.3, 1.0]], 24),
        _form("exponential", ("r",), _exponential, [(0.01, 50)], [[1, 3, 8, 18]], 24),
        _form("power", ("s", "a"), _power, [(1e-4, 10), (0.05, 10)], [[0.03, 0.1, 0.3], [0.5, 1, 2, 4]], 12),
        _form("rational", ("t0", "b"), _rational, [(0.01, 10), (0.1, 10)],
              [[0.1, 0.3, 0.8, 1.5], [0.75, 1, 2, 4]], 12),
    )
}  # fmt: skip
"""Bounds and starting grids as in the published study of Delphi midtraining curves."""


def form_named(name: str) -> Form:
    """Raises BadOption for an unknown name."""
    if name not in FORMS:
        raise BadOption(f"form: expected one of {', '.join(FORMS)}, got {name!r}")
    return FORMS[name]
