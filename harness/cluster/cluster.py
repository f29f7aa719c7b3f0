"""A Dask cluster: one that runs already (`tcp://host:port`), or processes of this machine (`local:4`)."""

from __future__ import annotations

import contextlib
import logging
import re
import time
from typing import Any

from harness.cluster.evaluation import Evaluation, differs, identity, introduce
from harness.cluster.following import Following
from harness.errors import BadCluster

CONNECT_S = 15
WORKERS_S = 60
"""Seconds that the first worker has to come."""

COUNT_S = 2
"""Seconds until the workers are counted again."""

QUIET = {
    "distributed.scheduler.allowed-failures": 1,
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "500ms",
}
"""Of a cluster of this machine: its processes share the processors with programs, and by default look at themselves 50 to 100
times a second each. Set too early for a cluster that runs already: docs/scale.md says how to start one."""

LOCAL = re.compile(r"local:([1-9]\d{0,3})")
REMOTE = re.compile(r"(tcp|tls|ws|wss)://\S+:\d+")


def _same(evaluation: Evaluation) -> Evaluation:
    return evaluation


class Cluster:
    """Workers that score candidates.

    Args:
        where: address of a scheduler, or local:N for N processes here.
        weak: accept workers that can't keep programs away from their files.

    Attributes:
        threads: evaluations that the workers run beside each other; see `recount`.
        level: layers of the workers' sandboxes.
        client: of Dask.

    Raises:
        BadCluster: no such cluster, no worker, or a worker that may not take part.
    """

    def __init__(self, where: str, weak: bool = False) -> None:
        check_address(where)
        self.where, self.weak = where, weak
        self._local: Any = None
        self._held: dict[str, Any] = {}
        self._generation = 0
        self.client = self._connect()
        try:
            self.level = self._introduced()
            self.threads = sum(self.client.nthreads().values())
            self._counted_at = time.monotonic()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave a cluster that runs on its own as it is; end one of this machine."""
        self._held.clear()
        self.client.close()
        if self._local is not None:
            self._local.close()

    def held(self, evaluation: Evaluation) -> Any:
        """The evaluation as Dask knows it: sent to each worker once, and again to one that has lost it."""
        digest = evaluation.digest
        if digest not in self._held:
            key = f"evaluation-{digest}-{self._generation}"
            self._held[digest] = self.client.submit(_same, evaluation, key=key)
        return self._held[digest]

    def calls(self) -> Following:
        """What sends calls over the connection of now."""
        return Following(self.client)

    def recount(self) -> None:
        """Now and then ask how many threads there are: workers come and go. Does not wait for the answer."""
        if time.monotonic() - self._counted_at > COUNT_S:
            self._counted_at = time.monotonic()
            with contextlib.suppress(RuntimeError):  # a client that is closed
                self.client.loop.add_callback(self._count)

    async def _count(self) -> None:
        with contextlib.suppress(OSError, RuntimeError, TimeoutError):  # a lost scheduler: said elsewhere
            self.threads = sum((await self.client.scheduler.ncores(workers=None)).values()) or self.threads

    def reconnect(self) -> None:
        """After the scheduler was lost: what it held is sent again.

        Raises:
            BadCluster: it does not come back.
        """
        if self.client.status != "running":
            self.client.close(timeout=1)
            self.client = self._connect()
        self._held.clear()
        self._generation += 1
        self._introduced()

    def _connect(self) -> Any:
        try:
            import dask
            from distributed import Client, LocalCluster
        except ImportError:
            raise BadCluster(
                "--cluster needs Dask: python -m pip install 'scaling-law-harness[cluster]'"
            ) from None
        local = LOCAL.fullmatch(self.where)
        try:
            if local and self._local is None:
                dask.config.set(QUIET)
                self._local = LocalCluster(
                    n_workers=int(local[1]),
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address="127.0.0.1:0",
                    silence_logs=logging.CRITICAL,
                    preload="harness.cluster.started_here",
                )
            return Client(self._local if local else self.where, timeout=CONNECT_S)
        except (OSError, TimeoutError) as error:
            raise BadCluster(
                f"--cluster {self.where}: no scheduler answers there ({_one_line(error)}); start one with "
                "`dask scheduler`, or give local:N"
            ) from error

    def _introduced(self) -> str:
        """Levels of the sandboxes of all workers, each of which may take part."""
        try:
            self.client.wait_for_workers(1, timeout=WORKERS_S)
        except TimeoutError:
            raise BadCluster(
                f"--cluster {self.where}: no worker came in {WORKERS_S} s; start some with `dask worker {self.where}`"
            ) from None
        from distributed.comm import CommClosedError

        answers = self.client.run(introduce, self.weak, on_error="return")
        # One that is lost meanwhile says nothing of its software; where it comes back its first candidate asks it.
        answers = {w: said for w, said in answers.items() if not isinstance(said, CommClosedError)}
        if not answers:
            raise BadCluster(f"--cluster {self.where}: no worker came to say what it runs")
        for worker, said in sorted(answers.items()):
            if isinstance(said, BaseException):
                raise BadCluster(f"--cluster: worker {worker} can't take part: {_one_line(said)}")
            if said[0] != identity():
                raise BadCluster(f"--cluster: worker {worker}: {differs(identity(), said[0])}")
        return "; ".join(sorted({level for _, level in answers.values()}))


def check_address(where: str) -> None:
    """Refuse what names no cluster.

    Raises:
        BadCluster: neither an address nor local:N.
    """
    if not (LOCAL.fullmatch(where) or REMOTE.fullmatch(where)):
        raise BadCluster(
            f"--cluster: expected tcp://HOST:PORT of a Dask scheduler, or local:N, got {where!r}"
        )


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
