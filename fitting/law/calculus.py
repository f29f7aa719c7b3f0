"""Derivatives of expressions, and which constants of a law enter linearly."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import combinations

from fitting.law.expression import (
    MINUS_ONE,
    ONE,
    ZERO,
    Node,
    add,
    call,
    mul,
    names,
    neg,
    num,
    power,
    substitute,
)


@lru_cache(maxsize=65536)
def derivative(node: Node, constant: str) -> Node:
    """Exact derivative with respect to one constant."""
    tag = node[0]
    if tag == "con":
        return ONE if node[1] == constant else ZERO
    if tag in ("num", "var"):
        return ZERO
    if tag == "add":
        return add(*(derivative(part, constant) for part in node[1]))
    if tag == "mul":
        return _of_product(node[1], constant)
    if tag == "pow":
        return _of_power(node, constant)
    return _of_function(node, constant)


def _of_product(factors: tuple[Node, ...], constant: str) -> Node:
    terms = []
    for i, factor in enumerate(factors):
        slope = derivative(factor, constant)
        if slope != ZERO:
            terms.append(mul(*factors[:i], *factors[i + 1 :], slope))
    return add(*terms) if terms else ZERO


def _of_power(node: Node, constant: str) -> Node:
    _, base, exponent = node
    d_base, d_exponent = derivative(base, constant), derivative(exponent, constant)
    terms = []
    if d_base != ZERO:
        terms.append(mul(exponent, power(base, add(exponent, MINUS_ONE)), d_base))
    if d_exponent != ZERO:
        terms.append(mul(d_exponent, call("log", base), node))
    return add(*terms) if terms else ZERO


def _of_function(node: Node, constant: str) -> Node:
    _, name, x = node
    slope = derivative(x, constant)
    if slope == ZERO:
        return ZERO
    match name:
        case "exp":
            outer = node
        case "log":
            outer = power(x, MINUS_ONE)
        case "log10":
            outer = mul(num(1 / math.log(10)), power(x, MINUS_ONE))
        case "log1p":
            outer = power(add(ONE, x), MINUS_ONE)
        case "tanh":
            outer = add(ONE, neg(power(node, num(2))))
        case "abs":
            outer = ("fn", "sign", x)  # the kink at zero counts as flat
        case "sign":
            return ZERO
        case _:
            raise AssertionError(name)
    return mul(outer, slope)


def linear_constants(node: Node) -> tuple[str, ...]:
    """The largest set of constants in which the law is jointly affine; early names first among equals."""
    order = names(node)
    slopes = {c: derivative(node, c) for c in order}
    inside = {c: frozenset(names(slopes[c])) for c in order}
    alone = [c for c in order if c not in inside[c] and slopes[c] != ZERO]
    clash = {frozenset((a, b)) for a, b in combinations(alone, 2) if b in inside[a] or a in inside[b]}
    if not clash:
        return tuple(alone)
    if len(alone) > 12:  # too many subsets: first come, first served
        kept: list[str] = []
        for c in alone:
            if all(frozenset((c, k)) not in clash for k in kept):
                kept.append(c)
        return tuple(kept)
    for size in range(len(alone), 0, -1):
        for chosen in combinations(alone, size):
            if all(frozenset(pair) not in clash for pair in combinations(chosen, 2)):
                return chosen
    return ()


def design(node: Node, linear: tuple[str, ...]) -> tuple[Node, tuple[Node, ...]]:
    """Offset and columns: law = offset + sum of constant * column, free of the linear constants."""
    offset = substitute(node, dict.fromkeys(linear, ZERO))
    return offset, tuple(derivative(node, c) for c in linear)
