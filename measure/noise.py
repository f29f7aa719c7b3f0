"""Test-retest noise: how far a loss moves when nothing but the seed changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from measure.run import Run


def noise_sd(rows: Iterable[tuple[Run, float]]) -> tuple[float, int]:
    """Standard deviation of loss over seeds, pooled over runs that were repeated; and degrees of freedom.

    NaN where nothing was repeated.
    """
    groups: dict[Run, list[float]] = defaultdict(list)
    for run, loss in rows:
        groups[replace(run, seed=0)].append(loss)
    repeated = [np.asarray(g) for g in groups.values() if len(g) > 1]
    free = sum(len(g) - 1 for g in repeated)
    if not free:
        return float("nan"), 0
    return float(np.sqrt(sum(((g - g.mean()) ** 2).sum() for g in repeated) / free)), free
