"""Scoring programs outside a search: fit on train, check every rule, score on the held-out rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from evaluator import Evaluator, Failed, Scored, reveal
from evaluator.literals import literals
from evaluator.outcome import Scorecard
from harness.choosing.controls import on_the_board
from harness.proposers.facts import TaskFacts
from harness.proposers.formula.proposer import free_draft
from harness.record.summary import plain
from harness.search.candidate import program_hash
from harness.search.selection import validation_nmse
from tasks import Task
from tasks.split import validation_folds

SCORE_VERSION = 4
"""Raised when the meaning of a stored score changes, so that old ones are computed again."""


def _nowhere(event: str, facts: Mapping[str, object]) -> None:
    """Nothing is chosen by a scoreboard's scores, so no journal has to say that held-out rows were opened."""


def score_program(program: str, task: Task, evaluator: Evaluator) -> dict[str, Any]:
    """Everything a scoreboard shows of one program on one task.

    Returns:
        JSON-ready facts: heldout, validation, broken rules, constants, seconds, controls.
    """
    draft = free_draft(program, TaskFacts.of(task.spec, task.train))
    folds = validation_folds(task.spec, task.train)
    validation = evaluator.validate(program, task, folds, checks="all")
    broken = evaluator.broken_rules(program, task.spec, task.train, task.train.X, task.train.group)
    controls = on_the_board(task.train)
    report = reveal(program, task, evaluator, _nowhere, controls=controls)
    heldout, numbers = report.outcome, literals(program)
    rules = {f.failure.value: f for f in broken}
    for outcome in (validation, heldout):
        if isinstance(outcome, Failed):
            rules.setdefault(outcome.failure.value, outcome)
    p = task.provenance
    return plain(
        {
            "task": task.name,
            "program_hash": program_hash(program),
            "law": draft.law,
            "train_hash": p.train_hash,
            "heldout_hash": p.heldout_hash,
            "simulated": p.simulated,
            "official": bool(p.official),
            "note": p.note,
            "broken_rules": [
                {"rule": rule, "detail": f.detail, "traceback": f.traceback} for rule, f in rules.items()
            ],
            "heldout": _card(heldout) if not rules else None,
            "validation_r2": 1 - validation_nmse(validation) if isinstance(validation, Scored) else None,
            "n_constants": heldout.n_constants if isinstance(heldout, Scored) else None,
            "budget": task.spec.constants_budget,
            "constants": {g: list(v) for g, v in heldout.constants.items()}
            if isinstance(heldout, Scored)
            else {},
            "text_numbers": numbers.count,
            "longest_list": numbers.longest,
            "marks": list(report.marks),
            "seconds": heldout.seconds,
            "noise_ceiling_r2": report.ceiling,
            "controls": {
                name: asdict(c) if isinstance(c, Scorecard) else None for name, c in report.controls.items()
            },
        }
    )


def _card(outcome: Scored | Failed) -> dict[str, Any] | None:
    return asdict(outcome.cards["heldout"]) if isinstance(outcome, Scored) else None
