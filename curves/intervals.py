"""Endpoint intervals calibrated by a backtest's own errors (split-conformal), and how often they hold the end.

An error, actual minus predicted, is measured in the run's own scale; the interval is between two order statistics of
that ratio over finished runs at the same prefix, so it holds the next exchangeable run with at least the nominal share.

Source: Vovk, Gammerman and Shafer 2005; Lei et al. 2018.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from curves.choice import Forecast, predict_endpoints
from curves.curve import Curve
from fitting.errors import BadData, BadOption


@dataclass(frozen=True, slots=True)
class Calibration:
    """Ratios (actual - predicted)/scale of finished runs at one prefix."""

    prefix: float
    runs: tuple[str, ...]
    ratios: np.ndarray

    def bounds(self, level: float = 0.90, without: str | None = None) -> tuple[float, float, float]:
        """Lower and upper ratio, and the level that so few runs can give (at most the level asked).

        Args:
            without: a run to leave out.

        Raises:
            BadOption: a level outside (0, 1). BadData: no run is left.
        """
        if not 0 < level < 1:
            raise BadOption(f"level: expected a share between 0 and 1, got {level:g}")
        values = np.sort(self.ratios[[r != without for r in self.runs]])
        n = len(values)
        if n == 0:
            raise BadData(f"prefix {self.prefix:g}: no finished run to calibrate on; give more runs")
        rank = int((n + 1) * (1 - level) / 2 + 1e-9)  # so many runs may lie beyond each end
        reached = level if rank >= 1 else (n - 1) / (n + 1)
        rank = max(rank, 1)
        return float(values[rank - 1]), float(values[n - rank]), min(level, reached)


def forecasts(curves: Sequence[Curve], prefix: float, after: float = 0.0) -> list[tuple[Curve, Forecast]]:
    """Our default forecast of every curve that has 3 points or more by the prefix."""
    usable = [c for c in curves if (c.progress <= prefix + 1e-12).sum() >= 3]
    parts = [c.until(prefix) for c in usable]
    found = predict_endpoints([(p.progress, p.loss) for p in parts], after=after)
    return list(zip(usable, found, strict=True))


def calibrate(
    curves: Sequence[Curve], prefixes: Sequence[float], after: float = 0.0
) -> dict[float, Calibration]:
    """Ratios of all completed runs at each prefix; prefixes that no run reaches with 3 points are left out."""
    done = [c for c in curves if c.complete]
    table = {}
    for prefix in prefixes:
        rows = forecasts(done, prefix, after)
        if rows:
            ratios = np.array([(c.final - f.endpoint) / f.scale for c, f in rows])
            table[prefix] = Calibration(prefix, tuple(c.run for c, _ in rows), ratios)
    return table


def interval(
    forecast: Forecast, table: Mapping[float, Calibration], level: float = 0.90
) -> tuple[float, float, float]:
    """(low, high, level reached) of the endpoint, from the calibrated prefix nearest to what the forecast has seen."""
    if not table:
        raise BadData("no calibration: run `calibrate` on finished runs first")
    nearest = table[min(table, key=lambda p: abs(p - forecast.fit.seen))]
    low, high, reached = nearest.bounds(level)
    return (
        max(forecast.endpoint + low * forecast.scale, 0.0),
        forecast.endpoint + high * forecast.scale,
        reached,
    )


def coverage(
    table: Mapping[float, Calibration], level: float = 0.90, groups: Mapping[str, object] | None = None
) -> dict[float, tuple[float, int]]:
    """Prefix -> (share of runs inside the interval calibrated on all others, runs).

    Args:
        groups: run -> its group, such as its compute scale; the whole group is then left out, which is what a user with
            runs unlike the calibrating ones should expect.
    """
    found = {}
    for prefix, calibration in table.items():
        inside = []
        for run, ratio in zip(calibration.runs, calibration.ratios, strict=True):
            keep = np.array([r != run and (not groups or groups[r] != groups[run]) for r in calibration.runs])
            if keep.any():
                others = tuple(r for r, k in zip(calibration.runs, keep, strict=True) if k)
                low, high, _ = Calibration(prefix, others, calibration.ratios[keep]).bounds(level)
                inside.append(low <= ratio <= high)
        if inside:
            found[prefix] = float(np.mean(inside)), len(inside)
    return found
