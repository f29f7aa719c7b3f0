"""Candidates scored by real worker processes: the same search, and what goes wrong with machines costs no outcome."""

import io
import os
import pickle
import signal
import time
from collections import Counter

import pytest

from evaluator import Limits
from evaluator.errors import SandboxTooWeak
from evaluator.outcome import Scored
from harness.cluster import cluster as clusters
from harness.cluster.cluster import Cluster, check_address
from harness.cluster.evaluation import Evaluation
from harness.errors import BadCluster
from harness.proposers.assignment import Assignment
from harness.proposers.formula.proposer import FormulaProposer
from harness.record.journal import Journal
from harness.run.budget import Budget, Spending
from harness.run.context import Context
from harness.run.loop import DirectLoop
from harness.search.search import Search, SearchSettings
from tasks import load

ClusterExecutor = pytest.importorskip("harness.cluster.executor", exc_type=ImportError).ClusterExecutor
machines = pytest.importorskip("tests.harness.machines", exc_type=ImportError)

pytestmark = [
    pytest.mark.usefixtures("after_dask"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

SEED = 5


@pytest.fixture(scope="module")
def assignment():
    return Assignment.of(load("finetune_vocab", data_dir="nano"))


@pytest.fixture(scope="module")
def evaluation(assignment):
    return Evaluation.of(assignment, Limits(), weak=False)


@pytest.fixture(scope="module")
def cluster():
    with Cluster("local:1") as cluster:
        yield cluster


@pytest.fixture
def two():
    with Cluster("local:2") as cluster:
        yield cluster


def searched(path, assignment, evaluate, n, executor, workers=1, seen=None):
    """The export of a search of n candidates; workers=None: as many in flight as the executor wants."""
    formula = FormulaProposer(assignment.facts, assignment.title)
    search = Search(formula, assignment.n_constants, formula.starters(), SearchSettings(), SEED)
    with Journal.create(path, {"seed": SEED}) as journal:
        spending = Spending(Budget(n, None), time.monotonic)
        room = executor.room if workers is None else None
        context = Context(executor, workers, spending, progress=seen or (lambda c, o: None), room=room)
        DirectLoop(search, evaluate, journal).run(context)
        out = io.StringIO()
        journal.export(out)
        return out.getvalue(), [c.id for c, _ in journal.evaluations()]


def test_what_names_no_cluster_is_refused():
    for wrong in ("here", "local:0", "local:", "tcp://host", "http://host:1", "local:two"):
        with pytest.raises(BadCluster, match="expected tcp://HOST:PORT"):
            check_address(wrong)
    check_address("local:4")
    check_address("tcp://10.0.0.1:8786")


def test_held_out_rows_stay_at_home(assignment, evaluation):
    sent = pickle.loads(pickle.dumps(evaluation))
    assert len(assignment.task.heldout) > 0 == len(sent.task.heldout)
    assert assignment.task.provenance.heldout_hash not in repr(sent.task.provenance)
    assert sent.digest == evaluation.digest


def test_one_at_a_time_gives_the_same_journal_wherever_it_is_scored(
    cluster, assignment, evaluation, tmp_path
):
    class Here:
        """An executor that scores in this process."""

        def submit(self, fn, candidate):
            from concurrent.futures import Future

            future = Future()
            future.set_result(fn(candidate))
            return future

    there, ids = searched(tmp_path / "a", assignment, evaluation, 6, ClusterExecutor(cluster))
    here, _ = searched(tmp_path / "b", assignment, evaluation, 6, Here())
    assert there == here
    assert len(ids) == 6
    assert sum('"status":"scored"' in line for line in there.splitlines()) > 2
    assert len(cluster._held) == 1, "the rows are sent under their hash, once"


def test_workers_of_other_software_are_refused_with_one_line(cluster, monkeypatch):
    monkeypatch.setattr(clusters, "identity", lambda: "harness 9.9")
    with pytest.raises(
        BadCluster, match=r"^--cluster: worker tcp://\S+: a worker runs harness .*install the same"
    ):
        cluster._introduced()


def too_weak():
    """On a worker: its machine has lost its layers."""
    import harness.cluster.evaluation as module

    def refuse(workers, allow_weak_sandbox):
        if not allow_weak_sandbox:
            raise SandboxTooWeak("sandbox: WEAK: no Landlock")
        return module.kept_sandbox

    module.kept = module.LocalSandbox, dict(module._sandboxes)
    module.kept_sandbox = next(iter(module._sandboxes.values()))
    module._sandboxes.clear()
    module.LocalSandbox = refuse


def as_before():
    import harness.cluster.evaluation as module

    module.LocalSandbox, sandboxes = module.kept
    module._sandboxes.clear()
    module._sandboxes.update(sandboxes)


@pytest.mark.slow
def test_a_weak_worker_is_refused_unless_that_is_allowed(cluster):
    cluster.client.run(too_weak)
    try:
        with pytest.raises(BadCluster, match=r"worker tcp://.* can't take part: SandboxTooWeak"):
            cluster._introduced()
        cluster.weak = True
        assert cluster._introduced()
    finally:
        cluster.weak = False
        cluster.client.run(as_before)


class Deadly(Evaluation):
    """Kills its worker with one candidate, or once with any."""

    def __call__(self, candidate):
        if candidate.id == "c000003":
            os.kill(os.getpid(), signal.SIGKILL)
        return machines.made_up(candidate)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "workers"), [(8, 2), (30, None)], ids=["alone", "in parcels"])
def test_a_candidate_that_kills_every_worker_is_reported_once(
    two, assignment, evaluation, tmp_path, n, workers
):
    deadly = machines.of_kind(Deadly, evaluation)
    executor = ClusterExecutor(two)
    executor._pace.took(1, 1e-3)
    text, ids = searched(tmp_path / "j", assignment, deadly, n, executor, workers)
    assert sorted(ids) == [f"c{i:06d}" for i in range(n)]
    assert text.count("every worker that ran it died") == 1


@pytest.mark.slow
def test_workers_that_come_later_are_given_candidates(assignment, evaluation, tmp_path):
    with Cluster("local:1") as cluster:
        executor, most = ClusterExecutor(cluster), []

        def seen(candidate, outcome):
            most.append(len(executor._flying))
            if len(most) == 1:
                cluster._local.scale(3)

        quick = machines.of_kind(machines.Quick, evaluation)
        searched(tmp_path / "j", assignment, quick, 120, executor, None, seen)
        assert cluster.threads == 3
        assert max(most[:10]) <= 2 < max(most)


@pytest.mark.slow
def test_a_worker_killed_loses_nothing_and_counts_nothing_twice(two, assignment, evaluation, tmp_path):
    kinds = Counter()

    def seen(candidate, outcome):
        if candidate is not None:
            kinds[type(outcome)] += 1
            if candidate.index == 5:
                pid = next(iter(two.client.run(os.getpid).values()))
                os.kill(pid, signal.SIGKILL)

    _, ids = searched(tmp_path / "j", assignment, evaluation, 20, ClusterExecutor(two), 4, seen)
    assert sorted(ids) == [f"c{i:06d}" for i in range(20)]
    assert kinds[Scored] > 10
