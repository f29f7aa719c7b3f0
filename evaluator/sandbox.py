"""Runs one call of a program in a process of its own, and kills it for real.

`Sandbox` is the protocol; `LocalSandbox` drives warm zygotes on this machine. The host keeps the
watch: a wall deadline, a cap on what it reads, and its own measure of time and memory. What a
child says is checked; what it leaves behind dies with its process group.
"""

from __future__ import annotations

import os
import platform
import re
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from evaluator import wire
from evaluator.contract import ALLOWED_MODULES, imported_modules
from evaluator.errors import SandboxError, SandboxTooWeak
from evaluator.host import Profile, Zygote, ZygoteDied
from evaluator.outcome import Failed, Failure
from evaluator.spawned import Spawner


@dataclass(frozen=True, slots=True)
class Limits:
    """What one child may use.

    Attributes:
        fit_cpu_s: processor seconds of a fit child: all groups, all threads.
        predict_cpu_s: the same of a predict child.
        wall_factor: a child is killed after this many times its processor seconds of wall time.
        memory_mb: address space beyond that of the warm interpreter.
        output_bytes: of stdout and stderr together; what goes beyond is cut off.
        header_bytes: of one reply's header.
    """

    fit_cpu_s: int = 30
    predict_cpu_s: int = 10
    wall_factor: float = 3.0
    memory_mb: int = 1024
    output_bytes: int = 65536
    header_bytes: int = 65536


@dataclass(frozen=True, slots=True)
class Step:
    """One question to the program.

    Attributes:
        name: for messages, e.g. "fit, group 'pile'".
        header: small facts the child needs ("rows", "constants", "most_constants").
        numbers: float64 values, flat.
        most_numbers: most float64 values the answer may hold.
    """

    name: str
    header: dict
    numbers: np.ndarray
    most_numbers: int


@dataclass(frozen=True, slots=True)
class Job:
    """One child's work: steps are sent one by one, the next when the last is answered.

    Attributes:
        call: "fit" or "predict".
        program: source text.
        features, targets: number of columns.
        constants: arrays that predict steps refer to by place.
        steps: questions, in order.
        again: asks what has been asked before; runs under another zygote, where every object lies
            at another address, so that numbers made from addresses differ.
    """

    call: str
    program: str
    features: int
    targets: int
    steps: Sequence[Step]
    constants: Sequence[np.ndarray] = ()
    again: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """Answers of a child that ended well.

    Attributes:
        answers: one float64 array a step, in the shape the child gave.
        seconds: wall time of the call.
        cpu_seconds: processor time of the child, measured by its parent.
        peak_memory_mb: its largest resident size, the warm libraries' share included.
        output: what it printed, up to the limit.
    """

    answers: list[np.ndarray]
    seconds: float
    cpu_seconds: float
    peak_memory_mb: float
    output: str = ""


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

    def close(self) -> None: ...


class LocalSandbox:
    """Warm zygotes on this machine; one fork per job.

    Args:
        workers: most children alive at once; further calls wait.
        extra_modules: modules programs may import beside the usual ones.
        allow_weak_sandbox: go on where programs cannot be kept from reading files.
        without: layers to leave out, to test or to find a fault: "landlock", "seccomp",
            "capabilities", "namespaces".
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
        extra_modules: tuple[str, ...] = ("fitting",),
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
        self._closed = False
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
            zygotes = list(self._zygotes.values())
            self._zygotes.clear()
        for zygote in zygotes:
            zygote.close()

    def run(self, job: Job, limits: Limits) -> Reply | Failed:
        profile = Profile.of(imported_modules(job.program))
        with self._slots:
            for attempt in (1, 2):
                zygote = self._zygote(profile, job.again)
                try:
                    zygote.wait_until_ready()
                    self._zygote(profile, not job.again)  # loads meanwhile, and is soon asked
                    return _Call(zygote, job, limits, self.modules, last=attempt == 2).run()
                except ZygoteDied as error:
                    self._discard(zygote)
                    if self._closed:
                        raise SandboxError("the sandbox was closed during a call") from error
                    if attempt == 2:
                        raise SandboxError(
                            f"sandbox: the process that runs programs died twice in one call ({error}); "
                            "check this machine's memory and process limits"
                        ) from error
        raise AssertionError("unreachable")

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
        dead.close()


class _Died(Exception):
    """The child ended without the answer that was due."""


class _Killed(Exception):
    """We killed the child; carries the failure."""

    def __init__(self, failure: Failure, detail: str) -> None:
        super().__init__(detail)
        self.failed = (failure, detail)


_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")

_CHILD_MAY_SAY = {
    Failure.EXCEPTION, Failure.MEMORY, Failure.FORBIDDEN, Failure.SHAPE, Failure.MISSING_FUNCTION,
    Failure.SYNTAX, Failure.OUTPUT_LIMIT, Failure.CONSTANTS_BUDGET,
}  # fmt: skip


@dataclass(slots=True)
class _Ended:
    status: int
    cpu_seconds: float
    peak_memory_mb: float
    over_memory: bool


@dataclass(slots=True)
class _Call:
    """One job in flight."""

    zygote: Zygote | Spawner
    job: Job
    limits: Limits
    modules: tuple[str, ...]
    last: bool
    cpu_s: int = 0
    started: float = 0.0
    deadline: float = 0.0
    nonce: str = ""
    where: str = ""
    ended: _Ended | None = None
    channel: socket.socket | None = None
    status: socket.socket | None = None
    poller: select.poll = field(default_factory=select.poll)

    def run(self) -> Reply | Failed:
        limits = self.limits
        self.cpu_s = max(1, limits.fit_cpu_s if self.job.call == "fit" else limits.predict_cpu_s)
        self.where, self.nonce = self.job.call, os.urandom(8).hex()
        self.started = time.monotonic()
        self.deadline = self.started + self.cpu_s * limits.wall_factor
        self.channel, theirs = socket.socketpair()
        self.status, zygotes = socket.socketpair()
        output = os.memfd_create("output") if hasattr(os, "memfd_create") else _scratch_file()
        try:
            order = {
                "cpu_s": self.cpu_s,
                "memory_bytes": limits.memory_mb << 20,
                "output_bytes": limits.output_bytes,
            }
            with theirs, zygotes:
                self.zygote.fork(order, theirs.fileno(), zygotes.fileno(), output)
            self.channel.setblocking(False)
            self.poller.register(self.channel, 0)
            self.poller.register(self.status, select.POLLIN)
            return self._watch(output)
        finally:
            # Hanging up the status socket makes the zygote kill a child that still lives.
            self.channel.close()
            self.status.close()
            os.close(output)

    def _watch(self, output: int) -> Reply | Failed:
        answers: list[np.ndarray] = []
        outcome: tuple[Failure, str] | None = None
        trace = ""
        try:
            header = {
                "call": self.job.call,
                "nonce": self.nonce,
                "program": self.job.program,
                "modules": list(self.modules),
                "features": self.job.features,
                "targets": self.job.targets,
                "constants": [list(c.shape) for c in self.job.constants],
            }
            self._send(wire.encode(header, b"".join(_bytes(c) for c in self.job.constants)))
            self._await_lock()
            for step in self.job.steps:
                self.where = step.name
                self._send(wire.encode(step.header, _bytes(step.numbers)))
                answer = self._receive(step)
                if isinstance(answer, Failed):
                    outcome, trace = (answer.failure, answer.detail), answer.traceback
                    break
                answers.append(answer)
            if outcome is None:
                self.where = self.job.call
                self._hang_up()
            else:
                self._kill()
        except _Killed as killed:
            outcome = killed.failed
            self._kill()
        except _Died:
            outcome = None
        ended = self._wait()
        text = _scrub(os.pread(output, self.limits.output_bytes, 0).decode("utf-8", "replace"))
        seconds = time.monotonic() - self.started
        if outcome is None:
            outcome = self._verdict(ended, len(answers))
        if outcome is not None:
            failure, detail = outcome
            return Failed(failure, _scrub(f"{self.where}: {detail}"), _scrub(trace), seconds, text)
        return Reply(answers, seconds, ended.cpu_seconds, ended.peak_memory_mb, text)

    def _verdict(self, ended: _Ended, n_answers: int) -> tuple[Failure, str] | None:
        """Why the child ended as it did; None when it ended well."""
        if ended.over_memory:
            return Failure.MEMORY, f"over {self.limits.memory_mb} MB of memory"
        if os.WIFSIGNALED(ended.status):
            number = os.WTERMSIG(ended.status)
            # Ticks of the accounting may fall a little short of the limit they enforced.
            spent = ended.cpu_seconds > self.cpu_s - 0.1
            if number == signal.SIGXCPU or (number == signal.SIGKILL and spent):
                return Failure.TIMEOUT, f"over {self.cpu_s} s of processor time"
            if number == signal.SIGSYS:
                return Failure.FORBIDDEN, "killed for a system call of another architecture"
            if number == signal.SIGKILL and not self.last:
                raise ZygoteDied("a child was killed from outside")
            name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
            return Failure.CRASH, f"killed by {name}"
        code = os.waitstatus_to_exitcode(ended.status)
        if n_answers < len(self.job.steps):
            return Failure.CRASH, f"ended without an answer (exit code {code})"
        if code != 0:
            return Failure.CRASH, f"ended with exit code {code} after its last answer"
        return None

    def _poll(self, events: int) -> int:
        """Wait for the channel; returns its events.

        Raises:
            _Killed: the deadline has passed.
            _Died: the child has ended and left nothing more to read.
            ZygoteDied: so has the zygote.
        """
        self.poller.modify(self.channel, events)
        while True:
            left = self.deadline - time.monotonic()
            if left <= 0:
                limit = self.cpu_s * self.limits.wall_factor
                raise _Killed(Failure.TIMEOUT, f"over {limit:g} s of wall time")
            ready = dict(self.poller.poll(left * 1000 + 1))
            if self.status.fileno() in ready:
                self._read_status()
                self.poller.unregister(self.status)
            if self.channel.fileno() in ready:
                return ready[self.channel.fileno()]
            if self.ended is not None:
                raise _Died

    def _send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            if self._poll(select.POLLOUT) & (select.POLLHUP | select.POLLERR):
                raise _Died
            try:
                view = view[self.channel.send(view) :]
            except BlockingIOError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                raise _Died from None

    def _receive(self, step: Step) -> np.ndarray | Failed:
        try:
            return self._believe(*self._read(8 * step.most_numbers))
        except (wire.BadFrame, KeyError, TypeError, ValueError) as error:
            raise _Killed(Failure.BAD_REPLY, f"not an answer of ours: {str(error)[:200]}") from None

    def _read(self, most_bytes: int) -> tuple[dict, bytes]:
        """One message of the child, no larger than expected."""
        data = bytearray()
        needed = wire.PREFIX.size
        while len(data) < needed:
            self._poll(select.POLLIN)
            try:
                part = self.channel.recv(needed - len(data))
            except BlockingIOError:
                continue
            except ConnectionResetError:
                raise _Died from None
            if not part:
                if data:
                    raise _Killed(Failure.BAD_REPLY, "the answer broke off")
                raise _Died
            data += part
            if needed == wire.PREFIX.size and len(data) >= needed:
                n_header, n_payload = wire.PREFIX.unpack_from(data)
                if n_header > self.limits.header_bytes or n_payload > most_bytes:
                    raise _Killed(
                        Failure.OUTPUT_LIMIT,
                        f"an answer of {n_header} + {n_payload} bytes; at most {self.limits.header_bytes} + "
                        f"{most_bytes} are read",
                    )
                needed += n_header + n_payload
        return wire.decode(bytes(data))

    def _await_lock(self) -> None:
        """The child's word that every door is closed; the program has not run before it.

        Raises:
            ZygoteDied: the child could not lock itself, which is no fault of the program.
        """
        try:
            header, _ = self._read(0)
        except (_Died, _Killed, wire.BadFrame) as error:
            raise ZygoteDied(f"a child could not lock itself ({error})") from None
        if header != {"nonce": self.nonce, "locked": True}:
            raise ZygoteDied("a child could not lock itself")

    def _believe(self, header: dict, payload: bytes) -> np.ndarray | Failed:
        if header.pop("nonce", None) != self.nonce:
            raise ValueError("it does not carry this call's number")
        if header["ok"] is True:
            shape = tuple(int(k) for k in header["shape"])
            if len(shape) > 8 or min(shape, default=0) < 0:
                raise ValueError(f"shape {shape}")
            return np.frombuffer(payload, dtype="<f8").reshape(shape)
        failure = Failure(header["failure"])
        message, trace = header["message"], header["traceback"]
        if failure not in _CHILD_MAY_SAY or not isinstance(message, str) or not isinstance(trace, str):
            raise ValueError("a failure no child may report")
        return Failed(failure, " ".join(message[:2000].split()), trace[:8000])

    def _hang_up(self) -> None:
        """No more steps: the child is to end now, and to say nothing more."""
        self.channel.shutdown(socket.SHUT_WR)
        while True:
            self._poll(select.POLLIN)
            try:
                if not self.channel.recv(4096):
                    return
            except ConnectionResetError:
                return
            except BlockingIOError:
                continue
            raise _Killed(Failure.BAD_REPLY, "it went on writing after its last answer")

    def _kill(self) -> None:
        if self.ended is None:
            try:
                self.status.send(b"K")
            except OSError:
                raise ZygoteDied("status socket closed") from None

    def _wait(self) -> _Ended:
        """How the child ended, after its last word or after we killed it."""
        until = max(self.deadline, time.monotonic()) + GRACE_S
        while self.ended is None:
            left = until - time.monotonic()
            poller = select.poll()
            poller.register(self.status, select.POLLIN)
            if left <= 0:
                raise ZygoteDied("a killed child did not end")
            # A child that closed its channel yet lives on has until the deadline.
            if poller.poll(min(left, max(self.deadline - time.monotonic(), 0.05)) * 1000 + 1):
                self._read_status()
            elif time.monotonic() >= self.deadline:
                self._kill()
        return self.ended

    def _read_status(self) -> None:
        try:
            data = self.status.recv(256)
        except ConnectionResetError:
            data = b""
        if len(data) != wire.STATUS.size:
            raise ZygoteDied(data.decode("utf-8", "replace") or "it hung up")
        status, user, system, peak_kb, over = wire.STATUS.unpack(data)
        self.ended = _Ended(status, user + system, peak_kb / 1024, over)


GRACE_S = 5.0


def _bytes(values: np.ndarray) -> bytes:
    return np.ascontiguousarray(values, dtype="<f8").tobytes()


def _scrub(text: str) -> str:
    """Text a journal can hold: no memory addresses, which differ from run to run, and valid UTF-8."""
    return _ADDRESS.sub("0x...", text.encode("utf-8", "replace").decode())


def _scratch_file() -> int:
    import tempfile

    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
