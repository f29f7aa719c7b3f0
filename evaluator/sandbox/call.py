"""One call of a program, watched from the host: deadline, caps on what is read, and how it ended.

Nothing the child says is believed beyond what the program could have returned. Time and memory are
measured by the zygote, and a wall clock here.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import select
import signal
import socket
import tempfile
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from evaluator.child import wire
from evaluator.contract import named_modules
from evaluator.errors import SandboxError
from evaluator.outcome import Failed, Failure
from evaluator.sandbox.host import Zygote, ZygoteDied
from evaluator.sandbox.job import Job, Limits, Reply, Step
from evaluator.sandbox.spawned import Spawner


class _Died(Exception):
    """The child ended without the answer that was due."""


class _Killed(Exception):
    """We killed the child; carries the failure."""

    def __init__(self, failure: Failure, detail: str) -> None:
        super().__init__(detail)
        self.failed = (failure, detail)


ASKED_AFTER_S = 0.5
"""A call that has lasted longer knows what its child has spent when a step begins."""
IDLE = 0.05
"""A child that gets a smaller share of the wall than this does not compute; one that gets more is ended by its processor time."""
MOST_LOAD = 20.0
"""The wall grows with the machine's load up to this."""
GRACE_S = 5.0
"""A killed child that has not ended by then means that its zygote is stuck."""

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
class Call:
    """One job in flight.

    Attributes:
        zygote: forks the child; no other call touches this one's sockets.
        modules: what the program may import.
        last: whether a child killed from outside is the program's fault, for want of another try.
        cpu_s: processor seconds of one step. all_cpu_s: of all steps together, which the system enforces.
        started, begun, deadline, look: by the monotonic clock: the call, the step under way, its end on the wall, and when
            its processor time is looked at next.
        base: processor seconds of the child when the step began. spent: those it had when last asked, NaN where nobody knows.
        nonce: a number each answer must carry.
        where: step under way, for messages.
        ended: how the child ended, once the zygote has said so.
        channel, status: sockets to the child and to the zygote.
    """

    zygote: Zygote | Spawner
    job: Job
    limits: Limits
    modules: tuple[str, ...]
    last: bool
    cpu_s: int = 0
    all_cpu_s: int = 0
    started: float = 0.0
    begun: float = 0.0
    deadline: float = 0.0
    look: float = 0.0
    base: float = 0.0
    spent: float = math.nan
    told: bytes = b""
    nonce: str = ""
    where: str = ""
    ended: _Ended | None = None
    channel: socket.socket = field(init=False)
    status: socket.socket = field(init=False)
    poller: select.poll = field(default_factory=select.poll)

    def run(self) -> Reply | Failed:
        limits = self.limits
        self.cpu_s = max(1, limits.fit_cpu_s if self.job.call == "fit" else limits.predict_cpu_s)
        self.where, self.nonce = self.job.call, os.urandom(8).hex()
        self.all_cpu_s = self.cpu_s * max(1, len(self.job.steps))
        self.started = time.monotonic()
        self._begin()
        try:
            self.channel, theirs = socket.socketpair()
            self.status, zygotes = socket.socketpair()
            output = output_file()
        except OSError as error:
            raise SandboxError(f"sandbox: cannot open a channel to a child: {error}") from error
        try:
            order = {
                "cpu_s": self.all_cpu_s,
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
                "named": [
                    name for name in named_modules(self.job.program) if name.partition(".")[0] in self.modules
                ],
                "features": self.job.features,
                "targets": self.job.targets,
                "constants": [list(c.shape) for c in self.job.constants],
            }
            self._send(wire.encode(header, b"".join(_bytes(c) for c in self.job.constants)))
            self._await_lock()
            for step in self.job.steps:
                self.where = step.name
                self._begin()
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
            return Failed(
                failure,
                _scrub(f"{self.where}: {detail}"),
                _scrub(trace),
                seconds,
                text,
                ended.cpu_seconds,
                ended.peak_memory_mb,
            )
        return Reply(answers, seconds, ended.cpu_seconds, ended.peak_memory_mb, text)

    def _verdict(self, ended: _Ended, n_answers: int) -> tuple[Failure, str] | None:
        """Why the child ended as it did; None when it ended well."""
        if ended.over_memory:
            return Failure.MEMORY, f"over {self.limits.memory_mb} MB of memory"
        if os.WIFSIGNALED(ended.status):
            number = os.WTERMSIG(ended.status)
            # Ticks of the accounting may fall a little short of the limit they enforced.
            spent = ended.cpu_seconds > self.all_cpu_s - 0.4
            if number == signal.SIGXCPU or (number == signal.SIGKILL and spent):
                return Failure.TIMEOUT, f"over {self.all_cpu_s} s of processor time"
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
            left = min(self.deadline, self.look) - time.monotonic()
            if left <= 0:
                self._check_time()
                continue
            ready = dict(self.poller.poll(left * 1000 + 1))
            if self.status.fileno() in ready:
                self._read_status()
                if self.ended is not None:
                    self.poller.unregister(self.status)
            if self.channel.fileno() in ready:
                return ready[self.channel.fileno()]
            if self.ended is not None:
                raise _Died

    def _begin(self) -> None:
        """A step begins: its processor time and its time on the wall are counted from here."""
        now = time.monotonic()
        self.base = now - self.started  # no more than this can have been spent
        if self.base > ASKED_AFTER_S and self.ended is None:
            known = self._ask()
            self.base = self.base if math.isnan(known) else known
        self.begun, self.look = now, now + self.cpu_s
        self.deadline = now + self.cpu_s * self.limits.wall_factor

    def _check_time(self) -> None:
        """End a step that has spent its processor time, or one that hardly computes and has been there for long.

        Raises:
            _Killed: it has.
        """
        spent = self._ask() - self.base
        wall = time.monotonic() - self.begun
        if spent > self.cpu_s:
            raise _Killed(Failure.TIMEOUT, f"over {self.cpu_s} s of processor time")
        limit = self.cpu_s * self.limits.wall_factor * load()
        if wall > limit and not spent > IDLE * wall:
            used = "" if math.isnan(spent) else f", with {max(spent, 0.0):.1f} s of processor time"
            raise _Killed(Failure.TIMEOUT, f"over {limit:.3g} s on the wall{used}")
        now = time.monotonic()
        left = self.cpu_s - spent
        self.look = now + (1.0 if math.isnan(left) else max(left, 0.02))
        self.deadline = max(self.begun + limit, now + 0.5)

    def _ask(self) -> float:
        """Processor seconds of the child so far; NaN where nobody knows."""
        if self.ended is not None:
            return math.nan
        self.spent = math.nan
        try:
            self.status.send(wire.ASK)
        except OSError:
            return math.nan
        poller = select.poll()
        poller.register(self.status, select.POLLIN)
        if poller.poll(GRACE_S * 1000):
            self._read_status()
        return self.spent

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
            header, payload = self._read(8 * step.most_numbers)
        except wire.BadFrame as error:
            raise _Killed(Failure.BAD_REPLY, f"not an answer of ours: {error}") from None
        try:
            return self._believe(header, payload)
        except Exception as error:  # the bytes may be forged: whatever they upset, they are to blame
            raise _Killed(Failure.BAD_REPLY, f"not an answer of ours: {str(error)[:200]}") from None

    def _read(self, most_bytes: int) -> tuple[dict[str, Any], bytes]:
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
            raise ZygoteDied(f"a child could not lock itself ({error or 'it ended'})") from None
        if header != {"nonce": self.nonce, "locked": True}:
            raise ZygoteDied("a child could not lock itself")

    def _believe(self, header: dict[str, Any], payload: bytes) -> np.ndarray | Failed:
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
        """What the zygote says: processor time so far, or how the child ended."""
        try:
            data = self.status.recv(256)
        except ConnectionResetError:
            data = b""
        self.told += data
        if self.told.startswith(b"fork"):
            raise ZygoteDied(self.told.decode("utf-8", "replace"))
        while len(self.told) >= wire.STATUS.size:
            status, user, system, peak_kb, over = wire.STATUS.unpack(self.told[: wire.STATUS.size])
            self.told = self.told[wire.STATUS.size :]
            if status == wire.ALIVE:
                self.spent = user
            else:
                self.ended = _Ended(status, user + system, peak_kb / 1024, over)
        if (self.told or not data) and self.ended is None:
            raise ZygoteDied((self.told or data).decode("utf-8", "replace") or "it hung up")


def load() -> float:
    """Processes that want a processor, for each there is; at least 1."""
    try:
        return min(MOST_LOAD, max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)))
    except (AttributeError, OSError):  # not on this system
        return 1.0


def _bytes(values: np.ndarray) -> bytes:
    return np.ascontiguousarray(values, dtype="<f8").tobytes()


def _scrub(text: str) -> str:
    """Text a journal can hold: no memory addresses, which differ from run to run, and valid UTF-8."""
    return _ADDRESS.sub("0x...", text.encode("utf-8", "replace").decode())


def output_file() -> int:
    """Descriptor of a file without a name, for what the child prints."""
    with contextlib.suppress(AttributeError, OSError):  # absent off Linux, or refused
        return os.memfd_create("output")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
