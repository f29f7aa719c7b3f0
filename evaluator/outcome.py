"""What an evaluation produced: a scorecard, or a failure with a reason. Never a bad number."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum


class Failure(StrEnum):
    """Why a program has no score. The value is the name a user sees."""

    NO_EVOLVE_BLOCK = "no_evolve_block"
    SYNTAX = "syntax_error"
    MISSING_FUNCTION = "missing_function"
    EXCEPTION = "exception"
    TIMEOUT = "timeout"
    MEMORY = "memory_limit"
    CRASH = "crash"
    SHAPE = "wrong_shape"
    NOT_FINITE = "not_finite"
    CONSTANTS_BUDGET = "constants_budget"
    ROW_DEPENDENCE = "row_dependence"
    NOT_REPEATABLE = "not_repeatable"
    OUTPUT_LIMIT = "output_limit"
    FORBIDDEN = "forbidden"
    BAD_REPLY = "bad_reply"


@dataclass(frozen=True, slots=True)
class Scorecard:
    """Errors of one set of predictions, in the benchmark's metric.

    Attributes:
        nmse: mean over targets of MSE / Var(y), population variance, all groups pooled.
        r2: 1 - nmse, not clipped.
        nmae: mean over targets of MAE / mean absolute deviation of y from its mean.
        n_rows: rows scored.
        per_group: label -> Scorecard of that group alone (empty inside a group's own card).
            A group whose targets do not vary has nmse and r2 of NaN; its mae still counts.
        mae: mean absolute error over rows and targets, in units of the target.
        log_error: root mean square error in logs (of a target that is not always positive, in its standard
            deviations), a mean over groups and targets: what a search is guided by. NaN where nobody asked.
        relative_error: mean of |y - prediction|/|y| over rows and targets; NaN where a target is 0.
    """

    nmse: float
    r2: float
    nmae: float
    n_rows: int
    mae: float
    per_group: dict[str, Scorecard] = field(default_factory=dict)
    log_error: float = math.nan
    relative_error: float = math.nan


@dataclass(frozen=True, slots=True)
class Scored:
    """A program that kept every rule.

    Attributes:
        cards: name of the scored set -> Scorecard. A search sees one card per validation fold;
            a revealed report has the one card "heldout".
        constants: group label -> fitted constants (flat), of the last fit made.
        n_constants: most constants used by any group.
        seconds: wall time spent in children, fitting included.
        cpu_seconds: processor time of the children.
        peak_memory_mb: largest resident size of a child.
        output: what the last fit printed, up to 64 KiB.
    """

    cards: dict[str, Scorecard]
    constants: dict[str, tuple[float, ...]]
    n_constants: int
    seconds: float
    cpu_seconds: float = 0.0
    peak_memory_mb: float = 0.0
    output: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """A program without a score.

    Attributes:
        failure: the reason.
        detail: one line saying what was expected, what came, and where (fold, group, call).
        traceback: the program's own frames, cut to a few kB; "" when there is none.
        seconds: wall time spent.
        output: what the program printed in the call that failed, up to 64 KiB.
        cpu_seconds, peak_memory_mb: of its children, as in Scored; 0 when none ran.
    """

    failure: Failure
    detail: str
    traceback: str = ""
    seconds: float = 0.0
    output: str = ""
    cpu_seconds: float = 0.0
    peak_memory_mb: float = 0.0


Outcome = Scored | Failed
