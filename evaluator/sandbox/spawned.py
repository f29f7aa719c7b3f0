"""Workers started beforehand and used once, for systems where a warm process must not be forked.

UNVERIFIED on macOS, for which it is written: there a process that has loaded NumPy over Accelerate may
crash in a forked child, and neither Landlock nor seccomp exists. Only what Linux shows of it is tested.

A worker is a zygote that serves its one request in itself. A spare is always loading, which
hides its start (about a second of processor time a call, so it is slow all the same). Limits are
watched from outside, several times a second: processor time is limited by the system, memory by polling.
Stops: time, memory (within one poll), captured output, crashes.
Does not stop: reading and writing files, the network, other processes. Use a container.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import threading
from collections import deque
from pathlib import Path

from evaluator.child.wire import ALIVE, ASK, STATUS, spent
from evaluator.sandbox.host import Profile, Zygote, ZygoteDied

POLL_S = 0.05


class Spawner:
    """Answers as a `host.Zygote` does, with a fresh process for each call.

    Args:
        profile: what each worker loads.
        without: layers to leave out.
        spares: workers kept loading.
    """

    def __init__(self, profile: Profile, without: tuple[str, ...] = (), spares: int = 2) -> None:
        self._profile, self._without = profile, without
        self._lock = threading.Lock()
        self._spares = deque(Zygote(profile, without, single_use=True) for _ in range(spares))
        self._watched: set[threading.Thread] = set()
        self._closed = False
        self.layers: list[str] = []
        self.files_safe = False
        self.pid = os.getpid()

    def wait_until_ready(self) -> None:
        """Returns when the next worker has loaded what it should; ZygoteDied when it does not come up."""
        with self._lock:
            if self._closed:
                raise ZygoteDied("closed")
            worker = self._spares[0]
        worker.wait_until_ready()
        self.layers, self.files_safe = [*worker.layers, "single use"], worker.files_safe

    def fork(self, order: dict[str, int], job: int, status: int, output: int) -> None:
        """Hand the job to the next worker, and have another one loading.

        Raises:
            ZygoteDied: the worker is gone.
        """
        with self._lock:
            if self._closed:
                raise ZygoteDied("closed")
            worker = self._spares.popleft()
            self._spares.append(Zygote(self._profile, self._without, single_use=True))
        try:
            worker.wait_until_ready()
            worker.fork(order, job, status, output)
        except ZygoteDied:
            worker.close(at_once=True)
            raise
        watch = socket.socket(fileno=os.dup(status))
        thread = threading.Thread(
            target=self._watch, args=(worker, watch, order["memory_bytes"]), daemon=True
        )
        with self._lock:
            self._watched.add(thread)
        thread.start()

    def _watch(self, worker: Zygote, status: socket.socket, memory_bytes: int) -> None:
        """Kill the worker when asked, when the caller hangs up or it grows too large; say how it ended."""
        base, over = resident_bytes(worker.pid), False
        poller = select.poll()
        poller.register(status, select.POLLIN)
        with status:
            while True:
                done, code, usage = os.wait4(worker.pid, os.WNOHANG)
                if done:
                    break
                ready = bool(poller.poll(POLL_S * 1000))
                if ready and _asks(status):
                    with contextlib.suppress(OSError):
                        status.send(STATUS.pack(ALIVE, spent(worker.pid), 0.0, 0, False))
                    continue
                over = resident_bytes(worker.pid) - base > memory_bytes
                if ready or over:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(worker.pid, signal.SIGKILL)
                    _, code, usage = os.wait4(worker.pid, 0)
                    break
            worker.reaped(code)
            # The peak is in kB on Linux and in bytes on macOS.
            peak = usage.ru_maxrss // (1 if os.uname().sysname == "Linux" else 1024)
            with contextlib.suppress(OSError):
                status.send(STATUS.pack(code, usage.ru_utime, usage.ru_stime, peak, over))
        with self._lock:
            self._watched.discard(threading.current_thread())

    def close(self, at_once: bool = False) -> None:
        """End every spare, and wait for the workers that are busy to have been killed."""
        with self._lock:
            self._closed = True
            spares, watched = list(self._spares), list(self._watched)
            self._spares.clear()
        for worker in spares:
            worker.close(at_once)
        for thread in watched:
            thread.join(5.0)


def _asks(status: socket.socket) -> bool:
    """Whether the caller wants to know what the worker has spent; anything else ends it."""
    try:
        return status.recv(1) == ASK
    except OSError:
        return False


def resident_bytes(pid: int) -> int:
    """Resident size of a process; 0 when it cannot be told."""
    statm = Path(f"/proc/{pid}/statm")
    try:
        if statm.exists():
            return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        said = subprocess.run(
            ["/bin/ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return int(said.stdout.strip() or 0) * 1024
    except (OSError, ValueError, IndexError):
        return 0
