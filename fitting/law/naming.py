"""Names, signs and factors of constants, chosen so that equal laws get equal text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fitting.law.canonical import UNIT, Frozen, expand, freeze
from fitting.law.expression import Node

Monomial = tuple[Any, ...]
"""Pairs (atom, exponent) in a fixed order; atoms and exponents hold sums in turn."""
Change = Callable[[Monomial, float], tuple[Monomial, float]]

MINUS_UNIT = freeze({(): -1.0})


def canonical_text(node: Node) -> str:
    """The one spelling of a law; it is itself a law that can be read."""
    law = freeze(expand(node))
    law = _absorb(law, _count(law, {}))
    names = sorted(_count(law, {}))
    order = _order(law, names)
    final = _Writer({name: f"c{i}" for i, name in enumerate(order, 1)})
    flipped = False
    terms = final.ordered(law)
    for name in order:
        if _first_sign(terms, name, final) < 0:
            law, flipped = _flip(law, name), True
            terms = final.ordered(law)
    # flipped signs can change which terms come first, so names are given by the final order of the text
    if flipped:
        order = _order(law, names)
    return _Writer({name: f"c{i}" for i, name in enumerate(order, 1)}).signed(law)


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


def _map(p: Frozen, change: Change) -> Frozen:
    """A sum with `change(monomial, coefficient)` applied everywhere, innermost first."""
    out: dict[Monomial, float] = {}
    for monomial, coefficient in p:
        powers: dict[Any, Frozen] = {}
        for atom, exponent in monomial:
            if atom[0] == "sum":
                atom = ("sum", _map(atom[1], change))
            elif atom[0] == "fn":
                atom = ("fn", atom[1], _map(atom[2], change))
            powers[atom] = exponent if exponent == UNIT else _map(exponent, change)
        inner: Monomial = tuple(sorted(powers.items(), key=repr) if len(powers) > 1 else powers.items())
        inner, coefficient = change(inner, coefficient)
        out[inner] = out.get(inner, 0.0) + coefficient
    return freeze(out)


def _absorb(law: Frozen, counts: dict[str, int]) -> Frozen:
    """2*A, -A and A/2 are A, and 1/tau is tau, for a constant that stands in one place only."""

    def change(monomial: Monomial, coefficient: float) -> tuple[Monomial, float]:
        free = False
        powers = []
        for atom, exponent in monomial:
            if atom[0] == "con" and counts[atom[1]] == 1 and exponent in (UNIT, MINUS_UNIT):
                exponent, free = UNIT, True
            powers.append((atom, exponent))
        return tuple(sorted(powers, key=repr) if len(powers) > 1 else powers), 1.0 if free else coefficient

    return _map(law, change)


def _flip(law: Frozen, name: str) -> Frozen:
    def change(monomial: Monomial, coefficient: float) -> tuple[Monomial, float]:
        return monomial, -coefficient if _odd(monomial, name) else coefficient

    return _map(law, change)


def _odd(monomial: Monomial, name: str) -> bool:
    for atom, exponent in monomial:
        if atom == ("con", name) and len(exponent) == 1 and exponent[0][0] == ():
            return bool(exponent[0][1] % 2 == 1)
    return False


def _first_sign(terms: Sequence[tuple[Monomial, float]], name: str, final: _Writer) -> float:
    """Sign of the first of these terms in final order in which the constant has an odd power; 1 if there is none."""
    for monomial, coefficient in terms:
        if _odd(monomial, name):
            return float(coefficient)
        for atom, exponent in monomial:
            for inner in (atom[1] if atom[0] == "sum" else atom[2] if atom[0] == "fn" else (), exponent):
                if inner and inner != UNIT and name in _count(inner, {}):
                    return _first_sign(final.ordered(inner), name, final)
    return 1.0


def _order(law: Frozen, names: list[str]) -> list[str]:
    """Constants in an order that does not depend on their names.

    Colours are refined by what surrounds each constant; a tie that is left is broken by trying each.
    """
    colours = dict.fromkeys(names, "c")
    done: list[str] = []
    for _ in range(2):
        writer = _Writer(colours)
        colours = writer.marked(law, names, "@")
        ranks = {text: f"k{rank}" for rank, text in enumerate(sorted(set(colours.values())))}
        colours = {n: ranks[colours[n]] for n in names}
        if len(ranks) == len(names):
            return sorted(names, key=lambda n: int(colours[n][1:]))
    while len(done) < len(names):
        left = [n for n in names if n not in done]
        lowest = min(int(colours[n][1:]) for n in left)
        tied = [n for n in left if int(colours[n][1:]) == lowest]
        writer = _Writer(colours)
        trial = writer.marked(law, tied, f"f{len(done)}")
        chosen = min(tied, key=lambda n: trial[n])
        done.append(chosen)
        colours[chosen] = f"f{len(done) - 1}"
        if len(tied) > 1:  # what was chosen tells its neighbours apart
            rest = [n for n in names if n not in done]
            writer = _Writer(colours)
            marks = {n: (int(colours[n][1:]), text) for n, text in writer.marked(law, rest, "@").items()}
            places = {mark: f"k{rank}" for rank, mark in enumerate(sorted(set(marks.values())))}
            colours.update({n: places[marks[n]] for n in rest})
    return done


class _Writer:
    """Texts under one choice of names. What does not mention a name that changes is written once for all choices.

    Args:
        names: of the constants.
        like: a writer with the same names but that of `changed`.
    """

    def __init__(self, names: dict[str, str], like: _Writer | None = None, changed: str = "") -> None:
        self.names, self.like, self.changed = names, like, changed
        # By identity, for hashing nested tuples costs as much as writing them; each is kept, so none is taken for another.
        self.products: dict[int, tuple[Frozen, str]] = {}
        self.mentioned: dict[int, tuple[Frozen, dict[str, int]]] = {} if like is None else like.mentioned

    def but(self, name: str, text: str) -> _Writer:
        """The same names, one of them another."""
        return _Writer({**self.names, name: text}, self, name)

    def marked(self, p: Frozen, names: list[str], mark: str) -> dict[str, str]:
        """For each of the names, the sum as if unsigned with that one written as `mark`."""
        terms = [(m, c, self.term(m, c), self._mentions(m)) for m, c in p]
        texts = {}
        for name in names:
            other = self.but(name, mark)
            parts = sorted([other.term(m, c) if name in inside else text for m, c, text, inside in terms])
            texts[name] = " + ".join(parts) if parts else "0"
        return texts

    def ordered(self, p: Frozen) -> list[tuple[Monomial, float]]:
        """The terms of a sum in the order of their texts without signs."""
        return sorted(p, key=lambda term: self.term(*term))

    def unsigned(self, p: Frozen) -> str:
        """A sum as if every coefficient were positive."""
        return " + ".join(sorted(self.term(m, c) for m, c in p)) if p else "0"

    def signed(self, p: Frozen) -> str:
        """A sum with its signs, terms in the order of their texts without."""
        if not p:
            return "0"
        parts = sorted(
            (self.term(m, c), _with_head(m, c, self._product(m, self.signed), c < 0)) for m, c in p
        )
        return " + ".join(text for _, text in parts).replace("+ -", "- ")

    def term(self, monomial: Frozen, coefficient: float) -> str:
        """A monomial with the size of its coefficient."""
        return _with_head(monomial, coefficient, self.product(monomial), False)

    def product(self, monomial: Frozen) -> str:
        if self.like is not None and self.changed not in self._mentions(monomial):
            return self.like.product(monomial)
        known = self.products.get(id(monomial))
        if known is None:
            known = self.products[id(monomial)] = (monomial, self._product(monomial, self.unsigned))
        return known[1]

    def _mentions(self, monomial: Frozen) -> dict[str, int]:
        known = self.mentioned.get(id(monomial))
        if known is None:
            known = self.mentioned[id(monomial)] = (monomial, _count(((monomial, 1.0),), {}))
        return known[1]

    def _product(self, monomial: Frozen, inner: Callable[[Frozen], str]) -> str:
        written = [(atom[0] != "con", self._factor(atom, exponent, inner)) for atom, exponent in monomial]
        return "*".join(text for _, text in sorted(written))

    def _factor(self, atom: tuple[Any, ...], exponent: Frozen, inner: Callable[[Frozen], str]) -> str:
        base: str
        if atom[0] == "e":
            return f"exp({inner(exponent)})"
        if atom[0] == "var":
            base = atom[1]
        elif atom[0] == "con":
            base = self.names[atom[1]]
        elif atom[0] == "num":
            base = f"({atom[1]:.12g})"
        elif atom[0] == "fn":
            base = f"{atom[1]}({inner(atom[2])})"
        else:
            base = f"({inner(atom[1])})"
        if exponent == UNIT:
            return base
        text = inner(exponent)
        plain = text.isidentifier() or text.replace(".", "", 1).isdigit()
        return f"{base}**{text if plain else f'({text})'}"


def _with_head(monomial: Frozen, coefficient: float, product: str, minus: bool) -> str:
    """A product behind its coefficient, which is left out where it is one."""
    size = abs(coefficient)
    head = "-" if minus else ""
    if not monomial:
        return f"{head}{size:.12g}"
    return f"{head}{product}" if size == 1.0 else f"{head}{size:.12g}*{product}"
