"""Candidates, outcomes and reports as JSON, and back: what the journal's columns hold."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any

from evaluator.outcome import Failed, Failure, Outcome, Scorecard, Scored
from evaluator.reveal import Report
from harness.search.candidate import Candidate, Draft


def storable(text: str) -> str:
    """Text that UTF-8 can hold: a lone surrogate, as a model may send, becomes a question mark."""
    return text.encode("utf-8", "replace").decode()


def dump(value: Any) -> str:
    return storable(
        json.dumps(_plain(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    )


def _plain(value: Any) -> Any:
    """JSON has no NaN or infinity: they travel as strings that float() reads back."""
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value


def candidate_facts(c: Candidate) -> dict[str, Any]:
    d = c.draft
    return {
        "id": c.id,
        "parent": c.parent,
        "mate": c.mate,
        "niche": c.niche,
        "generation": c.generation,
        "proposer": c.proposer,
        "draft": {
            "key": d.key,
            "law": d.law,
            "shape": d.shape,
            "edit": d.edit,
            "constants": list(d.constants),
            "size": d.size,
        },
    }


def candidate_of(facts: dict[str, Any], program: str) -> Candidate:
    facts = dict(facts)
    d = dict(facts.pop("draft"))
    d["constants"] = tuple(d["constants"])
    if "island" in facts:  # the name in journals of version 0.1
        facts["niche"] = facts.pop("island")
    texts = (facts["id"], d["key"], d["law"], d["shape"], d["edit"], facts["proposer"], *d["constants"])
    numbers = (facts["niche"], facts["generation"], d["size"])
    if set(map(type, texts)) != {str} or not set(map(type, numbers)) <= {int, bool}:
        raise ValueError("a candidate's names are no texts, or its numbers no integers")
    return Candidate(program=program, draft=Draft(program=program, **d), **facts)


def outcome_facts(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Failed):
        return {"failure": outcome.failure.value, "detail": outcome.detail, "traceback": outcome.traceback}
    return {
        "cards": {name: card_facts(card) for name, card in outcome.cards.items()},
        "constants": {k: list(v) for k, v in outcome.constants.items()},
        "n_constants": outcome.n_constants,
    }


def outcome_text(outcome: Outcome) -> str:
    """An outcome without times as the journal writes it, to compare two of them: NaN is not equal to itself."""
    return dump(outcome_facts(outcome))


def outcome_of(facts: dict[str, Any], times: dict[str, Any]) -> Outcome:
    if "failure" in facts:
        return Failed(
            Failure(facts["failure"]), facts["detail"], facts["traceback"], times.get("seconds", 0.0)
        )
    return Scored(
        {name: card_of(card) for name, card in facts["cards"].items()},
        {k: tuple(map(float, v)) for k, v in facts["constants"].items()},
        facts["n_constants"],
        times.get("seconds", 0.0),
        times.get("cpu_seconds", 0.0),
        times.get("peak_memory_mb", 0.0),
    )


def card_facts(card: Scorecard) -> dict[str, Any]:
    """A scorecard as JSON values; `asdict` copies each of them, and a long search writes many."""
    facts = {name: getattr(card, name) for name in Scorecard.__dataclass_fields__}
    return facts | {"per_group": {name: card_facts(group) for name, group in card.per_group.items()}}


def card_of(facts: dict[str, Any]) -> Scorecard:
    """A scorecard from its JSON form."""
    groups = facts.get("per_group")
    log_error, relative_error = facts.get("log_error"), facts.get("relative_error")
    return Scorecard(  # in the order of its fields: a long run has hundreds of thousands
        float(facts["nmse"]),
        float(facts["r2"]),
        float(facts["nmae"]),
        int(facts["n_rows"]),
        float(facts["mae"]),
        {name: card_of(card) for name, card in groups.items()} if groups else {},
        math.nan if log_error is None else float(log_error),
        math.nan if relative_error is None else float(relative_error),
    )


def report_facts(report: Report) -> dict[str, Any]:
    """What the sealed room held, as JSON values."""
    return {
        "task": report.task,
        "outcome": outcome_facts(report.outcome),
        "times": {
            "seconds": report.outcome.seconds,
            "cpu_seconds": report.outcome.cpu_seconds,
            "peak_memory_mb": report.outcome.peak_memory_mb,
        },
        "ceiling": report.ceiling,
        "train_ceiling": report.train_ceiling,
        "controls": {name: asdict(card) for name, card in report.controls.items()},
        "heldout_hash": report.heldout_hash,
        "n_rows": report.n_rows,
        "simulated": report.simulated,
        "forecast": None if report.forecast is None else asdict(report.forecast),
        "coverage": report.coverage,
        "marks": list(report.marks),
    }


def report_of(facts: dict[str, Any]) -> Report:
    """A report from its JSON form."""
    return Report(
        task=facts["task"],
        outcome=outcome_of(facts["outcome"], facts["times"]),
        ceiling=float(facts["ceiling"]),
        train_ceiling=float(facts["train_ceiling"]),
        controls={name: card_of(card) for name, card in facts["controls"].items()},
        heldout_hash=facts["heldout_hash"],
        n_rows=facts["n_rows"],
        simulated=facts["simulated"],
        forecast=None if facts["forecast"] is None else card_of(facts["forecast"]),
        coverage=facts["coverage"],
        marks=tuple(facts["marks"]),
    )
