"""The doors a child closes behind itself, each in a module of its own.

Order matters: descriptors, then the tie to the zygote's life; after the job has been read
capabilities, limits, no_new_privs, Landlock, and seccomp last, which forbids making any of the others.

Standard library alone: the zygote imports this package by path.
"""

from __future__ import annotations

import _thread
import fcntl
import json
import os
import socket
from typing import Any

from layers import capabilities, clock, landlock, limits, paths, seccomp

CHANNEL = 3
"""The job socket's number in a child: the only descriptor beside the standard three."""

MOST_DESCRIPTORS = 1024


class CannotLock(Exception):
    """A layer that held in the trial does not hold now."""


class Lockdown:
    """The layers of one zygote: prepared once, tried once, then applied in each child.

    Args:
        without: names of layers to leave out ("landlock", "seccomp", "capabilities", "namespaces", "clock").
        with_fitting: whether the `fitting` package may be read.
        namespaced: whether the zygote lives in namespaces of its own.
    """

    def __init__(self, without: tuple[str, ...], with_fitting: bool, namespaced: bool) -> None:
        self.base_bytes = limits.address_space()
        self.namespaced = namespaced
        self.ruleset = (
            None if "landlock" in without else _high(landlock.ruleset(*paths.readable(with_fitting)))
        )
        self.own_clock = "clock" not in without and clock.own()
        self.filter = None if "seccomp" in without else seccomp.here(clocks=not self.own_clock)
        self.capabilities = "capabilities" not in without
        self.held = self.trial()

    def describe(self) -> dict[str, Any]:
        """What holds, for the host: layers as printed, and whether files are out of reach."""
        layers = ["process", "rlimits"] if "rlimits" in self.held else ["process"]
        if "capabilities" in self.held:
            layers.append("no capabilities")
        if "landlock" in self.held:
            layers.append(f"Landlock ABI {landlock.abi()}")
        if "seccomp" in self.held:
            layers.append("seccomp")
        if {"clock", "seccomp"} <= self.held:
            layers.append("own clock")
        if self.namespaced:
            layers.append("user+pid+net+ipc+uts namespaces")
        files_safe = bool({"landlock", "seccomp"} & self.held)
        return {"layers": layers, "files_safe": files_safe and "rlimits" in self.held}

    def enter(self, job: int, output: int) -> int:
        """Keep three descriptors and the ruleset; returns the job socket's new number."""
        if os.getpid() != os.getsid(0):  # a worker that was not forked leads its session already
            os.setpgid(0, 0)
            limits.die_with_parent()
        # Both move up first: a small number may be the very one the other is to get. A process may have as few as 64.
        job, output = (fcntl.fcntl(fd, fcntl.F_DUPFD, 20) for fd in (job, output))
        os.dup2(job, CHANNEL)
        os.dup2(output, 1)
        os.dup2(output, 2)
        # Descriptors from before the fork share their flags and place with every other child's.
        os.dup2(output, 0)
        kept = self.ruleset if self.ruleset is not None else CHANNEL
        os.closerange(CHANNEL + 1, kept)
        os.closerange(kept + 1, MOST_DESCRIPTORS + 1)
        return CHANNEL

    def lock(self, wanted: dict[str, int]) -> None:
        """Close every door that held in the trial; called when the job has been read.

        Raises:
            CannotLock: one does not hold now. Nothing of the program has run yet.
        """
        if "capabilities" in self.held and not capabilities.drop():
            raise CannotLock("capabilities")
        limits.apply(
            wanted["cpu_s"],
            # Where our own size cannot be told, the host watches it from outside.
            self.base_bytes + wanted["memory_bytes"] if self.base_bytes else None,
            wanted["output_bytes"],
            # Threads count as processes here; seccomp refuses both, for root too.
            no_processes="seccomp" not in self.held,
        )
        clock.begin()
        capabilities.no_new_privileges()
        if "landlock" in self.held and not landlock.restrict(self.ruleset):
            raise CannotLock("Landlock")
        if self.ruleset is not None:
            os.close(self.ruleset)
        if "seccomp" in self.held and not seccomp.install(self.filter):
            raise CannotLock("seccomp")

    def trial(self) -> set[str]:
        """Layers that hold, found by trying them in a throw-away child."""
        ours, theirs = socket.socketpair()
        child = os.fork()
        if child == 0:
            try:
                held = self._try()
                os.write(theirs.fileno(), json.dumps(sorted(held)).encode())
            finally:
                os._exit(0)
        theirs.close()
        said = ours.recv(4096)
        ours.close()
        os.waitpid(child, 0)
        return set(json.loads(said)) if said else set()

    def _try(self) -> set[str]:
        held = set()
        if limits.works():
            held.add("rlimits")
        if self.capabilities and capabilities.drop():
            held.add("capabilities")
        if self.own_clock and clock.holds():
            held.add("clock")
        private, public = os.path.abspath(__file__), os.path.abspath(os.__file__)
        if capabilities.no_new_privileges():
            walled = self.ruleset is not None and landlock.restrict(self.ruleset)
            if walled and not _opens(private) and _opens(public):
                held.add("landlock")
            filtered = self.filter is not None and seccomp.install(self.filter)
            if filtered and not (_forks() or _connects() or _opens(public) or _starts_a_thread()):
                held.add("seccomp")
        return held


def _high(fd: int | None) -> int | None:
    """The same descriptor under a number that no renumbering in a child will hit."""
    if fd is None:
        return None
    high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 50)
    os.close(fd)
    return high


def _opens(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_RDONLY))
    except OSError:
        return False
    return True


def _forks() -> bool:
    try:
        child = os.fork()
    except OSError:
        return False
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return True


def _starts_a_thread() -> bool:
    try:
        _thread.start_new_thread(int, ())
    except RuntimeError:
        return False
    return True


def _connects() -> bool:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
    except OSError:
        return False
    return True
