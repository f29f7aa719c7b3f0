"""The one calibration: errors of the predictor on finished runs, by kind of schedule and by how much was seen.

An error, final loss minus predicted, is measured in the forecast's own scale. Quantiles of that ratio over finished runs
turn a new forecast into an interval (split-conformal prediction): public runs by default (`curves/public.py`, made by
`python benchmarks/endpoint_predictor.py --table`), one's own finished runs, or the other runs of a set.

Source: Vovk, Gammerman and Shafer 2005; Lei et al. 2018.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from curves.curve import Curve
from curves.endpoint import LEAST, Forecast, predict_endpoint
from curves.public import PUBLIC
from fitting.errors import BadData, BadOption

PREFIXES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
LEVEL = 0.90
"""Level of the tables by kind."""
FEW, ENOUGH = 3, 8
"""Own runs of a kind from which they correct the end, and from which they make the interval alone."""

Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Ratio:
    """(final - predicted)/scale of one finished run, seen to one prefix; of which set and kind of schedule."""

    run: str
    kind: str
    prefix: float
    value: float
    scale: float
    source: str = ""


def can_forecast(curve: Curve, prefix: float) -> bool:
    """Enough points by the prefix, and one near it."""
    seen = curve.progress[(curve.progress <= prefix + 1e-12) & (curve.progress > 0.05 * prefix)]
    return len(seen) > LEAST and bool(seen[-1] >= 0.6 * prefix)


def forecast(curve: Curve, prefix: float = 1.0, known: bool = True) -> Forecast:
    """The prediction from a part of a curve, with its learning rate if that is `known`."""
    part = curve.until(prefix)
    return predict_endpoint(part.progress, part.loss, curve.rate if known else None)


def ratios(
    curves: Sequence[Curve], prefixes: Sequence[float] = PREFIXES, known: bool = True, source: str = ""
) -> list[Ratio]:
    """Of every completed run at every prefix that it can be predicted from.

    Args:
        known: with each run's learning rate; False: as if nobody knew it.
    """
    rows = []
    for curve in curves:
        for prefix in prefixes if curve.complete else ():
            if can_forecast(curve, prefix):
                try:
                    found = forecast(curve, prefix, known)
                except BadData:  # too little is left after the warm-up
                    continue
                value = (curve.final - found.endpoint) / found.scale
                rows.append(Ratio(curve.run, found.kind, prefix, value, found.scale, source))
    return rows


def bounds(
    values: np.ndarray, level: float = LEVEL, weight: np.ndarray | None = None
) -> tuple[float, float, float, float]:
    """Low, middle and high quantile of ratios for an interval of this level, and the level that so few can give.

    The outer quantiles are widened for a finite number of runs, as split-conformal prediction does.

    Raises:
        BadOption: a level outside (0, 1). BadData: no ratio.
    """
    if not 0 < level < 1:
        raise BadOption(f"level: expected a share between 0 and 1, got {level:g}")
    if len(values) == 0:
        raise BadData("no finished run to calibrate on; give more runs")
    order = np.argsort(values, kind="stable")
    values = np.asarray(values, dtype=float)[order]
    weight = np.ones(len(values)) if weight is None else np.asarray(weight, dtype=float)[order]
    n = float(weight.sum() ** 2 / (weight**2).sum())
    beyond = (n + 1) * (1 - level) / 2  # so many of n runs may lie beyond each end
    reached = level if beyond >= 1 - 1e-9 else (n - 1) / (n + 1)
    share = np.cumsum(weight) - weight / 2
    share /= weight.sum()
    edge = max(beyond - 0.5, 0.0) / n
    low, middle, high = np.interp([edge, 0.5, 1 - edge], share, values)
    return float(low), float(middle), float(high), float(min(level, reached))


def tables(rows: Sequence[Ratio], weights: Sequence[float] | None = None) -> dict[str, dict[float, Triple]]:
    """Kind -> prefix -> low, middle, high ratio; only of the kinds that the rows have."""
    weight = np.ones(len(rows)) if weights is None else np.asarray(weights, dtype=float)
    found: dict[str, dict[float, Triple]] = {}
    for kind in sorted({r.kind for r in rows}):
        for prefix in sorted({r.prefix for r in rows if r.kind == kind}):
            mine = np.array([r.kind == kind and r.prefix == prefix for r in rows])
            values = np.array([r.value for r in rows])[mine]
            found.setdefault(kind, {})[prefix] = bounds(values, LEVEL, weight[mine])[:3]
    return found


@dataclass(frozen=True, slots=True)
class Interval:
    """A calibrated end: 90 % interval, and in words whose errors it rests on."""

    low: float
    endpoint: float
    high: float
    calibration: str


@dataclass(frozen=True, slots=True)
class Calibration:
    """Tables by kind of schedule.

    Attributes:
        table: kind -> prefix -> low, middle, high ratio. source: whose runs, in words.
        own: kinds that one's own runs decide.
    """

    table: Mapping[str, Mapping[float, Triple]]
    source: str = "public runs"
    own: tuple[str, ...] = ()

    def interval(self, found: Forecast) -> Interval:
        """The forecast's end and interval, between the table's prefixes by straight lines."""
        mine = self.table.get(found.kind) or self.table["unknown"]
        prefixes = sorted(mine)
        low, middle, high = (
            max(found.endpoint + found.scale * float(np.interp(found.seen, prefixes, [mine[p][i] for p in prefixes])), 0.0)
            for i in range(3)
        )  # fmt: skip
        schedule = "any schedule" if found.kind == "unknown" else found.kind
        source = self.source if not self.own or found.kind in self.own else "public runs"
        return Interval(low, middle, high, f"{source} ({schedule})")


def public() -> Calibration:
    """The calibration that ships."""
    return Calibration(PUBLIC)


def own_calibration(curves: Sequence[Curve], base: Calibration | None = None) -> Calibration:
    """One's own finished runs over the public ones, kind by kind.

    ENOUGH runs of a kind make its intervals; from FEW on they correct the end, and the width stays the public runs'.

    Raises:
        BadData: no kind has FEW runs.
    """
    base = public() if base is None else base
    rows = ratios(curves)
    table = {kind: dict(by_prefix) for kind, by_prefix in base.table.items()}
    own: dict[str, int] = {}
    for kind, by_prefix in tables(rows).items():
        mine: dict[float, Triple] = {}
        runs = {p: {r.run for r in rows if r.kind == kind and r.prefix == p} for p in by_prefix}
        for prefix, (low, middle, high) in by_prefix.items():
            if len(runs[prefix]) < FEW:
                continue
            if len(runs[prefix]) < ENOUGH:
                theirs = base.table.get(kind) or base.table["unknown"]
                known = sorted(theirs)
                wide = [float(np.interp(prefix, known, [theirs[p][i] for p in known])) for i in range(3)]
                low, high = (
                    min(low, middle + wide[0] - wide[1]),
                    max(high, middle + wide[2] - wide[1]),
                )
            mine[prefix] = (low, middle, high)
        if mine:
            table[kind] = mine
            own[kind] = max(len(r) for r in runs.values())
    if not own:
        raise BadData(
            f"a calibration needs {FEW} finished runs or more of one kind of schedule, each with {LEAST + 1} rows or more "
            f"by some prefix; got {len({r.run for r in rows})} usable runs"
        )
    count = ", ".join(f"{n} with {kind} rate" for kind, n in sorted(own.items()))
    return Calibration(table, f"your own finished runs: {count}", tuple(own))


def coverage(
    rows: Sequence[Ratio], level: float = LEVEL, groups: Mapping[str, object] | None = None
) -> dict[float, tuple[float, int]]:
    """Prefix -> (share of runs inside the interval calibrated on all others, runs).

    Args:
        groups: run -> its group, such as its compute scale; the whole group is then left out, which is what a user with
            runs unlike the calibrating ones should expect.
    """
    found = {}
    for prefix in sorted({r.prefix for r in rows}):
        mine = [r for r in rows if r.prefix == prefix]
        inside = []
        for row in mine:
            others = [
                r.value for r in mine if r.run != row.run and (not groups or groups[r.run] != groups[row.run])
            ]
            if others:
                low, _, high, _ = bounds(np.array(others), level)
                inside.append(low <= row.value <= high)
        if inside:
            found[prefix] = float(np.mean(inside)), len(inside)
    return found
