"""Runs beside each other: in processes of their own, or in threads where their candidates are scored elsewhere."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import (
    FIRST_COMPLETED,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from harness.errors import HarnessError

Job = tuple[Any, ...]
Stopping = Callable[[], bool]
Work = Callable[..., str | None]
"""work(*job, stopping) -> a line on what has ended; None where it was interrupted."""


def in_processes(
    jobs: Iterable[Job], work: Work, n: int, stopping: Stopping, ended: Callable[[str], None]
) -> None:
    """Each job in a process of its own, n at once; `work` can be pickled.

    Args:
        stopping: asked often; when true the jobs in hand are told, and those that wait do not begin.
        ended: gets the line of every job that has ended.

    Raises:
        HarnessError: a process was ended from outside.
    """
    context = multiprocessing.get_context("spawn")
    try:
        stop = context.Event()
    except OSError as error:
        raise HarnessError(
            f"processes beside each other need /dev/shm, which fails here ({error}); give --jobs 1"
        ) from error
    pool = ProcessPoolExecutor(n, context, _begin_worker, (stop, os.getpid()))
    try:
        _follow(pool, [pool.submit(_in_worker, work, job) for job in jobs], stop, stopping, ended)
    except BrokenProcessPool:
        raise HarnessError(
            "a run's process was ended from outside (out of memory?); nothing finished is lost: give the same "
            "command again, perhaps with fewer --jobs"
        ) from None


def in_threads(
    jobs: Iterable[Job], work: Work, n: int, stopping: Stopping, ended: Callable[[str], None]
) -> None:
    """As `in_processes`, in threads of this one."""
    stop = threading.Event()
    pool = ThreadPoolExecutor(n, thread_name_prefix="run")
    _follow(pool, [pool.submit(_unless_stopped, work, job, stop) for job in jobs], stop, stopping, ended)


def _follow(
    pool: Executor,
    begun: list[Future[str | None]],
    stop: Any,
    stopping: Stopping,
    ended: Callable[[str], None],
) -> None:
    """Until all have ended or the first has failed; then the others are told to stop."""
    waiting = set(begun)
    with pool:
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
                if stopping():
                    stop.set()
                for future in done:
                    line = future.result()
                    if line is not None:
                        ended(line)
        except BaseException:
            stop.set()
            raise


def _unless_stopped(work: Work, job: Job, stop: Any) -> str | None:
    return None if stop.is_set() else work(*job, stop.is_set)


_stop: Any = None


def _begin_worker(stop: Any, parent: int) -> None:
    """Leave Ctrl-C to the parent, and end with it."""
    global _stop
    _stop = stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _in_worker(work: Work, job: Job) -> str | None:
    return _unless_stopped(work, job, _stop)
