"""Stop or continue, replayed on finished runs: what stopping early would have saved, and what it would have cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from curves.calibration import bounds, can_forecast, forecast
from curves.curve import Curve
from fitting.errors import BadData, BadOption


@dataclass(frozen=True, slots=True)
class Replay:
    """One group of runs, seen to a prefix, and a rule that stops hopeless ones.

    Attributes:
        group, prefix, runs: what was replayed. stopped: ids of the runs stopped. kept_best: the best final loss among
            runs that went on. regret: kept_best minus the best of all (0: the best run went on).
        saved: share of the group's compute that stopping saved. wrong: stopped runs that ended within `within` of the best.
    """

    group: str
    prefix: float
    runs: int
    stopped: tuple[str, ...]
    kept_best: float
    regret: float
    saved: float
    wrong: int


def replay_stops(
    curves: Sequence[Curve],
    prefix: float,
    *,
    risk: float = 0.10,
    by: Sequence[str] = (),
    within: float = 0.0,
) -> list[Replay]:
    """Stop every run whose interval lies above the forecast of the group's best one, and compare with the truth.

    The rule sees prefixes only: a run is stopped if the lower end of its interval (level 1 - risk, calibrated on all
    other runs) is above the upper end of the least forecast's. The run with the least forecast always goes on.

    Args:
        risk: 1 - level of the intervals. by: labels (or "C") that make a group, such as ("C",); () is one group.
        within: losses this near the best don't count as wrongly stopped.

    Raises:
        BadOption: risk outside (0, 1). BadData: fewer than 3 completed runs.
    """
    if not 0 < risk < 1:
        raise BadOption(f"risk: expected a share between 0 and 1, got {risk:g}")
    done = [c for c in curves if c.complete]
    rows = [(c, forecast(c, prefix)) for c in done if can_forecast(c, prefix)]
    if len(rows) < 3:
        raise BadData(f"a replay needs 3 completed runs with 5 points by prefix {prefix:g}, got {len(rows)}")
    values = np.array([(c.final - found.endpoint) / found.scale for c, found in rows])
    spans = {}
    for i, (curve, found) in enumerate(rows):
        low, _, high, _ = bounds(np.delete(values, i), 1 - risk)
        spans[curve.run] = (
            found.endpoint + low * found.scale,
            found.endpoint,
            found.endpoint + high * found.scale,
        )
    groups: dict[str, list[Curve]] = {}
    for curve, _ in rows:
        name = ", ".join(
            f"{k}={curve.C:g}" if k == "C" and curve.C else f"{k}={curve.labels.get(k)}" for k in by
        )
        groups.setdefault(name or "all runs", []).append(curve)
    replays = []
    for name, mine in groups.items():
        bar = spans[min(mine, key=lambda c: spans[c.run][1]).run][2]
        stopped = [c for c in mine if spans[c.run][0] > bar]
        kept = [c for c in mine if spans[c.run][0] <= bar]
        best = min(c.final for c in mine)
        cost = {c.run: c.C or 1.0 for c in mine}
        saved = sum(cost[c.run] * (1 - prefix) for c in stopped) / sum(cost.values())
        kept_best = min(c.final for c in kept)
        replays.append(
            Replay(
                name, prefix, len(mine), tuple(c.run for c in stopped), kept_best, kept_best - best, saved,
                sum(c.final <= best + within for c in stopped),
            )
        )  # fmt: skip
    return replays
