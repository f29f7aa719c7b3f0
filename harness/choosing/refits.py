"""Laws of a search fitted again with more weight on the outermost rows.

A law is fitted to all rows alike and may miss the last ones, which say most about what lies beyond them. The same form
with its fit leaning outwards is another law of the same size; whether it is the better one, the forecast tells.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from harness.proposers.facts import TaskFacts
from harness.proposers.formula.render import read, render
from harness.search.archive import Member

EMPHASES = (3.0, 6.0)
"""Rows at the outer edge of train weigh exp(emphasis) times those at the inner edge."""


def refits(members: Iterable[Member], facts: TaskFacts, title: str) -> list[Member]:
    """The same forms with their fits leaning outwards; none of free programs, and none where nothing extrapolates.

    Args:
        title: first line of every program's docstring.
    """
    found: list[Member] = []
    for member in members:
        c = member.candidate
        genome = read(c.program, facts) if facts.axes else None
        if genome is None:
            continue
        for emphasis in EMPHASES:
            if genome.choices.emphasis == emphasis:
                continue
            leaning = replace(genome, choices=replace(genome.choices, emphasis=emphasis))
            program = render(leaning, facts, title)
            draft = replace(
                c.draft,
                program=program,
                key=f"{c.draft.key} | {emphasis:g}",
                edit=f"emphasis {emphasis:g}",
                genome=leaning,
            )
            again = replace(
                c, id=f"{c.id}e{emphasis:g}", program=program, parent=c.id, mate=None, draft=draft
            )
            found.append(replace(member, candidate=again, children=0))
    return found
