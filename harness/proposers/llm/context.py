"""Sections of a prompt, as text: facts of the training rows, programs with their errors, failures.

Everything here is read off the task's spec, its training rows and validation outcomes. The held-out rows
can't be reached from any of them, and the spec's sentence on how they were chosen stays out.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from evaluator.outcome import Scored
from harness.proposers.llm.edits import Parts
from harness.proposers.llm.memory import Failure, Memory
from harness.search.archive import Member
from tasks.rows import Rows
from tasks.spec import TaskSpec
from tasks.split import Fold

NOTHING = "(nothing yet)"
MOST_GROUPS = 12
WHOLE_PROGRAM = 4500
"""An inspiration longer than this many characters is shown by its law alone: whole or not, never cut."""
MOST_TRACEBACK = 700


def task_facts(spec: TaskSpec, train: Rows, folds: Iterable[Fold]) -> str:
    """Columns with units and training ranges, groups, axis, budget, folds."""
    lines = ["Features, in the order of the columns of `data_points`:"]
    for j, column in enumerate(spec.features):
        x = train.X[:, j]
        meaning = f"; {column.meaning}" if column.meaning else ""
        levels = len(np.unique(x))
        lines.append(
            f"- column {j}, {column.name} [{column.unit}]: {x.min():.4g} to {x.max():.4g}, {levels} levels{meaning}"
        )
    lines.append("Targets:" if len(spec.targets) > 1 else "Target:")
    for t, column in enumerate(spec.targets):
        y = train.y[:, t]
        better = "lower is better" if spec.lower_is_better else "higher is better"
        meaning = f"; {column.meaning}" if column.meaning else ""
        lines.append(f"- {column.name} [{column.unit}], {better}: {y.min():.4g} to {y.max():.4g}{meaning}")
    groups = [(label, len(index)) for label, index in train.by_group()]
    if len(groups) > 1:
        told = ", ".join(f"{label} ({n} rows)" for label, n in groups[:MOST_GROUPS])
        more = f" and {len(groups) - MOST_GROUPS} more" if len(groups) > MOST_GROUPS else ""
        lines.append(f"Groups, each fitted by itself with the same program: {told}{more}.")
    lines.append(f"Training rows: {len(train)}. The ranges above are those of the training rows alone.")
    if spec.extrapolate:
        at_once = " (all at once)" if spec.corner and len(spec.extrapolate) > 1 else ""
        lines.append(
            f"The law must hold beyond the training range, along {', '.join(spec.extrapolate)}{at_once}."
        )
    else:
        lines.append("The law must hold away from the centre of the training rows.")
    if spec.constants_budget is not None:
        each = f" for all {len(spec.targets)} targets together" if len(spec.targets) > 1 else ""
        lines.append(f"At most {spec.constants_budget} constants per group{each}.")
    else:
        lines.append("No fixed limit of constants, but few constants extrapolate better.")
    names = ", ".join(f"{f.name} ({len(f.train)} rows fit, {len(f.validation)} are predicted)" for f in folds)
    lines.append(f"Validation folds: {names}.")
    return "\n".join(lines)


def errors(outcome: Scored | None) -> str:
    """Validation errors per fold, and per group where there are several."""
    if outcome is None:
        return NOTHING
    lines = []
    for name, card in outcome.cards.items():
        groups = {g: c for g, c in card.per_group.items() if c.nmse == c.nmse}
        told = ""
        if len(groups) > 1:
            worst = sorted(groups.items(), key=lambda item: -item[1].nmse)[:MOST_GROUPS]
            told = "; by group, worst first: " + ", ".join(f"{g} {c.nmse:.4g}" for g, c in worst)
        lines.append(f"- fold {name}: NMSE {card.nmse:.4g}{told}")
    return "\n".join(lines)


def program_of(member: Member) -> str:
    return member.candidate.program.strip("\n")


def inspirations(members: list[Member], memory: Memory) -> str:
    """Other programs: the law, the errors, and the block where it is short enough to be shown whole."""
    shown = []
    for m in members:
        c = m.candidate
        lines = [f"## {c.id}, error {m.error:.4g}, {m.n_constants} constants"]
        if c.law:
            lines.append(f"Law: {c.law}")
        lines.append(errors(memory.scored.get(c.id)))
        block = Parts.of(c.program).block.strip("\n")
        if len(block) <= WHOLE_PROGRAM:
            lines.append(f"```python\n{block}\n```")
        shown.append("\n".join(lines))
    return "\n\n".join(shown) or NOTHING


def failures(latest: list[Failure]) -> str:
    """Failures with their own frames; the end of a long one, which names the error."""
    shown = []
    for f in latest:
        text = f"- {f.label}: {f.reason}: {' '.join(f.detail.split())[:300]}"
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
        f"- `{term}` is in {n} of the last {memory.n_recent} laws; the best of those has error {best:.4g}"
        for term, n, best in memory.often()
    ]
    return "\n".join(lines) or NOTHING


def best_programs(members: list[Member]) -> str:
    """One line each."""
    lines = [
        f"- {m.candidate.id}: error {m.error:.4g}, {m.n_constants} constants: {m.candidate.law or 'free program'}"
        for m in members
    ]
    return "\n".join(lines) or NOTHING
