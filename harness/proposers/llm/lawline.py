"""A law alone as an answer: made a program by us, so that a model need not write the fit again.

A law that the formula grammar knows becomes a rendered law like any other, which the offline proposer can change too;
any other law in the grammar of `fitting.Law` becomes a short program that calls `fitting.fit`.
"""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import Any

from fitting.errors import FittingError
from fitting.law import expression
from fitting.law.law import Law
from harness.proposers.facts import TaskFacts
from harness.proposers.formula.genome import FitChoices, Genome, NotAGenome, parse
from harness.proposers.formula.proposer import FormulaProposer
from harness.proposers.llm.stated import Stated
from harness.search.candidate import Draft

LOSSES = ("squared", "huber")
LINKS = ("identity", "log")


class BadLawLine(Exception):
    """A law that can't be made a program; the text says why."""


def law_draft(stated: Stated, facts: TaskFacts, title: str, edit: str) -> Draft:
    """The program of a law line.

    Raises:
        BadLawLine: what is wrong, for the model.
    """
    try:
        law = Law.parse(stated.law, facts.names)
    except (FittingError, RecursionError, MemoryError) as error:
        raise BadLawLine(f"{error}; features are {', '.join(facts.names)}") from error
    if not law.used or not law.constants:
        raise BadLawLine(
            f"expected a law of {', '.join(facts.names)} with constants to fit, got {stated.law!r}"
        )
    most = facts.budget_per_target
    if facts.budget is not None and len(law.constants) > most:
        raise BadLawLine(
            f"expected at most {most} constants, the law has {len(law.constants)}: {', '.join(law.constants)}"
        )
    choices = fit_choices(stated.fit, facts)
    genome = genome_of(law, facts, choices)
    if genome is not None:
        made = FormulaProposer(facts, title)._draft(genome.normal(), edit)
        return replace(made, program=_with_why(made.program, stated))
    text = expression.text_of(law.tree)
    program = TEMPLATE.format(
        comments=replace(stated, law=text, constants=", ".join(law.constants), fit="").comments(),
        title=f"{text}\n\n{title}",
        units=", ".join(f"{f.unit:g}" for f in facts.features),
        names=facts.names,
        law=text,
        loss=repr(_loss(choices)),
        emphasis=repr(choices.emphasis),
        axes=list(facts.axes) if choices.emphasis else [],
        own=f"\n    table = np.column_stack([table, table[:, {list(facts.paired)}[t]]])"
        if facts.paired
        else "",
    )
    key = f"{law.canonical()} | fit {choices.label()}"
    return Draft(program, key, text, "free", edit, tuple(law.constants), 2 * len(law.constants))


def fit_choices(text: str, facts: TaskFacts) -> FitChoices:
    """Choices from "loss=huber, link=log, emphasis=1"; what is not said stays at its default.

    Raises:
        BadLawLine: a choice there is not.
    """
    known = {f.name: f for f in fields(FitChoices)}
    given: dict[str, Any] = {}
    for name, value in re.findall(r"(\w+)\s*[=:]\s*([\w.+-]+)", text):
        if name not in known:
            raise BadLawLine(f"FIT: no choice {name!r}; choices are {', '.join(known)}")
        default = getattr(FitChoices(), name)
        if isinstance(default, bool):
            given[name] = value.lower() in ("true", "yes", "1")
        elif isinstance(default, str):
            allowed = LOSSES if name == "loss" else LINKS
            if value.lower() not in allowed:
                raise BadLawLine(f"FIT: {name} is one of {', '.join(allowed)}, got {value!r}")
            given[name] = value.lower()
        else:
            try:
                given[name] = min(max(float(value), 0.0), 10.0)
            except ValueError:
                raise BadLawLine(f"FIT: {name} is a number, got {value!r}") from None
    choices = FitChoices(**given)
    if choices.link == "log" and not facts.positive_targets:
        raise BadLawLine("FIT: link=log needs positive targets, some are not")
    return choices


def genome_of(law: Law, facts: TaskFacts, choices: FitChoices) -> Genome | None:
    """The law in the formula grammar, or None where it is beyond it.

    Constants are renamed, and the sign of an exponent is a matter of its value.
    """
    node = law.tree
    if choices.link == "log":
        if node[0] != "fn" or node[1] != "exp":
            return None
        node = node[2]
    terms = node[1] if node[0] == "add" else (node,)
    linear = set(law.linear) if choices.link == "identity" else None
    parts: list[str] = []
    used: set[str] = set()
    negative = False
    for i, term in enumerate(terms):
        factors = list(term[1]) if term[0] == "mul" else [term]
        minus = [f for f in factors if f == ("num", -1.0)]
        factors = [f for f in factors if f != ("num", -1.0)]
        amplitudes = [f for f in factors if f[0] == "con" and (linear is None or f[1] in linear)]
        if len(amplitudes) != 1 or amplitudes[0][1] in used or len(minus) > 1:
            return None
        used.add(amplitudes[0][1])
        factors.remove(amplitudes[0])
        negative |= bool(minus)
        if not factors:
            parts.append(f"c{len(parts) + 1}" if i else "c0")
            continue
        parts.append("*".join([f"c{i + 1}", *(_plain_factor(f) for f in factors)]))
    names = [c for c in law.constants if c not in used]
    text = " + ".join(parts)
    for n, name in sorted(enumerate(names, 1), key=lambda pair: -len(pair[1])):
        text = re.sub(rf"(?<![\w]){re.escape(name)}(?![\w])", f"\0{n}", text)
    text = text.replace("\0", "q")
    if any(c in text for c in ("inf", "nan")):
        return None
    if choices.link == "log":
        text = f"exp({text})"
    try:
        genome = parse(
            text, facts.names, replace(choices, non_negative=choices.non_negative and not negative)
        )
    except (NotAGenome, KeyError, IndexError):
        return None
    roles: dict[str, str] = {}
    for name, role in ((n, r) for n, r in genome.nonlinear()):
        if roles.setdefault(name, role) != role:
            return None
    return genome if len(genome.terms) > 0 and genome.n_constants <= facts.budget_per_target else None


def _plain_factor(node: expression.Node) -> str:
    """Text of a factor as `KINDS` spell it: a power's exponent carries a minus."""
    if node[0] == "pow" and node[2][0] == "con":
        node = ("pow", node[1], ("mul", (("num", -1.0), node[2])))
    return expression.text_of(node).replace(" ", "")


def _loss(choices: FitChoices) -> str | None:
    if choices.link == "log":
        return "log_huber:1e-3" if choices.loss == "huber" else "log_squared"
    return "huber:1e-3" if choices.loss == "huber" else None


def _with_why(program: str, stated: Stated) -> str:
    """The reason as one comment more, above the block: what is inside is compared with what we render."""
    mark = "# EVOLVE-BLOCK-START"
    if not stated.why:
        return program
    head, _, rest = program.partition(mark)
    return f"{head.rstrip()}\n# why: {stated.why}\n{mark}{rest}"


TEMPLATE = '''"""{title}"""

# EVOLVE-BLOCK-START
{comments}
import numpy as np
from fitting import Law, fit

UNITS = np.array([{units}])
LAW = Law.parse("{law}", {names!r})
LOSS = {loss}


def columns(data_points, t):
    """The features of target t by name, in round units."""
    table = np.asarray(data_points, dtype=float){own}
    return dict(zip({names!r}, (table / UNITS).T))


def weights(data_points):
    """Rows nearer the edge we extrapolate from may count more."""
    place = np.zeros(len(data_points))
    for j in {axes}:
        levels, index = np.unique(np.asarray(data_points)[:, j], return_inverse=True)
        place = np.maximum(place, index.ravel() / max(len(levels) - 1, 1))
    return np.exp({emphasis} * (place - 1.0))


def fit_scaling_law(data_points, loss_values):
    y = np.asarray(loss_values, dtype=float).reshape(len(data_points), -1)
    found = []
    for t in range(y.shape[1]):
        rows = {{**columns(data_points, t), "target_": y[:, t], "weight_": weights(data_points)}}
        result = fit(LAW, rows, target="target_", loss=LOSS, weights="weight_")
        found += [result.constants[name] for name in LAW.constants]
    return np.array(found)


def scaling_law_func(data_points, params):
    table = np.asarray(params, dtype=float).reshape(-1, len(LAW.constants))
    values = [LAW.predict(row, columns(data_points, t)) for t, row in enumerate(table)]
    values = [np.broadcast_to(v, (len(data_points),)) for v in values]
    return values[0] if len(values) == 1 else np.stack(values, axis=1)
# EVOLVE-BLOCK-END
'''
