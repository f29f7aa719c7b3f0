"""Populations of a search: islands by size of law, and an archive of niches.

An island holds laws of similar size, so that small laws are not driven out by large ones that fit
a little better. The archive keeps the best law of every niche (size x asymptote), so that kinds
of behaviour far out stay available as parents.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.search.candidate import Candidate


@dataclass(slots=True)
class Member:
    """A scored candidate in a population."""

    candidate: Candidate
    error: float
    n_constants: int
    signature: tuple[float, ...]
    fitted: tuple[float, ...] = ()
    children: int = 0

    @property
    def order(self) -> tuple[float, int, str]:
        return (self.error, self.n_constants, self.candidate.id)


def island_of(n_constants: int, budget: int, n_islands: int) -> int:
    """Island for a law of this size: equal steps of size up to the budget."""
    place = (max(n_constants, 1) - 1) * n_islands // max(budget, 1)
    return min(place, n_islands - 1)


@dataclass(slots=True)
class Islands:
    """Members by island, best first, each island holding at most `capacity`."""

    n_islands: int
    budget: int
    capacity: int
    members: list[list[Member]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.members = [[] for _ in range(self.n_islands)]

    def add(self, member: Member) -> int | None:
        """Insert; the island it went to, or None when it was no gain.

        Behaving alike (the same validation errors to ten digits) counts as being the same law:
        the smaller one stays.
        """
        island = island_of(member.n_constants, self.budget, self.n_islands)
        population = self.members[island]
        twin = next((m for m in population if m.signature == member.signature), None)
        if twin is not None:
            if twin.order <= member.order:
                return None
            population.remove(twin)
        population.append(member)
        population.sort(key=lambda m: m.order)
        if len(population) > self.capacity:
            gone = population.pop()
            if gone is member:
                return None
        return island

    def occupied(self) -> list[int]:
        return [i for i, population in enumerate(self.members) if population]

    def __len__(self) -> int:
        return sum(map(len, self.members))


@dataclass(slots=True)
class Archive:
    """Best member of each niche (constants, shape)."""

    cells: dict[tuple[int, str], Member] = field(default_factory=dict)

    def add(self, member: Member) -> bool:
        """Keep the member if its niche is empty or it is better than the niche's owner."""
        cell = (member.n_constants, member.candidate.draft.shape)
        owner = self.cells.get(cell)
        if owner is not None and owner.order <= member.order:
            return False
        self.cells[cell] = member
        return True

    def owners(self) -> list[Member]:
        """Owners in a fixed order."""
        return [self.cells[c] for c in sorted(self.cells)]


@dataclass(slots=True)
class Pool:
    """One of the searches that run side by side: its islands and its archive."""

    islands: Islands
    archive: Archive
