"""Sections of a prompt, as text: facts of the training rows, programs with their errors, failures.

Everything here is read off the task's spec, its training rows and validation outcomes. The held-out rows
can't be reached from any of them, and the spec's sentence on how they were chosen stays out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from evaluator.ceiling import noise_ceiling
from evaluator.outcome import Scored
from harness.proposers.facts import TaskFacts
from harness.proposers.formula.render import is_rendered, read
from harness.proposers.llm.edits import Parts
from harness.proposers.llm.grid import data_table
from harness.proposers.llm.known import known_laws
from harness.proposers.llm.memory import Failure, Memory, name_of
from harness.search.archive import Member
from harness.search.candidate import Candidate
from tasks.rows import Rows
from tasks.spec import TaskSpec
from tasks.split import Fold

NOTHING = "(nothing yet)"
MOST_GROUPS = 8
WHOLE_PROGRAM = 1500
"""An inspiration longer than this many characters is shown by its law alone: whole or not, never cut."""
MOST_TRACEBACK = 500
SLOW = 0.1
"""A fit that takes at least this part of its limit is told its time."""


def took(cpu_s: float, limit_s: float) -> str:
    """What a fit takes, for the title of a law: to a power of two, and only where it nears the limit.

    A finer time differs from run to run, and with it every prompt after: two runs of one seed would not be one.
    """
    if cpu_s < SLOW * limit_s:
        return ""
    return f", its fit takes about {2.0 ** round(math.log2(cpu_s)):g} s"


def task_facts(spec: TaskSpec, train: Rows, folds: Iterable[Fold], facts: TaskFacts | None = None) -> str:
    """Columns with units and training ranges, groups, priors, axis, budget, folds, a table, known laws."""
    facts = facts or TaskFacts.of(spec, train)
    lines = ["Features (columns of `data_points`; in law lines each is divided by its round unit):"]
    for j, column in enumerate(spec.features):
        x, f = train.X[:, j], facts.features[j]
        meaning = f", {column.meaning}" if column.meaning else ""
        name = f.name if f.name == column.name else f"{f.name} ({column.name})"
        unit = f", unit {f.unit:g}" if f.unit != 1 else ""
        lines.append(
            f"- {name} [{column.unit}]: {x.min():.4g} to {x.max():.4g}, {len(np.unique(x))} levels{unit}{meaning}"
        )
    if facts.paired:
        lines.append("- own: the feature of the target in hand (each target has one of its own)")
    better = "lower is better" if spec.lower_is_better else "higher is better"
    for t, column in enumerate(spec.targets):
        y = train.y[:, t]
        meaning = f", {column.meaning}" if column.meaning else ""
        lines.append(
            f"Target {column.name} [{column.unit}], {better}: {y.min():.4g} to {y.max():.4g}{meaning}"
        )
    groups = [(label, len(index)) for label, index in train.by_group()]
    if len(groups) > 1:
        told = ", ".join(f"{label} {n}" for label, n in groups[:MOST_GROUPS])
        more = f" and {len(groups) - MOST_GROUPS} more" if len(groups) > MOST_GROUPS else ""
        lines.append(f"Groups (rows), each fitted by itself with the same law: {told}{more}.")
    lines.append(_aims(spec, len(train)))
    lines += _priors(spec)
    lines.append(_folds(spec, train, folds))
    ceiling = noise_ceiling(train)
    if ceiling < 1.0 - 1e-9:
        lines.append(
            f"Features repeat with other targets: no law of them can exceed R2 {ceiling:.4f} on these rows."
        )
    known = known_laws(spec)
    if known:
        lines.append(f"Known laws for such features: {known}.")
    return "\n".join([*lines, "", data_table(spec, train, 1500 if len(spec.targets) == 1 else 1000)])


def _aims(spec: TaskSpec, n: int) -> str:
    if spec.extrapolate:
        at_once = " (all at once)" if spec.corner and len(spec.extrapolate) > 1 else ""
        where = f"beyond the training range along {', '.join(spec.extrapolate)}{at_once}"
    else:
        where = "away from the centre of the training rows"
    if spec.least_budget is None:
        budget = "No fixed limit of constants, but few extrapolate better."
    else:
        each = f" for all {len(spec.targets)} targets together" if len(spec.targets) > 1 else ""
        budget = f"At most {spec.least_budget} constants per group{each}."
    return f"{n} training rows; the law must hold {where}. {budget}"


def _priors(spec: TaskSpec) -> list[str]:
    falls, rises = ", ".join(spec.falls_with), ", ".join(spec.rises_with)
    told = [f"never rises with {falls}" if falls else "", f"never falls with {rises}" if rises else ""]
    said = " and ".join(t for t in told if t)
    return (
        [f"Declared priors: the target {said}, all else equal; laws that break this far out are chosen last."]
        if said
        else []
    )


def _folds(spec: TaskSpec, train: Rows, folds: Iterable[Fold]) -> str:
    told = []
    for f in folds:
        hidden = train.X[f.validation]
        axes = [
            f"{a} {hidden[:, j].min():.3g}..{hidden[:, j].max():.3g}"
            for a in spec.extrapolate
            for j in [spec.feature_names.index(a)]
        ]
        where = f" ({', '.join(axes)})" if axes else ""
        told.append(f"{f.name} hides {len(f.validation)} rows{where}")
    return f"Folds: {'; '.join(told)}."


def errors(outcome: Scored | None, order: tuple[str, ...] = (), fits: tuple[str, ...] = ()) -> str:
    """Validation errors per fold in one order throughout, with what the fits found, and the worst groups."""
    if outcome is None:
        return NOTHING
    names = [n for n in order if n in outcome.cards] or list(outcome.cards)
    by_name = {line[2:].partition(":")[0]: line for line in fits}
    lines = []
    for name in names:
        card = outcome.cards[name]
        text = by_name.get(name) or f"- {name}:"
        head, _, rest = text.partition(":")
        text = f"{head}: NMSE {card.nmse:.3g}{';' if rest.strip() else ''}{rest}"
        groups = {g: c for g, c in card.per_group.items() if c.nmse == c.nmse}
        if len(groups) > 1:
            worst = sorted(groups.items(), key=lambda item: (-item[1].nmse, item[0]))[:2]
            text += "; worst groups " + ", ".join(f"{g} {c.nmse:.3g}" for g, c in worst)
        lines.append(text)
    return "\n".join(lines)


def shows_law(candidate: Candidate, facts: TaskFacts) -> bool:
    """Whether a candidate is shown as a line: our own rendering says nothing that its law does not."""
    return is_rendered(candidate.program, facts) or "LAW = Law.parse(" in candidate.program


def program_of(member: Member, facts: TaskFacts) -> str:
    """A program as a prompt shows it: one line where we wrote the rest, else the text."""
    c = member.candidate
    if not shows_law(c, facts):
        return f"```python\n{c.program.strip(chr(10))}\n```"
    genome = read(c.program, facts)
    fit = (genome.choices.label() if genome else "") or "squared loss, linear constants solved exactly"
    return f"LAW: {c.law}\nFIT: {fit}"


def inspirations(members: list[Member], memory: Memory, facts: TaskFacts) -> str:
    """Other programs: the law, the error, and the block where no line says it and it is short."""
    shown = []
    for m in members:
        c = m.candidate
        lines = [f"- error {m.error:.3g}, {m.n_constants} constants: {name_of(c)}"]
        if not c.law and not shows_law(c, facts):
            block = Parts.of(c.program).block.strip("\n")
            if len(block) <= WHOLE_PROGRAM:
                lines.append(f"```python\n{block}\n```")
        shown.append("\n".join(lines))
    return "\n".join(shown) or NOTHING


def failures(latest: list[Failure]) -> str:
    """Failures with their own frames; the end of a long one, which names the error."""
    shown = []
    for f in latest:
        text = f"- {f.label}: {f.reason}: {' '.join(f.detail.split())[:240]}"
        if f.traceback:
            frames = f.traceback.strip()
            if len(frames) > MOST_TRACEBACK:
                frames = "..." + frames[-MOST_TRACEBACK:]
            text += "\n" + "\n".join(f"    {line}" for line in frames.splitlines())
        shown.append(text)
    return "\n".join(shown) or NOTHING


def tried(memory: Memory) -> str:
    """Terms that most recent laws have."""
    lines = [
        f"- `{term}` is in {n} of the last {memory.n_recent} laws; the best of those has error {best:.3g}"
        for term, n, best in memory.often()
    ]
    return "\n".join(lines)


def best_programs(members: list[Member]) -> str:
    """One line each."""
    lines = [f"- error {m.error:.3g}, {m.n_constants} constants: {name_of(m.candidate)}" for m in members]
    return "\n".join(lines) or NOTHING


def section(title: str, text: str) -> str:
    """A part with its title; "" where there is nothing to say."""
    return f"# {title}\n\n{text}\n\n" if text.strip() and text != NOTHING else ""
