"""A child that answers for many programs of our own, one after the other: making a child costs more than such a program.

Where anything is not as it should be the answer is None, and the usual way, a child for each call, says what it was.
"""

from __future__ import annotations

import os
import socket
import time
from typing import Any

import numpy as np

from evaluator.child import wire
from evaluator.sandbox.call import load, output_file
from evaluator.sandbox.host import Zygote, ZygoteDied
from evaluator.sandbox.job import Limits, Reply, Together

MOST_QUESTIONS = 500
"""A child is left for a new one after so many, so that nothing adds up."""
MOST_CPU_S = 3600
START_S = 30.0


class NoAnswer(Exception):
    """The child does not answer, or not as it should."""


class Series:
    """One child and what it has answered so far; for one caller at a time.

    Args:
        zygote: forks the child.
        limits: of one question; the child keeps them all.
        modules: what programs may import.

    Raises:
        NoAnswer: the child does not come up.
    """

    def __init__(self, zygote: Zygote, limits: Limits, modules: tuple[str, ...]) -> None:
        self.limits, self.asked = limits, 0
        self.nonce = os.urandom(8).hex()
        self.spent = 0.0
        try:
            self.channel, theirs = socket.socketpair()
            self.status, zygotes = socket.socketpair()
            self.output = output_file()
        except OSError as error:
            raise NoAnswer(str(error)) from error
        order = {
            "cpu_s": MOST_CPU_S,
            "memory_bytes": limits.memory_mb << 20,
            "output_bytes": limits.output_bytes,
        }
        try:
            with theirs, zygotes:
                zygote.fork(order, theirs.fileno(), zygotes.fileno(), self.output)
            job = {"call": "series", "nonce": self.nonce, "modules": list(modules), "named": []}
            header, _ = self._answer(wire.encode(job), START_S)
            if not header.get("locked"):
                raise NoAnswer("it could not lock itself")
        except (ZygoteDied, NoAnswer) as error:
            self.close()
            raise NoAnswer(str(error)) from error

    def ask(self, job: Together) -> Reply | None:
        """Constants and predictions of each part; None where the child can't say, and is of no use any more."""
        started = time.monotonic()
        self.asked += 1
        question = {
            "program": job.program,
            "features": job.features,
            "targets": job.targets,
            "parts": [(len(p.X), len(p.asked), p.most_constants) for p in job.parts],
        }
        numbers = [a for p in job.parts for a in (p.X, p.y, p.asked)]
        payload = b"".join(np.ascontiguousarray(a, dtype="<f8").tobytes() for a in numbers)
        within = self.limits.fit_cpu_s * self.limits.wall_factor * load()
        try:
            header, values = self._answer(wire.encode(question, payload), within)
            if header["ok"] is not True or os.fstat(self.output).st_size:
                return None
            answers = _answers(job, header["shapes"], np.frombuffer(values, dtype="<f8"))
            before, self.spent = self.spent, self._processor()
        except (NoAnswer, OSError, KeyError, TypeError, ValueError):
            return None
        peak = header["peak_kb"] / 1024
        return Reply(answers, time.monotonic() - started, self.spent - before, peak)

    @property
    def worn(self) -> bool:
        """Whether the next question should go to a new child."""
        return self.asked >= MOST_QUESTIONS or self.spent > MOST_CPU_S / 2

    def close(self) -> None:
        """End the child: the zygote kills it when its status socket is hung up."""
        self.channel.close()
        self.status.close()
        os.close(self.output)

    def _answer(self, message: bytes, within: float) -> tuple[dict[str, Any], bytes]:
        """Send one message and read one, within so many seconds on the wall."""
        until = time.monotonic() + within
        try:
            self.channel.settimeout(within)
            self.channel.sendall(message)

            def read(n: int) -> bytes:
                self.channel.settimeout(max(until - time.monotonic(), 1e-3))
                return self.channel.recv(n)

            header, payload = wire.read_frame(read)
        except (OSError, wire.BadFrame) as error:  # a timeout is an OSError
            raise NoAnswer(str(error)) from error
        if header.pop("nonce", None) != self.nonce:
            raise NoAnswer("it does not carry this child's number")
        return header, payload

    def _processor(self) -> float:
        """Processor seconds of the child so far, as its zygote sees them."""
        self.status.settimeout(START_S)
        self.status.send(wire.ASK)
        told = self.status.recv(wire.STATUS.size)
        status, user, *_ = wire.STATUS.unpack(told)
        if status != wire.ALIVE:
            raise NoAnswer("it has ended")
        return float(user)


def _answers(job: Together, shapes: list[list[int]], numbers: np.ndarray) -> list[np.ndarray]:
    """Constants and predictions of each part, in turn."""
    answers = []
    for part, shape in zip(job.parts, shapes, strict=True):
        for size, wanted in (
            (int(np.prod(shape)), shape),
            (len(part.asked) * job.targets, (-1, job.targets)),
        ):
            if size > len(numbers):
                raise ValueError("numbers are missing")
            answers.append(numbers[:size].reshape(wanted))
            numbers = numbers[size:]
    return answers
