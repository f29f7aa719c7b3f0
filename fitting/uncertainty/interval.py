"""One confidence interval."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


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

    def __iter__(self) -> Iterator[float]:
        return iter((self.low, self.high))
