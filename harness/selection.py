"""How candidates are compared: by error beyond the fitted range, inside the training rows only.

Selection is a function of stored outcomes, so any rule can be applied again to a finished search.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from evaluator.outcome import Scorecard, Scored

ERROR_FLOOR = 1e-9
CLOSE = 1.03
"""Laws whose error is within this factor of the best are equally good; the smallest of them wins."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What selection knows of a scored candidate."""

    id: str
    error: float
    n_constants: int


def validation_error(outcome: Scored) -> float:
    """Geometric mean over the folds of their NMSE; lower is better.

    A geometric mean keeps one hard fold from drowning the others, and a law that halves its
    error on any one of them gains the same.
    """
    return cards_error(outcome.cards)


def cards_error(cards: Mapping[str, Scorecard]) -> float:
    logs = [math.log(max(card.nmse, ERROR_FLOOR)) for card in cards.values()]
    return math.exp(sum(logs) / len(logs))


def rank(judged: Iterable[Judged]) -> list[Judged]:
    """Best first; ties by fewer constants, then by the older candidate."""
    return sorted(judged, key=lambda j: (j.error, j.n_constants, j.id))


def finalists(judged: Iterable[Judged], close: float = CLOSE) -> list[Judged]:
    """The order in which a search offers its winners.

    First the laws about as good as the best, the smallest first; then the rest by error.
    """
    ranked = rank(judged)
    if not ranked:
        return []
    limit = ranked[0].error * close
    near = [j for j in ranked if j.error <= limit]
    near.sort(key=lambda j: (j.n_constants, j.error, j.id))
    return near + [j for j in ranked if j.error > limit]
