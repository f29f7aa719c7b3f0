"""Random factors: what an edit puts into a law, and what it may know while it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from harness.proposers.facts import TaskFacts
from harness.proposers.formula.genome import KINDS, ROLES, Factor, Genome
from harness.search.draws import drawn, shares

# How often a random factor takes each kind. Power laws are what the field knows best; the rest
# is there for tables that ask for more.
KIND_WEIGHTS = {
    "power": 6.0,
    "shifted_power": 2.0,
    "rectified": 1.0,
    "ratio": 1.5,
    "sum_power": 1.5,
    "log_power": 1.0,
    "repeated": 0.7,
    "log": 2.0,
    "shifted_log": 0.7,
    "log_square": 1.0,
    "bowl": 1.0,
    "moving_bowl": 1.0,
    "moving_bowl2": 0.7,
    "saturating": 1.0,
    "decay": 1.0,
    "tilt": 1.5,
    "linear": 1.0,
    "square": 0.7,
    "bell": 1.0,
    "step": 1.0,
}


@dataclass(frozen=True, slots=True)
class Around:
    """What an edit may use besides the genome that it changes.

    Attributes:
        facts: names, ranges and budget of the task.
        mate: a second parent.
        fitted: values that the genome's constants took, by name: the middle one over groups and targets.
    """

    facts: TaskFacts
    mate: Genome
    fitted: Mapping[str, float] = field(default_factory=dict)


class NoEdit(Exception):
    """This edit does not apply to this genome; another one is tried."""


@dataclass(frozen=True, slots=True)
class _Drawable:
    """What a factor over one feature may be.

    Attributes:
        kinds: by name, with their shares.
        mates, unique: features that may stand beside it, and those that it holds repeats of.
    """

    kinds: list[str]
    shares: np.ndarray
    mates: list[int]
    unique: list[int]


def random_factor(facts: TaskFacts, rng: np.random.Generator, fresh: int) -> Factor:
    """A factor over features that vary; `fresh` numbers its constants apart from others."""
    drawable = _drawable(facts)
    if not drawable:
        raise NoEdit("no feature varies over the training rows")
    x, may = drawable[int(rng.integers(len(drawable)))]
    name = may.kinds[drawn(may.shares, rng)]
    kind = KINDS[name]
    pool = may.unique if name == "repeated" else may.mates
    n_others = kind.n_features - 1
    others = rng.choice(pool, size=n_others, replace=False).tolist() if n_others > 0 else []
    constants = tuple(f"{ROLES[role]}{fresh + i}" for i, role in enumerate(kind.roles))
    return Factor(name, (x, *others), constants)


@lru_cache(maxsize=8)
def _drawable(facts: TaskFacts) -> list[tuple[int, _Drawable]]:
    """Every feature that varies, with what a factor over it may be."""
    usable = [j for j, f in enumerate(facts.features) if f.varies]
    return [(x, _drawable_over(facts, x, usable)) for x in usable]


def _drawable_over(facts: TaskFacts, x: int, usable: list[int]) -> _Drawable:
    mates = [j for j in usable if j != x and facts.features[j].positive]
    f = facts.features[x]
    fitting = {"any", "positive" if f.positive else "mixed"}
    if f.not_negative:
        fitting.add("not_negative")
    unique = [z for whole, z in facts.repeats if whole == x]
    kinds = [
        name
        for name, kind in KINDS.items()
        if kind.sign in fitting and kind.n_features <= 1 + len(mates) and (name != "repeated" or unique)
    ]
    return _Drawable(kinds, shares([KIND_WEIGHTS[k] for k in kinds]), mates, unique)
