"""The child's side: read a job, lock the door, run the program step by step, exit.

Runs in a process forked for this one call. A `fit` job holds training rows; a `predict` job holds
constants and bare features. No job holds a target that is scored, so none can be found here.
Everything this module reports is believed only as far as a program could have said it itself: the
host measures time and memory, and checks every number.

Imported by `zygote.py` outside the package, so it needs only the standard library, NumPy and the modules beside it.
"""

from __future__ import annotations

import errno
import math
import os
import types
from collections.abc import Callable
from typing import Any

import execution
import numpy as np
import series
import warmup
import wire

FILENAME = "program.py"
MAX_MESSAGE = 1000
MAX_TRACEBACK = 4000


def run(channel: int, lock: Callable[[], None]) -> None:
    """Serve one job on `channel`, a connected socket's descriptor; never returns.

    The job's steps come one by one, the next when the last is answered: while one group is fitted
    no other is in memory, and a row predicted alone cannot know of the rows that follow.

    Args:
        channel: where the job comes from and the answers go.
        lock: closes every door; called before the program's text is so much as compiled.
    """
    status = 0
    try:
        job, numbers = read_frame(channel)
        warmup.load_named(job["named"])
        many = job["call"] == "series"
        answers = series.Series() if many else Steps(job, np.frombuffer(numbers, dtype="<f8"))
        lock()
        send(channel, wire.encode({"nonce": job["nonce"], "locked": True}))
        while (step := next_frame(channel)) is not None:
            answer, payload = answers.answer(*step)
            send(channel, wire.encode({"nonce": job["nonce"], **answer}, payload))
    except BaseException:
        status = 70
    finally:
        # Threads that the program left running, buffers and exit hooks all end here.
        os._exit(status)


def read_frame(channel: int) -> tuple[dict[str, Any], bytes]:
    frame: tuple[dict[str, Any], bytes] = wire.read_frame(lambda n: os.read(channel, n))
    return frame


def next_frame(channel: int) -> tuple[dict[str, Any], bytes] | None:
    """The next step, or None when the host has no more."""
    first = os.read(channel, 1)
    if not first:
        return None
    waiting = [first]
    frame: tuple[dict[str, Any], bytes] = wire.read_frame(
        lambda n: waiting.pop() if waiting else os.read(channel, n)
    )
    return frame


def send(channel: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(channel, view) :]


class Steps:
    """One program in one job: fits of groups, or predictions of batches."""

    def __init__(self, job: dict[str, Any], numbers: np.ndarray) -> None:
        self.job = job
        self.lines = job["program"].splitlines()
        self.code: types.CodeType | None = None
        self.laws: dict[int, Callable[..., Any]] = {}
        self.constants = []
        for shape in job["constants"]:
            size = math.prod(shape)
            self.constants.append(numbers[:size].reshape(shape))
            numbers = numbers[size:]

    def answer(self, step: dict[str, Any], payload: bytes) -> tuple[dict[str, Any], bytes]:
        """Header and numbers of one reply; whatever the program raises becomes a failure."""
        try:
            work = self.fit if self.job["call"] == "fit" else self.predict
            value = work(step, np.frombuffer(payload, dtype="<f8"))
            return {"ok": True, "shape": list(value.shape)}, value.tobytes()
        except BaseException as error:  # also SystemExit and KeyboardInterrupt
            return {"ok": False, **_describe(error, self.lines)}, b""

    def names(self) -> dict[str, Any]:
        if self.code is None:
            self.code = compile(self.job["program"], FILENAME, "exec", dont_inherit=True)
        names: dict[str, Any] = execution.fresh(self.code, self.job["modules"])
        return names

    def fit(self, step: dict[str, Any], numbers: np.ndarray) -> np.ndarray:
        """Constants of one group, from a fresh start."""
        n, F, T = step["rows"], self.job["features"], self.job["targets"]
        X, y = numbers[: n * F].reshape(n, F).copy(), numbers[n * F :].reshape(n, T).copy()
        fit = execution.function(self.names(), "fit_scaling_law")
        found: np.ndarray = execution.constants(fit(X, y[:, 0] if T == 1 else y), step["most_constants"])
        return found

    def predict(self, step: dict[str, Any], numbers: np.ndarray) -> np.ndarray:
        """Predictions (n, T) of one batch.

        Batches with the same constants share a namespace, so that a program which keeps state
        between calls shows it.
        """
        n, F, T, which = step["rows"], self.job["features"], self.job["targets"], step["constants"]
        if which not in self.laws:
            self.laws[which] = execution.function(self.names(), "scaling_law_func")
        execution.seed()
        said = self.laws[which](numbers.reshape(n, F).copy(), self.constants[which].copy())
        values: np.ndarray = execution.predictions(said, n, T)
        return values


def _describe(error: BaseException, lines: list[str]) -> dict[str, str]:
    if isinstance(error, execution.Refused):
        failure, message = error.failure, str(error)
    else:
        failure = _failure_of(error)
        message = f"{type(error).__name__}: {_text(error)}"
        if isinstance(error, SyntaxError):
            message = f"program line {error.lineno}: {error.msg}"
    return {"failure": failure, "message": message[:MAX_MESSAGE], "traceback": _own_frames(error, lines)}


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:
        return "(its message could not be read)"


def _failure_of(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return "memory_limit"
    if isinstance(error, execution.ForbiddenImport | PermissionError):
        return "forbidden"
    if isinstance(error, ImportError) and "Permission denied" in _text(error):  # no file may be opened
        return "forbidden"
    if isinstance(error, RuntimeError) and _text(error) == "can't start new thread":
        return "forbidden"
    if isinstance(error, OSError) and error.errno in (errno.EFBIG, errno.ENOSPC):
        return "output_limit"
    if isinstance(error, OSError) and error.errno in (
        errno.EPERM,
        errno.EACCES,
        errno.EAGAIN,
        errno.EMFILE,
        errno.ENOSYS,
    ):
        return "forbidden"
    if isinstance(error, SyntaxError):
        return "syntax_error"
    return "exception"


def _own_frames(error: BaseException, lines: list[str]) -> str:
    """The program's own lines of a traceback, innermost last, cut in the middle to a few kB."""
    frames = []
    step = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        if code.co_filename == FILENAME:
            line = lines[step.tb_lineno - 1].strip() if 0 < step.tb_lineno <= len(lines) else ""
            frames.append(f"{FILENAME}:{step.tb_lineno} in {code.co_name}: {line[:200]}")
        step = step.tb_next
    if len(frames) > 12:
        frames[6:-6] = [f"... {len(frames) - 12} more frames ..."]
    return "\n".join(frames)[:MAX_TRACEBACK]
