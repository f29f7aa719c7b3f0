"""A Dask cluster of real processes to be killed, cut off and started again, and a search that goes on meanwhile."""

import contextlib
import itertools
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from evaluator import Limits
from evaluator.outcome import Scorecard, Scored
from harness.cluster.cluster import Cluster
from harness.cluster.evaluation import Evaluation
from harness.cluster.executor import ClusterExecutor
from harness.proposers.assignment import Assignment
from harness.proposers.formula.proposer import FormulaProposer
from harness.record.journal import Journal
from harness.run.budget import Budget, Spending
from harness.run.context import Context
from harness.run.loop import DirectLoop
from harness.search.search import Search, SearchSettings
from tasks import load

ROOT = Path(__file__).resolve().parents[2]
SEED = 5


def of_kind(kind, evaluation):
    """The same evaluation, called as `kind` says."""
    return kind(**{k: getattr(evaluation, k) for k in evaluation.__dataclass_fields__})


def made_up(candidate):
    """A score that gets better all the time."""
    error = 1 / (2 + candidate.index)
    card = Scorecard(error, 1 - error, error, 10, error, log_error=error)
    return Scored({"outer 10%": card}, {"all_data": (1.0,)}, 3, 0.1)


class Quick(Evaluation):
    """Takes a moment and a made-up score: what is tested is the way there and back."""

    def __call__(self, candidate):
        time.sleep(0.1)
        return made_up(candidate)


def quick_search(path, address, n, seen=lambda c, o: None):
    """Search for n candidates on a cluster, two in flight, going on with what the journal holds; the ids in the journal."""
    assignment = Assignment.of(load("finetune_vocab", data_dir="nano"))
    quick = of_kind(Quick, Evaluation.of(assignment, Limits(), weak=True))
    formula = FormulaProposer(assignment.facts, assignment.title)
    search = Search(formula, assignment.n_constants, formula.starters(), SearchSettings(), SEED)
    journal = Journal(path) if path.exists() else Journal.create(path, {"seed": SEED})
    with journal, Cluster(address, weak=True) as cluster:
        loop = DirectLoop(search, quick, journal)
        loop.replay()
        executor = ClusterExecutor(cluster)
        spending = Spending(Budget(n, None), time.monotonic, search.n_told)
        loop.run(Context(executor, 2, spending, progress=seen))
        executor.shutdown(wait=False, cancel_futures=True)
        return [c.id for c, _ in journal.evaluations()]


class Machines:
    """Processes of a cluster on one port, all ended at the end.

    Args:
        host: that the scheduler listens on.
    """

    def __init__(self, host="127.0.0.1"):
        with socket.socket() as free:
            free.bind((host, 0))
            self.port = free.getsockname()[1]
        self.host, self.started = host, []
        self.address = f"tcp://{host}:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.started:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()

    def scheduler(self):
        """One that answers; what was started before it may try again by itself."""
        process = self._start("scheduler", "--host", self.host, "--port", str(self.port), "--no-show")
        while process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection((self.host, self.port)):
                return process
            time.sleep(0.2)
        raise RuntimeError(f"the scheduler ended with {process.returncode}")

    def worker(self, within=(), address=None, host="127.0.0.1"):
        """One without a nanny, which would end with its scheduler all the same.

        Args:
            within: command that starts it elsewhere.
            address: of the scheduler, where it has another there.
        """
        one = ("--nthreads", "1", "--no-nanny", "--host", host, "--death-timeout", "120")
        return self._start("worker", address or self.address, *one, within=within)

    def _start(self, what, *args, within=()):
        command = [*within, sys.executable, "-m", f"distributed.cli.dask_{what}", *args, "--no-dashboard"]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=quiet, stderr=quiet)
        self.started.append(process)
        return process


class Elsewhere:
    """A network namespace with a line to this one, which can be slow, lossy and cut.

    Raises:
        OSError: the system grants none.
    """

    numbers = itertools.count(os.getpid() % 200)

    def __init__(self):
        n = next(self.numbers) % 250
        self.near, self.far, self.name = f"10.213.{n}.1", f"10.213.{n}.2", f"sl{n}"
        if shutil.which("ip") is None:
            raise OSError("no ip command")
        self.holder = subprocess.Popen(
            ["unshare", "-n", "sh", "-c", "echo; exec sleep 3600"], stdout=subprocess.PIPE
        )
        self.within = ("nsenter", "-t", str(self.holder.pid), "-n")
        if not self.holder.stdout.readline():
            raise OSError("no network namespaces")
        try:
            ip("link", "add", self.name, "type", "veth", "peer", "name", "far", "netns", str(self.holder.pid))
            ip("addr", "add", f"{self.near}/24", "dev", self.name)
            ip("link", "set", self.name, "up")
            ip("addr", "add", f"{self.far}/24", "dev", "far", within=self.within)
            ip("link", "set", "far", "up", within=self.within)
            ip("link", "set", "lo", "up", within=self.within)
        except OSError:
            self.close()
            raise

    def worsen(self):
        """Delay and loss on the line, where the system has them; whether it has."""
        shape = [
            "tc",
            "qdisc",
            "add",
            "dev",
            self.name,
            "root",
            "netem",
            "delay",
            "80ms",
            "20ms",
            "loss",
            "2%",
        ]
        return subprocess.run(shape, capture_output=True, check=False).returncode == 0

    def cut(self, off):
        ip("link", "set", self.name, "down" if off else "up")

    def close(self):
        self.holder.kill()  # the line goes with the namespace
        self.holder.wait()
        self.holder.stdout.close()


def ip(*args, within=()):
    done = subprocess.run([*within, "ip", *args], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(done.stderr.strip())
