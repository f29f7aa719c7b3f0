"""Laws rewritten for the search: exp(u*log(x)) is x**u, and constants inside a power of a product stand on their own.

People write one law in many ways: `exp(a - alpha*log(N))`, `10**(a - alpha*log10(N))`, `(N_c/N)**alpha`. The tree made
here has the same constants and the same values wherever the law has one; only the search uses it.
"""

from __future__ import annotations

import math
from functools import lru_cache

from fitting.law.expression import MINUS_ONE, Node, add, call, mul, names, num, power

MAX_PARTS = 24


@lru_cache(maxsize=4096)
def as_powers(node: Node) -> Node:
    """A tree in which exponentials of logs are powers."""
    tag = node[0]
    if tag in ("num", "var", "con"):
        return node
    if tag == "add":
        return add(*map(as_powers, node[1]))
    if tag == "mul":
        return mul(*map(as_powers, node[1]))
    if tag == "pow":
        return _power(as_powers(node[1]), as_powers(node[2]))
    name, inner = node[1], as_powers(node[2])
    if name == "exp":
        return _exponential(inner)
    if name == "log":
        return _log(inner)
    if name == "log10":
        return mul(num(1 / math.log(10)), _log(inner))
    return call(name, inner)


def _log(inner: Node) -> Node:
    return inner[2] if inner[:2] == ("fn", "exp") else call("log", inner)


def _power(base: Node, exponent: Node) -> Node:
    free = exponent[0] != "num"
    if base[0] == "num" and base[1] > 0 and free:
        return _exponential(mul(num(math.log(base[1])), exponent))
    if base[:2] == ("fn", "exp"):
        return _exponential(mul(exponent, base[2]))
    whole = not free and exponent[1].is_integer()
    if base[0] == "pow" and not whole and (_positive(base[1], base[2]) or base[2] == MINUS_ONE):
        return _power(base[1], mul(base[2], exponent))
    if base[0] == "mul" and not whole:
        own = [f for f in base[1] if names(f, "con") and not names(f, "var")]
        rest = [f for f in base[1] if f not in own]
        if own and rest and not any(f[0] == "num" and f[1] < 0 for f in rest):
            return mul(*(_power(f, exponent) for f in own), _power(mul(*rest), exponent))
    return power(base, exponent)


def _positive(base: Node, exponent: Node) -> bool:
    """Whether base**exponent only has a value for a positive base that is one name."""
    whole = exponent[0] == "num" and exponent[1].is_integer()
    return base[0] in ("var", "con") and not whole


def _exponential(argument: Node) -> Node:
    """exp of a sum as a product: logs become powers, constants factors of their own, the rest stays together."""
    factors: list[Node] = []
    fixed: list[Node] = []
    rest: list[Node] = []
    for term in _terms(argument):
        parts = term[1] if term[0] == "mul" else (term,)
        logs = [p for p in parts if p[:2] == ("fn", "log")]
        if len(logs) == 1:
            others = list(parts)
            others.remove(logs[0])
            factors.append(_power(logs[0][2], mul(*others)))
        else:
            (rest if names(term, "var") else fixed).append(term)
    moving = {c for term in rest for c in names(term)}
    for term in fixed:
        # in exp(-(x - 1)/R) both halves alone may be beyond all numbers
        if rest and set(names(term)) <= moving:
            rest.append(term)
        else:
            factors.append(call("exp", term))
    if rest:
        factors.append(call("exp", add(*rest)))
    return mul(*factors)


def _terms(node: Node) -> list[Node]:
    """The terms of a sum, products over sums multiplied out where the sum is short."""
    if node[0] == "add":
        return [term for part in node[1] for term in _terms(part)]
    if node[0] == "mul":
        sums = [f for f in node[1] if f[0] == "add"]
        if len(sums) == 1 and len(sums[0][1]) <= MAX_PARTS:
            others = [f for f in node[1] if f is not sums[0]]
            return [term for part in sums[0][1] for term in _terms(mul(*others, part))]
    return [node]


def occurrences(node: Node) -> dict[str, int]:
    """How often each constant stands in a tree."""
    found: dict[str, int] = {}
    stack = [node]
    while stack:
        item = stack.pop()
        if item[0] == "con":
            found[item[1]] = found.get(item[1], 0) + 1
        elif item[0] in ("add", "mul"):
            stack.extend(item[1])
        elif item[0] == "pow":
            stack.extend(item[1:])
        elif item[0] == "fn":
            stack.append(item[2])
    return found


def logged(node: Node, positive: frozenset[str]) -> Node | None:
    """The log of a product as a sum, or None; each constant of `positive` stands for its own log there."""
    tag = node[0]
    if tag == "num":
        return num(math.log(node[1])) if node[1] > 0 else None
    if tag == "con":
        return node if node[1] in positive else None
    if tag == "var":
        return call("log", node)
    if tag == "mul":
        parts = [logged(f, positive) for f in node[1]]
        return None if any(p is None for p in parts) else add(*(p for p in parts if p is not None))
    if tag == "pow" and not positive & set(names(node[2])):
        inside = logged(node[1], positive)
        return None if inside is None else mul(node[2], inside)
    if tag == "fn" and node[1] == "exp" and not positive & set(names(node[2])):
        inner: Node = node[2]
        return inner
    return None
