"""Parts of a law that share no constant with the rest, under names of their own: worked out once, written many times.

Laws of one search hold the same few thousand parts under changing names, so what is expanded here is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from fitting.law import expression
from fitting.law.canonical import UNIT, Frozen, expand, freeze
from fitting.law.expression import Node

Monomial = tuple[Any, ...]
"""Pairs (atom, exponent) in a fixed order; atoms and exponents hold sums in turn."""
Names = tuple[str, ...]
"""Texts of a part's constants, by their number in it."""
Flipped = frozenset[str] | None
"""Constants that stand for their negatives; None for a text as if every coefficient were positive."""
Write = Callable[[Names, Flipped], str]

MINUS_UNIT = freeze({(): -1.0})


class Part:
    """Some summands of a law, written out as a sum of monomials; its constants are called "0", "1", ...

    Attributes:
        free: whether a monomial of it holds no constant, so that another part's might be the same.
    """

    def __init__(self, node: Node) -> None:
        law = freeze(expand(node))
        self.sum = _absorb(law, _count(law, {}))
        inside = [_count(((m, c),), {}) for m, c in self.sum]
        self.constants = sorted({int(name) for found in inside for name in found})
        self.free = not all(inside)
        self.write = [_term(m, c) for m, c in self.sum]


@lru_cache(maxsize=16384)
def texts(part: Part, names: Names) -> list[str]:
    """A part's terms as if unsigned."""
    return [write(names, None) for write in part.write]


@lru_cache(maxsize=4096)
def signed(part: Part, names: Names, order: tuple[int, ...]) -> list[tuple[str, str]]:
    """Each term as if unsigned, and with its sign; a constant's sign is such that the first term that can tell has a plus.

    Args:
        order: its constants, in the order in which signs are chosen.
    """
    flipped: frozenset[str] = frozenset()
    for constant in map(str, order):
        if _negative(part.sum, constant, names, flipped):
            flipped |= {constant}
    return [(text, write(names, flipped)) for text, write in zip(texts(part, names), part.write, strict=True)]


@lru_cache(maxsize=8192)
def part_of(nodes: tuple[Node, ...]) -> tuple[Part, Names]:
    """Some summands of a law as a part, and the names that its constants have in them."""
    names = tuple(dict.fromkeys(name for node in nodes for name in constants(node)))
    own = {name: ("con", str(i)) for i, name in enumerate(names)}
    return _part(expression.add(*(expression.substitute(node, own) for node in nodes))), names


@lru_cache(maxsize=8192)
def constants(node: Node) -> Names:
    """Names of a tree's constants, in order of appearance."""
    return expression.names(node)


@lru_cache(maxsize=4096)
def _part(node: Node) -> Part:
    return Part(node)


def signed_sum(terms: Sequence[tuple[str, str]]) -> str:
    """A sum from its terms without and with their signs, in the order of those without."""
    return " + ".join([text for _, text in sorted(terms)]).replace("+ -", "- ") if terms else "0"


def _count(p: Frozen, found: dict[str, int]) -> dict[str, int]:
    for monomial, _ in p:
        for atom, exponent in monomial:
            if atom[0] == "con":
                found[atom[1]] = found.get(atom[1], 0) + 1
            elif atom[0] == "sum":
                _count(atom[1], found)
            elif atom[0] == "fn":
                _count(atom[2], found)
            _count(exponent, found)
    return found


def _absorb(law: Frozen, counts: dict[str, int]) -> Frozen:
    """2*A, -A and A/2 are A, and 1/tau is tau, for a constant that stands in one place only."""
    out: dict[Monomial, float] = {}
    for monomial, coefficient in law:
        powers = []
        for atom, exponent in monomial:
            if atom[0] == "con" and counts[atom[1]] == 1 and exponent in (UNIT, MINUS_UNIT):
                exponent, coefficient = UNIT, 1.0
            elif atom[0] == "sum":
                atom = ("sum", _absorb(atom[1], counts))
            elif atom[0] == "fn":
                atom = ("fn", atom[1], _absorb(atom[2], counts))
            powers.append((atom, exponent if exponent == UNIT else _absorb(exponent, counts)))
        inner: Monomial = tuple(sorted(powers, key=repr) if len(powers) > 1 else powers)
        out[inner] = out.get(inner, 0.0) + coefficient
    return freeze(out)


@lru_cache(maxsize=16384)
def _odd(monomial: Monomial) -> frozenset[str]:
    """Constants that it has to an odd power: its sign is theirs."""
    return frozenset(
        atom[1]
        for atom, exponent in monomial
        if atom[0] == "con" and len(exponent) == 1 and exponent[0][0] == () and exponent[0][1] % 2 == 1
    )


@lru_cache(maxsize=16384)
def _inside(p: Frozen) -> frozenset[str]:
    """Constants that stand anywhere in a sum."""
    return frozenset(_count(p, {}))


def _minus(monomial: Monomial, coefficient: float, flipped: frozenset[str]) -> bool:
    return (coefficient < 0) != (len(_odd(monomial) & flipped) % 2 == 1)


def _negative(law: Frozen, name: str, names: Names, flipped: frozenset[str]) -> bool:
    """Whether the first term, in order of their texts, that has the constant to an odd power has a minus."""
    holding = [(m, c) for m, c in law if name in _inside(((m, c),))]
    if len(holding) > 1:
        holding.sort(key=lambda term: _term(*term)(names, None))
    for monomial, coefficient in holding:
        if name in _odd(monomial):
            return _minus(monomial, coefficient, flipped)
        for atom, exponent in monomial:
            for inner in (atom[1] if atom[0] == "sum" else atom[2] if atom[0] == "fn" else (), exponent):
                if inner and inner != UNIT and name in _inside(inner):
                    return _negative(inner, name, names, flipped)
    return False


@lru_cache(maxsize=16384)
def _term(monomial: Monomial, coefficient: float) -> Write:
    """Writes a monomial with its coefficient."""
    size = f"{abs(coefficient):.12g}"
    product = _product(monomial) if monomial else _always(size)
    head = "" if size == "1" or not monomial else f"{size}*"

    def write(names: Names, flipped: Flipped) -> str:
        text = product(names, flipped)
        minus = flipped is not None and _minus(monomial, coefficient, flipped)
        return f"-{head}{text}" if minus else f"{head}{text}" if head else text

    return write


def _product(monomial: Monomial) -> Write:
    factors = [(atom[0] != "con", _factor(atom, exponent)) for atom, exponent in monomial]
    if len(factors) == 1:
        return factors[0][1]
    # A constant stands before what is none, and otherwise the text decides.
    return lambda names, flipped: "*".join(
        [text for _, text in sorted([(later, write(names, flipped)) for later, write in factors])]
    )


def _always(text: str) -> Write:
    return lambda names, flipped: text


@lru_cache(maxsize=8192)
def _sum(p: Frozen) -> Write:
    if not p:
        return _always("0")
    terms = [_term(m, c) for m, c in p]
    if len(terms) == 1:
        return terms[0]

    def write(names: Names, flipped: Flipped) -> str:
        plain = [term(names, None) for term in terms]
        if flipped is None:
            return " + ".join(sorted(plain))
        return signed_sum([(text, term(names, flipped)) for text, term in zip(plain, terms, strict=True)])

    return write


@lru_cache(maxsize=8192)
def _factor(atom: tuple[Any, ...], exponent: Frozen) -> Write:
    inner = _sum(exponent)
    if atom[0] == "e":
        return lambda names, flipped: f"exp({inner(names, flipped)})"
    base = _base(atom)
    if exponent == UNIT:
        return base
    return lambda names, flipped: _powered(base(names, flipped), inner(names, flipped))


def _base(atom: tuple[Any, ...]) -> Write:
    if atom[0] == "con":
        i = int(atom[1])
        return lambda names, flipped: names[i]
    if atom[0] == "var":
        return _always(atom[1])
    if atom[0] == "num":
        return _always(f"({atom[1]:.12g})")
    inside = _sum(atom[2] if atom[0] == "fn" else atom[1])
    head = atom[1] if atom[0] == "fn" else ""
    return lambda names, flipped: f"{head}({inside(names, flipped)})"


def _powered(base: str, exponent: str) -> str:
    plain = exponent.isidentifier() or exponent.replace(".", "", 1).isdigit()
    return f"{base}**{exponent if plain else f'({exponent})'}"
