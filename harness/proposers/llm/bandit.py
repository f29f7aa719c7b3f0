"""Which arm to pull: the one that has gained most per unit of cost lately, seen with some optimism.

Arms are models, kinds of edit, or proposers. Old rewards fade, because what pays off changes as a
search goes on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

FADE = 0.99
FIRST_REWARD = 0.05
MOST_REWARD = 1.0


@dataclass(slots=True)
class _Arm:
    pulls: float = 0.0
    reward: float = 0.0
    cost: float = 0.0
    pending: int = 0


@dataclass(slots=True)
class Bandit:
    """Rewards and costs of arms.

    Attributes:
        optimism: how much an arm seldom pulled is favoured.
        explore: share of choices made at random.
    """

    arms: tuple[str, ...]
    optimism: float = 0.3
    explore: float = 0.1
    _state: dict[str, _Arm] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._state = {a: _Arm() for a in self.arms}

    def choose(self, rng: np.random.Generator, among: Sequence[str] | None = None) -> str:
        """An arm, of those in `among`."""
        arms = [a for a in self.arms if among is None or a in among]
        if len(arms) == 1:
            return arms[0]
        if rng.random() < self.explore:
            return arms[int(rng.integers(len(arms)))]
        scores = np.array([self.score(a) for a in arms])
        best = np.flatnonzero(scores >= scores.max() - 1e-12)
        return arms[int(best[int(rng.integers(len(best)))])]

    def started(self, arm: str) -> None:
        """A pull whose reward comes later; it counts as a pull without reward until then."""
        if arm in self._state:
            self._state[arm].pending += 1

    def learn(self, arm: str, reward: float, cost: float) -> None:
        """The reward of a pull that `started`. Arms that are no longer listed are left out."""
        if arm not in self._state:
            return
        for a in self._state.values():
            a.pulls *= FADE
            a.reward *= FADE
            a.cost *= FADE
        a = self._state[arm]
        a.pending = max(0, a.pending - 1)
        a.pulls += 1
        a.reward += min(max(reward, 0.0), MOST_REWARD)
        a.cost += cost

    def rate(self, arm: str) -> float:
        """Reward per unit of cost, relative to the mean cost of a pull of any arm."""
        a = self._state[arm]
        pulls = sum(s.pulls for s in self._state.values())
        cost = sum(s.cost for s in self._state.values())
        mean = cost / pulls if pulls and cost > 0 else 1.0
        return (a.reward + FIRST_REWARD) / (a.cost / mean + 1.0)

    def score(self, arm: str) -> float:
        a = self._state[arm]
        total = sum(s.pulls + s.pending for s in self._state.values())
        optimism = self.optimism * math.sqrt(math.log(1.0 + total) / (a.pulls + a.pending + 1.0))
        return self.rate(arm) + 0.3 * optimism


def gain(parent_error: float, error: float) -> float:
    """Reward of a child: how much of its parent's error it takes away, in logs; 0 when it is no better."""
    if not (error > 0 and parent_error > 0 and math.isfinite(error)):
        return 0.0
    return min(MOST_REWARD, max(0.0, math.log(parent_error / error)))
