"""Programs of our own share a child: faster, and the same to the last bit; whatever goes wrong is told the usual way."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from evaluator_cases import QUICK, make_folds, make_rows, make_task, program

from evaluator import Evaluator, Failed, Failure, Limits, LocalSandbox, Scored
from evaluator.errors import CallsEnded
from evaluator.sandbox.job import Part, Together
from evaluator.sandbox.series import MOST_QUESTIONS
from harness.proposers.facts import TaskFacts
from harness.proposers.formula.genome import FitChoices, parse
from harness.proposers.formula.render import render
from tasks.rows import Task

LAWS = [
    "c0 + c1*x0**-a1",
    "c0 + c1*x0**-a1 + c2*(x1 + s1)**-a2",
    "c0 + c1*log(x0) + c2*x1",
    "c0*x0**-a1*x1**-a2",
]


class OneByOne:
    """The same sandbox, with a child for each call."""

    def __init__(self, box: LocalSandbox) -> None:
        self.box, self.level, self.modules, self.run = box, box.level, box.modules, box.run

    def run_together(self, job, limits):
        return None

    def close(self) -> None: ...


def shown(outcome):
    return repr((outcome.cards, outcome.constants, outcome.n_constants, outcome.output))


def children(box: LocalSandbox) -> list[int]:
    """Processes under the sandbox's zygotes."""
    zygotes = {z.pid for z in box._zygotes.values()}
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:
            continue
        if int(text.rpartition(")")[2].split()[1]) in zygotes:
            found.append(int(stat.parent.name))
    return found


def rendered(task: Task) -> list[str]:
    facts = TaskFacts.of(task.spec, task.train)
    return [render(parse(law, facts.names, FitChoices()), facts, "a law") for law in LAWS]


@pytest.mark.parametrize(("groups", "targets"), [(1, 1), (3, 1), (2, 2)])
def test_a_shared_child_answers_as_one_for_each_call(sandbox, groups, targets):
    task = make_task(budget=8 * targets, groups=groups, targets=targets)
    folds = make_folds(task)
    X, group = task.train.X * 3, task.train.group
    cuts = [(task.train, X, group), (task.train.take(folds[0].train), X[:5], group[:5])]
    for text in rendered(task) * 2:  # the second time from functions that are compiled already
        ours, usual = Evaluator(sandbox, QUICK), Evaluator(OneByOne(sandbox), QUICK)
        found = ours.validate_together(text, task, folds)
        assert isinstance(found, Scored), found
        assert shown(found) == shown(usual.validate_together(text, task, folds))
        assert found.seconds > 0 and found.cpu_seconds > 0 and found.peak_memory_mb > 1
        assert found.cpu_seconds < 5
        pairs = zip(
            ours.predict_cuts(text, task.spec, cuts, together=True),
            usual.predict_cuts(text, task.spec, cuts, together=True),
            strict=True,
        )
        assert all(np.array_equal(a, b) for a, b in pairs)


def test_many_programs_share_one_child():
    task = make_task()
    with LocalSandbox(workers=1) as box:
        evaluator = Evaluator(box, QUICK)
        for text in rendered(task) * 3:
            assert isinstance(evaluator.validate_together(text, task, make_folds(task)), Scored)
        [series] = box._series
        assert series.asked == 3 * len(LAWS)
        assert len(children(box)) == 1
        # A child with other limits is another one; one that has answered for long is left.
        other = Evaluator(box, Limits(memory_mb=700))
        other.validate_together(text, task, make_folds(task))
        assert len(box._series) == 2
        series.asked = MOST_QUESTIONS
        evaluator.validate_together(text, task, make_folds(task))
        assert series not in box._series
        end = time.monotonic() + 20
        while len(children(box)) > 1 and time.monotonic() < end:
            time.sleep(0.05)
        assert len(children(box)) == 1
    assert not box._series


@pytest.mark.parametrize(
    ("text", "failure"),
    [
        (program(fit="return np.full(600, 1.0)"), Failure.CONSTANTS_BUDGET),
        (program(fit="raise ValueError('no')"), Failure.EXCEPTION),
        (program(fit="return np.array([np.nan])"), Failure.NOT_FINITE),
        (program(law="return np.full(len(data_points), np.inf)"), Failure.NOT_FINITE),
        (program(law="return np.ones(1)"), Failure.SHAPE),
        (program(fit="import os; os._exit(3)"), Failure.FORBIDDEN),
        (program(fit="return np.zeros((20000, 20000)).sum(axis=1)"), Failure.MEMORY),
        ("def x(:", Failure.SYNTAX),
    ],
)
def test_what_goes_wrong_is_told_the_usual_way(sandbox, text, failure):
    task = make_task()
    told = Evaluator(sandbox, QUICK, markers=False).validate_together(text, task, make_folds(task))
    usual = Evaluator(OneByOne(sandbox), QUICK, markers=False).validate_together(text, task, make_folds(task))
    assert isinstance(told, Failed) and isinstance(usual, Failed)
    assert (told.failure, told.detail, told.traceback) == (failure, usual.detail, usual.traceback)
    after = rendered(task)[0]
    assert isinstance(Evaluator(sandbox, QUICK).validate_together(after, task, make_folds(task)), Scored)


def test_what_a_program_prints_is_kept(sandbox):
    task = make_task()
    text = program(fit="print('hello')\nreturn np.zeros(3)")
    outcome = Evaluator(sandbox, QUICK).validate_together(text, task, make_folds(task))
    assert isinstance(outcome, Scored) and "hello" in outcome.output


def test_a_fit_without_end_is_ended_and_told_as_such(sandbox):
    task = make_task()
    limits = Limits(fit_cpu_s=1, wall_factor=0.5)
    text = program(fit="while True:\n    pass")
    outcome = Evaluator(sandbox, limits).validate_together(text, task, make_folds(task)[:1])
    assert isinstance(outcome, Failed) and outcome.failure is Failure.TIMEOUT


def test_a_child_that_is_killed_between_questions_costs_nothing():
    task = make_task()
    text = rendered(task)[1]
    with LocalSandbox(workers=1) as box:
        evaluator = Evaluator(box, QUICK)
        first = evaluator.validate_together(text, task, make_folds(task))
        for pid in children(box):
            os.kill(pid, signal.SIGKILL)
        assert shown(evaluator.validate_together(text, task, make_folds(task))) == shown(first)
        os.kill(next(iter(box._zygotes.values())).pid, signal.SIGKILL)
        assert shown(evaluator.validate_together(text, task, make_folds(task))) == shown(first)


def test_calls_in_flight_end_with_their_turn():
    rows = make_rows(n=20)
    job = Together(program(fit="while True:\n    pass"), 2, 1, [Part(rows.X, rows.y, rows.X, 8)])
    ended = []
    with LocalSandbox(workers=1) as box:

        def ask() -> None:
            try:
                box.run_together(job, Limits(fit_cpu_s=60))
            except CallsEnded:
                ended.append(True)

        thread = threading.Thread(target=ask)
        thread.start()
        end = time.monotonic() + 20
        while not children(box) and time.monotonic() < end:
            time.sleep(0.05)
        box.end_calls()
        thread.join(20)
        assert ended == [True]
