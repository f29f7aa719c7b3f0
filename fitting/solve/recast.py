"""A law in the constants that a search can handle: amplitudes written as exp(a), 10**a or N_c**alpha become plain ones.

In exp(a)*N**-alpha a step in `a` multiplies, and a term that should grow again after it has vanished never does. With
A = exp(a) in its place the term is linear, so it is projected out of the search; `a` comes back as log(A).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from fitting.arrays import Array
from fitting.law.compiled import compile_trees
from fitting.law.expression import MINUS_ONE, ONE, Node, add, call, mul, names, power
from fitting.law.law import Law
from fitting.law.powers import as_powers, occurrences

HUGE = 690.0  # exp of it is still a number
Pair = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Change:
    """How one constant c became c': log c' = factor*c ("exp"), log c' = factor*log c ("pow"), c' = log c ("log")."""

    kind: str
    factor: Node = ONE
    beside: tuple[Node, ...] = ()  # "log": what stands in the same product


@dataclass(frozen=True, slots=True)
class Recast:
    """A law with some constants replaced; names stay, their meaning changes as `changes` says."""

    law: Law
    changes: dict[str, Change] = field(default_factory=dict)

    @staticmethod
    def of(law: Law, user: Mapping[str, Pair], keep: frozenset[str]) -> Recast:
        """Recast all constants whose bounds allow it; those in `keep` stay what they are unless exp(a) is all there is to it."""
        tree = as_powers(law.tree)
        alone = {name for name, count in occurrences(tree).items() if count == 1}
        writer = _Writer(alone, user, keep)
        tree = writer.sums(tree)
        if tree == law.tree:
            return Recast(law)
        return Recast(Law(law.text, law.variables, tree, law.target), writer.changes)

    def pair(self, name: str, pair: Pair) -> Pair:
        """The bounds of a raw constant, for the one that takes its place."""
        change = self.changes.get(name)
        if change is None:
            return pair
        low, high = pair
        if change.kind == "log":
            return (float(np.log(low)) if low > 0 else -np.inf, float(np.log(high)) if high > 0 else -np.inf)
        if change.kind == "pow" or change.factor[0] != "num":
            return 0.0, np.inf
        first, last = sorted(change.factor[1] * end for end in pair)
        return _exp(first), _exp(last)

    def inward(self, values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Raw constants by name as those of the recast law."""
        return values | {name: self._in(change, values, name) for name, change in self.changes.items()}

    def outward(self, values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Constants of the recast law by name as raw ones."""
        return values | {name: self._out(change, values, name) for name, change in self.changes.items()}

    def _in(self, change: Change, values: dict[str, np.ndarray], name: str) -> np.ndarray:
        with np.errstate(all="ignore"):
            raw = values[name]
            if change.kind == "log":
                inner: Array = np.clip(np.log(np.maximum(raw, 1e-300)), -HUGE, HUGE)
            else:
                log = raw if change.kind == "exp" else np.log(np.maximum(raw, 1e-300))
                inner = np.exp(np.clip(_value(change.factor, values) * log, -HUGE, HUGE))
        return inner

    def _out(self, change: Change, values: dict[str, np.ndarray], name: str) -> np.ndarray:
        with np.errstate(all="ignore"):
            inner = values[name]
            if change.kind == "log":
                raw: Array = np.exp(np.clip(inner, -HUGE, HUGE))
            else:
                log = np.log(np.clip(inner, np.exp(-HUGE), np.exp(HUGE))) / _value(change.factor, values)
                raw = log if change.kind == "exp" else np.exp(np.clip(log, -HUGE, HUGE))
        return raw


def _exp(end: float) -> float:
    return float(np.exp(end)) if end < HUGE else np.inf


def _value(tree: Node, values: dict[str, np.ndarray]) -> np.ndarray:
    inside = names(tree)
    _, body = compile_trees((tree,), (), inside)
    return np.asarray(body([values[name] for name in inside], [])[0], dtype=float)


class _Writer:
    """Walks the sums of a tree and replaces, in each product, the one constant that stands there alone."""

    def __init__(self, alone: set[str], user: Mapping[str, Pair], keep: frozenset[str]):
        self.alone, self.user, self.keep = alone, user, keep
        self.changes: dict[str, Change] = {}

    def sums(self, node: Node) -> Node:
        return walk(node, self.product)

    def product(self, factors: tuple[Node, ...]) -> tuple[Node, ...]:
        if any(f[0] == "con" and f[1] in self.alone for f in factors):
            return factors
        for i, factor in enumerate(factors):
            found = self.candidate(factor)
            if found is None:
                continue
            name, change = found
            if change.kind == "log":
                beside = tuple(f[1] for f in factors if f[0] == "pow" and names(f[1], "var"))
                change = Change("log", change.factor, beside)
                # together, since apart both halves are soon beyond all numbers: (N/N_b)**(1/w) with a small w
                joined = [f for f in factors if f[0] == "pow" and f[2] == mul(MINUS_ONE, change.factor)]
                logs = [mul(MINUS_ONE, call("log", f[1])) for f in joined]
                put = call("exp", mul(change.factor, add(("con", name), *logs)))
                self.changes[name] = change
                return (*(f for k, f in enumerate(factors) if k != i and f not in joined), put)
            else:
                put = ("con", name)
            self.changes[name] = change
            return (*factors[:i], *factors[i + 1 :], put)
        return factors

    def candidate(self, factor: Node) -> tuple[str, Change] | None:
        if names(factor, "var"):
            return None
        if factor[:2] == ("fn", "exp"):
            parts = factor[2][1] if factor[2][0] == "mul" else (factor[2],)
            for part in parts:
                if part[0] == "con" and part[1] in self.alone:
                    others = list(parts)
                    others.remove(part)
                    change = Change("exp", mul(*others))
                    if self.allowed(part[1], change):
                        return part[1], change
        if factor[0] == "pow" and factor[1][0] == "con" and names(factor[2]):
            name = factor[1][1]
            change = Change("log" if _inverse(factor[2]) else "pow", factor[2])
            if name in self.alone and self.allowed(name, change):
                return name, change
        return None

    def allowed(self, name: str, change: Change) -> bool:
        if change.kind == "exp" and change.factor[0] == "num":
            return True
        if name in self.keep:
            return False
        low, high = self.user.get(name, (-np.inf, np.inf))
        if change.kind == "exp":
            return low == -np.inf and high == np.inf
        return low in (-np.inf, 0.0) and high == np.inf


def _inverse(exponent: Node) -> bool:
    """Whether an exponent is 1/w: then the constant below it is a place, not an amplitude."""
    parts = exponent[1] if exponent[0] == "mul" else (exponent,)
    free = [p for p in parts if p[0] != "num"]
    return len(free) == 1 and free[0][0] == "pow" and free[0][2] == MINUS_ONE


def walk(node: Node, change: Callable[[tuple[Node, ...]], tuple[Node, ...]]) -> Node:
    """`change` applied to the factors of every product in the sums of a tree, at any depth outside exponents."""
    if node[0] == "add":
        return add(*(walk(term, change) for term in node[1]))
    factors = node[1] if node[0] == "mul" else (node,)
    return mul(*(_inside(factor, change) for factor in change(factors)))


def _inside(factor: Node, change: Callable[[tuple[Node, ...]], tuple[Node, ...]]) -> Node:
    if factor[0] == "pow" and factor[1][0] in ("add", "mul"):
        return power(walk(factor[1], change), factor[2])
    if factor[0] == "fn" and factor[2][0] in ("add", "mul") and factor[1] != "exp":
        return call(factor[1], walk(factor[2], change))
    if factor[0] == "add":
        return walk(factor, change)
    return factor
