"""Laws turned into NumPy functions: common parts once, what depends on the rows alone before the fit.

The Python source made here is built from trees that passed the grammar, with every name replaced by a
numbered one, so no foreign text is ever executed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from fitting.law.expression import ONE, Node, add, names

CALLS = {name: name for name in ("exp", "log", "log10", "log1p", "tanh", "abs", "sign")}


class _Writer:
    """Writes assignments for trees, sharing equal parts between all of them."""

    def __init__(self, variables: tuple[str, ...], constants: tuple[str, ...]):
        self.variables = {name: f"X[{i}]" for i, name in enumerate(variables)}
        self.constants = {name: f"c{i}" for i, name in enumerate(constants)}
        self.before: list[str] = []  # depends on the rows alone
        self.body: list[str] = []
        self.kept: list[str] = []
        self.seen: dict[tuple[bool, Node], str] = {}
        self.pairs: dict[tuple[str, str], str] = {}  # products of two, each made once
        self.fixed: dict[Node, bool] = {}
        self.count = 0

    def of_rows(self, node: Node) -> bool:
        """Whether a tree has a variable and no constant."""
        known = self.fixed.get(node)
        if known is None:
            known = self.fixed[node] = not names(node, "con") and bool(names(node, "var"))
        return known

    def keep(self, node: Node) -> str:
        """A name, inside the body, for a tree that depends on the rows alone."""
        source = self.write(node, self.before)
        if source not in self.kept:
            self.kept.append(source)
        return f"P[{self.kept.index(source)}]"

    def value(self, node: Node, into: list[str]) -> str:
        """Source for a tree; rows-only trees go to the part that runs once."""
        if into is self.body and node[0] != "num" and self.of_rows(node):
            return self.keep(node)
        return self.write(node, into)

    def assign(self, source: str, into: list[str]) -> str:
        if source.isidentifier():
            return source
        name = f"t{self.count}"
        self.count += 1
        into.append(f"{name} = {source}")
        return name

    def write(self, node: Node, into: list[str]) -> str:
        tag = node[0]
        if tag == "num":
            return repr(node[1])
        if tag == "var":
            return self.variables[node[1]]
        if tag == "con":
            return self.constants[node[1]]
        key = (into is self.body, node)
        if key in self.seen:
            return self.seen[key]
        if tag == "add":
            source = " + ".join(self.value(part, into) for part in node[1])
        elif tag == "mul":
            source = self.product(node[1], into)
        elif tag == "pow":
            source = self.power(node[1], node[2], into)
        else:
            source = f"{CALLS[node[1]]}({self.value(node[2], into)})"
        self.seen[key] = self.assign(source, into)
        return self.seen[key]

    def product(self, factors: tuple[Node, ...], into: list[str]) -> str:
        """Numbers first, then arrays in the order they were made, pair by pair: derivatives of one term share most pairs."""
        numbers = [f for f in factors if not names(f, "var")]
        arrays = [f for f in factors if names(f, "var")]
        rows: tuple[Node, ...] = ()
        if into is self.body:
            rows = tuple(f for f in arrays if self.of_rows(f))
            arrays = [f for f in arrays if not self.of_rows(f)]
        small = sorted((self.value(f, into) for f in numbers), key=_age)
        large = sorted((self.value(f, into) for f in arrays), key=_age)
        if rows:
            large.append(self.keep(("mul", rows) if len(rows) > 1 else rows[0]))
        parts = [self.chain(part, into) for part in (small, large) if part]
        return "*".join(parts)

    def chain(self, sources: list[str], into: list[str]) -> str:
        """One name for a product of sources."""
        left = sources[0]
        for right in sources[1:]:
            pair = (left, right)
            if pair not in self.pairs:
                self.pairs[pair] = self.assign("*".join(pair), into)
            left = self.pairs[pair]
        return left

    def power(self, base: Node, exponent: Node, into: list[str]) -> str:
        if exponent[0] != "num":
            above = self.seen.get((into is self.body, ("pow", base, add(exponent, ONE))))
            if above is not None:  # x**(k - 1) is x**k/x: an exponential less
                return f"{above}/{self.value(base, into)}"
            logarithm = self.value(("fn", "log", base), into)
            return f"exp({self.value(exponent, into)}*{logarithm})"
        value, x = exponent[1], self.value(base, into)
        if value == 2:
            return f"{x}*{x}"
        if value == -1:
            return f"1.0/{x}"
        if value == 0.5:
            return f"sqrt({x})"
        return f"power({x}, {value!r})"


def _age(source: str) -> tuple[int, str]:
    """Numbers and constants first, then what was made first."""
    return (int(source[1:]) if source[0] == "t" else -1, source)


@lru_cache(maxsize=512)
def compile_trees(
    trees: tuple[Node, ...], variables: tuple[str, ...], constants: tuple[str, ...]
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """`before(X) -> P` and `body(c, P) -> list`, one entry per tree.

    X is a sequence of arrays, one per variable; c a sequence of numbers or of arrays that broadcast against
    the rows. An entry that depends on no row comes back as a number (or in the shape of c).
    """
    writer = _Writer(variables, constants)
    results = [writer.value(tree, writer.body) for tree in trees]
    unpack = ", ".join(writer.constants.values())
    before = ["def before(X):", *(f"    {line}" for line in writer.before)]
    before.append(f"    return [{', '.join(writer.kept)}]")
    body = ["def body(c, P):"]
    if unpack:
        body.append(f"    ({unpack},) = c")
    body += [*(f"    {line}" for line in writer.body), f"    return [{', '.join(results)}]"]
    scope = {name: getattr(np, name) for name in (*CALLS.values(), "sqrt", "power")}
    exec("\n".join([*before, "", *body]), scope)
    return scope["before"], scope["body"]
