"""Faults of real processes: a scheduler restarted, a network that stalls, a controller killed. None costs an outcome."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

pytest.importorskip("harness.cluster.executor", exc_type=ImportError)

from harness.cluster import cluster as clusters
from harness.record.journal import Journal
from tests.harness.machines import ROOT, Elsewhere, Machines, quick_search

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("after_dask"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """However loaded the machine is."""
    monkeypatch.setattr(clusters, "WORKERS_S", 250)


def every(n):
    return [f"c{i:06d}" for i in range(n)]


def once(index, act):
    """What a search calls, that does something when it has told of one candidate."""

    def seen(candidate, outcome):
        if candidate is not None and candidate.index == index:
            act()

    return seen


def test_a_scheduler_killed_and_started_again_loses_nothing_and_counts_nothing_twice(tmp_path):
    with Machines() as machines:
        scheduler = machines.scheduler()
        machines.worker()

        def restart():
            scheduler.kill()
            scheduler.wait()
            machines.scheduler()
            machines.worker()  # Dask's workers end with their scheduler

        ids = quick_search(tmp_path / "j", machines.address, 12, once(4, restart))
    assert sorted(ids) == every(12)


@pytest.fixture
def elsewhere():
    """A network namespace with a worker's address in it."""
    try:
        there = Elsewhere()
    except OSError as error:
        pytest.skip(f"no network namespaces here: {error}")
    yield there
    there.close()


def test_a_network_that_stalls_delays_a_search_and_nothing_else(tmp_path, elsewhere):
    with Machines(elsewhere.near) as machines:
        machines.scheduler()
        machines.worker(elsewhere.within, host=elsewhere.far)
        elsewhere.worsen()

        def stall():
            elsewhere.cut(True)
            threading.Timer(5, elsewhere.cut, [False]).start()

        ids = quick_search(tmp_path / "j", machines.address, 12, once(4, stall))
    assert sorted(ids) == every(12)


def test_a_worker_cut_off_for_good_leaves_its_candidates_to_others(tmp_path, elsewhere):
    with Machines(elsewhere.near) as machines:
        machines.scheduler()
        machines.worker(elsewhere.within, host=elsewhere.far)

        def cut():
            elsewhere.cut(True)
            machines.worker()

        ids = quick_search(tmp_path / "j", machines.address, 12, once(4, cut))
    assert sorted(ids) == every(12)


def test_a_controller_killed_goes_on_from_its_journal(tmp_path):
    path = tmp_path / "j"
    with Machines() as machines:
        machines.scheduler()
        machines.worker()
        text = f"from tests.harness.machines import *; quick_search(Path({str(path)!r}), {machines.address!r}, 1000)"
        controller = subprocess.Popen([sys.executable, "-c", text], cwd=ROOT)
        try:
            finished = []
            until = time.monotonic() + 900
            while len(finished) < 5 and time.monotonic() < until and controller.poll() is None:
                time.sleep(2)
                if path.exists():
                    with Journal(path, read_only=True) as journal:
                        finished = [c.id for c, _ in journal.evaluations()]
        finally:
            controller.send_signal(signal.SIGKILL)
            controller.wait()
        assert len(finished) >= 5
        with Journal(path, read_only=True) as journal:
            before = [c.id for c, _ in journal.evaluations()]
        ids = quick_search(path, machines.address, len(before) + 6)
    assert ids[: len(before)] == before
    assert sorted(ids) == every(len(before) + 6)


def test_ctrl_c_stops_a_search_on_workers_of_this_machine_without_a_word_of_theirs(tmp_path):
    """A terminal sends the signal to all of its processes, workers too."""
    command = [sys.executable, "-m", "harness.evolve", "--task", "finetune_vocab", "--data-dir", "nano"]
    command += ["--cluster", "local:2", "--evaluations", "100000", "--minutes", "30", "--out", str(tmp_path)]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as search:
        said = []
        for line in search.stdout:
            said.append(line)
            if " evaluations, " in line and int(line.split()[0]) >= 20:
                os.killpg(search.pid, signal.SIGINT)
                break
        said += search.stdout.readlines()
    text = "".join(said)
    assert search.returncode == 130, text
    assert "stopped; nothing finished is lost" in text
    assert "Traceback" not in text and "KeyboardInterrupt" not in text
