"""Populations of a search: islands side by side, each with niches by size of law and an archive of elites.

A size niche holds laws of similar size, so that small laws are not driven out by large ones that fit
a little better. The archive keeps the elite, the best law, of every niche (size x asymptote), so that kinds
of behaviour far out stay available as parents.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, field

import numpy as np

from harness.search.candidate import Candidate


@dataclass(slots=True, weakref_slot=True)
class Member:
    """A scored candidate in a population."""

    candidate: Candidate
    error: float
    n_constants: int
    signature: tuple[float, ...]
    fitted: tuple[float, ...] = ()
    children: int = 0
    order: tuple[float, int, str] = field(init=False)
    """By which members are better or worse."""

    def __post_init__(self) -> None:
        self.order = (self.error, self.n_constants, self.candidate.id)


def size_niche(n_constants: int, budget: int, n_niches: int) -> int:
    """Niche for a law of this size: equal steps of size up to the budget."""
    place = (max(n_constants, 1) - 1) * n_niches // max(budget, 1)
    return min(place, n_niches - 1)


@dataclass(slots=True)
class Sizes:
    """Members by size of law, best first, each niche holding at most `capacity`."""

    n_niches: int
    budget: int
    capacity: int
    members: list[list[Member]] = field(default_factory=list)
    _best: list[Member] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.members = [[] for _ in range(self.n_niches)]

    def add(self, member: Member) -> int | None:
        """Insert; the niche it went to, or None when it was no gain.

        Behaving alike (the same validation errors to ten digits) counts as being the same law:
        the smaller one stays.
        """
        niche = size_niche(member.n_constants, self.budget, self.n_niches)
        population = self.members[niche]
        twin = next((m for m in population if m.signature == member.signature), None)
        if twin is not None:
            if twin.order <= member.order:
                return None
            population.remove(twin)
        self._best.clear()
        insort(population, member, key=lambda m: m.order)
        if len(population) > self.capacity:
            gone = population.pop()
            if gone is member:
                return None
        return niche

    def occupied(self) -> list[int]:
        return [i for i, population in enumerate(self.members) if population]

    def best(self, n: int) -> list[Member]:
        """The n best of all niches, best first; kept until a member is added."""
        if len(self._best) < min(n, len(self)):
            self._best = sorted((m for niche in self.members for m in niche[:n]), key=lambda m: m.order)[:n]
        return self._best[:n]

    def __len__(self) -> int:
        return sum(map(len, self.members))


@dataclass(slots=True)
class Archive:
    """Best member of each niche (constants, shape)."""

    cells: dict[tuple[int, str], Member] = field(default_factory=dict)
    _owners: list[Member] = field(default_factory=list)

    def add(self, member: Member) -> bool:
        """Keep the member if its niche is empty or it is better than the niche's owner."""
        cell = (member.n_constants, member.candidate.draft.shape)
        owner = self.cells.get(cell)
        if owner is not None and owner.order <= member.order:
            return False
        self.cells[cell] = member
        self._owners.clear()
        return True

    def owners(self) -> list[Member]:
        """Owners in a fixed order; kept until one is replaced."""
        if not self._owners:
            self._owners = [self.cells[c] for c in sorted(self.cells)]
        return self._owners


@dataclass(slots=True)
class Island:
    """One of the populations that run side by side: its size niches and its archive.

    Attributes:
        shares: what each niche's members are drawn by, -1 for the best of all; kept until something is told.
    """

    sizes: Sizes
    archive: Archive
    shares: dict[int, np.ndarray] = field(default_factory=dict)
