"""A law without what its evidence can't tell: terms and factors that bring nothing are dropped, and the rest fitted again.

A search keeps terms whose amplitude ended at zero, two terms that say one thing, and factors whose exponent sits on its
bound. A reader has to carry them all. Dropping one is refused as soon as the folds or the forecast notice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from evaluator.scale import scale_error
from harness.choosing.evidence import Evidence
from harness.choosing.forecast import Band
from harness.choosing.ground import Ground
from harness.choosing.order import FLOOR, mean_log_error
from harness.proposers.facts import TaskFacts
from harness.proposers.formula.genome import Genome
from harness.proposers.formula.proposer import formula_draft
from harness.proposers.formula.render import read
from harness.search.archive import Member

SLACK = 0.05
"""Log error on the folds, and log distance from the forecast, that a lighter law may lose in all."""

NEAR = 0.1
"""Distances from the forecast below this share of the law's error on the folds are equal."""

Look = Callable[[Sequence[Member]], Sequence[Evidence | None]]
"""Evidence on laws; None for one that fails or runs off."""


def lightened(
    member: Member, own: Evidence, ground: Ground, band: Band, look: Look, laws: tuple[TaskFacts, str]
) -> tuple[Member, Evidence]:
    """The smallest law reached by dropping one term or factor at a time; the law itself where none may go.

    Args:
        own: evidence on the law.
        band: the forecast for the asked rows.
        laws: facts on the task's features, and the first line of every program's docstring.
    """
    facts, _ = laws
    folds = float(mean_log_error([own], ground)[0])
    near = NEAR * float(np.exp(folds))
    away = _away_log(own, ground, band, near)
    while True:
        genome = read(member.candidate.program, facts)
        if genome is None:
            return member, own
        smaller = [_member(member, (genome, g), place, laws) for place, g in enumerate(lighter(genome))]
        found = []
        for place, evidence in enumerate(look(smaller)):
            if evidence is None:
                continue
            lost = max(
                float(mean_log_error([evidence], ground)[0]) - folds,
                _away_log(evidence, ground, band, near) - away,
            )
            if lost <= SLACK:
                found.append((lost, place, evidence))
        if not found:
            return member, own
        _, place, own = min(found, key=lambda f: f[:2])
        member = smaller[place]


def lighter(genome: Genome) -> list[Genome]:
    """The law without one of its terms, or without one factor of a product; none is left without a term."""
    found = []
    for i, term in enumerate(genome.terms):
        if len(genome.terms) > 1:
            found.append(replace(genome, terms=(*genome.terms[:i], *genome.terms[i + 1 :])))
        if len(term) > 1:
            found += [
                replace(
                    genome,
                    terms=(*genome.terms[:i], (*term[:k], *term[k + 1 :]), *genome.terms[i + 1 :]),
                )
                for k in range(len(term))
            ]
    return list(dict.fromkeys(g.normal() for g in found))


def _member(
    member: Member, genomes: tuple[Genome, Genome], place: int, laws: tuple[TaskFacts, str]
) -> Member:
    """The law with its second genome in place of its first."""
    c, (heavy, light), (facts, title) = member.candidate, genomes, laws
    draft = formula_draft(light, facts, title, "lighter")
    again = replace(c, id=f"{c.id}l{place}", program=draft.program, parent=c.id, mate=None, draft=draft)
    n_constants = member.n_constants * light.n_constants // heavy.n_constants
    return replace(member, candidate=again, n_constants=n_constants, children=0, fitted=())


def _away_log(evidence: Evidence, ground: Ground, band: Band, near: float) -> float:
    return float(np.log(max(scale_error(band.z, evidence.asked, ground.asked_group), near, FLOOR)))
