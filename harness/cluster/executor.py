"""Evaluations as futures of a cluster: Dask runs again what a worker took with it, and this what a scheduler did."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future, InvalidStateError
from functools import partial
from typing import Any

from distributed import KilledWorker
from distributed.client import ClosedClientError
from distributed.comm import CommClosedError

from evaluator.outcome import Failed, Failure
from harness.cluster.cluster import Cluster
from harness.cluster.evaluation import Evaluation
from harness.cluster.parcels import Errand, Pace, Parcel, score_parcel
from harness.errors import BadCluster

PATIENCE_S = 300.0
"""How long a lost scheduler is waited for."""

LOST = (OSError, RuntimeError, CommClosedError, ClosedClientError)
"""What Dask raises where a scheduler is gone: a client that has given it up is closed for good."""

PAUSE_S = 0.5
"""Before what was lost is sent again: a lost scheduler loses all that is in flight, one by one."""

EACH = 2
"""Parcels on their way for each thread: one that is worked on, and the next one, for which no thread waits."""


class ClusterExecutor(Executor):
    """Runs an `Evaluation` of a candidate on a worker of a cluster, and nothing else.

    The evaluation stays at the workers under its hash; candidates alone follow, several in a parcel where each takes
    little and more of them wait than parcels may be on their way.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._calls = cluster.calls()
        self._lock = threading.RLock()
        self._pace = Pace()
        self._waiting: deque[Errand] = deque()
        self._flying: set[Parcel] = set()
        self._lost: list[Errand] = []
        self._gone = False  # what the scheduler held is lost
        self._mending: threading.Thread | None = None
        self._closed = False

    def room(self) -> int:
        """Evaluations to have in flight so that no worker waits; never waits itself."""
        self.cluster.recount()
        return EACH * self.cluster.threads * self._pace.size

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """The outcome of `fn(candidate)`, computed on a worker.

        Raises:
            TypeError: `fn` is no Evaluation.
        """
        if not isinstance(fn, Evaluation) or len(args) != 1 or kwargs:
            raise TypeError(f"expected an Evaluation of one candidate, got {fn!r}")
        errand = Errand(Future(), fn, args[0])
        with self._lock:
            self._waiting.append(errand)
        self._send()
        return errand.future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let go of what is in flight; the cluster goes on."""
        self._closed = True
        if cancel_futures or not wait:
            self._calls.cancel()

    def _send(self) -> None:
        """What waits, as far as parcels may be on their way."""
        while True:
            with self._lock:
                parcel = self._packed()
                if parcel is None:
                    return
                try:
                    held = self.cluster.held(parcel.errands[0].evaluation)
                    sent = self._calls.submit(score_parcel, held, [e.candidate for e in parcel.errands])
                except LOST:
                    self._lose(parcel, True)
                    return
                self._flying.add(parcel)
            sent.add_done_callback(partial(self._came, parcel))

    def _packed(self) -> Parcel | None:
        if self._gone or self._closed or len(self._flying) >= EACH * self.cluster.threads:
            return None
        # A suspect travels while nothing else is on its way: whoever is on a worker that dies is suspected with it.
        if self._flying and (
            next(iter(self._flying)).errands[0].alone or (self._waiting and self._waiting[0].alone)
        ):
            return None
        errands: list[Errand] = []
        while self._waiting and len(errands) < self._pace.size:
            first = self._waiting[0]
            if errands and (first.alone or errands[0].alone or first.evaluation is not errands[0].evaluation):
                break
            self._waiting.popleft()
            if not first.future.cancelled():
                errands.append(first)
        return Parcel(errands) if errands else None

    def _came(self, parcel: Parcel, done: Future[Any]) -> None:
        """In a thread of Dask's: never waits."""
        if self._closed:
            for errand in parcel.errands:
                errand.future.cancel()
            return
        with self._lock:
            if parcel not in self._flying:  # it was sent again since
                return
            self._flying.remove(parcel)
            error = None if done.cancelled() else done.exception()
            if done.cancelled() or isinstance(error, CommClosedError | ClosedClientError):
                self._lose(parcel, True)
                return
            found: list[Any] = []
            if isinstance(error, KilledWorker):
                found = self._killed(parcel)
            elif error is not None:
                found = [error] * len(parcel.errands)
            else:
                found, seconds = done.result()
                self._pace.took(len(found), seconds)
                self._waiting.extendleft(reversed(parcel.errands[len(found) :]))
        for errand, outcome in zip(parcel.errands, found, strict=False):
            _settle(errand.future, outcome)
        self._send()

    def _killed(self, parcel: Parcel) -> list[Failed]:
        """Every worker that had the parcel died. Where it was alone it did that; else each of its candidates travels alone."""
        if parcel.errands[0].alone:
            return [Failed(Failure.CRASH, "every worker that ran it died")]
        for errand in parcel.errands:
            errand.alone = True
        self._lose(parcel, False)
        return []

    def _lose(self, parcel: Parcel, gone: bool) -> None:
        """To be sent again, by a thread that may wait; `gone`: the scheduler, and with it all that it held."""
        self._lost += parcel.errands
        self._gone |= gone
        if self._mending is None:
            self._mending = threading.Thread(target=self._mend, daemon=True, name="cluster-mend")
            self._mending.start()

    def _mend(self) -> None:
        until = time.monotonic() + PATIENCE_S
        while not self._closed:
            time.sleep(PAUSE_S)
            try:
                gone = self._gone
                if gone:  # nothing is sent meanwhile; no lock, since Dask's own thread may ask for it
                    self.cluster.reconnect()
                with self._lock:
                    if self._gone != gone:  # lost since it was looked at
                        continue
                    if gone:
                        self._calls = self.cluster.calls()
                        # A client that is closed says nothing of what it was given last.
                        self._lost += [errand for parcel in self._flying for errand in parcel.errands]
                        self._flying.clear()
                    self._waiting.extendleft(reversed(self._lost))
                    self._lost, self._gone, self._mending = [], False, None
            except (BadCluster, *LOST) as error:
                if time.monotonic() > until or _refused(error):
                    self._give_up(error)
                    return
                continue
            self._send()
            return

    def _give_up(self, error: Exception) -> None:
        with self._lock:
            flying = [errand for parcel in self._flying for errand in parcel.errands]
            lost = [*self._lost, *flying, *self._waiting]
            self._lost, self._mending = [], None
            self._flying.clear()
            self._waiting.clear()
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
