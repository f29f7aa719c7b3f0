"""Scoring programs outside a search: fit on train, check every rule, score on the held-out rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from statistics import stdev
from typing import Any

from evaluator import Failed, Failure, Scored, reveal
from evaluator.foreign import FROZEN_MARK, LOOSE_MARK, Form, Lenient, form_of
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

SCORE_VERSION = 5
"""Raised when the meaning of a stored score changes, so that old ones are computed again."""


def _quietly(doing: str) -> None:
    """Nobody looks."""


def _nowhere(event: str, facts: Mapping[str, object]) -> None:
    """Nothing is chosen by a scoreboard's scores, so no journal has to say that held-out rows were opened."""


def score_program(
    program: str, task: Task, evaluator: Lenient, folds: bool = False, say: Callable[[str], None] = _quietly
) -> dict[str, Any]:
    """Everything a scoreboard shows of one program on one task.

    Args:
        folds: also score on the validation folds inside train, with every check, at some times the cost.
        say: is told what is being done.

    Returns:
        JSON-ready facts: heldout, validation, broken rules, constants, seconds, controls.
    """
    form = form_of(program)
    fitted = form is Form.FITTED
    draft = free_draft(program, TaskFacts.of(task.spec, task.train)) if fitted else None
    say(
        f"{task.name}: fitting, predicting, and asking again"
        if fitted
        else f"{task.name}: asking the frozen law"
    )
    report = reveal(program, task, evaluator, _nowhere, controls=on_the_board(task.train))
    heldout, numbers = report.outcome, literals(program)
    loose = isinstance(heldout, Scored) and "fit 1" in heldout.cards
    rules: dict[str, Failed] = {}
    if isinstance(heldout, Failed):
        say(f"{task.name}: looking for every broken rule")
        rules = _broken(program, task, evaluator, heldout) if fitted else {heldout.failure.value: heldout}
    validation = None
    if folds and fitted and not loose and not rules:
        say(f"{task.name}: validation folds")
        validation = evaluator.validate(program, task, validation_folds(task.spec, task.train), checks="all")
        if isinstance(validation, Failed):
            rules.setdefault(validation.failure.value, validation)
    p, scored = task.provenance, isinstance(heldout, Scored)
    fits = (
        [c.r2 for n, c in heldout.cards.items() if n.startswith("fit ")]
        if isinstance(heldout, Scored)
        else []
    )
    return plain(
        {
            "task": task.name,
            "program_hash": program_hash(program),
            "form": form.value,
            "law": draft.law if draft else "",
            "train_hash": p.train_hash,
            "heldout_hash": p.heldout_hash,
            "simulated": p.simulated,
            "official": bool(p.official),
            "note": p.note,
            "broken_rules": [
                {"rule": rule, "detail": f.detail, "traceback": f.traceback} for rule, f in rules.items()
            ],
            "heldout": _card(heldout) if not rules else None,
            "fits_r2": fits,
            "r2_sd": stdev(fits) if len(fits) > 1 else None,
            "validation_r2": 1 - validation_nmse(validation) if isinstance(validation, Scored) else None,
            "n_constants": heldout.n_constants if isinstance(heldout, Scored) and fitted else None,
            "budget": task.spec.constants_budget,
            "constants": {g: list(v) for g, v in heldout.constants.items()}
            if isinstance(heldout, Scored)
            else {},
            "text_numbers": numbers.count,
            "longest_list": numbers.longest,
            "marks": [
                *([FROZEN_MARK] if not fitted and scored else []),
                *([f"{LOOSE_MARK}: scores are means over {len(fits)} fits"] if loose else []),
                *report.marks,
            ],
            "seconds": heldout.seconds,
            "noise_ceiling_r2": report.ceiling,
            "controls": {
                name: asdict(c) if isinstance(c, Scorecard) else None for name, c in report.controls.items()
            },
        }
    )


def _broken(program: str, task: Task, evaluator: Lenient, first: Failed) -> dict[str, Failed]:
    """Every broken rule by name, that of the score first among them; not being repeatable is a mark, no broken rule."""
    train = task.train
    found = evaluator.broken_rules(program, task.spec, train, train.X, train.group)
    rules = {f.failure.value: f for f in found if f.failure is not Failure.NOT_REPEATABLE}
    rules[first.failure.value] = rules.get(first.failure.value, first)
    if first.failure is Failure.SYNTAX:  # with what a person would say
        rules[first.failure.value] = first
    return {rule: _hinted(f) for rule, f in rules.items()}


def _hinted(failed: Failed) -> Failed:
    """With the way to allow an import."""
    name = re.search(r"may not import '([\w.]+)'", failed.detail)
    if failed.failure is not Failure.FORBIDDEN or name is None:
        return failed
    package = name[1].partition(".")[0]
    return replace(failed, detail=f"{failed.detail}; --allow-import {package} allows it, inside the sandbox")


def _card(outcome: Scored | Failed) -> dict[str, Any] | None:
    return asdict(outcome.cards["heldout"]) if isinstance(outcome, Scored) else None
