"""Ask and tell: which program is tried next, and what its outcome teaches.

The search does no I/O, takes no clock and no global randomness. The candidate with number n is
drawn with a generator seeded by (seed, n), so a search rebuilt by telling it the same outcomes in
the same order asks for the same candidates.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, replace
from typing import Protocol
from weakref import WeakValueDictionary

import numpy as np

from evaluator.outcome import Failed, Outcome, Scored
from harness.search.archive import Archive, Island, Member, Sizes
from harness.search.candidate import Candidate, Draft
from harness.search.draws import drawn, shares
from harness.search.offered import Offered
from harness.search.selection import Judged, validation_error


class Proposer(Protocol):
    """Makes drafts of programs. Deterministic in its arguments unless it calls a model."""

    name: str

    def propose(
        self,
        parent: Candidate,
        mate: Candidate,
        rng: np.random.Generator,
        fitted: tuple[float, ...] = (),
        knows: Callable[[str], bool] = lambda key: False,
    ) -> Draft | None:
        """A change of `parent`, perhaps with parts of `mate`; None where none was found.

        Args:
            fitted: values the parent's constants took, middle ones over groups and targets.
            knows: whether a draft of this key is not wanted any more: it need not be finished.
        """
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """Parents chosen for a candidate whose draft takes time to come.

    Attributes:
        id: the candidate's; its number is taken.
        parent, mate: candidate ids; the mate is another one where there is another.
        niche: size niche the parent was chosen from; -1 for the archive.
        generation: the parent's plus one.
        shown: other candidates that are shown for ideas.
    """

    id: str
    parent: str
    mate: str
    niche: int
    generation: int
    shown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """Numbers of the search itself.

    Attributes:
        islands: populations side by side that share nothing but their seeds; the result is chosen from all.
        sizes: niches of one island by size of law.
        capacity: members a size niche keeps.
        archive_share: share of parents taken from the archive of elites instead of a size niche.
        best_share: share of parents taken from the few best of an island, whatever their size.
        random_share: share of parents drawn without regard to rank.
    """

    islands: int = 1
    sizes: int = 4
    capacity: int = 24
    archive_share: float = 0.2
    best_share: float = 0.6
    random_share: float = 0.1


NOWHERE = -1
"""The size niche of a parent that was chosen from the best or the archive."""

MATES = 8
"""Times that a plan looks for a mate that is not the parent: an island with one law has none."""

BEST = 12
"""Laws of an island that `best_share` of the parents are drawn from."""


class Search:
    """Islands, archive and parent choice.

    Args:
        proposer: makes drafts at once; None where all of them take time.
        budget: most constants of one program over all targets, for the size niches.
        seeds: drafts it begins with, in this order.
        settings: numbers of the search.
        seed: makes the run repeatable.
        keep_all: keep every scored member, for those who show models any of them; a long search does not.

    Attributes:
        members: by candidate id: those of the populations and those offered, so that a search of any length needs the
            same memory; with `keep_all` every one. Without, a member that nothing else holds leaves by itself.
    """

    TRIES = 300
    """Drafts that one number may have before there is nothing new: two in three of a long search are known already, and with
    30 a search of 100,000 with made-up outcomes ended after 15,697."""

    def __init__(
        self,
        proposer: Proposer | None,
        budget: int,
        seeds: list[Draft],
        settings: SearchSettings,
        seed: int,
        keep_all: bool = True,
    ) -> None:
        self.proposer = proposer
        self.settings = settings
        self.seed = seed
        self.islands = [
            Island(Sizes(settings.sizes, budget, settings.capacity), Archive())
            for _ in range(settings.islands)
        ]
        self.members: MutableMapping[str, Member] = {} if keep_all else WeakValueDictionary()
        self.best: Member | None = None
        self.n_told = 0
        self.n_failed = 0
        self._next = 0
        self._offered = Offered()
        self._keys: set[bytes] = set()
        self._seeds = list(seeds)

    def ask(self) -> Candidate | None:
        """The next candidate, or None when no new law was found in many tries."""
        index = self._next
        rng = np.random.default_rng([self.seed, index])
        candidate = self._seed(index) or self._child(index, rng)
        if candidate is None:
            return None
        self._next = index + 1
        self._keys.add(_digest(candidate.draft.key))
        return candidate

    @property
    def seeds_left(self) -> bool:
        """Whether `ask` still gives seeds."""
        return self._next < len(self._seeds)

    def plan(self) -> tuple[Plan, np.random.Generator] | None:
        """Choose parents for a draft that comes later; None without any member. `take` takes the number.

        Returns:
            The plan, and the candidate's generator for whatever else is drawn.
        """
        if not self.members:
            return None
        index = self._next
        rng = np.random.default_rng([self.seed, index])
        island = self._island(index)
        parent, niche = self._parent(island, rng)
        mate = parent
        for _ in range(MATES):
            if mate is not parent:
                break
            mate, _ = self._parent(island, rng)
        c = parent.candidate
        return Plan(_id(index), c.id, mate.candidate.id, niche, c.generation + 1), rng

    def take(self, plan: Plan) -> None:
        """The plan is carried out: its number is taken."""
        self._next = max(self._next, int(plan.id[1:]) + 1)

    def knows(self, key: str) -> bool:
        """Whether a draft of this key was asked for before."""
        return _digest(key) in self._keys

    def admit(self, plan: Plan, draft: Draft, proposer: str) -> Candidate:
        """The candidate of a plan, its draft having come."""
        self._keys.add(_digest(draft.key))
        mate = plan.mate if plan.mate != plan.parent else None
        return Candidate(
            plan.id, draft.program, plan.parent, mate, plan.niche, plan.generation, proposer, draft
        )

    def tell(self, candidate: Candidate, outcome: Outcome) -> Member | None:
        """Learn from an outcome. Returns the member when it is the best so far."""
        self.n_told += 1
        self._next = max(self._next, candidate.index + 1)
        self._keys.add(_digest(candidate.draft.key))
        for relative in (candidate.parent, candidate.mate):
            member = self.members.get(relative) if relative is not None else None
            if member is not None:
                member.children += 1
        for island in self.islands:
            island.shares.clear()
        if isinstance(outcome, Failed):
            self.n_failed += 1
            return None
        member = self._member(candidate, outcome)
        self.members[candidate.id] = member
        for island in self.islands if candidate.parent is None else [self._island(candidate.index)]:
            island.sizes.add(member)
            island.archive.add(member)
        self._offered.add(member)
        if self.best is None or member.order < self.best.order:
            self.best = member
            return member
        return None

    def owners(self) -> list[Member]:
        """The best law of every niche over all islands, in a fixed order."""
        best: dict[tuple[int, str], Member] = {}
        for island in self.islands:
            for cell, member in island.archive.cells.items():
                if cell not in best or member.order < best[cell].order:
                    best[cell] = member
        return [best[cell] for cell in sorted(best)]

    def finalists(self) -> list[Judged]:
        """The best scored candidates, at most as many as are kept, in the order in which they are offered as the result."""
        return self._offered.finalists()

    def fill(self, text: Callable[[Candidate], str]) -> None:
        """Give the members their programs, where the search was told of candidates without."""
        for member in list(self.members.values()):
            c = member.candidate
            if not c.program:
                program = text(c)
                member.candidate = replace(c, program=program, draft=replace(c.draft, program=program))

    def _seed(self, index: int) -> Candidate | None:
        if index >= len(self._seeds):
            return None
        draft = self._seeds[index]
        return Candidate(_id(index), draft.program, None, None, 0, 0, "seed", draft)

    def _child(self, index: int, rng: np.random.Generator) -> Candidate | None:
        """A child of which neither the key nor the program was asked before."""
        if self.proposer is None or not self.members:
            return None
        island = self._island(index)
        for _ in range(self.TRIES):
            parent, niche = self._parent(island, rng)
            mate, _ = self._parent(island, rng)
            draft = self.proposer.propose(parent.candidate, mate.candidate, rng, parent.fitted, self.knows)
            if draft is None or self.knows(draft.key):
                continue
            generation = parent.candidate.generation + 1
            return Candidate(
                _id(index),
                draft.program,
                parent.candidate.id,
                mate.candidate.id,
                niche,
                generation,
                self.proposer.name,
                draft,
            )
        return None

    def _island(self, index: int) -> Island:
        """The island that a child of this number belongs to: they take turns."""
        return self.islands[index % len(self.islands)]

    def _parent(self, island: Island, rng: np.random.Generator) -> tuple[Member, int]:
        """A parent and its size niche."""
        if rng.random() < self.settings.best_share:
            return _drawn(island.sizes.best(BEST), rng, island.shares, NOWHERE), NOWHERE
        if rng.random() < self.settings.archive_share:
            owners = island.archive.owners()
            return owners[int(rng.integers(len(owners)))], NOWHERE
        occupied = island.sizes.occupied()
        niche = occupied[int(rng.integers(len(occupied)))]
        population = island.sizes.members[niche]
        if rng.random() < self.settings.random_share:
            return population[int(rng.integers(len(population)))], niche
        return _drawn(population, rng, island.shares, niche), niche

    def _member(self, candidate: Candidate, outcome: Scored) -> Member:
        signature = tuple(float(f"{card.nmse:.10g}") for card in outcome.cards.values())
        fitted = middle_constants(outcome, len(candidate.draft.constants))
        return Member(candidate, validation_error(outcome), outcome.n_constants, signature, fitted)


def _digest(key: str) -> bytes:
    """Enough of a key's hash to tell a billion keys apart: a long search remembers all of them."""
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _drawn(
    population: list[Member], rng: np.random.Generator, known: dict[int, np.ndarray], niche: int
) -> Member:
    """One of a population, best first: rank and few children count.

    Args:
        known: shares of the island's populations, kept while nothing is told.
    """
    if niche not in known:
        known[niche] = shares([1.0 / ((1 + place) * (1 + m.children)) for place, m in enumerate(population)])
    return population[drawn(known[niche], rng)]


def middle_constants(outcome: Scored, n_names: int) -> tuple[float, ...]:
    """Median of each named constant over groups and targets, of the last fold's fit; () where names don't fit.

    The last fold is the deepest, so its fit saw no row that any fold validates on.
    """
    rows = [c for c in outcome.constants.values() if n_names and len(c) % n_names == 0]
    if not rows:
        return ()
    if len(rows) == 1 and len(rows[0]) == n_names:  # most often: a median of one, without NumPy's price
        return tuple(map(float, rows[0]))
    table = np.concatenate([np.reshape(c, (-1, n_names)) for c in rows])
    return tuple(float(v) for v in np.median(table, axis=0))


def _id(index: int) -> str:
    return f"c{index:06d}"
