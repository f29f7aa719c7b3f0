"""What part each nonlinear constant plays, and from that its default bounds and where to look for it.

exponent   in an exponent: N**-alpha (written with a minus: positive), or N**alpha (either sign)
shift      added under a power, a log or below a fraction bar: (N + s)**-a; not negative
place      added elsewhere: tanh((t - m)/w); looked for inside the range of the data
width      divides: tanh((t - m)/w); positive
rate       multiplies: exp(-k*N), log(1 + k*D)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fitting.law.compiled import compile_trees
from fitting.law.expression import MINUS_ONE, ONE, Node, add, mul, names, num, substitute
from fitting.law.law import Law

FLOOR = 700.0  # exp of it is nearly beyond all numbers: no width below that share of the range


@dataclass(frozen=True, slots=True)
class Role:
    """Part of one constant: `kind`, default box, and a grid from `axis(count)` that spans likely values."""

    kind: str
    low: float
    high: float
    centre: float = 0.0
    scale: float = 1.0
    both_signs: bool = False
    leans: tuple[tuple[str, float], ...] = ()  # a place moves along with these constants, times so much

    def axis(self, count: int, low: float, high: float, reach: float = 1.0) -> np.ndarray:
        """`count` values to try inside the box; `reach` widens their range."""
        if self.kind == "exponent":
            top = 1.5 * reach
            if self.both_signs or low < 0:  # a box that reaches below zero is searched there too
                values = np.linspace(-top, top, count if count % 2 == 0 else count + 1)
            else:
                values = 0.03 + (top - 0.03) * np.linspace(0.0, 1.0, count) ** 1.3
        elif self.kind == "place":
            values = self.centre + reach * self.scale * np.linspace(-1.0, 1.0, count)
        else:
            half = count // 2 if self.both_signs else count
            values = self.scale * np.logspace(-1.5 * reach, 1.5 * reach, max(half, 2))
            if self.both_signs:
                values = np.concatenate([-values[::-1], values])
            if self.kind == "shift":
                values[0] = 0.0
        inside = values[(values >= low) & (values <= high)]
        if len(inside) >= max(2, count // 2):
            return inside
        if np.isfinite(low) and np.isfinite(high):
            return np.linspace(low, high, count)
        return np.unique(np.clip(values, low, high))


def roles(law: Law, columns: list[np.ndarray]) -> dict[str, Role]:
    """Role of each nonlinear constant, with the sizes of the data it meets."""
    found: dict[str, Role] = {}
    _walk(law.tree, [], found, law, columns)
    return {c: found.get(c, Role("rate", -np.inf, np.inf, both_signs=True)) for c in law.nonlinear}


def _walk(node: Node, path: list[Node], found: dict[str, Role], law: Law, columns: list[np.ndarray]) -> None:
    tag = node[0]
    if tag == "con":
        if node[1] in law.nonlinear:
            if node[1] not in found:
                found[node[1]] = _role(node, path, law, columns)
            elif found[node[1]].kind == "rate" and any(
                p[0] == "fn" and p[1] in ("exp", "tanh") for p in path
            ):
                again = _role(node, path, law, columns)  # the size inside exp or tanh says more
                found[node[1]] = again if again.kind == "width" else found[node[1]]
        return
    children: tuple[Node, ...] = ()
    if tag in ("add", "mul"):
        children = node[1]
    elif tag == "pow":
        children = node[1:]
    elif tag == "fn":
        children = (node[2],)
    for child in children:
        _walk(child, [*path, node], found, law, columns)


def _role(con: Node, path: list[Node], law: Law, columns: list[np.ndarray]) -> Role:
    chain = [*path, con]
    for above, below in zip(path, chain[1:], strict=True):
        if above[0] == "pow" and below is above[2]:
            between = chain[chain.index(above) + 1 : -1]
            if any(n[0] == "fn" for n in between):  # D**-exp(a0 + a1*N): its own rules, below
                break
            if ("pow", con, MINUS_ONE) in chain:  # N**(1/w)
                return Role("width", 1e-3, 100.0, scale=1.0)
            minus = below == mul(MINUS_ONE, con) or (
                below[0] == "mul" and below[1][0][0] == "num" and below[1][0][1] < 0
            )
            return Role("exponent", 1e-3, 5.0) if minus else Role("exponent", -5.0, 5.0, both_signs=True)
    inverse = len(path) > 0 and path[-1][0] == "pow" and path[-1][2][0] == "num" and path[-1][2][1] < 0
    top = path[:-1] if inverse else path
    inner = path[-1] if inverse else con
    positive = _must_be_positive(top, inner)
    if not top:
        return Role("rate", -np.inf, np.inf, both_signs=True)
    parent = top[-1]
    if parent[0] == "mul" and len(top) > 1 and all(p[0] == "num" for p in parent[1] if p is not inner):
        inner, parent = parent, top[-2]  # -m is m with a sign
    if parent[0] == "add":
        others = [p for p in parent[1] if p is not inner]
        values = sizes(add(*others), law, columns)
        if positive:
            return Role("shift", 0.0, np.inf, scale=float(np.median(np.abs(values))) or 1.0)
        sign = -1.0 if inner is con else 1.0
        leans = {}
        for term in others:
            slope = _slope(term)
            if slope is not None:
                leans[slope[0]] = sign * float(np.median(sizes(slope[1], law, columns)))
        if leans:
            values = sizes(add(*(p for p in others if _slope(p) is None)), law, columns)
        low, high = float(values.min()), float(values.max())
        return Role(
            "place",
            -np.inf,
            np.inf,
            sign * (low + high) / 2,
            (high - low) / 2 or 1.0,
            leans=tuple(leans.items()),
        )
    rest = mul(*(p for p in parent[1] if p is not inner)) if parent[0] == "mul" else ONE
    size = float(np.median(np.abs(sizes(rest, law, columns)))) or 1.0
    if inverse:
        spread = _spread(rest, law, columns)
        low = 1e-6 * size
        if spread is not None:  # beside a place it is a part of the range, wherever that begins
            size = spread / 4
            low = spread / FLOOR if any(p[:2] == ("fn", "exp") for p in path) else 1e-6 * size
        return Role("width", low, np.inf, scale=size)
    if positive:
        return Role("rate", 0.0, np.inf, scale=1.0 / size)
    return Role("rate", -np.inf, np.inf, scale=1.0 / size, both_signs=True)


def _spread(rest: Node, law: Law, columns: list[np.ndarray]) -> float | None:
    """Range of what stands beside a place, as in (t - m)/w; None where there is no place."""
    factors = rest[1] if rest[0] == "mul" else (rest,)
    if not any(f[0] == "add" and any(names(t) and not names(t, "var") for t in f[1]) for f in factors):
        return None
    return float(np.ptp(sizes(rest, law, columns))) or None


def _slope(term: Node) -> tuple[str, Node] | None:
    """Name and factor of a term that is one constant times columns."""
    factors = term[1] if term[0] == "mul" else ()
    own = [f for f in factors if names(f)]
    if len(own) != 1 or own[0][0] != "con" or not names(term, "var"):
        return None
    return own[0][1], mul(*(f for f in factors if f is not own[0]))


def _must_be_positive(path: list[Node], below: Node) -> bool:
    """Whether the nearest thing around is a log, a fraction bar or a power that is not whole."""
    for above in reversed(path):
        if above[0] == "pow":
            if below is above[2]:
                return False
            if not _whole(above[2]):
                return True
        elif above[0] == "fn":
            return above[1] in ("log", "log10", "log1p")
        below = above
    return False


def _whole(node: Node) -> bool:
    return bool(node[0] == "num" and node[1].is_integer() and node[1] > 0)


def sizes(node: Node, law: Law, columns: list[np.ndarray]) -> np.ndarray:
    """Values of a tree over the rows, its constants replaced by small numbers."""
    held = substitute(node, {c: num(0.3) for c in names(node)})
    before, body = compile_trees((held,), law.used, ())
    try:
        with np.errstate(all="ignore"):
            values = np.atleast_1d(np.asarray(body((), before(columns))[0], dtype=float))
    except ArithmeticError:  # 1/(1/c - 1/m) where all constants are equal
        return np.ones(1)
    values = values[np.isfinite(values)]
    return values if len(values) else np.ones(1)


def is_power_amplitude(column: Node) -> bool:
    """Whether a column is a product of powers of variables, at least one with a free exponent."""
    factors = column[1] if column[0] == "mul" else (column,)
    free = False
    for factor in factors:
        if factor[0] == "num":
            if factor[1] < 0:
                return False
        elif factor[0] == "pow" and names(factor[2]) and not names(factor[2], "var"):
            free = True
        elif not (factor[0] == "var" or (factor[0] == "pow" and factor[1][0] == "var")):
            return False
    return free
