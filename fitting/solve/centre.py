"""Powers divided by their typical size before a fit, so that amplitudes don't swing with exponents.

In A*N**-alpha with N near 1e9 a small change of alpha changes A by a large factor, and Newton crawls along a
curved valley. With N/g in place of N, g the geometric mean, it doesn't; A*g**-alpha takes the place of A. The
same is done for any factor base**exponent of a linear constant's column. Raw constants come back exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fitting.law.compiled import compile_trees
from fitting.law.expression import Node, add, mul, names, power
from fitting.law.law import Law


@dataclass(frozen=True, slots=True)
class Centred:
    """A law whose powers are centred.

    Attributes:
        law: the law in terms of centred amplitudes; it has extra variables _g0, _g1, ..., each one number.
        bases: trees of which _g0, _g1, ... are the inverse geometric means.
        shifts: per constant of the law, the (base index, exponent tree) pairs that were taken out of its column.
    """

    law: Law
    bases: tuple[Node, ...]
    shifts: dict[str, tuple[tuple[int, Node], ...]]

    @staticmethod
    def of(law: Law, keep: frozenset[str] = frozenset()) -> Centred:
        """Centre the columns of all linear constants but those in `keep` (their bounds are meant in raw units)."""
        offset, columns = law.design
        bases: dict[Node, int] = {}
        shifts: dict[str, tuple[tuple[int, Node], ...]] = {}
        terms = [offset]
        for name, column in zip(law.linear, columns, strict=True):
            if name not in keep:
                column, taken = _centre(column, bases)
                if taken:
                    shifts[name] = taken
            terms.append(mul(("con", name), column))
        if not shifts:
            return Centred(law, (), {})
        extra = tuple(f"_g{i}" for i in range(len(bases)))
        return Centred(Law(law.text, (*law.variables, *extra), add(*terms), law.target), tuple(bases), shifts)

    def columns(self, law: Law, columns: list[np.ndarray], typical: dict[str, float]) -> list[np.ndarray]:
        """The columns of the centred law, from those of the raw one.

        A base with constants of its own is sized up at `typical` values; any size would be exact.
        """
        if not self.shifts:
            return columns
        have = dict(zip(law.used, columns, strict=True))
        for i, base in enumerate(self.bases):
            before, body = compile_trees((base,), law.used, law.constants)
            values = [typical.get(c, 1.0) for c in law.constants]
            with np.errstate(all="ignore"):
                value = np.atleast_1d(np.asarray(body(values, before(columns))[0], dtype=float))
                mean = np.log(value[np.isfinite(value) & (value > 0)]).mean() if (value > 0).any() else 0.0
            have[f"_g{i}"] = np.array([np.exp(-mean)])
        return [have[v] for v in self.law.used]

    def factors(
        self, constants: tuple[str, ...], values: list[np.ndarray], columns: list[np.ndarray]
    ) -> dict:
        """Per constant the number (or array) that turns its centred value into the raw one."""
        have = dict(zip(self.law.used, columns, strict=True))
        out = {}
        with np.errstate(all="ignore"):
            for name, taken in self.shifts.items():
                log = 0.0
                for i, exponent in taken:
                    _, body = compile_trees((exponent,), (), constants)
                    log = log + np.asarray(body(values, [])[0], dtype=float) * np.log(have[f"_g{i}"][0])
                out[name] = np.exp(log)
        return out


def _centre(column: Node, bases: dict[Node, int]) -> tuple[Node, tuple[tuple[int, Node], ...]]:
    """A column with its powers centred, and what was taken out."""
    factors = column[1] if column[0] == "mul" else (column,)
    kept, taken = [], []
    for factor in factors:
        free = factor[0] == "pow" and names(factor[2]) and not names(factor[2], "var")
        if free and names(factor[1], "var"):
            i = bases.setdefault(factor[1], len(bases))
            kept.append(power(mul(("var", f"_g{i}"), factor[1]), factor[2]))
            taken.append((i, factor[2]))
        else:
            kept.append(factor)
    return mul(*kept), tuple(taken)
