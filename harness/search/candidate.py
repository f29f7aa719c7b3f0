"""Values that travel through a search: drafts, candidates, parents."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field


def program_hash(program: str) -> str:
    """SHA-256 of a program's text, in hex."""
    return hashlib.sha256(program.encode()).hexdigest()


def searched_id(id: str) -> str:
    """Id of the law of the search that a law of the choice was made from: refits and lightened laws add to it."""
    found = re.match(r"c\d+", id)
    return found[0] if found else id


@dataclass(frozen=True, slots=True)
class Draft:
    """What a proposer makes: a program with what is known about it before it runs.

    Attributes:
        program: source text.
        key: canonical form; two drafts of one key are the same law fitted the same way.
        law: the law on one line, or "" for a free program.
        shape: kind of asymptote, for the archive; "free" where unknown.
        edit: how it came about ("couple", "seed", ...).
        constants: names of the constants of one target in the order the program returns them.
        size: terms, factors and inner constants of the law; 0 where unknown.
        genome: the law as its proposer's own value, where the program is known to say just that; it never travels
            through a journal.
    """

    program: str
    key: str
    law: str = ""
    shape: str = "free"
    edit: str = "seed"
    constants: tuple[str, ...] = ()
    size: int = 0
    genome: object | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A program with its lineage.

    Attributes:
        id: "c000042"; the number is the order of asking.
        program: source text.
        parent: candidate id; None for a seed.
        mate: candidate id of the second parent; None where none was used.
        niche: size niche the parent was chosen from; -1 for the archive.
        generation: 0 for a seed, else the parent's plus one.
        proposer: name of the proposer.
        draft: the draft it was made from.
    """

    id: str
    program: str
    parent: str | None
    mate: str | None
    niche: int
    generation: int
    proposer: str
    draft: Draft

    @property
    def index(self) -> int:
        return int(self.id[1:])

    @property
    def law(self) -> str:
        return self.draft.law
