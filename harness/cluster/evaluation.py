"""Scoring a candidate on whichever machine: what has to be there, and the sandbox that each process starts once.

Training rows, folds and limits travel; held-out rows do not.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import scipy

from evaluator import Evaluator, Limits, LocalSandbox, Outcome
from harness.errors import BadCluster
from harness.proposers.assignment import Assignment
from harness.proposers.facts import TaskFacts
from harness.proposers.formula.render import is_rendered
from harness.search.candidate import Candidate
from tasks import Task
from tasks.rows import Rows, Sealed
from tasks.split import Fold

PACKAGES = ("evaluator", "fitting", "harness", "tables", "tasks")


def score_candidate(
    evaluator: Evaluator, task: Task, folds: Sequence[Fold], facts: TaskFacts, candidate: Candidate
) -> Outcome:
    """Programs as our own proposer renders them are fitted on all folds together; others fold by fold."""
    if is_rendered(candidate.program, facts):
        return evaluator.validate_together(candidate.program, task, folds)
    return evaluator.validate(candidate.program, task, folds)


@dataclass(frozen=True)
class Evaluation:
    """All that one run's candidates are scored by; calling it scores one here.

    Attributes:
        task: with training rows alone.
        weak: score even where a program can't be kept away from files.
        made_by: the software that sent it; see `identity`.
    """

    task: Task
    folds: tuple[Fold, ...]
    facts: TaskFacts
    limits: Limits
    weak: bool
    made_by: str

    @classmethod
    def of(cls, assignment: Assignment, limits: Limits, weak: bool) -> Evaluation:
        task = assignment.task
        X, y = task.train.X, task.train.y
        none = Rows(np.empty((0, X.shape[1])), np.empty((0, y.shape[1])), np.empty(0, dtype=str))
        bare = replace(
            task,
            heldout=Sealed(none),
            provenance=replace(task.provenance, heldout_hash="", where=""),
            asked=None,
        )
        return cls(bare, assignment.folds, assignment.facts, limits, weak, identity())

    @cached_property
    def digest(self) -> str:
        """Of everything in it: what a worker holds already has this name."""
        h = hashlib.sha256(f"{self.task.name} {self.limits} {self.weak} {self.made_by}".encode())
        h.update(self.task.train.digest().encode())
        for fold in self.folds:
            for part in (fold.train, fold.validation):
                h.update(f"{fold.name} {len(part)} ".encode() + np.asarray(part, dtype="<i8").tobytes())
        return h.hexdigest()[:32]

    def __call__(self, candidate: Candidate) -> Outcome:
        """Score a candidate in this process's own sandbox.

        Raises:
            BadCluster: this process runs other software.
            SandboxError: the machine failed.
        """
        if self.made_by != identity():
            raise BadCluster(differs(self.made_by, identity()))
        evaluator = Evaluator(own_sandbox(self.weak), self.limits)
        return score_candidate(evaluator, self.task, self.folds, self.facts, candidate)


def differs(ours: str, theirs: str) -> str:
    """One line on a worker whose software is not ours."""
    return f"a worker runs {theirs}, this machine {ours}; install the same on every worker"


@cache
def identity() -> str:
    """The software that decides on a score: version and digest of the packages, and the libraries under them."""
    root = Path(__file__).resolve().parent.parent.parent
    h = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            h.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    try:
        number = version("scaling-law-harness")
    except PackageNotFoundError:  # run from a checkout
        number = "checkout"
    return f"harness {number} ({h.hexdigest()[:8]}), numpy {np.__version__}, scipy {scipy.__version__}"


_lock = threading.Lock()
_sandboxes: dict[bool, LocalSandbox] = {}


def own_sandbox(weak: bool) -> LocalSandbox:
    """This process's sandbox; started at the first call, ended with the process.

    Raises:
        SandboxTooWeak: files are not out of reach here, and that was not allowed.
    """
    with _lock:
        if weak not in _sandboxes:
            _sandboxes[weak] = LocalSandbox(workers=os.cpu_count() or 1, allow_weak_sandbox=weak)
            atexit.register(_sandboxes[weak].close)
        return _sandboxes[weak]


def introduce(weak: bool) -> tuple[str, str]:
    """What a worker says of itself: its software, and the layers of its sandbox.

    Raises:
        SandboxTooWeak, SandboxError: it can't run programs.
    """
    return identity(), own_sandbox(weak).level
