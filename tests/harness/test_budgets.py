"""Budgets hold: what is in flight when time is over gets a grace and is cut; choosing has its own time."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from test_search_loop import Clock, new_search

from evaluator import CallsEnded
from harness.choosing.choice import LEFT
from harness.record.journal import Journal
from harness.run.budget import Budget, Spending, clock_text
from harness.run.choosing_time import ChoosingTime
from harness.run.context import Context
from harness.run.loop import DirectLoop
from harness.search.ending import Ending


@pytest.mark.parametrize(
    ("minutes", "choose", "grace_s", "choosing_s"),
    [(None, None, 5, None), (0.1, None, 5, 60), (1, None, 6, 60), (4, None, 24, 240), (60, 2, 30, 120)],
)
def test_grace_and_choosing_follow_the_minutes(minutes, choose, grace_s, choosing_s):
    budget = Budget(100, minutes, choose)
    assert (budget.grace_s, budget.choosing_s) == (grace_s, choosing_s)
    assert clock_text(125) == "2:05 min"


def test_what_is_in_flight_when_its_grace_is_over_is_cut_and_not_counted(tmp_path):
    """The clock jumps ahead by a second at each look; the evaluation would last for ever."""
    ended, said = threading.Event(), []

    def evaluate(candidate):
        ended.wait(60)
        raise CallsEnded("cut")

    with Journal.create(tmp_path / "j.sqlite", {}) as journal, ThreadPoolExecutor(2) as executor:
        loop = DirectLoop(new_search(3), evaluate, journal)
        spending = Spending(Budget(None, 0.1), Clock())
        ending = loop.run(Context(executor, 2, spending, say=said.append, cut=ended.set))
        assert ending is Ending.BUDGET
        assert ended.is_set()
        assert said == ["the minutes are over, and 5 s of grace: 2 in flight cut, uncounted"]
        assert journal.counts().evaluations == spending.evaluations == 0


def choosing(seconds, clock, pool, end=lambda: None):
    return ChoosingTime(seconds, 5.0, clock, pool, end)


def test_laws_are_left_out_when_the_time_of_choosing_is_over():
    now = [0.0]

    def look(law):
        now[0] += 10.0
        return law * 2

    with ThreadPoolExecutor(1) as pool:
        time_left = choosing(25.0, lambda: now[0], pool)
        assert time_left.each(look, [1, 2, 3, 4, 5]) == [2, 4, 6, LEFT, LEFT]
        assert time_left.each(look, [6]) == [LEFT]
        assert time_left.left == 3
        assert choosing(None, lambda: 1e9, pool).each(look, [1, 2]) == [2, 4]


def test_laws_that_fail_are_no_law_in_hand_and_the_next_may_begin_in_the_grace():
    now = [0.0]

    def look(law):
        now[0] += 2.0
        return f"{law} failed" if law < 3 else (law,)

    with ThreadPoolExecutor(1) as pool:
        time_left = choosing(1.0, lambda: now[0], pool)
        assert time_left.each(look, [1, 2, 3, 4]) == ["1 failed", "2 failed", (3,), LEFT]
        assert time_left.each(str.upper, []) == []


def test_a_law_under_way_is_cut_when_its_grace_is_over():
    cut, clock = threading.Event(), [0.0]

    def look(law):
        if law == "slow":
            clock[0] = 100.0
            cut.wait(60)
            raise CallsEnded("cut")
        return (law,)

    with ThreadPoolExecutor(1) as pool:
        time_left = choosing(10.0, lambda: clock[0], pool, cut.set)
        assert time_left.each(look, ["quick", "slow", "later"]) == [("quick",), LEFT, LEFT]


def test_a_call_in_the_sandbox_is_ended_and_the_next_one_is_made():
    import numpy as np

    from evaluator import LocalSandbox
    from evaluator.sandbox.job import Job, Limits, Step
    from evaluator.sandbox.turn import Turn

    step = [Step("fit", {"rows": 2, "most_constants": 8}, np.zeros(4), 8)]
    wait = "import numpy as np\ndef scaling_law_func(a, b): return a\ndef fit_scaling_law(a, b):\n    while {}: pass\n    return [1.0]\n"
    with LocalSandbox(workers=2) as box, ThreadPoolExecutor(1) as pool:
        turn = Turn(box)
        busy = pool.submit(turn.run, Job("fit", wait.format("True"), 1, 1, step), Limits(fit_cpu_s=600))
        time.sleep(0.3)
        turn.end()
        with pytest.raises(CallsEnded):
            busy.result(60)
        with pytest.raises(CallsEnded):
            turn.run(Job("fit", wait.format("False"), 1, 1, step), Limits())
        assert box.run(Job("fit", wait.format("False"), 1, 1, step), Limits()).answers[0].tolist() == [1.0]
