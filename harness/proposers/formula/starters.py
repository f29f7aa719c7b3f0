"""Laws a search begins with: the field's plain forms over a task's features."""

from __future__ import annotations

import itertools
from dataclasses import replace

from harness.proposers.facts import TaskFacts
from harness.proposers.formula.genome import KINDS, Factor, FitChoices, Genome


def starters(facts: TaskFacts) -> list[Genome]:
    """Laws a search begins with: the field's plain forms over this task's features.

    Bias plus one power (or line) per feature, the same with one feature each, and logs.
    """
    usable = [j for j, f in enumerate(facts.features[: facts.n_features]) if f.varies]
    budget = facts.budget_per_target
    single = {j: _plain(facts, j) for j in usable}
    laws = [Genome(tuple((single[j],) for j in usable))]
    laws += [Genome(((single[j],),)) for j in usable]
    logs = [
        (Factor("log", (j,)),) if facts.features[j].positive else (Factor("linear", (j,)),) for j in usable
    ]
    laws.append(Genome(tuple(logs)))
    squares = [
        (Factor("log_square", (j,)),) if facts.features[j].positive else (Factor("square", (j,)),)
        for j in usable
    ]
    laws.append(Genome(tuple(logs + squares)))
    laws.append(Genome((tuple(single[j] for j in usable),)))
    laws += _mixtures(facts, usable) + _bowls(facts, usable)
    laws += _interactions(facts, usable) + _log_quadratic(facts, usable) + _repeats(facts, usable)
    if len(usable) == 1:
        laws += _curves(facts, usable[0])
    else:
        laws += _scores(facts, usable)
    fitting = []
    for law in laws:
        while law.n_constants > budget and len(law.terms) > 1:
            law = replace(law, terms=law.terms[:-1])
        if law.n_constants <= budget:
            fitting.append(_free_signs(law, facts).normal())
    return list(dict.fromkeys(fitting))


def _mixtures(facts: TaskFacts, usable: list[int]) -> list[Genome]:
    """Forms for shares and the like: an exponential of a linear combination, alone and by own feature."""
    n = facts.n_features
    mixed = [j for j in usable if j < n and not facts.features[j].positive]
    tilts = tuple(Factor("tilt", (j,), (f"t{j + 1}",)) for j in mixed)
    laws = [Genome((tilts,))] if len(mixed) > 1 else []
    if facts.paired and facts.features[n].not_negative:
        own = Factor("shifted_power", (n,), ("s1", "a1"))
        laws.append(Genome(((own,),)))
        laws.append(Genome(((own,), *((Factor("linear", (j,)),) for j in mixed[:-1]))))
    return laws


def _bowls(facts: TaskFacts, usable: list[int]) -> list[Genome]:
    """A power of every axis, and a best value, fixed or moving along the axes, of every other feature."""
    axes = [j for j in facts.axes if j in usable and facts.features[j].positive][:2]
    others = [j for j in usable if j not in facts.axes and facts.features[j].positive]
    if not axes or not others:
        return []
    powers = tuple((_plain(facts, j),) for j in axes)
    moving = "moving_bowl" if len(axes) == 1 else "moving_bowl2"
    fixed_terms, moving_terms = [], []
    for k, j in enumerate(others):
        fixed_terms.append((Factor("bowl", (j,), (f"l{k}",)),))
        slopes = tuple(f"b{10 * k + i}" for i in range(len(axes)))
        moving_terms.append((Factor(moving, (j, *axes), (f"l{k}", *slopes)),))
    return [Genome((*powers, *fixed_terms)), Genome((*powers, *moving_terms))]


def _interactions(facts: TaskFacts, usable: list[int]) -> list[Genome]:
    """Log target, linear in the logs of two or three features and their products (Clark et al. 2022)."""
    if not facts.positive_targets or not 2 <= len(usable) <= 3:
        return []
    if not all(facts.features[j].positive for j in usable):
        return []
    logs = [Factor("log", (j,)) for j in usable]
    pairs = tuple(itertools.combinations(logs, 2))
    return [Genome((*((f,) for f in logs), *pairs), choices=FitChoices(link="log"))]


def _log_quadratic(facts: TaskFacts, usable: list[int]) -> list[Genome]:
    """Log target, quadratic in the logs of one or two features: the control of every scoreboard, as a law."""
    if not facts.positive_targets or not 1 <= len(usable) <= 2:
        return []
    if not all(facts.features[j].positive for j in usable):
        return []
    logs = [Factor("log", (j,)) for j in usable]
    squares = [(Factor("log_square", (j,)),) for j in usable]
    pairs = itertools.combinations(logs, 2)
    return [Genome((*((f,) for f in logs), *squares, *pairs), choices=FitChoices(link="log"))]


def _repeats(facts: TaskFacts, usable: list[int]) -> list[Genome]:
    """Repeated data worth less than fresh data, and a power of every other feature (Muennighoff et al. 2023)."""
    laws = []
    for x, z in facts.repeats:
        worth = Factor("repeated", (x, z), ("k1", "a90"))
        others = [(_plain(facts, j),) for j in usable if j not in (x, z)]
        laws.append(Genome(((worth,), *others)))
    return laws


def _curves(facts: TaskFacts, j: int) -> list[Genome]:
    """Forms of one feature: powers that set in late, or a step and a bell where it is a log or a share."""
    if facts.features[j].positive:
        kinds = {"shifted_power": ("s1", "a1"), "rectified": ("a1", "s1")}
        return [Genome(((Factor(kind, (j,), names),),)) for kind, names in kinds.items()]
    line, step = (Factor("linear", (j,)),), (Factor("step", (j,), ("m1", "k1")),)
    bell = (Factor("bell", (j,), ("m2", "w1")),)
    return [Genome((step,)), Genome((bell,)), Genome((line, bell)), Genome((step, bell))]


def _scores(facts: TaskFacts, usable: list[int]) -> list[Genome]:
    """A score that rises along an axis to a ceiling, logistic in its log, alone and beside the other features."""
    laws = []
    for j in facts.rising:
        if facts.features[j].positive:
            rise = (Factor("rectified", (j,), ("a90", "s90")),)
            others = [(_plain(facts, i),) for i in usable if i != j]
            laws += [Genome((rise,)), Genome((rise, *others))]
    return laws


def _free_signs(genome: Genome, facts: TaskFacts) -> Genome:
    """Amplitudes of any sign for scores, and where a factor may rise or fall by itself; a bowl has its bottom below."""
    free = bool(facts.rising) or any(
        KINDS[f.kind].asymptote != "vanishes" and "bowl" not in f.kind for t in genome.terms for f in t
    )
    return replace(genome, choices=replace(genome.choices, non_negative=not free))


def _plain(facts: TaskFacts, j: int) -> Factor:
    return Factor("power", (j,), (f"a{j + 1}",)) if facts.features[j].positive else Factor("linear", (j,))
