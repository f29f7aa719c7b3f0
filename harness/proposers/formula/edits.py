"""Grammar edits: small random changes of a genome that keep it a law within its budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from harness.proposers.facts import TaskFacts
from harness.proposers.formula.factors import Around, NoEdit, random_factor
from harness.proposers.formula.genome import KINDS, ROLES, Genome, Term, pin_text, pinned
from harness.search.draws import drawn, shares


def add_term(genome: Genome, around: Around, rng: np.random.Generator) -> Genome:
    factors = [random_factor(around.facts, rng, 900)]
    if rng.random() < 0.3:
        factors.append(random_factor(around.facts, rng, 950))
    return replace(genome, terms=(*genome.terms, tuple(factors)))


def drop_term(genome: Genome, around: Around, rng: np.random.Generator) -> Genome:
    if len(genome.terms) < 2:
        raise NoEdit("a law keeps at least one term")
    gone = int(rng.integers(len(genome.terms)))
    return replace(genome, terms=tuple(t for i, t in enumerate(genome.terms) if i != gone))


def couple(genome: Genome, around: Around, rng: np.random.Generator) -> Genome:
    """Multiply a term by one more factor."""
    return _change_term(genome, rng, lambda t: (*t, random_factor(around.facts, rng, 900)))


def uncouple(genome: Genome, around: Around, rng: np.random.Generator) -> Genome:
    """Drop a factor of a product."""
    products = [i for i, t in enumerate(genome.terms) if len(t) > 1]
    if not products:
        raise NoEdit("no term is a product")
    i = int(rng.choice(products))
    gone = int(rng.integers(len(genome.terms[i])))
    return _put(genome, i, tuple(f for k, f in enumerate(genome.terms[i]) if k != gone))


def change_factor(genome: Genome, around: Around, rng: np.random.Generator) -> Genome:
    """Replace a factor by a random one."""

    def change(term: Term) -> Term:
        k = int(rng.integers(len(term)))
        return (*term[:k], random_factor(around.facts, rng, 900), *term[k + 1 :])

    return _change_term(genome, rng, change)


def change_kind(genome: Genome, around: Around, rng: np.random.Generator) -> Genome:
    """Another kind over the same first feature."""

    def change(term: Term) -> Term:
        k = int(rng.integers(len(term)))
        for _ in range(20):
            new = random_factor(around.facts, rng, 900)
            if new.features[0] == term[k].features[0] and new.kind != term[k].kind:
                return (*term[:k], new, *term[k + 1 :])
        raise NoEdit("no other kind for this feature")

    return _change_term(genome, rng, change)


def swap_term(genome: Genome, around: Around, rng: np.random.Generator) -> Genome:
    """Put a term of another law in the place of one of ours."""
    foreign = around.mate.terms[int(rng.integers(len(around.mate.terms)))]
    renamed = tuple(
        replace(
            f,
            constants=tuple(
                c if pinned(c) else f"{c[0]}{700 + 10 * k + i}" for i, c in enumerate(f.constants)
            ),
        )
        for k, f in enumerate(foreign)
    )
    return _put(genome, int(rng.integers(len(genome.terms))), renamed)


def tie(genome: Genome, around: Around, rng: np.random.Generator) -> Genome:
    """Give two exponents one value."""
    exponents = [name for name, role in genome.nonlinear() if role == "exponent"]
    if len(exponents) < 2:
        raise NoEdit("fewer than two exponents")
    kept, gone = (str(c) for c in rng.choice(exponents, size=2, replace=False))
    return _rename(genome, lambda c, _: kept if c == gone else c)


def untie(genome: Genome, around: Around, rng: np.random.Generator) -> Genome:
    """Free every place of a tied constant."""
    every = [c for t in genome.terms for f in t for c in f.constants if not pinned(c)]
    tied = sorted({c for c in every if every.count(c) > 1})
    if not tied:
        raise NoEdit("nothing is tied")
    chosen = str(rng.choice(tied))
    return _rename(genome, lambda c, place: f"{c[0]}{800 + place}" if c == chosen else c)


def pin(genome: Genome, around: Around, rng: np.random.Generator) -> Genome:
    """Write a constant out as the value it took: shared by all groups, and free of the budget."""
    known = [name for name, _ in genome.nonlinear() if name in around.fitted]
    if not known:
        raise NoEdit("no fitted value to pin a constant at")
    chosen = str(rng.choice(known))
    value = pin_text(around.fitted[chosen])
    return _rename(genome, lambda c, _: value if c == chosen else c)


def unpin(genome: Genome, around: Around, rng: np.random.Generator) -> Genome:
    """Let a pinned constant be fitted again."""
    numbers = sorted({c for t in genome.terms for f in t for c in f.constants if pinned(c)})
    if not numbers:
        raise NoEdit("nothing is pinned")
    chosen = str(rng.choice(numbers))
    free: dict[str, str] = {}
    terms = []
    for t in genome.terms:
        factors = []
        for f in t:
            names = []
            for c, role in zip(f.constants, KINDS[f.kind].roles, strict=True):
                # One number in two places was one constant, if its role is one.
                names.append(free.setdefault(role, f"{ROLES[role]}860") if c == chosen else c)
            factors.append(replace(f, constants=tuple(names)))
        terms.append(tuple(factors))
    return replace(genome, terms=tuple(terms))


def nudge(genome: Genome, around: Around, rng: np.random.Generator) -> Genome:
    """Move a pinned constant a little."""
    numbers = sorted({c for t in genome.terms for f in t for c in f.constants if pinned(c)})
    if not numbers:
        raise NoEdit("nothing is pinned")
    chosen = str(rng.choice(numbers))
    value = float(chosen.strip("()")) * (1.0 + float(rng.choice([-0.3, -0.1, -0.03, 0.03, 0.1, 0.3])))
    return _rename(genome, lambda c, _: pin_text(value) if c == chosen else c)


def toggle_bias(genome: Genome, around: Around, rng: np.random.Generator) -> Genome:
    return replace(genome, bias=not genome.bias)


def change_fit(genome: Genome, around: Around, rng: np.random.Generator) -> Genome:
    """One fitting choice moves."""
    c = genome.choices
    options = ["loss", "emphasis", "sign", "ridge", "exponent"]
    if around.facts.positive_targets:
        options.append("link")
    match str(rng.choice(options)):
        case "loss":
            c = replace(c, loss="huber" if c.loss == "squared" else "squared")
        case "link":
            c = replace(c, link="log" if c.link == "identity" else "identity")
        case "emphasis":
            moved = c.emphasis + float(rng.choice([-1.0, -0.5, 0.5, 1.0, 2.0]))
            c = replace(c, emphasis=min(max(moved, 0.0), 6.0))
        case "sign":
            c = replace(c, non_negative=not c.non_negative)
        case "ridge":
            c = replace(c, ridge=float(rng.choice([0.0, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2])))
        case "exponent":
            c = replace(c, exponent_bound=float(rng.choice([0.5, 1.0, 1.5, 2.0, 3.0])))
    return replace(genome, choices=c)


Edit = Callable[[Genome, Around, np.random.Generator], Genome]

EDITS: dict[str, tuple[Edit, float]] = {
    "add_term": (add_term, 2.0),
    "drop_term": (drop_term, 1.5),
    "couple": (couple, 2.0),
    "uncouple": (uncouple, 1.0),
    "change_factor": (change_factor, 2.0),
    "change_kind": (change_kind, 2.0),
    "swap_term": (swap_term, 1.5),
    "tie": (tie, 0.7),
    "untie": (untie, 0.5),
    "pin": (pin, 0.7),
    "unpin": (unpin, 0.4),
    "nudge": (nudge, 0.5),
    "toggle_bias": (toggle_bias, 0.3),
    "change_fit": (change_fit, 2.0),
}
"""Name -> the edit and how often it is tried."""

_NAMES = list(EDITS)
_SHARES = shares([often for _, often in EDITS.values()])


def edit(genome: Genome, around: Around, rng: np.random.Generator) -> tuple[Genome, str]:
    """A changed genome in normal form, within the budget, and the name of the edit.

    One edit in four is followed by a second, so that a good pair of changes is not lost because
    its first half is bad.

    Raises:
        NoEdit: nothing applied in 40 tries.
    """
    before = genome.normal()
    for _ in range(40):
        changed, applied = genome, []
        for _ in range(2 if rng.random() < 0.25 else 1):
            name = _NAMES[drawn(_SHARES, rng)]
            try:
                changed = EDITS[name][0](changed, around, rng)
            except NoEdit:
                continue
            applied.append(name)
        if not applied or not _legal(changed, around.facts):
            continue
        normal = changed.normal()
        if normal != before:
            return normal, "+".join(applied)
    raise NoEdit("no edit applied in 40 tries")


def _legal(genome: Genome, facts: TaskFacts) -> bool:
    """Within the budget, short enough to read, and no term written twice."""
    if not genome.terms or genome.n_constants > facts.budget_per_target:
        return False
    if any(len(t) > max(3, len(facts.features)) for t in genome.terms) or len(genome.terms) > 6:
        return False
    if any(_redundant(t) for t in genome.terms):
        return False
    shapes = [tuple(sorted((f.kind, f.features) for f in t)) for t in genome.terms]
    # Two plain powers of one feature are hard to tell apart; two equal linear terms are singular.
    rigid = [s for s in shapes if all(not KINDS[k].roles for k, _ in s)]
    return len(set(rigid)) == len(rigid) and all(shapes.count(s) <= 2 for s in shapes)


def _redundant(term: Term) -> bool:
    """Whether a product says the same thing twice: a factor repeated, or more exponents than features."""
    places = [(f.kind, f.features) for f in term]
    if len(set(places)) < len(places):
        return True
    powers = [f for f in term if f.kind in ("power", "ratio")]
    exponents = {c for f in powers for c in f.constants if not pinned(c)}
    return len(exponents) > len({j for f in powers for j in f.features})


def _change_term(genome: Genome, rng: np.random.Generator, change: Callable[[Term], Term]) -> Genome:
    i = int(rng.integers(len(genome.terms)))
    return _put(genome, i, change(genome.terms[i]))


def _put(genome: Genome, i: int, term: Term) -> Genome:
    return replace(genome, terms=(*genome.terms[:i], term, *genome.terms[i + 1 :]))


def _rename(genome: Genome, new: Callable[[str, int], str]) -> Genome:
    place = 0
    terms = []
    for term in genome.terms:
        factors = []
        for f in term:
            constants = []
            for c in f.constants:
                constants.append(new(c, place))
                place += 1
            factors.append(replace(f, constants=tuple(constants)))
        terms.append(tuple(factors))
    return replace(genome, terms=tuple(terms))
