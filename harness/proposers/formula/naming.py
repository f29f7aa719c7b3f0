"""Laws of the grammar as people read them: E + A*N**-alpha for c0 + c1*N**-a1, and no x**-(-0.07)."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from harness.proposers.formula.genome import KINDS, Factor, FitChoices, NotAGenome, parse, pinned

AMPLITUDES = ("A", "B", "F", "G", "H", "K", "P", "Q", "R", "S", "U", "V", "W")
"""Without the letters that stand for parameters, tokens, compute and losses."""
EXPONENTS = (
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "mu", "nu", "xi", "rho", "sigma",
)  # fmt: skip
BY_ROLE = {
    "shift": "{x}_0",
    "rate": "k_{x}",
    "place": "log_{x}_best",
    "slope": "slope_{z}",
    "tilt": "t_{x}",
    "centre": "{x}_mid",
    "width": "{x}_width",
}
"""How a constant inside a factor is called after the feature that it belongs to."""
BY_KIND = {("sum_power", "shift"): "weight_{z}", ("repeated", "rate"): "R_{z}"}


@dataclass(frozen=True, slots=True)
class Readable:
    """A law for people.

    Attributes:
        text: still in the grammar of `fitting.Law`.
        names: constant as stored -> as shown; empty for a law that the formula grammar doesn't know.
    """

    text: str
    names: Mapping[str, str]

    def constants(self, values: Mapping[str, float | None]) -> dict[str, float | None]:
        """Constants under the names that the text has; `c1[target]` keeps its target."""
        return {self.constant(k): v for k, v in values.items()}

    def constant(self, name: str) -> str:
        """One name, as stored, as the text has it."""
        stem, bracket, target = name.partition("[")
        return self.names.get(stem, stem) + bracket + target


@functools.lru_cache(maxsize=4096)
def readable(law: str, features: tuple[str, ...]) -> Readable:
    """A stored law with names that mean something.

    Args:
        law: one line, as in summaries and journals.
        features: names in it that are columns, as Python identifiers.
    """
    try:
        genome = parse(law, features, FitChoices(link="log" if law.startswith("exp(") else "identity"))
    except NotAGenome:
        return Readable(tidy(law), {})
    names = _names(genome.terms, genome.bias, genome.choices.link == "log", features)
    return Readable(tidy(_renamed(law, names)), names)


def tidy(law: str) -> str:
    """The same law without signs and factors that nobody would write."""
    number = r"(\d+(?:\.\d+)?)"
    law = re.sub(rf"\*\*-\(-{number}\)", r"**\1", law)
    law = re.sub(rf" - \(-{number}\)", r" + \1", law)
    law = re.sub(rf"(?<=[(*])-\(-{number}\)", r"\1", law)
    law = re.sub(rf"(?<=\()\(-{number}\)(?=\*)", r"-\1", law)
    return law.replace("*1/(", "/(")


def _names(
    terms: Iterable[tuple[Factor, ...]], bias: bool, in_logs: bool, features: tuple[str, ...]
) -> dict[str, str]:
    taken = {*features, "exp", "log", "tanh"}
    found: dict[str, str] = {}
    if bias:
        found["c0"] = _free("bias" if in_logs else "E", taken)
    amplitudes, exponents = _unused(AMPLITUDES, taken), _unused(EXPONENTS, taken)
    for i, term in enumerate(terms, start=1):
        found[f"c{i}"] = _free(next(amplitudes), taken)
        for factor in term:
            places = [features[j] for j in factor.features]
            x, z = places[0], places[-1]
            slopes = iter(places[1:])
            for name, role in zip(factor.constants, KINDS[factor.kind].roles, strict=True):
                if pinned(name) or name in found:
                    continue
                if role == "exponent":
                    found[name] = _free(next(exponents), taken)
                    continue
                other = next(slopes, z) if role == "slope" else z
                pattern = BY_KIND.get((factor.kind, role), BY_ROLE[role])
                found[name] = _free(pattern.format(x=x, z=other), taken)
    return found


def _unused(names: tuple[str, ...], taken: set[str]) -> Iterator[str]:
    yield from (n for n in names if n not in taken)
    n = 1
    while True:
        yield f"{names[0]}{(n := n + 1)}"


def _free(name: str, taken: set[str]) -> str:
    """The name, with a number behind it where it is taken."""
    found, n = name, 1
    while found in taken:
        found = f"{name}{(n := n + 1)}"
    taken.add(found)
    return found


def _renamed(law: str, names: Mapping[str, str]) -> str:
    return re.sub(r"[A-Za-z_]\w*", lambda m: names.get(m[0], m[0]), law)
