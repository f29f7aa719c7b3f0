"""One row to be measured, and the family of rows that share most of their training."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

from measure.errors import BadRequest

SCHEDULES = ("wsd", "linear", "cosine", "constant")
CONTEXT = 64
"""Tokens that a model sees at once."""
BASE_WIDTH = 32
"""The width at which a learning rate is the one that is written down."""


@dataclass(frozen=True, slots=True)
class Run:
    """A training run, down to its seed: all that decides its result but the text and the versions.

    Attributes:
        experiment: which table the row belongs to.
        width, layers, experts, vocabulary: the model.
        steps: steps of training; fine-tuning not counted.
        batch: sequences a step, of `CONTEXT` tokens.
        lr: peak learning rate of matrices at `BASE_WIDTH`; at width d it is lr * BASE_WIDTH / d, as muP has it.
        schedule: one of `SCHEDULES`. All warm up over `warmup` steps.
        decay: share of the steps over which "wsd" falls to zero, in a straight line.
        mixture: share of each kind of text.
        unique: training tokens that may be seen; they are repeated when they run out. 0 for all there are.
        tune_kind, tune_examples: fine-tuning after the run: a kind, and how many sequences of it, each seen once.
        seed: of the model's start and of the order of the text.
    """

    experiment: str
    width: int
    vocabulary: int
    steps: int
    seed: int = 0
    layers: int = 2
    experts: int = 1
    batch: int = 4
    lr: float = 0.008
    schedule: str = "wsd"
    warmup: int = 20
    decay: float = 0.25
    mixture: tuple[float, ...] = (0.2, 0.2, 0.2, 0.2, 0.2)
    unique: int = 0
    tune_kind: str = ""
    tune_examples: int = 0

    def __post_init__(self) -> None:
        if self.schedule not in SCHEDULES:
            raise BadRequest(f"schedule: expected one of {', '.join(SCHEDULES)}, got {self.schedule!r}")
        if self.steps < 1 or self.batch < 1:
            raise BadRequest(f"steps and batch must be at least 1, got {self.steps} and {self.batch}")
        if abs(sum(self.mixture) - 1.0) > 1e-9 or min(self.mixture) < 0:
            raise BadRequest(f"mixture: expected shares >= 0 that add up to 1, got {self.mixture}")

    @property
    def id(self) -> str:
        """A short name of all settings: equal ids are equal runs."""
        text = json.dumps(asdict(self), sort_keys=True)
        return f"{self.experiment}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"

    @property
    def tokens(self) -> int:
        return self.steps * self.batch * CONTEXT

    @property
    def trunk(self) -> int:
        """Steps at the start that are the same for all runs of a family."""
        if self.tune_kind:
            return self.steps
        return self.steps - round(self.decay * self.steps) if self.schedule == "wsd" else 0

    @property
    def family(self) -> Run:
        """What runs that share a trunk have in common: equal for them alone."""
        if self.tune_kind:
            return replace(self, tune_kind="", tune_examples=0, experiment="")
        if self.schedule == "wsd":
            return replace(self, steps=1, experiment="")
        return replace(self, experiment="")


def families(runs: Iterable[Run]) -> list[list[Run]]:
    """Runs by family, in order of first appearance; within one, the shortest trunk first."""
    found: dict[Run, list[Run]] = {}
    for run in runs:
        found.setdefault(run.family, []).append(run)
    return [sorted(group, key=lambda r: (r.trunk, r.steps, r.tune_examples)) for group in found.values()]
