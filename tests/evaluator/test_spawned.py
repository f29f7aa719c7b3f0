"""Single-use workers, for systems where forking is unsafe: as much of them as this system shows."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from evaluator_cases import NEAR_DEADLINE, QUICK, make_folds, make_task, program
from hostile_programs import programs
from test_sandbox import descendants, wait_until

from evaluator import Evaluator, Failed, Failure, Limits, LocalSandbox, Scored
from evaluator.sandbox.spawned import resident_bytes

TASK = make_task()
FOLD = make_folds(TASK)[:1]


@pytest.fixture(scope="module")
def spawning():
    with LocalSandbox(workers=2, spawn=True) as box:
        yield box


def validate(box, text, limits=QUICK, checks="none"):
    return Evaluator(box, limits).validate(text, TASK, FOLD, checks=checks)


def test_scores_are_the_same_numbers(spawning, evaluator):
    spawned = validate(spawning, program(), checks="first")
    forked = evaluator.validate(program(), TASK, FOLD)
    assert isinstance(spawned, Scored), spawned
    assert (spawned.cards, spawned.constants) == (forked.cards, forked.constants)
    assert "single use" in spawning.level


@pytest.mark.parametrize(
    ("attack", "failure"),
    [
        ("infinite loop", Failure.TIMEOUT),
        ("wait for nothing", Failure.TIMEOUT),
        ("ten gigabytes at once", Failure.MEMORY),
        ("a null pointer read", Failure.CRASH),
        ("leave silently", Failure.CRASH),
        ("a hundred megabytes printed", Failure.OUTPUT_LIMIT),
        ("a forged answer", Failure.BAD_REPLY),
        ("threads left running behind", Failure.FORBIDDEN),
        ("another program's text", Failure.EXCEPTION),
    ],
)
def test_attacks_end_as_they_do_under_a_zygote(spawning, attack, failure):
    (hostile,) = [h for h in programs("/nonexistent", 9) if h.name == attack]
    outcome = validate(spawning, hostile.text, NEAR_DEADLINE if hostile.slow else QUICK)
    assert (outcome.failure if isinstance(outcome, Failed) else None) is failure, outcome


def test_memory_is_watched_from_outside_where_the_system_does_not_limit_it(spawning, monkeypatch):
    monkeypatch.setattr("evaluator.sandbox.spawned.resident_bytes", lambda pid: next(sizes))
    sizes = iter([10 << 20] * 3 + [900 << 20] * 1000)
    outcome = validate(spawning, program("while True: pass"), Limits(fit_cpu_s=10, memory_mb=256))
    assert isinstance(outcome, Failed), outcome
    assert outcome.failure is Failure.MEMORY
    assert outcome.detail.endswith("over 256 MB of memory")


def test_sizes_are_real():
    assert 1 << 20 < resident_bytes(os.getpid()) < 1 << 34
    assert resident_bytes(2**22 + 1) == 0


def test_many_calls_at_once_and_nothing_left():
    before = descendants(os.getpid())
    with LocalSandbox(workers=3, spawn=True) as box, ThreadPoolExecutor(3) as pool:
        texts = [program(f"return [{i}.0]", "return np.full(len(data_points), params[0])") for i in range(5)]
        outcomes = list(pool.map(lambda text: validate(box, text), texts))
    assert [o.constants["g0"] for o in outcomes] == [(float(i),) for i in range(5)]
    assert wait_until(lambda: descendants(os.getpid()) <= before)
