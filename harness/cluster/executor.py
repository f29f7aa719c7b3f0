"""Evaluations as futures of a cluster: Dask runs again what a worker took with it, and this what a scheduler did."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, InvalidStateError
from dataclasses import dataclass
from typing import Any

from distributed import KilledWorker
from distributed.client import ClosedClientError
from distributed.comm import CommClosedError

from evaluator.outcome import Failed, Failure
from harness.cluster.cluster import Cluster
from harness.cluster.evaluation import Evaluation
from harness.errors import BadCluster
from harness.search.candidate import Candidate

PATIENCE_S = 300.0
"""How long a lost scheduler is waited for."""

LOST = (OSError, RuntimeError, CommClosedError, ClosedClientError)
"""What Dask raises where a scheduler is gone: a client that has given it up is closed for good."""

PAUSE_S = 0.5
"""Before what was lost is sent again: a lost scheduler loses all that is in flight, one by one."""

DEADLY = 2
"""Times that Dask gives a candidate up, as every worker it was on died, before the candidate is to blame: another
candidate on the same worker may be."""


def _score(evaluation: Evaluation, candidate: Candidate) -> Any:
    return evaluation(candidate)


@dataclass(slots=True, eq=False)
class _Errand:
    """One evaluation on its way; `future` is the caller's, `era` the connection that it was sent by."""

    future: Future[Any]
    evaluation: Evaluation
    candidate: Candidate
    given_up: int = 0
    era: int = 0


class ClusterExecutor(Executor):
    """Runs an `Evaluation` of a candidate on a worker of a cluster, and nothing else.

    The evaluation stays at the workers under its hash; candidates alone follow.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._dask = cluster.client.get_executor(pure=False, retries=2)
        self._lock = threading.RLock()
        self._lost: list[_Errand] = []
        self._flying: set[_Errand] = set()
        self._era = 0
        self._gone = False  # what the scheduler held is lost
        self._mending: threading.Thread | None = None
        self._closed = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """The outcome of `fn(candidate)`, computed on a worker.

        Raises:
            TypeError: `fn` is no Evaluation.
        """
        if not isinstance(fn, Evaluation) or len(args) != 1 or kwargs:
            raise TypeError(f"expected an Evaluation of one candidate, got {fn!r}")
        errand = _Errand(Future(), fn, args[0])
        self._send(errand)
        return errand.future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let go of what is in flight; the cluster goes on."""
        self._closed = True
        if cancel_futures or not wait:
            self._dask.shutdown(wait=False)

    def _send(self, errand: _Errand) -> None:
        with self._lock:
            era = errand.era = self._era
            self._flying.add(errand)
            try:
                held = self.cluster.held(errand.evaluation)
                sent = self._dask.submit(_score, held, errand.candidate)
            except LOST:
                self._lose(errand, True)
                return
        sent.add_done_callback(lambda done: self._came(errand, era, done))

    def _came(self, errand: _Errand, era: int, done: Future[Any]) -> None:
        """In a thread of Dask's: never waits."""
        future = errand.future
        if self._closed or future.cancelled():
            future.cancel()
            return
        if era != errand.era:  # it was sent again since
            return
        error = None if done.cancelled() else done.exception()
        if done.cancelled() or isinstance(error, CommClosedError | ClosedClientError):
            self._lose(errand, True)
        elif isinstance(error, KilledWorker):
            errand.given_up += 1
            if errand.given_up < DEADLY:
                self._lose(errand, False)
            else:
                self._settle(errand, Failed(Failure.CRASH, "every worker that ran it died"))
        else:
            self._settle(errand, error if error is not None else done.result())

    def _settle(self, errand: _Errand, found: Any) -> None:
        with self._lock:
            self._flying.discard(errand)
        _settle(errand.future, found)

    def _lose(self, errand: _Errand, gone: bool) -> None:
        """To be sent again, by a thread that may wait; `gone`: the scheduler, and with it all that it held."""
        with self._lock:
            self._flying.discard(errand)
            self._lost.append(errand)
            self._gone |= gone
            if self._mending is None:
                self._mending = threading.Thread(target=self._mend, daemon=True, name="cluster-mend")
                self._mending.start()

    def _mend(self) -> None:
        until = time.monotonic() + PATIENCE_S
        while not self._closed:
            time.sleep(PAUSE_S)
            try:
                with self._lock:
                    if self._gone:
                        self.cluster.reconnect()
                        self._dask = self.cluster.client.get_executor(pure=False, retries=2)
                        # A client that is closed says nothing of what it was given last.
                        self._era += 1
                        self._lost += self._flying
                        self._flying.clear()
                    again, self._lost, self._gone, self._mending = self._lost, [], False, None
            except (BadCluster, *LOST) as error:
                if time.monotonic() > until or _refused(error):
                    self._give_up(error)
                    return
                continue
            for errand in again:
                self._send(errand)
            return

    def _give_up(self, error: Exception) -> None:
        with self._lock:
            lost, self._lost, self._mending = [*self._lost, *self._flying], [], None
            self._flying.clear()
        why = BadCluster(f"{error}. Nothing finished is lost: resume the run when the cluster is back")
        for errand in lost:
            _settle(errand.future, why)


def _settle(future: Future[Any], found: Any) -> None:
    """Give a future its outcome or error, unless whoever waited has let go of it."""
    with contextlib.suppress(InvalidStateError):
        if isinstance(found, BaseException):
            future.set_exception(found)
        else:
            future.set_result(found)


def _refused(error: Exception) -> bool:
    """Whether the scheduler is back, with workers that may not take part."""
    return isinstance(error, BadCluster) and "worker" in str(error) and "no worker came" not in str(error)
