"""Several candidates in a message: how many, and that each comes home once whatever becomes of the rest of its parcel."""

import asyncio
import threading
import time
from collections import Counter
from concurrent.futures import CancelledError, Future
from types import SimpleNamespace

import pytest

pytest.importorskip("harness.cluster.executor", exc_type=ImportError)

from distributed import KilledWorker

from evaluator import Limits
from evaluator.errors import SandboxError
from evaluator.outcome import Failed, Failure
from harness.cluster import executor, parcels
from harness.cluster.evaluation import Evaluation
from harness.cluster.executor import ClusterExecutor
from harness.cluster.following import _follow
from harness.cluster.parcels import MOST, WORK_S, Pace, score_parcel
from harness.proposers.assignment import Assignment
from tasks import load
from tests.harness.machines import of_kind


class Made(Evaluation):
    """Says of a number what a test wants said of it."""

    def __call__(self, candidate):
        if candidate in self.__dict__.get("broken", ()):
            raise SandboxError(f"no sandbox for {candidate}")
        time.sleep(self.__dict__.get("pause_s", 0.0))
        return Failed(Failure.TIMEOUT, str(candidate))


def made(**ways):
    of = Evaluation.of(Assignment.of(load("finetune_vocab", data_dir="nano")), Limits(), weak=True)
    evaluation = of_kind(Made, of)
    evaluation.__dict__.update(ways)
    return evaluation


class Threads:
    """A cluster of n threads, each of which takes a parcel when a test lets it."""

    def __init__(self, n, deadly=()):
        self.threads, self.deadly, self.sent, self.counted = n, deadly, [], 0

    def held(self, evaluation):
        return evaluation

    def calls(self):
        return self

    def recount(self):
        self.counted += 1

    def submit(self, score, evaluation, candidates):
        future = Future()
        self.sent.append((future, evaluation, list(candidates)))
        return future

    def cancel(self):
        pass

    def work(self):
        """The parcel that was sent first comes home."""
        future, evaluation, candidates = self.sent.pop(0)
        if set(candidates) & set(self.deadly):
            future.set_exception(KilledWorker("parcel", SimpleNamespace(address="tcp://there"), 1))
            return candidates
        try:
            future.set_result(score_parcel(evaluation, candidates))
        except SandboxError as error:
            future.set_exception(error)
        return candidates


def test_a_parcel_holds_as_many_as_its_work_is_short():
    pace = Pace()
    assert pace.size == 1, "nothing is known yet"
    pace.took(1, WORK_S / 4.5)
    assert pace.size == 4
    for _ in range(200):
        pace.took(2, 1e-9)
    assert pace.size == MOST
    for _ in range(200):
        pace.took(1, 20.0)
    assert pace.size == 1


def test_short_evaluations_travel_together_and_long_ones_alone():
    cluster, evaluation = Threads(1), made()
    pool = ClusterExecutor(cluster)
    assert pool.room() == executor.EACH and cluster.counted == 1
    futures = [pool.submit(evaluation, n) for n in range(20)]
    assert [len(c) for _, _, c in cluster.sent] == [1, 1], "two on their way, the others wait"
    sizes = []
    while cluster.sent:
        sizes.append(len(cluster.work()))
    assert sizes[:4] == [1, 1, MOST, MOST] and sum(sizes) == 20
    assert [f.result().detail for f in futures] == [str(n) for n in range(20)]
    assert pool.room() == executor.EACH * MOST

    slow = made(pause_s=2 * WORK_S)
    pool = ClusterExecutor(cluster)
    for n in range(5):
        pool.submit(slow, n)
    while cluster.sent:
        assert len(cluster.work()) == 1


def test_a_parcel_that_takes_long_goes_home_and_the_rest_is_sent_again(monkeypatch):
    monkeypatch.setattr(parcels, "HELD_S", 0.03)
    found, seconds = score_parcel(made(pause_s=0.02), [1, 2, 3, 4, 5])
    assert [f.detail for f in found] == ["1", "2"] and seconds > 0.03

    cluster, slow = Threads(1), made(pause_s=0.02)
    pool = ClusterExecutor(cluster)
    pool._pace.took(1, 1e-6)  # thought to be quick
    futures = [pool.submit(slow, n) for n in range(12)]
    while cluster.sent:
        cluster.work()
    assert [f.result(0).detail for f in futures] == [str(n) for n in range(12)]


def test_evaluations_of_two_runs_are_never_in_one_parcel():
    cluster, first, second = Threads(1), made(), made()
    pool = ClusterExecutor(cluster)
    pool._pace.took(1, 1e-6)
    for n in range(10):
        pool.submit(first if n % 2 else second, n)
    while cluster.sent:
        _, evaluation, candidates = cluster.sent[0]
        assert {evaluation is first} == {bool(n % 2) for n in candidates}
        cluster.work()


def test_what_finished_beside_a_machine_s_fault_comes_home_first():
    cluster, evaluation = Threads(1), made(broken=(4,))
    pool = ClusterExecutor(cluster)
    pool._pace.took(1, 1e-6)
    futures = [pool.submit(evaluation, n) for n in range(8)]
    while cluster.sent:
        cluster.work()
    assert [f.result(0).detail for f in futures[:4]] == ["0", "1", "2", "3"]
    with pytest.raises(SandboxError, match="no sandbox for 4"):
        futures[4].result(0)


def test_who_killed_a_parcel_s_workers_is_found_by_sending_each_alone(monkeypatch):
    monkeypatch.setattr(executor, "PAUSE_S", 0.0)
    cluster, evaluation = Threads(1, deadly=(5,)), made()
    pool = ClusterExecutor(cluster)
    pool._pace.took(1, 1e-6)
    futures = [pool.submit(evaluation, n) for n in range(10)]
    times, deadline = Counter(), time.monotonic() + 20
    while not all(f.done() for f in futures) and time.monotonic() < deadline:
        if cluster.sent:
            beside = len(cluster.sent) - 1
            travelled = cluster.work()
            times.update(travelled)
            assert 5 not in travelled or times[5] == 1 or (travelled == [5] and beside == 0)
        else:
            time.sleep(0.001)  # what was lost is sent by a thread
    failed = [n for n, f in enumerate(futures) if f.result(0).failure is Failure.CRASH]
    assert failed == [5]
    assert times[5] == 2


def test_what_was_let_go_is_not_sent():
    cluster, evaluation = Threads(1), made()
    pool = ClusterExecutor(cluster)
    futures = [pool.submit(evaluation, n) for n in range(6)]
    assert futures[4].cancel()
    sent = []
    while cluster.sent:
        sent += cluster.work()
    assert sent == [0, 1, 2, 3, 5]


def test_mending_does_not_hold_what_dask_s_own_thread_needs(monkeypatch):
    """While a lost scheduler is waited for, outcomes come in; a lock held meanwhile would wait for ever."""
    monkeypatch.setattr(executor, "PAUSE_S", 0.0)
    cluster, evaluation = Threads(1), made()
    inside, go = threading.Event(), threading.Event()

    def reconnect():
        inside.set()
        assert go.wait(20), "what came in the meantime was not taken"

    cluster.reconnect = reconnect
    pool = ClusterExecutor(cluster)
    futures = [pool.submit(evaluation, n) for n in range(2)]
    lost = cluster.sent.pop(0)[0]
    lost.cancel()
    lost.set_running_or_notify_cancel()
    assert inside.wait(20)
    cluster.work()
    go.set()
    assert futures[1].result(20).detail == "1"
    deadline = time.monotonic() + 20
    while not cluster.sent and time.monotonic() < deadline:
        time.sleep(0.001)
    cluster.work()
    assert futures[0].result(20).detail == "0"


@pytest.mark.parametrize(
    ("raised", "ends"),
    [
        (None, "found"),
        (KilledWorker("parcel", SimpleNamespace(address="tcp://there"), 1), KilledWorker),
        (asyncio.CancelledError(), CancelledError),
        (CancelledError(), CancelledError),
    ],
)
def test_a_call_ends_however_its_result_is_lost(raised, ends):
    """Where a result is lost with its worker the error comes while it is fetched."""

    async def sent():
        if raised is not None:
            raise raised
        return "found"

    came = Future()
    asyncio.run(_follow(sent(), came))
    if raised is None:
        assert came.result(0) == ends
    else:
        with pytest.raises(ends):
            came.result(0)
