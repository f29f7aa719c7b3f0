"""What the field knows beforehand, as evidence with slack: how far a law breaks it beyond the rows.

A prior is no gate: a law that breaks one by little, or within noise, stays in the choice and only counts less.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.proposers.facts import TaskFacts
from tasks.probes import REACH, STEPS, probe_rows
from tasks.rows import Rows, Task

SLACK = 0.05
"""Rise that counts as none, as a share of the range of a group's targets."""

CEILING = 1.0
"""Where a score ends."""

FEW_GROUPS = 0.1
"""Share of the groups in which a law may break what is known: a few noisy groups among many condemn no form."""

ROOM = 1.0
"""A law may leave the range of a group's targets by this many ranges within the probes' reach."""


@dataclass(frozen=True, slots=True)
class Prior:
    """One thing known, and the rows it is looked for on.

    Attributes:
        feature: that the targets fall or rise with.
        sign: +1 where they must not rise, -1 where they must not fall, 0 where they must not pass CEILING.
        X, group: probe rows along the feature.
    """

    feature: str
    sign: int
    X: np.ndarray
    group: np.ndarray

    def broken(self, train: Rows, y: np.ndarray) -> float:
        """How far predictions go the wrong way beyond the slack: a mean over groups, in ranges of their targets.

        Args:
            y: (m, T) predictions on the probe rows, in units of the targets.
        """
        away = []
        for label, index in train.by_group():
            span = np.maximum(np.ptp(train.y[index], axis=0), 1e-12)
            if self.sign == 0:
                above = np.maximum(y[self.group == label] - CEILING, 0.0).max(axis=0)
                away.append(float(np.maximum(above / span - SLACK, 0.0).max()))
                continue
            steps = self.sign * y[self.group == label].reshape(STEPS + 1, -1, y.shape[1])
            # From the lowest point so far: a wave counts once, not at every step.
            rise = (steps - np.minimum.accumulate(steps, axis=0)).max(axis=0)
            away.append(float(np.maximum(np.median(rise, axis=0) / span - SLACK, 0.0).max()))
        few = sum(a > 0 for a in away) <= FEW_GROUPS * len(away)
        return 0.0 if few else float(np.mean(away))


def priors_of(task: Task, reach: float | None = None) -> tuple[Prior, ...]:
    """The declared priors of a task, looked for as far as it extrapolates.

    Args:
        reach: in ranges of the rows; None for the probes' own.
    """
    spec = task.spec
    signs = {f: 0 for f in rising_scores(task)} | {f: -1 for f in spec.rises_with}
    found = []
    for feature, sign in (signs | {f: 1 for f in spec.falls_with}).items():
        X, group = probe_rows(spec, task.train, (feature,), REACH if reach is None else max(reach, 0.05))
        found.append(Prior(feature, sign, X, group))
    return tuple(found)


def rising_scores(task: Task) -> tuple[str, ...]:
    """Axes along which targets that all lie in [0, 1] rise: accuracies and the like, which end at 1."""
    y = task.train.y
    if y.min() < 0 or y.max() > CEILING:
        return ()
    return tuple(task.spec.feature_names[j] for j in TaskFacts.of(task.spec, task.train).rising)


def runs_off(train: Rows, y: np.ndarray, group: np.ndarray) -> list[str]:
    """Groups whose predictions at the probes leave the range of their targets by more than ROOM ranges.

    Args:
        y: (m, T) predictions.
        group: (m,) labels of the probe rows.

    Returns:
        Their labels; none where they are few among many.
    """
    away = []
    for label, index in train.by_group():
        seen, p = train.y[index], y[group == label]
        low, high = seen.min(axis=0), seen.max(axis=0)
        room = ROOM * (high - low) + 1e-12
        if (p < low - room).any() or (p > high + room).any():
            away.append(label)
    return away if len(away) > FEW_GROUPS * len(train.groups()) else []
