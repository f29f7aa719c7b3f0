"""Names, signs and factors of constants, chosen so that equal laws get equal text."""

from __future__ import annotations

from fitting.law.canonical import UNIT, Frozen, expand, freeze
from fitting.law.expression import Node

MINUS_UNIT = freeze({(): -1.0})


def canonical_text(node: Node) -> str:
    """The one spelling of a law; it is itself a law that can be read."""
    law = freeze(expand(node))
    law = _absorb(law, _count(law, {}))
    names = sorted(_count(law, {}))
    order = _order(law, names)
    final = {name: f"c{i}" for i, name in enumerate(order, 1)}
    for name in order:
        if _first_sign(law, name, final) < 0:
            law = _flip(law, name)
    # flipped signs can change which terms come first, so names are given by the final order of the text
    order = _order(law, names)
    return _render(law, {name: f"c{i}" for i, name in enumerate(order, 1)}, signed=True)


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


def _map(p: Frozen, change) -> Frozen:
    """A sum with `change(monomial, coefficient)` applied everywhere, innermost first."""
    out: dict = {}
    for monomial, coefficient in p:
        powers: dict = {}
        for atom, exponent in monomial:
            if atom[0] == "sum":
                atom = ("sum", _map(atom[1], change))
            elif atom[0] == "fn":
                atom = ("fn", atom[1], _map(atom[2], change))
            powers[atom] = exponent if exponent == UNIT else _map(exponent, change)
        inner = tuple(sorted(powers.items(), key=repr))
        inner, coefficient = change(inner, coefficient)
        out[inner] = out.get(inner, 0.0) + coefficient
    return freeze(out)


def _absorb(law: Frozen, counts: dict[str, int]) -> Frozen:
    """2*A, -A and A/2 are A, and 1/tau is tau, for a constant that stands in one place only."""

    def change(monomial: tuple, coefficient: float) -> tuple[tuple, float]:
        free = False
        powers = []
        for atom, exponent in monomial:
            if atom[0] == "con" and counts[atom[1]] == 1 and exponent in (UNIT, MINUS_UNIT):
                exponent, free = UNIT, True
            powers.append((atom, exponent))
        return tuple(sorted(powers, key=repr)), 1.0 if free else coefficient

    return _map(law, change)


def _flip(law: Frozen, name: str) -> Frozen:
    def change(monomial: tuple, coefficient: float) -> tuple[tuple, float]:
        return monomial, -coefficient if _odd(monomial, name) else coefficient

    return _map(law, change)


def _odd(monomial: tuple, name: str) -> bool:
    for atom, exponent in monomial:
        if atom == ("con", name) and len(exponent) == 1 and exponent[0][0] == ():
            return exponent[0][1] % 2 == 1
    return False


def _first_sign(law: Frozen, name: str, final: dict[str, str]) -> float:
    """Sign of the first term, in final order, in which the constant has an odd power; 1 if there is none."""
    for monomial, coefficient in sorted(law, key=lambda mc: _monomial_text(*mc, final, signed=False)):
        if _odd(monomial, name):
            return coefficient
        for atom, exponent in monomial:
            for inner in (atom[1] if atom[0] == "sum" else atom[2] if atom[0] == "fn" else (), exponent):
                if inner and inner != UNIT and _mentions(inner, name):
                    return _first_sign(inner, name, final)
    return 1.0


def _mentions(p: Frozen, name: str) -> bool:
    return name in _count(p, {})


def _order(law: Frozen, names: list[str]) -> list[str]:
    """Constants in an order that does not depend on their names.

    Colours are refined by what surrounds each constant; a tie that is left is broken by trying each.
    """
    colours = dict.fromkeys(names, "c")
    done: list[str] = []
    for _ in range(2):
        colours = {n: _render(law, {**colours, n: "@"}, signed=False) for n in names}
        ranks = {text: f"k{rank}" for rank, text in enumerate(sorted(set(colours.values())))}
        colours = {n: ranks[colours[n]] for n in names}
        if len(ranks) == len(names):
            return sorted(names, key=lambda n: int(colours[n][1:]))
    while len(done) < len(names):
        left = [n for n in names if n not in done]
        lowest = min(int(colours[n][1:]) for n in left)
        tied = [n for n in left if int(colours[n][1:]) == lowest]
        trial = {n: _render(law, {**colours, n: f"f{len(done)}"}, signed=False) for n in tied}
        chosen = min(tied, key=lambda n: trial[n])
        done.append(chosen)
        colours[chosen] = f"f{len(done) - 1}"
        if len(tied) > 1:  # what was chosen tells its neighbours apart
            rest = [n for n in names if n not in done]
            marks = {n: (int(colours[n][1:]), _render(law, {**colours, n: "@"}, signed=False)) for n in rest}
            ranks = {mark: f"k{rank}" for rank, mark in enumerate(sorted(set(marks.values())))}
            colours.update({n: ranks[marks[n]] for n in rest})
    return done


def _render(p: Frozen, names: dict[str, str], signed: bool) -> str:
    if not p:
        return "0"
    parts = sorted((_monomial_text(m, c, names, False), _monomial_text(m, c, names, signed)) for m, c in p)
    return " + ".join(text for _, text in parts).replace("+ -", "- ")


def _monomial_text(monomial: tuple, coefficient: float, names: dict[str, str], signed: bool) -> str:
    written = [(atom[0] != "con", _factor(atom, exponent, names, signed)) for atom, exponent in monomial]
    factors = [text for _, text in sorted(written)]
    size = abs(coefficient)
    head = "-" if signed and coefficient < 0 else ""
    if not factors or size != 1.0:
        factors.insert(0, f"{size:.12g}")
    return head + "*".join(factors)


def _factor(atom: tuple, exponent: Frozen, names: dict[str, str], signed: bool) -> str:
    if atom[0] == "e":
        return f"exp({_render(exponent, names, signed)})"
    if atom[0] == "var":
        base = atom[1]
    elif atom[0] == "con":
        base = names[atom[1]]
    elif atom[0] == "num":
        base = f"({atom[1]:.12g})"
    elif atom[0] == "fn":
        base = f"{atom[1]}({_render(atom[2], names, signed)})"
    else:
        base = f"({_render(atom[1], names, signed)})"
    if exponent == UNIT:
        return base
    text = _render(exponent, names, signed)
    plain = text.isidentifier() or text.replace(".", "", 1).isdigit()
    return f"{base}**{text if plain else f'({text})'}"
