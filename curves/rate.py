"""The learning rate of a whole run, past and planned: what decides how a loss curve ends.

A decaying rate makes the loss fall late, and no part of a curve before the decay shows it. So the rate is evidence of its
own: logged, planned, or told by its shape. Rates are shares of their peak over progress (step / final step).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fitting.errors import BadData, BadOption

KINDS = ("constant", "late decay", "decay to zero", "partial decay", "unknown")
"""Kinds of schedule that are calibrated apart; `unknown` is a run whose rate nobody told."""
POINTS = 2001
"""Points of the fine grid on which rates are summed."""
TOP = 0.97
"""A rate counts as at its peak from this share of it on."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Learning rate over progress, by straight lines between knots.

    Attributes:
        progress: (k,) increasing, from 0 to 1. value: (k,) rate >= 0 as a share of the peak, which is 1.
        source: how it is known, in a few words for the answer.
    """

    progress: np.ndarray
    value: np.ndarray
    source: str = "planned"

    def __post_init__(self) -> None:
        progress, value = np.asarray(self.progress, dtype=float), np.asarray(self.value, dtype=float)
        if progress.ndim != 1 or progress.shape != value.shape or len(progress) < 2:
            raise BadData(
                f"a rate needs progress and value of one length >= 2, got {progress.shape} and {value.shape}"
            )
        if not (np.isfinite(progress).all() and np.isfinite(value).all()) or (np.diff(progress) <= 0).any():
            raise BadData("a rate needs finite numbers and increasing progress; sort and drop repeats first")
        value = np.where(
            (value < 0) & (value > -1e-6 * np.abs(value).max()), 0.0, value
        )  # rounding of a decay to zero
        if (value < 0).any() or not value.any():
            raise BadData("learning rates must be >= 0 and not all zero")
        if progress[0] > 0:  # as the first and the last row have it
            progress, value = np.append(0.0, progress), np.append(value[0], value)
        if progress[-1] < 1:
            progress, value = np.append(progress, 1.0), np.append(value, value[-1])
        object.__setattr__(self, "progress", progress)
        object.__setattr__(self, "value", value / value.max())

    def at(self, progress: np.ndarray | float) -> np.ndarray:
        """(n,) share of the peak at these points."""
        return np.asarray(
            np.interp(np.atleast_1d(np.asarray(progress, dtype=float)), self.progress, self.value)
        )

    def summed(self, progress: np.ndarray | float) -> np.ndarray:
        """(n,) share of the whole run's summed rate that is behind a point: its intrinsic time."""
        fine, value = self._fine()
        total = np.concatenate([[0.0], np.cumsum((value[1:] + value[:-1]) / 2)])
        return np.asarray(
            np.interp(np.atleast_1d(np.asarray(progress, dtype=float)), fine, total / total[-1])
        )

    def _fine(self) -> tuple[np.ndarray, np.ndarray]:
        fine = np.linspace(0.0, 1.0, POINTS)
        return fine, np.interp(fine, self.progress, self.value)

    @property
    def warmup(self) -> float:
        """Progress at which the rate is first at its peak."""
        fine, value = self._fine()
        return float(fine[np.argmax(value >= TOP)])

    @property
    def end(self) -> float:
        """The last rate, as a share of the peak."""
        return float(self.value[-1])

    @property
    def kind(self) -> str:
        """Which of KINDS: late decay is flat for half of the run and decays afterwards, however far."""
        if self.end > 0.9:
            return "constant"
        fine, value = self._fine()
        flat = float(np.mean(value[fine >= self.warmup] >= TOP))
        if flat >= 0.5:
            return "late decay"
        return "decay to zero" if self.end < 0.05 else "partial decay"


def constant(warmup: float = 0.0) -> Rate:
    """Flat after a linear warm-up."""
    return _with_warmup(np.array([0.0, 1.0]), np.array([1.0, 1.0]), warmup)


def linear(end: float = 0.0, start: float = 0.0, warmup: float = 0.0) -> Rate:
    """Flat until progress `start`, then a straight line to `end`, a share of the peak."""
    _checked(end, start)
    start = max(start, warmup)
    if start <= 0:
        return Rate(np.array([0.0, 1.0]), np.array([1.0, end]))
    return _with_warmup(np.array([0.0, start, 1.0]), np.array([1.0, 1.0, end]), warmup)


def cosine(end: float = 0.0, warmup: float = 0.0) -> Rate:
    """Half a cosine from the end of the warm-up to `end`, a share of the peak."""
    _checked(end, 0.0)
    u = np.linspace(0.0, 1.0, 201)
    value = end + (1 - end) * (1 + np.cos(np.pi * u)) / 2
    return _with_warmup(warmup + (1 - warmup) * u, value, warmup)


def _checked(end: float, start: float) -> None:
    if not 0 <= end <= 1:
        raise BadOption(f"a rate's end is a share of its peak: expected 0 to 1, got {end:g}")
    if not 0 <= start < 1:
        raise BadOption(f"a decay starts at a progress in [0, 1), got {start:g}")


def _with_warmup(progress: np.ndarray, value: np.ndarray, warmup: float) -> Rate:
    if not 0 <= warmup < 1:
        raise BadOption(f"a warm-up is a share of the run in [0, 1), got {warmup:g}")
    if warmup <= 0:
        return Rate(progress, value)
    keep = progress > warmup
    top = float(np.interp(warmup, progress, value))
    return Rate(np.concatenate([[0.0, warmup], progress[keep]]), np.concatenate([[0.0, top], value[keep]]))
