"""The genome of the offline search: a law on one line, and the choices of its fit.

A law is a sum of terms, each an amplitude times a product of factors:

    c0 + c1*N**-a1 + c2*(D + s2)**-a2*log(V)

Amplitudes `c*` enter linearly. The constants inside factors do not; each has a role that sets its
bounds, and two places that carry one name share one value (tied exponents).
"""

from __future__ import annotations

import functools
import itertools
import re
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class Kind:
    """A shape a factor can take.

    Attributes:
        text: the factor as written in a law; `{x}`, `{z}`, `{w}` are features, `{0}`, `{1}`, `{2}` constants.
        roles: role of each constant, a key of ROLES.
        sign: "positive" where its features must be positive in every row, "not_negative" where they
            may be zero too, "any" where they may be anything, "mixed" where the shape is meant for
            features that are not positive (logs, shares): a bell or a step in a raw count would only
            imitate a power law near the rows.
        asymptote: what the factor does far out: "vanishes", "levels", "grows".
    """

    text: str
    roles: tuple[str, ...]
    sign: str
    asymptote: str

    @cached_property
    def n_features(self) -> int:
        return 1 + ("{z}" in self.text) + ("{w}" in self.text)


KINDS: dict[str, Kind] = {
    "power": Kind("{x}**-{0}", ("exponent",), "positive", "vanishes"),
    "shifted_power": Kind("({x} + {0})**-{1}", ("shift", "exponent"), "not_negative", "vanishes"),
    # Data worth having before fine-tuning began (Lin et al. 2024).
    "rectified": Kind("1/({x}**{0} + {1})", ("exponent", "shift"), "positive", "vanishes"),
    "ratio": Kind("({x}/{z})**-{0}", ("exponent",), "positive", "vanishes"),
    "sum_power": Kind("({x} + {0}*{z})**-{1}", ("shift", "exponent"), "not_negative", "vanishes"),
    "log_power": Kind("(1 + {0}*log(1 + {x}))**-{1}", ("rate", "exponent"), "positive", "vanishes"),
    # Repeated data: x tokens of which z are unique are worth less than x (Muennighoff et al. 2023, eq. 5).
    "repeated": Kind(
        "({z} + {0}*{z}*(1 - exp((1 - {x}/{z})/{0})))**-{1}", ("rate", "exponent"), "positive", "levels"
    ),
    "log": Kind("log({x})", (), "positive", "grows"),
    "shifted_log": Kind("log({x} + {0})", ("shift",), "not_negative", "grows"),
    "log_square": Kind("log({x})**2", (), "positive", "grows"),
    # A best value of x, fixed or moving as powers of others (learning rate and batch size: Li et al. 2025).
    "bowl": Kind("(log({x}) - {0})**2", ("place",), "positive", "grows"),
    "moving_bowl": Kind("(log({x}) - {0} - {1}*log({z}))**2", ("place", "slope"), "positive", "grows"),
    "moving_bowl2": Kind(
        "(log({x}) - {0} - {1}*log({z}) - {2}*log({w}))**2", ("place", "slope", "slope"), "positive", "grows"
    ),
    "saturating": Kind("{x}/({x} + {0})", ("shift",), "positive", "levels"),
    "decay": Kind("exp(-{0}*{x})", ("rate",), "any", "vanishes"),
    # Mixtures: the exponential of a linear combination is a product of tilts (Ye et al. 2024).
    "tilt": Kind("exp({0}*{x})", ("tilt",), "mixed", "grows"),
    "linear": Kind("{x}", (), "any", "grows"),
    "square": Kind("{x}**2", (), "mixed", "grows"),
    "bell": Kind("exp(-(({x} - {0})/{1})**2)", ("centre", "width"), "mixed", "vanishes"),
    "step": Kind("tanh({1}*({x} - {0}))", ("centre", "rate"), "mixed", "levels"),
}

ROLES: dict[str, str] = {
    "exponent": "a",
    "shift": "s",
    "rate": "k",
    "place": "l",
    "slope": "b",
    "tilt": "t",
    "centre": "m",
    "width": "w",
}
"""Role -> first letter of a constant's name."""


@dataclass(frozen=True, slots=True)
class Factor:
    """One factor: its kind, the features it reads (positions) and its constants.

    A constant is a name that the fit finds a value for, or a number written out: a pinned constant,
    shared by all groups and free of the budget, as reference scales are.
    """

    kind: str
    features: tuple[int, ...]
    constants: tuple[str, ...] = ()

    def text(self, names: tuple[str, ...]) -> str:
        return _factor_text(self, names)


@functools.lru_cache(maxsize=8192)
def _factor_text(factor: Factor, names: tuple[str, ...]) -> str:
    places = dict(zip("xzw", factor.features, strict=False))
    return KINDS[factor.kind].text.format(*factor.constants, **{k: names[j] for k, j in places.items()})


Term = tuple[Factor, ...]


def pinned(constant: str) -> bool:
    """Whether a factor's constant is a number, not a name."""
    return not constant[0].isalpha()


def pin_text(value: float) -> str:
    """A pinned value as it stands in a law, to three digits."""
    text = f"{value:.3g}"
    text = f"{float(text):.10f}".rstrip("0").rstrip(".") if "e" in text else text
    return f"({text})" if text.startswith("-") else text


@dataclass(frozen=True, slots=True)
class FitChoices:
    """How constants are fitted; these evolve with the form.

    Attributes:
        loss: "squared", or "huber" with the width set by the residuals' own spread.
        link: "identity" fits y, "log" fits log y (targets must be positive).
        emphasis: rows at the outer edge of train weigh exp(emphasis) times those at the inner edge.
        non_negative: amplitudes other than the bias are >= 0.
        ridge: shrinkage of the amplitudes, relative to the scaled normal equations.
        exponent_bound: largest exponent; the smallest is minus half of it.
    """

    loss: str = "squared"
    link: str = "identity"
    emphasis: float = 0.0
    non_negative: bool = True
    ridge: float = 0.0
    exponent_bound: float = 1.5

    def label(self) -> str:
        """The choices that differ from the defaults, for one line of a leaderboard."""
        return _label(self)


@functools.lru_cache(maxsize=1024)
def _label(choices: FitChoices) -> str:
    default = FitChoices()
    parts = [
        f"{name}={getattr(choices, name):g}"
        if isinstance(getattr(choices, name), float)
        else f"{name}={getattr(choices, name)}"
        for name in choices.__dataclass_fields__
        if getattr(choices, name) != getattr(default, name)
    ]
    return ", ".join(parts)


@dataclass(frozen=True)
class Genome:
    """A law and its fit.

    Attributes:
        terms: the terms besides the bias.
        bias: whether the law has an additive constant.
        choices: the fitting choices.
    """

    terms: tuple[Term, ...]
    bias: bool = True
    choices: FitChoices = field(default_factory=FitChoices)

    def nonlinear(self) -> tuple[tuple[str, str], ...]:
        """(name, role) of every non-linear constant, tied ones once, in order of appearance."""
        return self._nonlinear

    @cached_property
    def _nonlinear(self) -> tuple[tuple[str, str], ...]:
        seen: dict[str, str] = {}
        for factor in itertools.chain.from_iterable(self.terms):
            for name, role in zip(factor.constants, KINDS[factor.kind].roles, strict=True):
                if not pinned(name):
                    seen.setdefault(name, role)
        return tuple(seen.items())

    @property
    def n_linear(self) -> int:
        return len(self.terms) + self.bias

    @property
    def n_constants(self) -> int:
        """Constants per target: amplitudes, bias and non-linear ones."""
        return self.n_linear + len(self.nonlinear())

    @property
    def size(self) -> int:
        """How much there is to say: terms, factors, and constants inside them, pinned ones too."""
        factors = [f for t in self.terms for f in t]
        return len(self.terms) + self.bias + len(factors) + sum(len(f.constants) for f in factors)

    @property
    def asymptote(self) -> str:
        """What the law does far out: the strongest of its factors' asymptotes."""
        order = ("vanishes", "levels", "grows")
        kinds = [max((KINDS[f.kind].asymptote for f in term), key=order.index) for term in self.terms]
        tail = max(kinds, key=order.index, default="levels")
        return tail if self.choices.link == "identity" else f"log-{tail}"

    def normal(self) -> Genome:
        """The same law in canonical form: factors and terms sorted, constants renamed in order.

        Two genomes that differ by order or by names of constants alone have one normal form.
        """
        return self._normal

    @cached_property
    def _normal(self) -> Genome:
        uses: dict[str, int] = {}
        for f in itertools.chain.from_iterable(self.terms):
            for c in f.constants:
                uses[c] = uses.get(c, 0) + 1

        def place(f: Factor) -> tuple[str, tuple[int, ...], tuple[int, ...]]:
            return f.kind, f.features, tuple([0 if pinned(c) else uses[c] for c in f.constants])

        placed = sorted(
            (sorted([(place(f), k, f) for k, f in enumerate(t)]) for t in self.terms),
            key=lambda term: [where for where, _, _ in term],
        )
        given: dict[str, int] = {}
        names: dict[str, str] = {}
        renamed = []
        for term in placed:
            factors = []
            for _, _, f in term:
                for old, role in zip(f.constants, KINDS[f.kind].roles, strict=True):
                    if pinned(old):
                        names[old] = old
                    elif old not in names:
                        letter = ROLES[role]
                        given[letter] = given.get(letter, 0) + 1
                        names[old] = f"{letter}{given[letter]}"
                factors.append(Factor(f.kind, f.features, tuple([names[c] for c in f.constants])))
            renamed.append(tuple(factors))
        return Genome(tuple(renamed), self.bias, self.choices)

    def columns(self, names: tuple[str, ...]) -> list[str]:
        """Text of each term without its amplitude, the bias excluded."""
        return ["*".join(f.text(names) for f in term) for term in self.terms]

    def line(self, names: tuple[str, ...]) -> str:
        """The law as one line over the given feature names."""
        parts = ["c0"] if self.bias else []
        parts += [f"c{i}*{text}" for i, text in enumerate(self.columns(names), start=1)]
        body = " + ".join(parts)
        return f"exp({body})" if self.choices.link == "log" else body


CONSTANT = r"[a-z]\d+|\d+(?:\.\d+)?|\(-\d+(?:\.\d+)?\)"


class NotAGenome(ValueError):
    """A line that the formula grammar can't read."""


def parse(line: str, names: tuple[str, ...], choices: FitChoices) -> Genome:
    """Read a law written by `Genome.line`; spaces don't matter.

    Raises:
        NotAGenome: a term matches no kind of factor.
    """
    text = re.sub(r"\s+", "", line)
    if choices.link == "log":
        if not (text.startswith("exp(") and text.endswith(")")):
            raise NotAGenome(f"a law fitted in logs is written exp(...), got {line!r}")
        text = text[4:-1]
    bias = False
    terms: list[Term] = []
    for part in _split(text, "+"):
        amplitude, _, rest = part.partition("*")
        if not re.fullmatch(r"c\d+", amplitude):
            raise NotAGenome(f"expected a term that starts with an amplitude c0, c1, ..., got {part!r}")
        if rest:
            terms.append(_factors(rest, names))
        else:
            bias = True
    return Genome(tuple(terms), bias, choices)


def _factors(text: str, names: tuple[str, ...]) -> Term:
    pieces = _split(text, "*")
    factors = [_factor(piece, names) for piece in pieces]
    return tuple(factors)


def _factor(text: str, names: tuple[str, ...]) -> Factor:
    for kind_name, pattern in _patterns(names):
        match = pattern.fullmatch(text)
        if match:
            found = match.groupdict()
            features = [names.index(found[k]) for k in "xzw" if k in found]
            n = len(KINDS[kind_name].roles)
            return Factor(kind_name, tuple(features), tuple(found[f"c{i}"] for i in range(n)))
    raise NotAGenome(f"{text!r} is none of the factors {', '.join(KINDS)} over {', '.join(names)}")


@functools.lru_cache(maxsize=32)
def _patterns(names: tuple[str, ...]) -> list[tuple[str, re.Pattern[str]]]:
    feature = "|".join(re.escape(n) for n in sorted(names, key=len, reverse=True))
    patterns = []
    for kind_name, kind in KINDS.items():
        pattern = ""
        seen: set[str] = set()
        for piece in re.split(r"(\{[xzw012]\})", kind.text.replace(" ", "")):
            if re.fullmatch(r"\{[xzw012]\}", piece):
                key = piece[1] if piece[1] in "xzw" else f"c{piece[1]}"
                inner = feature if key in "xzw" else CONSTANT
                pattern += f"(?P={key})" if key in seen else f"(?P<{key}>{inner})"
                seen.add(key)
            else:
                pattern += re.escape(piece)
        patterns.append((kind_name, re.compile(pattern)))
    return patterns


def _split(text: str, operator: str) -> list[str]:
    """Split at `operator` outside parentheses; `**` is one token and never a split."""
    parts, depth, start, i = [], 0, 0, 0
    while i < len(text):
        if text.startswith("**", i):
            i += 2
            continue
        if text[i] in "()":
            depth += 1 if text[i] == "(" else -1
        elif text[i] == operator and depth == 0:
            parts.append(text[start:i])
            start = i + 1
        i += 1
    return [*parts, text[start:]]
