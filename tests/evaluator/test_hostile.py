"""Hostile programs: each contained, each with its reason, the host and the next evaluation unharmed."""

from __future__ import annotations

import os
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from evaluator_cases import NEAR_DEADLINE, QUICK, make_folds, make_task, program
from hostile_programs import programs

from evaluator import Evaluator, Failed, LocalSandbox, Scored
from tasks.rows import Rows, Sealed, Task

TARGET = -777.25
TRACES = [Path(p) / "hostile-was-here" for p in ("/tmp", "/dev/shm", "/", ".")]


def marked_task() -> Task:
    """A task whose scored rows carry a target that no training row has."""
    task = make_task()
    y = task.train.y.copy()
    y[make_folds(task)[0].validation] = TARGET
    rows = Rows(task.train.X, y, task.train.group)
    return Task(task.spec, rows, Sealed(rows), task.provenance)


@pytest.fixture(scope="module")
def label(tmp_path_factory):
    path = tmp_path_factory.mktemp("labels") / "heldout.csv"
    path.write_text("1.0\n2.0\n")
    return path


@pytest.fixture(scope="module")
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.fixture(scope="module", autouse=True)
def secret_in_the_environment():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLD_SECRET_KEY", "hush")
        yield


@pytest.fixture(scope="module")
def unharmed(sandbox):
    """What a good program scores before any attack."""
    return Evaluator(sandbox, QUICK).validate(program(), make_task(), make_folds(make_task())[:1])


@pytest.fixture(scope="module")
def attack(sandbox, label, listener):
    """Outcome of an attack by name. Those that end by using up their time run beside each other."""
    every = {h.name: h for h in programs(str(label), listener.getsockname()[1])}
    task = marked_task()

    def run(hostile, box=sandbox):
        limits = NEAR_DEADLINE if hostile.slow else QUICK
        return hostile, Evaluator(box, limits).validate(hostile.text, task, make_folds(task)[:1])

    with LocalSandbox(workers=4) as other, ThreadPoolExecutor(4) as pool:
        waiting = {name: pool.submit(run, h, other) for name, h in every.items() if h.slow}
        yield lambda name: waiting[name].result() if name in waiting else run(every[name])


NAMES = [h.name for h in programs("", 0)]


def test_there_are_enough_attacks_and_no_two_alike():
    assert len(NAMES) >= 200
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_contained(name, attack, evaluator, label, listener, unharmed):
    before = os.stat(label)
    if "another" in name:
        secret = program(top="import numpy as np\nX = 'SECRET-OF-ANOTHER'")
        evaluator.validate(secret, make_task(), make_folds(make_task())[:1])
    hostile, outcome = attack(name)
    if hostile.ends:
        assert isinstance(outcome, Failed), outcome
        assert outcome.failure in hostile.ends, outcome
        assert len(outcome.output) <= QUICK.output_bytes
        assert len(outcome.detail) < 4000
        outcome.detail.encode()  # a journal must be able to store it
        assert "\n" not in outcome.detail
    else:
        assert isinstance(outcome, Scored), outcome
    after = os.stat(label)
    for field in ("st_size", "st_mode", "st_uid", "st_mtime_ns", "st_nlink"):
        assert getattr(after, field) == getattr(before, field)
    assert not any(path.exists() for path in TRACES)
    with pytest.raises(BlockingIOError):
        listener.accept()
    again = evaluator.validate(program(), make_task(), make_folds(make_task())[:1], checks="none")
    assert isinstance(again, Scored)
    assert (again.cards, again.constants) == (unharmed.cards, unharmed.constants)


def test_output_is_kept_to_its_limit_and_no_more(evaluator):
    text = program("for i in range(10**6): print(i)")
    outcome = evaluator.validate(text, make_task(), make_folds(make_task()))
    assert len(outcome.output) == QUICK.output_bytes
    assert outcome.output.startswith("0\n1\n2\n")
    assert np.isfinite(outcome.seconds)
