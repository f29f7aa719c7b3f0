"""The final summary of a run: one JSON value that screens, leaderboards and machines read."""

from __future__ import annotations

import math
import platform
import re
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from evaluator import Failed, Report, Scored
from evaluator.literals import literals
from evaluator.outcome import Scorecard
from harness.choosing.choice import Choice
from harness.config import Config
from harness.proposers.assignment import Assignment
from harness.proposers.facts import TaskFacts
from harness.proposers.formula.proposer import genome_of
from harness.search.archive import Member
from harness.search.candidate import Draft, program_hash
from harness.search.ending import Ending
from harness.search.search import Search
from harness.search.selection import validation_nmse
from tasks import Task

VERSION = 1


@dataclass(frozen=True, slots=True)
class Finished:
    """All that a summary is made of.

    Attributes:
        run_name: of its folder; seconds: searched.
        choice: the chosen law with its outcome on the validation folds, and what forecasts beside it.
        report: what the sealed room held; None where no law was chosen.
        sandbox: the layers that held.
    """

    assignment: Assignment
    config: Config
    run_name: str
    ending: Ending
    search: Search
    seconds: float
    choice: Choice
    report: Report | None
    sandbox: str


def build_summary(run: Finished) -> dict[str, Any]:
    """Everything worth keeping of a finished run."""
    task, config, search = run.assignment.task, run.config, run.search
    choice, report = run.choice, run.report
    p = task.provenance
    settings = config.as_dict()
    summary: dict[str, Any] = {
        "version": VERSION,
        "run": run.run_name,
        "task": task.name,
        "title": task.spec.title,
        "data": {
            "kind": p.kind,
            "train_hash": p.train_hash,
            "heldout_hash": p.heldout_hash,
            "simulated": p.simulated,
            "official": bool(p.official),
            "note": p.note,
        },
        "proposer": config.evolve.proposer,
        "seed": config.evolve.seed,
        "config": {k: v for k, v in settings.items() if k != "data_dir"},
        "sandbox": run.sandbox,
        "software": _software(),
        "ending": run.ending.value,
        "evaluations": search.n_told,
        "failed_evaluations": search.n_failed,
        "seconds": round(run.seconds, 1),
        "law": None,
    }
    if choice.winner is not None and report is not None:
        summary |= _law(choice.winner.member, run.assignment.facts, choice.winner.outcome)
        summary |= _heldout(task, choice.winner.member, report)
        summary["voters"] = [m.candidate.draft.law or m.candidate.id for m in choice.voters]
        summary["shares"] = choice.panel.shares if choice.panel else {}
        summary["validation"]["log_errors"] = choice.controls
        summary["notes"] = choice.notes
    summary["published"] = [asdict(s) for s in task.spec.published]
    return plain(summary)


def _software() -> str:
    """What a run was made with, on one line."""
    found = [f"Python {platform.python_version()}"]
    for name, package in (("harness", "scaling-law-harness"), ("numpy", "numpy"), ("scipy", "scipy")):
        try:
            found.append(f"{name} {version(package)}")
        except PackageNotFoundError:  # run from a folder that was never installed
            continue
    return ", ".join([*found, f"{platform.system()} {platform.machine()}"])


def _law(winner: Member, facts: TaskFacts, checked: Scored) -> dict[str, Any]:
    draft = winner.candidate.draft
    genome = genome_of(draft, facts)
    error = validation_nmse(checked)
    return {
        "law": draft.law or _free(winner.candidate.program),
        "units": _units(draft, facts, genome is not None),
        "fit_choices": genome.choices.label() if genome else "",
        "candidate": winner.candidate.id,
        "program": "best_program.py",
        "program_hash": program_hash(winner.candidate.program),
        "text_numbers": literals(winner.candidate.program).count,
        "longest_list": literals(winner.candidate.program).longest,
        "n_constants": winner.n_constants,
        "validation": {
            "r2": 1.0 - error,
            "nmse": error,
            "folds": {name: asdict(card) for name, card in checked.cards.items()},
        },
    }


def _units(draft: Draft, facts: TaskFacts, rendered: bool) -> dict[str, float]:
    """What the law counts each feature in; {} of a program that is no formula."""
    if draft.edit.startswith("control ") and draft.law:
        return {f.name: 1.0 for f in facts.features}
    return {f.name: f.unit for f in facts.features} if rendered else {}


def _free(program: str) -> str:
    """A name for a law that is no formula: the program's hash, and the first line of its docstring if it has one."""
    title = re.match(r'\s*[rR]?"""[ ]*([^"\n|`]{1,100})', program)
    return f"free program {program_hash(program)[:12]}" + (f": {title[1].strip()}" if title else "")


def _heldout(task: Task, winner: Member, report: Report) -> dict[str, Any]:
    outcome = report.outcome
    controls = {name: _card(card) for name, card in report.controls.items()}
    common = {
        "forecast": _card(report.forecast) if report.forecast else None,
        "forecast_coverage": report.coverage,
        "noise_ceiling_r2": report.ceiling,
        "marks": list(report.marks),
        "controls": controls,
    }
    if isinstance(outcome, Failed):
        return {**common, "heldout": None, "heldout_failure": f"{outcome.failure.value}: {outcome.detail}"}
    names = winner.candidate.draft.constants
    return {
        **common,
        "heldout": _card(outcome.cards["heldout"]),
        "constants": {
            g: named_constants(v, names, task.spec.target_names) for g, v in outcome.constants.items()
        },
    }


def named_constants(
    values: tuple[float, ...], names: tuple[str, ...], targets: tuple[str, ...]
) -> dict[str, float]:
    """Constants with the names they have in the law; several targets give `name[target]`."""
    if names and len(values) == len(names):
        return dict(zip(names, values, strict=True))
    if names and len(values) == len(names) * len(targets):
        return {
            f"{name}[{target}]": values[t * len(names) + i]
            for t, target in enumerate(targets)
            for i, name in enumerate(names)
        }
    return {f"p{i}": v for i, v in enumerate(values)}


def _card(card: Scorecard | Failed) -> dict[str, Any] | None:
    return asdict(card) if isinstance(card, Scorecard) else None


def plain(value: Any) -> Any:
    """JSON has no NaN or infinity; they become null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value
