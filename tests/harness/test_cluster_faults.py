"""One fault of each kind, with Dask's part played here: what reaches the loop is each outcome, once.

The same with real processes: `test_cluster_machines.py` and the slow tests of `test_cluster.py`.
"""

from collections import Counter, deque
from concurrent.futures import Future
from types import SimpleNamespace

import pytest

pytest.importorskip("harness.cluster.executor", exc_type=ImportError)

from distributed import KilledWorker
from distributed.client import ClosedClientError
from distributed.comm import CommClosedError

from evaluator import Limits
from evaluator.errors import SandboxTooWeak
from evaluator.outcome import Failed, Failure
from harness.cluster import executor
from harness.cluster.cluster import Cluster
from harness.cluster.evaluation import Evaluation, identity
from harness.errors import BadCluster
from harness.proposers.assignment import Assignment
from harness.proposers.formula.proposer import FormulaProposer
from harness.record.journal import Journal
from harness.run.budget import Budget, Spending
from harness.run.context import Context
from harness.run.loop import DirectLoop
from harness.search.search import Search, SearchSettings
from tasks import load

SEED = 5
N = 8
EVERY = [f"c{i:06d}" for i in range(N)]


@pytest.fixture(scope="module")
def assignment():
    return Assignment.of(load("finetune_vocab", data_dir="nano"))


@pytest.fixture(scope="module")
def evaluation(assignment):
    return Evaluation.of(assignment, Limits(), weak=False)


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(executor, "PAUSE_S", 0.0)


class Played:
    """A cluster of which a test says what becomes of each thing sent.

    Args:
        fate: (candidate id, times it was sent before) -> an error, "gone" where the scheduler goes with it, "silent" where nothing
            is heard of it, "wait" where it comes only once the loop has asked in vain, or None for an outcome.
        refusals: times that a lost scheduler is not there yet.
        says: what sending to a lost one raises.
    """

    def __init__(self, fate, refusals=0, says=CommClosedError):
        self.fate, self.refusals, self.says = fate, refusals, says
        self.sent, self.up, self.late = Counter(), True, deque()
        self.threads = 2

    def held(self, evaluation):
        return evaluation

    def calls(self):
        return self

    def reconnect(self):
        if self.refusals:
            self.refusals -= 1
            raise BadCluster("no scheduler answers there")
        self.up = True

    def submit(self, score, evaluation, candidates):
        if not self.up:
            raise self.says("no scheduler")
        (candidate,) = candidates
        before = self.sent[candidate.id]
        self.sent[candidate.id] += 1
        fate, future = self.fate(candidate.id, before), Future()
        if fate == "gone":
            self.up = False
            future.cancel()
            future.set_running_or_notify_cancel()
        elif fate == "silent":
            pass
        elif fate == "wait":
            self.late.append(future)
        elif fate is not None:
            future.set_exception(fate)
        else:
            future.set_result(come())
        return future

    def cancel(self):
        pass


def come():
    """What a worker sends for one candidate, and how long it took."""
    return [Failed(Failure.TIMEOUT, "made up")], 1.0


def killed(id):
    return KilledWorker(id, SimpleNamespace(address="tcp://there"), 1)


def searched(path, assignment, evaluation, cluster, seen=lambda candidate, found: None):
    """Ids and outcomes that the journal holds after a search of N candidates, three in flight; it goes on from there."""
    formula = FormulaProposer(assignment.facts, assignment.title)
    search = Search(formula, assignment.n_constants, formula.starters(), SearchSettings(), SEED)
    with Journal(path) if path.exists() else Journal.create(path, {"seed": SEED}) as journal:
        loop = DirectLoop(search, evaluation, journal)
        loop.replay()
        spending = Spending(Budget(N, None), lambda: 0.0, search.n_told)
        pool = executor.ClusterExecutor(cluster)
        try:
            loop.run(Context(pool, 3, spending, progress=seen))
        finally:
            pool.shutdown(wait=False)
        return [(c.id, found.failure) for c, found in journal.evaluations()]


def test_a_candidate_that_took_its_worker_along_once_is_scored_by_another(tmp_path, assignment, evaluation):
    cluster = Played(lambda id, before: killed(id) if id == EVERY[3] and before == 0 else None)
    told = searched(tmp_path / "j", assignment, evaluation, cluster)
    assert sorted(told) == [(id, Failure.TIMEOUT) for id in EVERY]
    assert cluster.sent[EVERY[3]] == 2


def test_a_candidate_that_kills_every_worker_fails_once(tmp_path, assignment, evaluation):
    cluster = Played(lambda id, before: killed(id) if id == EVERY[3] else None)
    told = searched(tmp_path / "j", assignment, evaluation, cluster)
    assert sorted(id for id, _ in told) == EVERY
    assert [id for id, failure in told if failure is Failure.CRASH] == [EVERY[3]]
    assert cluster.sent[EVERY[3]] == 2


@pytest.mark.parametrize("says", [CommClosedError, ClosedClientError, OSError])
def test_a_scheduler_that_goes_and_comes_back_is_sent_what_it_lost(tmp_path, assignment, evaluation, says):
    cluster = Played(lambda id, before: "gone" if id == EVERY[4] and before == 0 else None, 2, says)
    told = searched(tmp_path / "j", assignment, evaluation, cluster)
    assert sorted(told) == [(id, Failure.TIMEOUT) for id in EVERY]
    assert cluster.refusals == 0


def test_what_a_closed_client_was_given_last_is_sent_again(tmp_path, assignment, evaluation):
    fates = {EVERY[3]: "silent", EVERY[4]: "gone"}
    cluster = Played(lambda id, before: fates.get(id) if before == 0 else None)
    told = searched(tmp_path / "j", assignment, evaluation, cluster)
    assert sorted(told) == [(id, Failure.TIMEOUT) for id in EVERY]


def test_a_scheduler_that_stays_away_ends_the_run_and_a_resume_goes_on(
    tmp_path, assignment, evaluation, monkeypatch
):
    monkeypatch.setattr(executor, "PATIENCE_S", 0.0)
    away = Played(lambda id, before: "gone" if id == EVERY[4] else None, refusals=10**9)
    with pytest.raises(BadCluster, match="resume the run when the cluster is back"):
        searched(tmp_path / "j", assignment, evaluation, away)
    told = searched(tmp_path / "j", assignment, evaluation, Played(lambda id, before: None))
    assert sorted(told) == [(id, Failure.TIMEOUT) for id in EVERY]


def test_outcomes_that_a_network_holds_back_are_waited_for(tmp_path, assignment, evaluation, monkeypatch):
    monkeypatch.setattr("harness.run.loop.POLL_S", 0.01)
    cluster, empty = Played(lambda id, before: "wait"), []

    def seen(candidate, found):
        if candidate is None:  # asked in vain
            empty.append(len(cluster.late))
            while cluster.late:
                cluster.late.popleft().set_result(come())

    told = searched(tmp_path / "j", assignment, evaluation, cluster, seen)
    assert sorted(told) == [(id, Failure.TIMEOUT) for id in EVERY]
    assert max(empty) == 3, "all that were in flight came late"


def test_a_controller_that_ends_in_the_middle_goes_on_from_its_journal(tmp_path, assignment, evaluation):
    def seen(candidate, found):
        if candidate is not None and candidate.id == EVERY[3]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        searched(tmp_path / "j", assignment, evaluation, Played(lambda id, before: None), seen)
    with Journal(tmp_path / "j", read_only=True) as journal:
        before = [c.id for c, _ in journal.evaluations()]
    assert EVERY[3] in before and len(before) < N
    told = [id for id, _ in searched(tmp_path / "j", assignment, evaluation, Played(lambda id, before: None))]
    assert told[: len(before)] == before
    assert sorted(told) == EVERY


def introduced(**said):
    """What a cluster makes of what its workers say."""
    cluster = Cluster.__new__(Cluster)
    cluster.where, cluster.weak = "tcp://there:8786", False
    cluster.client = SimpleNamespace(wait_for_workers=lambda n, timeout: None, run=lambda *_, on_error: said)
    return cluster._introduced()


def test_a_worker_too_weak_is_refused_with_one_line():
    weak = SandboxTooWeak("sandbox: WEAK: no Landlock")
    with pytest.raises(BadCluster, match=r"^--cluster: worker b can't take part: SandboxTooWeak.*$"):
        introduced(a=(identity(), "Landlock"), b=weak)


def test_a_worker_lost_while_it_is_asked_is_no_reason_to_end(tmp_path):
    lost = CommClosedError("stream is closed")
    assert introduced(a=(identity(), "Landlock"), b=lost) == "Landlock"
    with pytest.raises(BadCluster, match="no worker came") as nobody:
        introduced(b=lost)
    assert not executor._refused(nobody.value), "so it is asked again"
