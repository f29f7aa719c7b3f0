"""The offline proposer: laws as one line, changed by grammar. No model, no key, no network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np

from fitting import Law
from fitting.law import expression
from fitting.law.naming import canonical_text
from harness.proposers.facts import TaskFacts
from harness.proposers.formula.edits import edit
from harness.proposers.formula.factors import Around, NoEdit
from harness.proposers.formula.genome import Genome
from harness.proposers.formula.render import read, render
from harness.proposers.formula.starters import starters
from harness.search.candidate import Candidate, Draft, program_hash


class FormulaProposer:
    """Edits the genome of a parent.

    Args:
        facts: names, units, ranges and budget of the task, from training rows.
        title: first line of every program's docstring.
    """

    name = "formula"

    def __init__(self, facts: TaskFacts, title: str) -> None:
        self.facts = facts
        self.title = title

    def starters(self) -> list[Draft]:
        """Drafts a search begins with."""
        return [self._draft(g, "seed") for g in starters(self.facts)]

    def propose(
        self,
        parent: Candidate,
        mate: Candidate,
        rng: np.random.Generator,
        fitted: tuple[float, ...] = (),
        knows: Callable[[str], bool] = lambda key: False,
    ) -> Draft | None:
        """A changed parent, or None where this parent can't be changed.

        Args:
            fitted: values the parent's constants took, in the order of its draft's names; may be empty.

        A parent that is a free program has no genome; a plain law is changed in its stead.
        """
        genome = genome_of(parent.draft, self.facts)
        if genome is None:
            begin = starters(self.facts)
            genome = begin[int(rng.integers(len(begin)))]
        other = genome_of(mate.draft, self.facts) or genome
        names = parent.draft.constants
        values = dict(zip(names, fitted, strict=True)) if len(names) == len(fitted) else {}
        try:
            changed, name = edit(genome, Around(self.facts, other, values), rng)
        except NoEdit:
            return None
        return self._new(changed, name, knows)

    def _draft(self, genome: Genome, name: str) -> Draft:
        return formula_draft(genome, self.facts, self.title, name)

    def _new(self, genome: Genome, name: str, knows: Callable[[str], bool]) -> Draft | None:
        """The draft, unless it is known: then its program is not written either."""
        key = formula_key(genome, self.facts)
        return None if knows(key) else formula_draft(genome, self.facts, self.title, name, key)


class RandomProposer(FormulaProposer):
    """Independent random laws of the same grammar: the control that a search has to beat.

    No draft knows of an earlier outcome; each is a starter changed up to eight times.
    """

    name = "random"

    def propose(
        self,
        parent: Candidate,
        mate: Candidate,
        rng: np.random.Generator,
        fitted: tuple[float, ...] = (),
        knows: Callable[[str], bool] = lambda key: False,
    ) -> Draft | None:
        """A random law; parents are not looked at."""
        begin = starters(self.facts)
        genome = begin[int(rng.integers(len(begin)))]
        try:
            for _ in range(int(rng.integers(1, 9))):
                other = begin[int(rng.integers(len(begin)))]
                genome, _ = edit(genome, Around(self.facts, other), rng)
        except NoEdit:
            return None
        return self._new(genome, "random", knows)


def formula_draft(genome: Genome, facts: TaskFacts, title: str, edit: str, key: str | None = None) -> Draft:
    """A law of the grammar as a program, with what is known about it.

    Args:
        title: first line of the program's docstring.
        edit: how the law came about.
        key: its key, where that is known.
    """
    names = [f"c{i}" for i in range(0 if genome.bias else 1, len(genome.terms) + 1)]
    return Draft(
        program=render(genome, facts, title),
        key=formula_key(genome, facts) if key is None else key,
        law=genome.line(facts.names),
        shape=genome.asymptote,
        edit=edit,
        constants=(*names, *(n for n, _ in genome.nonlinear())),
        size=genome.size,
        genome=genome,
    )


def formula_key(genome: Genome, facts: TaskFacts) -> str:
    """Two spellings of one law are one law: order of terms, names, a ratio turned round."""
    names = facts.names
    terms = tuple([tuple([f.text(names) for f in t]) for t in genome.terms])
    law = _canonical(terms, genome.bias, genome.choices.link == "log", names)
    return f"{law} | {genome.choices.label()}"


@lru_cache(maxsize=32768)
def _canonical(terms: tuple[tuple[str, ...], ...], bias: bool, log: bool, names: tuple[str, ...]) -> str:
    """The one spelling of a law; a search comes by most of its laws more than once."""
    return canonical_text(law_tree(terms, bias, log, names))


def law_tree(
    terms: tuple[tuple[str, ...], ...], bias: bool, log: bool, names: tuple[str, ...]
) -> expression.Node:
    """The tree that a law of these factors reads as, put together from theirs, which most laws share.

    Args:
        log: whether the law is the exponential of its terms.
    """
    parts = [("con", "c0")] if bias else []
    for i, factors in enumerate(terms, start=1):
        known = [Law.parse(text, variables=names).tree for text in factors]
        parts.append(expression.mul(("con", f"c{i}"), *known))
    body = expression.add(*parts)
    return expression.call("exp", body) if log else body


def free_draft(program: str, facts: TaskFacts) -> Draft:
    """A draft of a program written by hand; a rendered law is recognised as one."""
    genome = read(program, facts)
    if genome is None:
        return Draft(program, key=program_hash(program))
    draft = FormulaProposer(facts, "")._draft(genome.normal(), "seed")
    return replace(draft, program=program, key=program_hash(program), genome=None)


def genome_of(draft: Draft, facts: TaskFacts) -> Genome | None:
    """The genome of a draft: its own value, else (a seed, or a draft from a journal) read from the program's text."""
    if isinstance(draft.genome, Genome):
        return draft.genome
    return read(draft.program, facts)
