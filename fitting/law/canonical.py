"""One spelling for each law: order, names of constants, signs and factors that only rename do not matter.

A law is written out as a sum of monomials; a monomial is a product of atoms, each with an exponent that is
itself such a sum. Variables count as positive, so log(N/D) and log(N) - log(D) are one, and so are
exp(-a*log(N)), 1/N**a and N**-a. What stays apart: laws equal only after a change of several constants at
once, such as A*(1 + k*N)**-a and B*(N + s)**-a.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from fitting.law.expression import Node

MAX_TERMS = 60
# A sum is a dict monomial -> coefficient; a monomial is a sorted tuple of (atom, exponent), an exponent a
# frozen sum. An atom is ("var", name), ("con", name), ("fn", name, sum), ("sum", sum), ("num", x), ("e",).
Poly = dict[Any, float]
Frozen = tuple[Any, ...]


@lru_cache(maxsize=8192)
def _key(item: object) -> str:
    return repr(item)


def freeze(p: Poly) -> Frozen:
    items = [(m, float(f"{c:.12g}")) for m, c in p.items()]
    return tuple(sorted(((m, c) for m, c in items if c != 0.0), key=_key))


UNIT: Frozen = freeze({(): 1.0})


def _plus(*polys: Poly) -> Poly:
    out: Poly = {}
    for p in polys:
        for m, c in p.items():
            out[m] = out.get(m, 0.0) + c
    return {m: c for m, c in out.items() if c != 0.0}


def _monomial(powers: dict[Any, Any]) -> tuple[Any, ...]:
    return tuple(sorted(((a, e) for a, e in powers.items() if e), key=_key))


def _join(one: tuple[Any, ...], other: tuple[Any, ...]) -> tuple[Any, ...]:
    if not one:
        return other
    if not other:
        return one
    powers = dict(one)
    for atom, exponent in other:
        powers[atom] = freeze(_plus(dict(powers[atom]), dict(exponent))) if atom in powers else exponent
    return _monomial(powers)


def _times(a: Poly, b: Poly) -> Poly:
    out: Poly = {}
    for m1, c1 in a.items():
        for m2, c2 in b.items():
            m = _join(m1, m2)
            out[m] = out.get(m, 0.0) + c1 * c2
    return {m: c for m, c in out.items() if c != 0.0}


def _number(p: Poly) -> float | None:
    if not p:
        return 0.0
    return p[()] if len(p) == 1 and () in p else None


def _power(base: Poly, exponent: Poly) -> Poly:
    value = _number(exponent)
    if value == 0.0:
        return {(): 1.0}
    if value == 1.0 or not base:
        return base
    if len(base) == 1:
        ((monomial, coefficient),) = base.items()
        out: Poly = {(): 1.0}
        if coefficient != 1.0:
            out = _constant_power(coefficient, exponent, value)
        for atom, inner in monomial:
            out = _times(out, _atom_power(atom, _times(dict(inner), exponent)))
        return out
    if value is not None and value in (2.0, 3.0) and len(base) ** value <= MAX_TERMS:
        out = base
        for _ in range(int(value) - 1):
            out = _times(out, base)
        return out
    return {_monomial({("sum", freeze(base)): freeze(exponent)}): 1.0}


def _constant_power(coefficient: float, exponent: Poly, value: float | None) -> Poly:
    if value is not None and (coefficient > 0 or value.is_integer()):
        return {(): coefficient**value}
    return {_monomial({("num", coefficient): freeze(exponent)}): 1.0}


def _atom_power(atom: tuple[Any, ...], exponent: Poly) -> Poly:
    """One atom to a power; e**(k log b) becomes b**k, and a sum to the power 1 opens up."""
    if not exponent:
        return {(): 1.0}
    if atom[0] == "sum" and _number(exponent) == 1.0:
        return dict(atom[1])
    if atom != ("e",):
        return {_monomial({atom: freeze(exponent)}): 1.0}
    out: Poly = {(): 1.0}
    rest: Poly = {}
    for monomial, coefficient in exponent.items():
        logs = [i for i, (a, e) in enumerate(monomial) if a[:2] == ("fn", "log") and e == UNIT]
        if len(logs) == 1:
            others = monomial[: logs[0]] + monomial[logs[0] + 1 :]
            out = _times(out, _power(dict(monomial[logs[0]][0][2]), {others: coefficient}))
        else:
            rest[monomial] = coefficient
    return _times(out, {_monomial({atom: freeze(rest)}): 1.0}) if rest else out


def _log(argument: Poly) -> Poly:
    """log of a product as a sum of logs."""
    if len(argument) == 1:
        ((monomial, coefficient),) = argument.items()
        bare = len(monomial) == 1 and monomial[0][1] == UNIT and coefficient == 1.0
        if coefficient > 0 and monomial and not bare:
            out: Poly = {(): math.log(coefficient)} if coefficient != 1.0 else {}
            for atom, exponent in monomial:
                inner = {(): 1.0} if atom == ("e",) else _log(_atom_power(atom, {(): 1.0}))
                out = _plus(out, _times(dict(exponent), inner))
            return out
    return {_monomial({("fn", "log", freeze(argument)): UNIT}): 1.0}


def expand(node: Node) -> Poly:
    """The sum of monomials a tree stands for."""
    tag = node[0]
    if tag == "num":
        return {(): node[1]} if node[1] else {}
    if tag in ("var", "con"):
        return {((node, UNIT),): 1.0}
    if tag == "add":
        return _plus(*map(expand, node[1]))
    if tag == "mul":
        out: Poly = {(): 1.0}
        for factor in node[1]:
            part = expand(factor)
            if len(out) * len(part) > MAX_TERMS:
                part = {_monomial({("sum", freeze(part)): UNIT}): 1.0}
            out = _times(out, part)
        return out
    if tag == "pow":
        return _power(expand(node[1]), expand(node[2]))
    _, name, inner = node
    argument = expand(inner)
    if name == "exp":
        return _atom_power(("e",), argument) if argument else {(): 1.0}
    if name == "log":
        return _log(argument)
    if name == "log10":
        return _times({(): 0.43429448190325176}, _log(argument))
    if name == "log1p":
        return _log(_plus({(): 1.0}, argument))
    return {_monomial({("fn", name, freeze(argument)): UNIT}): 1.0}
