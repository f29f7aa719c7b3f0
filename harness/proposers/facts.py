"""What a proposer may know about a task: facts of the training rows, never of the held-out ones."""

from __future__ import annotations

import keyword
import math
import re
from dataclasses import dataclass

import numpy as np

from tasks.rows import Rows
from tasks.spec import TaskSpec

RISING = 0.5
"""Rank correlation with an axis above which a target counts as a score that rises along it."""


@dataclass(frozen=True, slots=True)
class FeatureFacts:
    """Range of one feature over the training rows, in the round unit a law is written in.

    Attributes:
        name: the feature as a Python identifier.
        unit: power of ten near the geometric middle of the range; 1 for features of any sign.
        low, high: extremes divided by `unit`.
        n_levels: distinct values.
    """

    name: str
    unit: float
    low: float
    high: float
    n_levels: int

    @property
    def positive(self) -> bool:
        return self.low > 0

    @property
    def not_negative(self) -> bool:
        return self.low >= 0

    @property
    def varies(self) -> bool:
        return self.high > self.low


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """What the grammar needs to know: features, axes, targets and the budget.

    Attributes:
        features: the columns; with paired targets one more, "own", the feature of the target in hand.
        axes: positions of the features along which the task extrapolates.
        n_targets: columns predicted.
        budget: most constants over all targets, or None.
        positive_targets: whether every target is positive, so that logs exist.
        paired: position of each target's own feature, or empty.
        repeats: pairs (x, z) of counts where x holds z in every row and is no more than z in some: tokens and
            the unique ones among them. Both have one unit.
        rising: positions of the axes that the targets rise along, as scores do and losses don't.
    """

    features: tuple[FeatureFacts, ...]
    axes: tuple[int, ...]
    n_targets: int
    budget: int | None
    positive_targets: bool
    paired: tuple[int, ...] = ()
    repeats: tuple[tuple[int, int], ...] = ()
    rising: tuple[int, ...] = ()

    @property
    def n_features(self) -> int:
        """Columns of the table, "own" not counted."""
        return len(self.features) - bool(self.paired)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f.name for f in self.features)

    @property
    def budget_per_target(self) -> int:
        """Most constants a law may have for one target; 16 where the task sets no limit."""
        return 16 if self.budget is None else self.budget // self.n_targets

    @classmethod
    def of(cls, spec: TaskSpec, train: Rows) -> TaskFacts:
        """Read the facts off the training rows."""
        features = [_facts(name, train.X[:, j]) for j, name in enumerate(_identifiers(spec.feature_names))]
        repeats = _repeats(train.X)
        for x, z in repeats:
            features[z] = _facts(features[z].name, train.X[:, z], features[x].unit)
        paired = tuple(spec.feature_names.index(f) for f in spec.paired)
        if paired:
            features.append(_facts("own", train.X[:, list(paired)].ravel()))
        axes = tuple(spec.feature_names.index(a) for a in spec.axis_features)
        return cls(
            tuple(features),
            axes,
            train.y.shape[1],
            spec.least_budget,
            bool(train.y.min() > 0),
            paired,
            repeats,
            tuple(j for j in axes if _rise(train, j) > RISING),
        )


def _rise(train: Rows, j: int) -> float:
    """Middle rank correlation, over groups and targets, of the targets with one feature; 0 where there is none."""
    found = []
    for _, index in train.by_group():
        x = train.X[index, j]
        if len(np.unique(x)) > 2:
            found += [_rank_correlation(x, y) for y in train.y[index].T if np.ptp(y) > 0]
    return float(np.median(found)) if found else 0.0


def _rank_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's, equal values sharing their mean rank; SciPy's own would load all of its statistics."""
    import pandas as pd  # here: --help needs the names of proposers alone

    ranks = pd.DataFrame({"x": x, "y": y}).rank()
    return float(np.corrcoef(ranks["x"], ranks["y"])[0, 1])


def _repeats(X: np.ndarray) -> tuple[tuple[int, int], ...]:
    """Pairs of columns (x, z), both positive, with x >= z everywhere and both x = z and x > z somewhere."""
    positive = [j for j in range(X.shape[1]) if X[:, j].min() > 0]
    pairs = [(x, z) for x in positive for z in positive if x != z and (X[:, x] >= X[:, z]).all()]
    return tuple((x, z) for x, z in pairs if 0 < (X[:, x] == X[:, z]).mean() < 1)


def _facts(name: str, x: np.ndarray, unit: float | None = None) -> FeatureFacts:
    """Facts of one column, in the unit given or in the power of ten near its middle."""
    if unit is None:
        middle = 0.5 * (math.log10(x.min()) + math.log10(x.max())) if x.min() > 0 else 0.0
        unit = 10.0 ** round(middle)
    return FeatureFacts(name, unit, float(x.min() / unit), float(x.max() / unit), len(np.unique(x)))


def identifiers(spec: TaskSpec) -> tuple[str, ...]:
    """The names that laws of a task have for its features; "own" among them where targets have a feature each."""
    return (*_identifiers(spec.feature_names), *(["own"] if spec.paired else []))


def _identifiers(names: tuple[str, ...]) -> list[str]:
    """Python identifiers for column headers, distinct from each other and from constants' names."""
    taken: list[str] = []
    for name in names:
        word = re.sub(r"\W+", "_", name.strip(), flags=re.ASCII).strip("_") or "x"
        if (
            word[0].isdigit()
            or keyword.iskeyword(word)
            or re.fullmatch(r"[acskmwlbt]\d+|exp|log|tanh|np|own", word)
        ):
            word = f"x_{word}"
        while word in taken:
            word += "_"
        taken.append(word)
    return taken
