"""Powers divided by their typical size before a fit, so that amplitudes don't swing with exponents.

In A*N**-alpha with N near 1e9 a small change of alpha changes A by a large factor, and Newton crawls along a
curved valley. With N/g in place of N, g the geometric mean, it doesn't; A*g**-alpha takes the place of A. The
same is done for any factor base**exponent beside a constant that stands nowhere else, and for exp(k*x) with x - mean(x).
Raw constants come back exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fitting.law.compiled import compile_trees
from fitting.law.expression import ONE, ZERO, Node, add, call, mul, names, power
from fitting.law.law import Law
from fitting.law.powers import occurrences
from fitting.solve.recast import walk

Taken = tuple[tuple[int, Node], ...]


@dataclass(frozen=True, slots=True)
class Centred:
    """A law whose powers are centred.

    Attributes:
        law: the law in terms of centred amplitudes; it has extra variables _g0, _g1, ..., each one number.
        bases: what _g0, _g1, ... centre: ("pow", base) with _g the inverse geometric mean of the base, or ("exp", x) with
            _g the mean of x with a minus.
        shifts: per constant of the law, the (base index, exponent tree) pairs that were taken out of its column.
    """

    law: Law
    bases: tuple[tuple[str, Node], ...]
    shifts: dict[str, Taken]

    @staticmethod
    def of(law: Law, keep: frozenset[str] = frozenset()) -> Centred:
        """Centre what stands beside a constant, but for those in `keep` (their bounds are meant in raw units)."""
        counts = occurrences(law.tree)
        bases: dict[tuple[str, Node], int] = {}
        shifts: dict[str, Taken] = {}

        def product(factors: tuple[Node, ...]) -> tuple[Node, ...]:
            own = [f[1] for f in factors if f[0] == "con"]
            if len(own) != 1 or counts[own[0]] != 1 or own[0] in keep:
                return factors
            out, taken = _centre(factors, bases)
            if taken:
                shifts[own[0]] = taken
            return out

        tree = walk(law.tree, product)
        if not shifts:
            return Centred(law, (), {})
        extra = tuple(f"_g{i}" for i in range(len(bases)))
        return Centred(Law(law.text, (*law.variables, *extra), tree, law.target), tuple(bases), shifts)

    @property
    def inside(self) -> frozenset[str]:
        """Constants that stand in the bases."""
        return frozenset(c for _, base in self.bases for c in names(base))

    def columns(self, law: Law, columns: list[np.ndarray], typical: dict[str, float]) -> list[np.ndarray]:
        """The columns of the centred law, from those of the raw one.

        A base with constants of its own is sized up at `typical` values; any size would be exact.
        """
        if not self.shifts:
            return columns
        have = dict(zip(law.used, columns, strict=True))
        values = [typical.get(c, 1.0) for c in law.constants]
        for i, (kind, base) in enumerate(self.bases):
            before, body = compile_trees((base,), law.used, law.constants)
            with np.errstate(all="ignore"):
                value = np.atleast_1d(np.asarray(body(values, before(columns))[0], dtype=float))
                if kind == "pow":
                    value = np.log(value[value > 0])
                value = value[np.isfinite(value)]
                mean = float(value.mean()) if len(value) else 0.0
            have[f"_g{i}"] = np.array([np.exp(-mean) if kind == "pow" else -mean])
        return [have[v] for v in self.law.used]

    def factors(
        self, constants: tuple[str, ...], values: list[np.ndarray], columns: list[np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Per constant the number (or array) that turns its centred value into the raw one."""
        have = dict(zip(self.law.used, columns, strict=True))
        out: dict[str, np.ndarray] = {}
        with np.errstate(all="ignore"):
            for name, taken in self.shifts.items():
                log = np.zeros(())
                for i, exponent in taken:
                    _, body = compile_trees((exponent,), (), constants)
                    kind, base = self.bases[i]
                    size = -1.0 if base == ONE else have[f"_g{i}"][0]
                    unit = np.log(size) if kind == "pow" else size
                    log = log + np.asarray(body(values, [])[0], dtype=float) * unit
                out[name] = np.exp(log)
        return out


def _centre(factors: tuple[Node, ...], bases: dict[tuple[str, Node], int]) -> tuple[tuple[Node, ...], Taken]:
    """Factors with their powers centred, and what was taken out."""
    kept: list[Node] = []
    taken: list[tuple[int, Node]] = []
    for factor in factors:
        if factor[0] == "pow" and _free(factor[2]) and names(factor[1], "var"):
            i = bases.setdefault(("pow", factor[1]), len(bases))
            kept.append(power(mul(("var", f"_g{i}"), factor[1]), factor[2]))
            taken.append((i, factor[2]))
        elif factor[:2] == ("fn", "exp"):
            kept.append(call("exp", add(*(_centre_rate(t, bases, taken) for t in _terms(factor[2])))))
        else:
            kept.append(factor)
    return tuple(kept), tuple(taken)


def _centre_rate(term: Node, bases: dict[tuple[str, Node], int], taken: list[tuple[int, Node]]) -> Node:
    """k*x inside an exponential as k*(x - mean); what has no variable at all goes into the amplitude."""
    if _free(term):
        taken.append((bases.setdefault(("exp", ONE), len(bases)), term))
        return ZERO
    parts = term[1] if term[0] == "mul" else (term,)
    rate = mul(*(p for p in parts if not names(p, "var")))
    x = mul(*(p for p in parts if names(p, "var")))
    if not _free(rate) or not names(x, "var") or names(x, "con"):
        return term
    i = bases.setdefault(("exp", x), len(bases))
    taken.append((i, rate))
    return mul(rate, add(x, ("var", f"_g{i}")))


def _terms(node: Node) -> tuple[Node, ...]:
    return tuple(node[1]) if node[0] == "add" else (node,)


def _free(exponent: Node) -> bool:
    return bool(names(exponent)) and not names(exponent, "var")
