"""Runs jobs in processes of their own: the protocol, and its implementation for this machine.

`Sandbox` is the protocol; `LocalSandbox` drives warm zygotes here. What a child says is checked, what it
leaves behind dies with it, and what the machine does wrong is raised and never charged to a program.
"""

from __future__ import annotations

import platform
import sys
import threading
from typing import Protocol

from evaluator.contract import ALLOWED_MODULES, EXTRA_MODULES, imported_modules, named_modules
from evaluator.errors import CallsEnded, SandboxError, SandboxTooWeak
from evaluator.outcome import Failed
from evaluator.sandbox.call import Call
from evaluator.sandbox.host import Profile, Zygote, ZygoteDied
from evaluator.sandbox.job import Job, Limits, Reply, Together
from evaluator.sandbox.series import NoAnswer, Series
from evaluator.sandbox.spawned import Spawner


class Sandbox(Protocol):
    """Runs jobs; safe to call from many threads at once."""

    level: str
    modules: tuple[str, ...]

    def run(self, job: Job, limits: Limits) -> Reply | Failed:
        """Run one job in a process of its own.

        Raises:
            SandboxError: the machine failed; says nothing about the program.
        """
        ...

    def run_together(self, job: Together, limits: Limits) -> Reply | None:
        """Run a program of our own, without checks, in a process that serves others too; None: ask the usual way.

        Raises:
            CallsEnded: as for `run`.
        """
        ...

    def close(self) -> None: ...


class LocalSandbox:
    """Warm zygotes on this machine; one fork per job.

    Args:
        workers: most children alive at once; further calls wait.
        extra_modules: modules programs may import beside the usual ones.
        allow_weak_sandbox: go on where programs cannot be kept from reading files.
        without: layers to leave out, to test or to find a fault: "landlock", "seccomp",
            "capabilities", "namespaces", "clock".
        spawn: a fresh process for each call in place of a fork; slow, and for systems other than Linux.

    Attributes:
        level: the layers that hold, in one line; starts with "WEAK" below the minimum.

    Raises:
        SandboxTooWeak: files are not out of reach, and that was not allowed.
        SandboxError: the zygote does not come up.
    """

    def __init__(
        self,
        workers: int = 2,
        extra_modules: tuple[str, ...] = EXTRA_MODULES,
        allow_weak_sandbox: bool = False,
        without: tuple[str, ...] = (),
        spawn: bool = sys.platform != "linux",
    ) -> None:
        if workers < 1:
            raise ValueError(f"workers: expected an integer >= 1, got {workers}")
        self._without, self._spawn = without, spawn
        self.modules = (*ALLOWED_MODULES, *extra_modules)
        self._slots = threading.BoundedSemaphore(workers)
        self._lock = threading.Lock()
        self._zygotes: dict[tuple[Profile, bool], Zygote | Spawner] = {}
        self._series: list[Series] = []
        self._closed = False
        self._era = 0
        try:
            zygote = self._zygote(Profile.NUMPY, False)
            zygote.wait_until_ready()
        except ZygoteDied as error:
            self.close()
            raise SandboxError(f"sandbox: the process that runs programs did not come up: {error}") from error
        self.level = ", ".join(zygote.layers)
        if not zygote.files_safe:
            self.level = f"WEAK: {self.level}; no Landlock on {platform.system()} {platform.release()}"
            if not allow_weak_sandbox:
                self.close()
                raise SandboxTooWeak(
                    f"sandbox: {self.level}: a program could read your files, held-out rows among them. "
                    "Use Linux 5.13 or later with Landlock, or a container that holds nothing else and "
                    "pass --allow-weak-sandbox"
                )

    def __enter__(self) -> LocalSandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every zygote with its children. Calls in flight raise SandboxError."""
        with self._lock:
            self._closed = True
            zygotes = self._let_go()
        for zygote in zygotes:
            zygote.close()

    def end_calls(self) -> None:
        """End every call in flight, each with CallsEnded; later ones are made as ever."""
        with self._lock:
            self._era += 1
            zygotes = self._let_go()
        for zygote in zygotes:
            zygote.close(at_once=True)

    def run(self, job: Job, limits: Limits) -> Reply | Failed:
        profile = Profile.of(imported_modules(job.program), named_modules(job.program))
        era = self._era
        with self._slots:
            for attempt in (1, 2):
                if self._era != era:
                    raise CallsEnded("sandbox: the call was ended")
                zygote = self._zygote(profile, job.again)
                try:
                    zygote.wait_until_ready()
                    self._zygote(profile, not job.again)  # loads meanwhile, and is soon asked
                    return Call(zygote, job, limits, self.modules, last=attempt == 2).run()
                except ZygoteDied as error:
                    self._discard(zygote)
                    if self._closed:
                        raise SandboxError("the sandbox was closed during a call") from error
                    if self._era != era:
                        raise CallsEnded("sandbox: the call was ended") from error
                    if attempt == 2:
                        raise SandboxError(
                            f"sandbox: the process that runs programs died twice in one call ({error}); "
                            "check this machine's memory and process limits"
                        ) from error
        raise AssertionError("unreachable")

    def run_together(self, job: Together, limits: Limits) -> Reply | None:
        era = self._era
        with self._slots:
            series = self._take_series(limits)
            reply = series.ask(job) if series is not None else None
            with self._lock:
                current = self._era == era and not self._closed
                if series is not None and reply is not None and current and not series.worn:
                    self._series.append(series)
                    series = None
            if series is not None:
                series.close()
            if self._era != era:
                raise CallsEnded("sandbox: the call was ended")
            return reply

    def _take_series(self, limits: Limits) -> Series | None:
        """A child that waits for a question of such limits, or a new one; None where there can't be one."""
        with self._lock:
            for i, series in enumerate(self._series):
                if series.limits == limits:
                    return self._series.pop(i)
        try:
            zygote = self._zygote(Profile.NUMPY, False)
            if isinstance(zygote, Spawner):  # a child there serves one call and is gone
                return None
            zygote.wait_until_ready()
            return Series(zygote, limits, self.modules)
        except (ZygoteDied, NoAnswer):
            return None

    def _let_go(self) -> list[Zygote | Spawner]:
        """All zygotes, which are ours no more; children that wait for a question end."""
        zygotes = list(self._zygotes.values())
        self._zygotes.clear()
        for series in self._series:
            series.close()
        self._series.clear()
        return zygotes

    def _zygote(self, profile: Profile, again: bool) -> Zygote | Spawner:
        with self._lock:
            if self._closed:
                raise SandboxError("the sandbox is closed; open a new one")
            key = (profile, again and not self._spawn)
            if key not in self._zygotes:
                self._zygotes[key] = (Spawner if self._spawn else Zygote)(profile, self._without)
            return self._zygotes[key]

    def _discard(self, dead: Zygote | Spawner) -> None:
        with self._lock:
            self._zygotes = {key: zygote for key, zygote in self._zygotes.items() if zygote is not dead}
        dead.close(at_once=True)
