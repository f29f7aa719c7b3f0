"""The one law: a program within its budget, the nearest to the forecast among those that folds trust."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evaluator.scale import scale_error
from harness.choosing.evidence import Evidence
from harness.choosing.forecast import Band
from harness.choosing.ground import Ground
from harness.choosing.order import FLOOR, distinct, trust
from harness.choosing.weights import Weights


def law_order(
    evidence: Sequence[Evidence],
    ground: Ground,
    among: Sequence[int],
    band: Band,
    weights: Weights,
) -> list[int]:
    """Places of the laws in the order in which they are taken, best first.

    Laws of a search fit about equally and go apart beyond the rows. Where the forecast, which no single law of them
    can make, says where the rows go, the law that goes there is the one to keep.

    Args:
        among: places of the laws that may be taken.
        band: the forecast for the asked rows.
    """
    order = trust(evidence, ground, weights)
    pool = distinct(sorted(among, key=lambda i: (order[i], i)), evidence, weights.pool)
    away = {i: max(scale_error(band.z, evidence[i].asked, ground.asked_group), FLOOR) for i in pool}
    return sorted(pool, key=lambda i: (float(np.log(away[i])) + weights.law_error * order[i], i))
