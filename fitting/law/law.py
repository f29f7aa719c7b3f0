"""A law is one line of text: what it predicts, its exact derivatives, and when two laws are one.

law = Law.parse("E + A*N**-alpha + B*D**-beta", variables=("N", "D"))
law.linear        # ("E", "A", "B")
law.nonlinear     # ("alpha", "beta")
law.predict({"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}, N=7e10, D=1.4e12)
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fitting.arrays import Index
from fitting.columns import array_of, by_name, finite_number, renaming
from fitting.errors import BadData, BadLaw, BadOption
from fitting.law import expression
from fitting.law.calculus import derivative, design, linear_constants
from fitting.law.compiled import compile_trees
from fitting.law.expression import Node
from fitting.law.latex import latex, symbol
from fitting.law.naming import canonical_text
from fitting.law.spelling import plain

Constants = Mapping[str, Any] | Sequence[float] | np.ndarray
"""Values by name, or in the order of a law's constants."""


@dataclass(frozen=True)
class Law:
    """A formula over named variables, with named constants to fit.

    Grammar: numbers, names, + - * / **, brackets, and exp, log (natural), log10, log1p, sqrt, tanh, abs.
    A name among `variables` is a column of the data; every other name is a constant. `L = ...` in front
    names the target. What people paste (`^`, pow, LaTeX, `log(L) =`, SymPy's and PySR's prints) is rewritten first: see
    `fitting.law.spelling`. Two laws are `==` when their texts mean the same tree; `same_as` looks deeper.

    Attributes:
        text: the law in the plain grammar; as written, where it was plain.
        variables: names of the columns it may use.
        tree: the expression (see `fitting.law.expression`).
        target: name left of `=`, or None.
        constants: names of constants in order of appearance.
        linear, nonlinear: constants that enter linearly (jointly), and the rest.
    """

    text: str = field(compare=False)
    variables: tuple[str, ...]
    tree: Node
    target: str | None = None

    @cached_property
    def _hash(self) -> int:
        return hash((self.variables, self.tree, self.target))

    def __hash__(self) -> int:  # laws are keys of many caches, and trees are deep
        return self._hash

    def __reduce__(self) -> tuple[Any, ...]:
        """What was compiled or remembered stays here: another process makes its own."""
        return Law, (self.text, self.variables, self.tree, self.target)

    @staticmethod
    def parse(text: str, variables: Sequence[str] = ("N", "D")) -> Law:
        """Read a law.

        Raises:
            BadLaw: the position and what to do.
        """
        if isinstance(variables, str):
            variables = (variables,)
        known = _parse if isinstance(text, str) else _parse.__wrapped__  # what has no hash gets its error too
        return known(text, tuple(variables))

    @cached_property
    def constants(self) -> tuple[str, ...]:
        return expression.names(self.tree, "con")

    @cached_property
    def used(self) -> tuple[str, ...]:
        """Variables the law really depends on, in the order of `variables`."""
        found = expression.names(self.tree, "var")
        return tuple(v for v in self.variables if v in found)

    @cached_property
    def linear(self) -> tuple[str, ...]:
        return linear_constants(self.tree)

    @cached_property
    def nonlinear(self) -> tuple[str, ...]:
        return tuple(c for c in self.constants if c not in self.linear)

    @property
    def n_constants(self) -> int:
        return len(self.constants)

    @cached_property
    def design(self) -> tuple[Node, tuple[Node, ...]]:
        """Offset and columns: law = offset + sum over `linear` of constant * column."""
        return design(self.tree, self.linear)

    def canonical(self) -> str:
        """The one spelling of this law; constants are renamed c1, c2, ... See `fitting.law.canonical`."""
        return _canonical(self.tree)

    def same_as(self, other: Law) -> bool:
        """Whether two laws differ in spelling, names of constants and signs only."""
        return self.canonical() == other.canonical()

    def latex(self) -> str:
        left = f"{symbol(self.target)} = " if self.target else ""
        return left + latex(self.tree)

    def fix(self, values: Mapping[str, float]) -> Law:
        """The law with some constants held at numbers."""
        self.check_names(values, "fixed")
        held = {name: expression.num(finite_number("fixed", name, value)) for name, value in values.items()}
        return Law(self.text, self.variables, expression.substitute(self.tree, held), self.target)

    def tie(self, pairs: Mapping[str, str]) -> Law:
        """The law with some constants made equal to others: {"beta": "alpha"}."""
        self.check_names(pairs, "tied")
        self.check_names(pairs.values(), "tied")
        chains = sorted(set(pairs) & set(pairs.values()))
        if chains:
            raise BadOption(f"tied: {chains[0]} stands on both sides; tie every constant to the same one")
        same = {name: ("con", other) for name, other in pairs.items()}
        return Law(self.text, self.variables, expression.substitute(self.tree, same), self.target)

    def check_names(self, names: Iterable[str], where: str) -> None:
        """Refuse names that are not constants of this law."""
        for name in names:
            if name not in self.constants:
                near = difflib.get_close_matches(str(name), self.constants, 1)
                have = ", ".join(self.constants) or "none"
                hint = f"did you mean {near[0]!r}?" if near else f"it has {have}"
                raise BadOption(f"{where}: the law has no constant {name!r}; {hint}")

    def predict(
        self, constants: Constants, data: Mapping[str, Any] | None = None, **features: ArrayLike
    ) -> Any:
        """Values of the law.

        Args:
            constants: name -> value, or the values in the order of `constants`.
            data, features: columns by name; anything that broadcasts together.

        Returns:
            An array in the broadcast shape of the features; a float when all are single numbers.
        """
        values = self.vector(constants)
        columns = self.columns_of({**(by_name(data) if data is not None else {}), **features})
        shape = np.broadcast_shapes(*(c.shape for c in columns)) if columns else ()
        with np.errstate(all="ignore"):
            before, body = self.program(0)
            out = np.broadcast_to(body(list(values), before(columns))[0], shape)
        return float(out) if shape == () else np.array(out, dtype=float)

    def gradient(self, constants: Constants, data: Mapping[str, Any]) -> np.ndarray:
        """Exact derivatives with respect to the constants: (n, n_constants)."""
        values, columns = self.vector(constants), self.columns_of(by_name(data))
        n = np.broadcast_shapes(*(c.shape for c in columns), (1,))[0]
        with np.errstate(all="ignore"):
            before, body = self.program(1)
            slopes = body(list(values), before(columns))[1:]
        return np.column_stack([np.broadcast_to(np.asarray(s, dtype=float), (n,)) for s in slopes])

    def vector(self, constants: Constants) -> np.ndarray:
        """Constants in the order of `constants`, as floats."""
        if isinstance(constants, Mapping):
            missing = [c for c in self.constants if c not in constants]
            if missing:
                whole = ", ".join(self.constants)
                raise BadOption(f"constants: {', '.join(missing)} missing; expected {whole}")
            return np.array([float(constants[c]) for c in self.constants])
        values = np.asarray(constants, dtype=float).ravel()
        if len(values) != len(self.constants):
            whole = ", ".join(self.constants)
            raise BadOption(f"constants: expected {len(self.constants)} ({whole}), got {len(values)}")
        return values

    def columns_of(self, data: Mapping[str, Any]) -> list[np.ndarray]:
        """The columns this law uses, in the order of `used`; unused ones are not asked for."""
        missing = [v for v in self.used if v not in data]
        if missing:
            have = ", ".join(map(str, data)) or "nothing"
            hint = renaming(data, tuple(missing))
            raise BadData(f"the law needs the column {missing[0]!r}; the data have {have}{hint}")
        return [array_of(v, data[v]) for v in self.used]

    def program(self, order: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
        """`before(columns) -> P`, `body(constants, P) -> [values, slopes..., curvatures...]`.

        order 0 gives values, 1 adds one slope per constant, 2 adds one curvature per pair of `curved`.
        """
        if order not in self._programs:
            self._programs[order] = self._compiled(order)
        return self._programs[order]

    def _compiled(self, order: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
        trees = [self.tree]
        if order >= 1:
            trees += [derivative(self.tree, c) for c in self.constants]
        if order >= 2:
            trees += [derivative(derivative(self.tree, a), b) for a, b in self.curved]
        return compile_trees(tuple(trees), self.used, self.constants)

    @cached_property
    def _programs(self) -> dict[int, tuple[Callable[..., Any], Callable[..., Any]]]:
        return {}

    @cached_property
    def curved(self) -> tuple[tuple[str, str], ...]:
        """Pairs of constants whose second derivative is not zero everywhere."""
        pairs = []
        for i, a in enumerate(self.constants):
            slope = derivative(self.tree, a)
            inside = expression.names(slope, "con")
            pairs += [
                (a, b) for b in self.constants[i:] if b in inside and derivative(slope, b) != expression.ZERO
            ]
        return tuple(pairs)

    @cached_property
    def curved_places(self) -> tuple[Index, Index]:
        """Places of the constants of each pair of `curved` among all constants."""
        at = {name: i for i, name in enumerate(self.constants)}
        pairs = np.array([(at[a], at[b]) for a, b in self.curved], dtype=int).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]


@lru_cache(maxsize=2048)
def _parse(text: str, variables: tuple[str, ...]) -> Law:
    for name in variables:
        if not isinstance(name, str) or not name.isidentifier() or name in expression.FUNCTIONS:
            raise BadLaw(f"variables: {name!r} can't stand in a law; use a plain name such as N")
    text = plain(text, variables)
    target, tree = expression.read(text, variables)
    return Law(text, variables, tree, target)


@lru_cache(maxsize=2048)
def _canonical(tree: Node) -> str:
    return canonical_text(tree)
