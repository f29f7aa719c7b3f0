"""A warm process that forks one child per call and holds no data of any call.

Started by `sandbox.py` as a script with a clean environment. It loads NumPy and SciPy once, then
waits on a control socket. A request carries three descriptors: the child's job socket, a status socket and
a file for the child's output. The zygote forks, forgets the job socket without reading it, and
says on the status socket how the child ended. So nothing of one program, and no row of any task,
is ever in the memory that the next child inherits.

It kills a child's whole process group when the host says so or hangs up, and ends with all
children when the host is gone.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys
import types
from collections.abc import Callable
from typing import Any


class Zygote:
    """Forks, reaps and kills. One thread, no locks, nothing of a job in its memory."""

    def __init__(
        self, control: socket.socket, lockdown: Any, run: Callable[..., None], wire: types.ModuleType
    ) -> None:
        self.control = control
        self.lockdown = lockdown
        self.run = run
        self.wire = wire
        self.status: struct.Struct = wire.STATUS
        self.children: dict[int, int] = {}  # pid -> descriptor of its status socket
        self.poller = select.poll()
        self.wake_r, self.wake_w = os.pipe()
        os.set_blocking(self.wake_r, False)
        os.set_blocking(self.wake_w, False)
        # A SIGCHLD handler alone does not wake poll (PEP 475); the wake-up descriptor does.
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.wake_w, warn_on_full_buffer=False)
        for fd in (control.fileno(), self.wake_r):
            self.poller.register(fd, select.POLLIN)

    def serve(self, host: int | None) -> None:
        """Loop until the host closes the control socket or dies.

        Args:
            host: descriptor that becomes readable when the host has died, or None.
        """
        if host is not None:
            self.poller.register(host, select.POLLIN)
        while True:
            ready = {fd for fd, _ in self.poller.poll()}
            # Kills first, then the dead, then new requests: a number freed here and given out again
            # in the same round would be taken for the old one.
            for fd in ready & set(self.children.values()):
                self.told(fd)
            if self.wake_r in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self.wake_r, 4096)
                self.reap()
            if host in ready or (self.control.fileno() in ready and not self.request()):
                return

    def request(self) -> bool:
        message, fds, _, _ = socket.recv_fds(self.control, 4096, 3)
        if not message:
            return False
        job, status, output = fds
        try:
            pid = os.fork()
        except OSError as error:
            os.write(status, f"fork failed: {error.strerror}".encode())
            for fd in fds:
                os.close(fd)
            return True
        if pid == 0:
            self.child(job, output, json.loads(message))
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)
        os.close(job)
        os.close(output)
        self.children[pid] = status
        self.poller.register(status, select.POLLIN)
        return True

    def serve_once(self) -> None:
        """Serve the first request in this very process, where forking is not to be trusted."""
        message, fds, _, _ = socket.recv_fds(self.control, 4096, 3)
        if message:
            self.child(fds[0], fds[2], json.loads(message))

    def child(self, job: int, output: int, limits: dict[str, int]) -> None:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            channel = self.lockdown.enter(job, output)
            self.run(channel, lambda: self.lockdown.lock(limits))
        finally:
            os._exit(71)

    def told(self, fd: int) -> None:
        """The host asks what a child has spent; anything else it says, or that it hung up, ends the child."""
        try:
            asked = os.read(fd, 1) == self.wire.ASK
        except OSError:
            asked = False
        if not asked:
            self.kill(fd)
            return
        pid = next(p for p, status in self.children.items() if status == fd)
        with contextlib.suppress(OSError):
            os.write(fd, self.status.pack(self.wire.ALIVE, self.wire.spent(pid), 0.0, 0, False))

    def kill(self, fd: int) -> None:
        """Kill a child and forget its status socket until it is reaped."""
        self.poller.unregister(fd)
        for pid, status in self.children.items():
            if status == fd:
                kill_group(pid)

    def reap(self) -> None:
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            fd = self.children.pop(pid, None)
            if fd is None:  # a stray that outlived its parent, adopted by us
                continue
            if "seccomp" not in self.lockdown.held:  # what it started goes with it
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, signal.SIGKILL)
            with contextlib.suppress(KeyError):
                self.poller.unregister(fd)
            with contextlib.suppress(OSError):
                os.write(fd, self.status.pack(status, usage.ru_utime, usage.ru_stime, usage.ru_maxrss, False))
            os.close(fd)

    def end(self) -> None:
        for pid in self.children:
            kill_group(pid)


def kill_group(pid: int) -> None:
    """Kill a child and whatever shares its group; it may not have made its group yet."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)


def main() -> None:
    config = json.loads(sys.argv[1])
    without = tuple(config["without"])
    # Our own modules come in by path, not through the package: a child must not hold the evaluator.
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path.insert(0, here)
    import layers
    from layers import limits, namespaces

    limits.few_descriptors(layers.MOST_DESCRIPTORS)
    control_fd, host = (_low(config[name]) for name in ("control_fd", "host_fd"))
    namespaced = "namespaces" not in without and not config["single_use"] and namespaces.enter()
    sys.path.remove(here)
    sys.path.extend(config["paths"])
    for name in config["preload"]:
        with contextlib.suppress(ImportError) if "._" in name else contextlib.nullcontext():
            importlib.import_module(name)
    sys.path.insert(0, here)
    import runner
    import warmup
    import wire

    sys.path.remove(here)
    warmup.use_once(config["preload"])
    lockdown = layers.Lockdown(without, config["with_fitting"], namespaced)
    control = socket.socket(fileno=control_fd)
    zygote = Zygote(control, lockdown, runner.run, wire)
    gc.collect()
    gc.freeze()
    control.send(json.dumps(lockdown.describe()).encode())
    os.dup2(0, 2)  # start-up errors went to the host's pipe; from here on nobody reads it
    if config["single_use"]:
        limits.end_with_host()
        zygote.serve_once()
        return
    try:
        zygote.serve(host)
    finally:
        zygote.end()


def _low(fd: int | None) -> int | None:
    """The descriptor under a small number: a busy host hands us large ones."""
    if fd is None:
        return None
    low = os.dup(fd)
    os.close(fd)
    return low


if __name__ == "__main__":
    main()
