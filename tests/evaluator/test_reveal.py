"""The sealed room: one door, and the journal hears it open."""

from __future__ import annotations

import ast
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from evaluator_cases import make_task, program

from evaluator import Failed, Failure, Scored, hindsight, reveal
from tasks.rows import Sealed, Task

ROOT = Path(__file__).parents[2]
PACKAGES = ("fitting", "tasks", "evaluator", "harness", "studies", "seeds", "programs", "benchmarks")


class Watched(Sealed):
    """Tells when it is opened."""

    __slots__ = ("log",)

    def __init__(self, rows, log):
        super().__init__(rows)
        self.log = log

    def open(self):
        self.log.append("open")
        return super().open()


def watched(task, log):
    return Task(task.spec, task.train, Watched(Sealed.open(task.heldout), log), task.provenance)


def test_the_record_comes_before_the_rows(evaluator):
    log = []
    task = watched(make_task(groups=2), log)
    report = reveal(program(), task, evaluator, lambda kind, facts: log.append((kind, facts)))
    (kind, facts), opened = log
    assert kind == "reveal"
    assert opened == "open"
    assert facts["task"] == "toy"
    assert facts["rows"] == report.n_rows == len(task.heldout)
    assert facts["heldout_hash"] == report.heldout_hash == task.provenance.heldout_hash
    assert len(facts["programs"][0]) == 64
    assert isinstance(report.outcome, Scored)
    assert list(report.outcome.cards) == ["heldout"]
    assert report.card.r2 > 0.8
    assert set(report.card.per_group) == {"g0", "g1"}
    assert report.ceiling == report.train_ceiling == 1.0
    assert report.controls
    assert all(c.n_rows == report.n_rows for c in report.controls.values())


def test_a_record_that_fails_keeps_the_door_shut(evaluator):
    log = []
    task = watched(make_task(), log)

    def full(kind, facts):
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        reveal(program(), task, evaluator, full)
    assert log == []


def test_hindsight_opens_once_for_many_programs(evaluator):
    log = []
    task = watched(make_task(), log)
    good, bad = hindsight([program(), program("return 1 / 0")], task, evaluator, lambda *a: log.append(a[0]))
    assert log == ["reveal", "open"]
    assert isinstance(good, Scored)
    assert isinstance(bad, Failed)
    assert bad.failure is Failure.EXCEPTION


class Constant:
    """A forecaster that says one value; it must be asked by features alone."""

    programs = ("a", "b")

    def __init__(self, log):
        self.log = log

    def __call__(self, X, group):
        self.log.append("forecast")
        values = np.full((len(X), 1), 0.5)
        return SimpleNamespace(values=values, low=values - 1e9, high=values + 1e9)


def test_a_forecast_is_scored_on_the_same_opening_and_its_laws_are_on_record(evaluator):
    log = []
    task = watched(make_task(), log)
    constant = program("return [0.5]", "return np.full(len(data_points), params[0])")
    report = reveal(constant, task, evaluator, lambda *a: log.append(a), Constant(log))
    assert [entry if isinstance(entry, str) else entry[0] for entry in log] == ["reveal", "open", "forecast"]
    assert len(log[0][1]["programs"]) == 3
    assert report.forecast.nmse == pytest.approx(report.card.nmse)
    assert report.coverage == 1.0
    assert reveal(program(), task, evaluator, lambda *_: None).forecast is None


def test_the_program_fits_all_training_rows_and_no_others(evaluator):
    task = make_task()
    text = program("return [float(len(data_points))]", "return np.full(len(data_points), params[0])")
    report = reveal(text, task, evaluator, lambda *_: None)
    assert report.outcome.constants["g0"] == (float(len(task.train)),)
    assert np.isfinite(report.card.r2)


def opens_a_sealed_room(node: ast.AST) -> bool:
    """`X.heldout.open`, the hidden rows of one, or their name as text."""
    if isinstance(node, ast.Attribute) and node.attr in ("open", "_rows"):
        return "heldout" in ast.unparse(node.value) or "sealed" in ast.unparse(node.value).lower()
    return isinstance(node, ast.Constant) and node.value == "_rows"


def callers_of_open() -> list[str]:
    found = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if path == ROOT / "tasks/rows.py":  # where the room is built
                continue
            if any(
                opens_a_sealed_room(node) for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            ):
                found.append(str(path.relative_to(ROOT)))
    return found


def test_reveal_is_the_only_one_who_opens():
    assert callers_of_open() == ["evaluator/reveal.py"]
