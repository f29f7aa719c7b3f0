"""The law of a run as a formula with its numbers: what it says at any rows, and as LaTeX, SymPy, NumPy and JAX."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fitting import Law
from fitting.law.latex import latex, symbol
from harness.errors import BadOption, BadRun
from harness.proposers.facts import identifiers
from harness.proposers.formula.naming import readable
from tasks import TaskSpec

LIBRARIES = ("numpy", "jax")
FUNCTIONS = ("exp", "log", "log10", "log1p", "sqrt", "tanh", "abs")


@dataclass(frozen=True, slots=True)
class Formula:
    """A law on one line with fitted constants, for one group and one target.

    Attributes:
        text: in the grammar of `fitting.Law`, over features in round units.
        features: names in the text, in the order of the columns. columns: what the table calls them.
        units: feature -> what it is divided by.
        constants: name -> value.
        target: column that it predicts. group: whose constants these are, or "".
    """

    text: str
    features: tuple[str, ...]
    columns: tuple[str, ...]
    units: Mapping[str, float]
    constants: Mapping[str, float]
    target: str
    group: str = ""

    @property
    def parsed(self) -> Law:
        """The law as a value of the fitting library."""
        return Law.parse(self.text, self.features)

    def __str__(self) -> str:
        return self.text

    def __call__(self, *columns: Any, **named: Any) -> Any:
        """Values at features in raw units, one argument a feature; anything that broadcasts together."""
        given = {**dict(zip(self.features, columns, strict=False)), **named}
        scaled = {
            n: np.asarray(given[n], dtype=float) / self.units.get(n, 1.0) for n in self.features if n in given
        }
        missing = [n for n in self.parsed.used if n not in scaled]
        if missing:
            raise BadOption(f"{missing[0]}= is missing; the law needs {', '.join(self.parsed.used)}")
        return self.parsed.predict(dict(self.constants), scaled)

    def latex(self, numbers: bool = False) -> str:
        r"""LaTeX of the law: `L = E + \frac{A}{N^{\alpha}}`.

        Args:
            numbers: write the constants' values, four digits of them.
        """
        law = self.parsed
        if numbers:
            law = law.fix({k: float(f"{v:.4g}") for k, v in self.constants.items()})
        return f"{symbol(_identifier(self.target))} = {latex(law.tree)}"

    def sympy(self, numbers: bool = True) -> Any:
        """A SymPy expression in the features, in raw units; needs SymPy (the extra `sympy`).

        Args:
            numbers: put the constants' values in; False leaves them symbols.
        """
        try:
            import sympy
        except ImportError:
            raise BadOption("SymPy is not installed: pip install 'scaling-law-harness[sympy]'") from None
        names = {n: sympy.Symbol(n, positive=True) for n in self.features}
        scaled = {n: s / sympy.Float(self.units.get(n, 1.0)) for n, s in names.items()}
        constants = {
            n: sympy.Float(v) if numbers else sympy.Symbol(n, real=True) for n, v in self.constants.items()
        }
        functions = {"exp": sympy.exp, "log": sympy.log, "sqrt": sympy.sqrt, "tanh": sympy.tanh, "abs": sympy.Abs,
                     "log10": lambda x: sympy.log(x, 10), "log1p": lambda x: sympy.log(1 + x)}  # fmt: skip
        return _in_sympy(self.parsed.tree, {**scaled, **constants}, functions)

    def source(self, library: str = "numpy") -> str:
        """Python source of a function that stands alone.

        Args:
            library: "numpy" or "jax".
        """
        if library not in LIBRARIES:
            raise BadOption(f"library=: expected one of {', '.join(LIBRARIES)}, got {library!r}")
        module = "jax.numpy" if library == "jax" else "numpy"
        used = [f for f in FUNCTIONS if re.search(rf"\b{f}\(", self.text) and f != "abs"]
        about = f" of group {self.group}" if self.group else ""
        lines = [f'"""{self.target}{about} = {self.text}"""', ""]
        lines += [f"from {module} import {', '.join(used)}", ""] if used else []
        lines += [
            "",
            f"def law({', '.join(self.features)}):",
            f'    """{self.target}; features in raw units."""',
        ]
        lines += [
            f"    {n} = {n} / {self.units[n]:g}" for n in self.parsed.used if self.units.get(n, 1.0) != 1.0
        ]
        lines += [f"    {name} = {value!r}" for name, value in self.constants.items()]
        return "\n".join([*lines, f"    return {self.text}", ""])


def formulas(summary: Mapping[str, Any], spec: TaskSpec) -> dict[tuple[str, str], Formula]:
    """(group, target) -> formula of a finished run's law.

    Raises:
        BadRun: the law is a free program, which has no formula.
    """
    if not summary.get("units") or not summary.get("constants"):
        raise BadRun(
            f"run {summary['run']}: its law is a program and no formula of the grammar; .program holds its text, and "
            ".forecast says what it predicts"
        )
    shown = readable(summary["law"], tuple(summary["units"]))
    found = {}
    for group, stored in summary["constants"].items():
        for t, target in enumerate(spec.target_names):
            mine = {
                k.partition("[")[0]: v for k, v in stored.items() if k.endswith(f"[{target}]") or "[" not in k
            }
            constants = {shown.constant(k): float(v) for k, v in mine.items()}
            text, units = shown.text, dict(summary["units"])
            if spec.paired:  # the law speaks of "own", each target's own feature
                own = identifiers(spec)[spec.feature_names.index(spec.paired[t])]
                ratio = units[own] / units.pop("own")
                text = re.sub(r"\bown\b", own if ratio == 1 else f"({own}*{ratio:g})", text)
            features = identifiers(spec)[: len(spec.feature_names)]
            found[(group, target)] = Formula(text, features, spec.feature_names, units, constants, target,
                                             group if spec.group else "")  # fmt: skip
    return found


def _in_sympy(node: Any, names: Mapping[str, Any], functions: Mapping[str, Any]) -> Any:
    """A tree of `fitting.law.expression` as SymPy."""
    import sympy

    tag = node[0]
    if tag == "num":
        return sympy.Integer(int(node[1])) if float(node[1]).is_integer() else sympy.Float(node[1])
    if tag in ("var", "con"):
        return names[node[1]]
    if tag in ("add", "mul"):
        return (sympy.Add if tag == "add" else sympy.Mul)(
            *(_in_sympy(part, names, functions) for part in node[1])
        )
    if tag == "pow":
        return _in_sympy(node[1], names, functions) ** _in_sympy(node[2], names, functions)
    return functions[node[1]](_in_sympy(node[2], names, functions))


def _identifier(name: str) -> str:
    word = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "y"
    return f"{word}_" if keyword.iskeyword(word) else word
