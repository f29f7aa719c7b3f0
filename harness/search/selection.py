"""How candidates are compared: by error beyond the fitted range, inside the training rows only.

Selection is a function of stored outcomes, so any rule can be applied again to a finished search.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from evaluator.outcome import Scored

ERROR_FLOOR = 1e-9
SIZE_COST = 0.005
"""What a term, a factor or a constant inside one must earn: so much less error, relatively."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What selection knows of a scored candidate.

    Attributes:
        size: terms, factors and inner constants of its law; two for each constant where it has none.
    """

    id: str
    error: float
    n_constants: int
    size: int = 0

    @property
    def cost(self) -> float:
        """Validation error with the price of its size; lower is better."""
        return self.error * math.exp(SIZE_COST * (self.size or 2 * self.n_constants))


def validation_error(outcome: Scored) -> float:
    """Geometric mean over the folds of their error in logs; lower is better.

    A geometric mean keeps one hard fold from drowning the others, and a law that halves its
    error on any one of them gains the same. Journals of before hold pooled NMSE alone, which then counts.
    """
    errors = [card.log_error for card in outcome.cards.values()]
    return validation_nmse(outcome) if any(map(math.isnan, errors)) else _geometric(errors)


def validation_nmse(outcome: Scored) -> float:
    """Geometric mean over the folds of their pooled NMSE, the benchmark's metric, for people to read."""
    return _geometric([card.nmse for card in outcome.cards.values()])


def _geometric(errors: list[float]) -> float:
    logs = [math.log(max(error, ERROR_FLOOR)) for error in errors]
    return math.exp(sum(logs) / len(logs))


def finalists(judged: Iterable[Judged]) -> list[Judged]:
    """The order in which a search offers its laws: by error and size; ties go to the older candidate."""
    return sorted(judged, key=lambda j: (j.cost, j.n_constants, j.id))
