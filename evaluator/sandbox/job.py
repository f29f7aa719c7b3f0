"""What is asked of one child, what it may use, and what comes back: values alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Limits:
    """What one child may use.

    Attributes:
        fit_cpu_s: processor seconds of one fit call, of each group anew; all threads.
        predict_cpu_s: the same of one batch of predictions.
        wall_factor: a step is ended after this many times its processor seconds on the wall, times the machine's load, where the
            child computes hardly at all: a far backstop against sleepers.
        memory_mb: address space beyond that of the warm interpreter.
        output_bytes: of stdout and stderr together; what goes beyond is cut off.
        header_bytes: of one reply's header.
        text_numbers, list_numbers: numeric literals in a program's text, and in one list of it, beyond which its
            scores are marked; no limit of a child.
    """

    fit_cpu_s: int = 30
    predict_cpu_s: int = 10
    wall_factor: float = 3.0
    memory_mb: int = 1024
    output_bytes: int = 65536
    header_bytes: int = 65536
    text_numbers: int = 200
    list_numbers: int = 50


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
    header: dict[str, Any]
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
class Part:
    """Rows of one group to fit, and rows to predict with the constants found.

    Attributes:
        X, y: (n, F) features and (n, T) targets to fit.
        asked: (m, F) features to predict; m may be 0.
        most_constants: budget of the fit.
    """

    X: np.ndarray
    y: np.ndarray
    asked: np.ndarray
    most_constants: int


@dataclass(frozen=True, slots=True)
class Together:
    """Fits and predictions of a program that we wrote ourselves, to the letter: all in one child, which serves others after it.

    Attributes:
        program: source text.
        features, targets: number of columns.
    """

    program: str
    features: int
    targets: int
    parts: Sequence[Part]


@dataclass(frozen=True, slots=True)
class Reply:
    """Answers of a child that ended well.

    Attributes:
        answers: one float64 array a step, in the shape the child gave; of `Together` two a part, constants and (m, T) predictions.
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
