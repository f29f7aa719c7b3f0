"""The shortlist of a choice: every law that evidence was gathered on, with what spoke for and against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluator.scale import scale_error
from harness.choosing.evidence import Evidence
from harness.choosing.forecast import Band, Panel
from harness.choosing.ground import Ground
from harness.choosing.order import FLOOR, fold_errors, trust
from harness.choosing.weights import Weights
from harness.search.archive import Member

FILE = "shortlist.json"
VERSION = 1


@dataclass(slots=True)
class Shortlisted:
    """One law of a shortlist.

    Attributes:
        id: its candidate; that of a refit is its form's with the emphasis behind an e.
        law, edit: one line of text, or ""; how it came about.
        folds: fold name -> error in logs on the rows that the fold hides.
        expected: log of the error expected where one will predict, priors included; 0 is the mean of all.
        away: error in logs against the forecast, at the rows beyond.
        breaks: how far it goes the wrong way where the field knows the way, in ranges of the targets.
        say: its share in the forecast; 0 where it has none.
        place: in the order in which laws were taken, from 1; 0 of a control that was taken in their place; None where it
            was left out of it.
    """

    id: str
    n_constants: int
    size: int
    folds: dict[str, float]
    expected: float
    away: float
    breaks: float
    say: float
    place: int | None
    law: str = ""
    edit: str = ""


def shortlist(
    evidence: Sequence[Evidence], panel: Panel, order: Sequence[int], by: tuple[Ground, Band, Weights]
) -> list[Shortlisted]:
    """Everything looked at: in the order of taking, then by the error expected.

    Args:
        order: places in the evidence, the first to be taken first.
        by: what the choice was made by.
    """
    ground, band, weights = by
    errors, expected = fold_errors(evidence, ground), trust(evidence, ground, weights)
    say = dict(zip(panel.voters, panel.say, strict=True))
    place = {i: n for n, i in enumerate(order, 1)}
    found = [
        Shortlisted(
            e.id,
            e.n_constants,
            e.size,
            {name: float(values[i]) for name, values in errors.items() if np.isfinite(values[i])},
            float(expected[i]),
            max(scale_error(band.z, e.asked, ground.asked_group), FLOOR),
            float(sum(e.broken)),
            say.get(i, 0.0),
            place.get(i),
        )
        for i, e in enumerate(evidence)
    ]
    return sorted(found, key=lambda s: (s.place is None, s.place or 0, s.expected, s.id))


def shortlisted_control(member: Member, seen: Evidence, ground: Ground, band: Band) -> Shortlisted:
    """A control that was taken as the law: before all of them."""
    draft = member.candidate.draft
    return Shortlisted(
        seen.id,
        seen.n_constants,
        seen.size,
        {name: float(values[0]) for name, values in fold_errors([seen], ground).items()},
        0.0,
        max(scale_error(band.z, seen.asked, ground.asked_group), FLOOR),
        float(sum(seen.broken)),
        0.0,
        0,
        draft.law,
        draft.edit,
    )
