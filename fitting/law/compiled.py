"""Laws turned into NumPy functions: common parts once, what depends on the rows alone before the fit.

The Python source made here is built from trees that passed the grammar, with every name replaced by a
numbered one, so no foreign text is ever executed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from fitting.law.expression import Node, names

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
        """Scalars first, then rows, so that as few arrays as possible are made; the tail is shared."""
        if into is self.body:
            rows = tuple(f for f in factors if self.of_rows(f))
            if len(rows) > 1:
                rest = [f for f in factors if not self.of_rows(f)]
                return "*".join([*(self.value(f, into) for f in rest), self.keep(("mul", rows))])
        # the last two factors (the arrays, mostly) are shared among derivatives of one term
        small = [f for f in factors if f[0] in ("num", "con")]
        large = [f for f in factors if f[0] not in ("num", "con")]
        if len(small) + len(large) > 2 and len(large) >= 1 and small:
            scalar = "*".join(self.value(f, into) for f in small)
            inner = self.value(("mul", tuple(large)) if len(large) > 1 else large[0], into)
            return f"({scalar})*{inner}"
        return "*".join(self.value(f, into) for f in (*small, *large))

    def power(self, base: Node, exponent: Node, into: list[str]) -> str:
        if exponent[0] != "num":
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
