"""Which programs a prompt is about: parents by rank among all that were scored, and others for ideas.

Seeds count as any other program. Two open prompts never share parent and kind, and what they show beside differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from harness.search.archive import Member

STEEP = 1.5
"""Weight of rank: the best of many is taken about four times in ten, the tenth one time in eighty."""
MOST_PARENTS = 40


@dataclass(slots=True)
class OpenPrompts:
    """Proposals that have begun and not ended."""

    _open: dict[str, tuple[str, str, tuple[str, ...]]] = field(default_factory=dict)

    def begin(self, id: str, parent: str, kind: str, shown: tuple[str, ...] = ()) -> None:
        self._open.setdefault(id, (parent, kind, shown))

    def end(self, id: str) -> None:
        self._open.pop(id, None)

    def taken(self, parent: str, kind: str) -> bool:
        return any((p, k) == (parent, kind) for p, k, _ in self._open.values())

    def shown(self, parent: str) -> list[str]:
        """Others that open prompts about this parent show already."""
        return [s for p, _, shown in self._open.values() if p == parent for s in shown]


def ranked(members: Sequence[Member]) -> list[Member]:
    """Best first; of programs that behave alike the first alone."""
    seen: set[tuple[float, ...]] = set()
    found = []
    for m in sorted(members, key=lambda m: m.order):
        if m.signature in seen:
            continue
        seen.add(m.signature)
        found.append(m)
    return found


def choose_parent(
    order: list[Member], kind: str, prompts: OpenPrompts, rng: np.random.Generator
) -> Member | None:
    """A parent by rank and few children, that no open prompt of this kind is about; None where none is left."""
    free = [
        (rank, m) for rank, m in enumerate(order[:MOST_PARENTS]) if not prompts.taken(m.candidate.id, kind)
    ]
    if not free:
        return None
    weights = np.array([(1.0 + rank) ** -STEEP * (1.0 + m.children) ** -0.5 for rank, m in free])
    return free[int(rng.choice(len(free), p=weights / weights.sum()))][1]


def choose_others(
    order: list[Member], without: list[Member], most: int, prompts: OpenPrompts, rng: np.random.Generator
) -> list[Member]:
    """Programs for ideas: good ones, each of another size or law than those before, and not what others show now."""
    shown = prompts.shown(without[0].candidate.id)
    used = {m.candidate.id for m in without}
    laws = {m.candidate.law for m in without if m.candidate.law}
    chosen: list[Member] = []
    while len(chosen) < most:
        left = [
            (rank, m)
            for rank, m in enumerate(order[:MOST_PARENTS])
            if m.candidate.id not in used and m.candidate.law not in laws
        ]
        if not left:
            break
        weights = np.array([0.1 ** shown.count(m.candidate.id) / (1.0 + rank) for rank, m in left])
        m = left[int(rng.choice(len(left), p=weights / weights.sum()))][1]
        chosen.append(m)
        used.add(m.candidate.id)
        laws |= {m.candidate.law} - {""}
    return chosen
