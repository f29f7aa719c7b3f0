"""What all laws of one run are judged on: folds, probes beyond the rows, and the rows that will be asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluator.scale import Scale
from harness.choosing.priors import CEILING, Prior, priors_of, rising_scores
from tasks import Task
from tasks.distance import beyond
from tasks.probes import asked_rows, probe_rows
from tasks.rows import Rows
from tasks.spec import TaskSpec
from tasks.split import Fold, validation_folds


@dataclass(frozen=True, slots=True)
class Ground:
    """The rows on which evidence is gathered.

    Attributes:
        standard: the folds that guided the search.
        z: (n, T) training targets on the scale.
        probes, probe_group: rows beyond the training rows along the axes.
        asked, asked_group: the rows to predict where the task declares them, else the probes.
        distance: mean distance of the asked rows beyond the training rows, in ranges.
        priors: what is known beforehand, each with its probe rows.
        most: largest value a forecast may take, in units of the targets: 1 for scores that rise to it.
    """

    spec: TaskSpec
    train: Rows
    scale: Scale
    standard: tuple[Fold, ...]
    z: np.ndarray
    probes: np.ndarray
    probe_group: np.ndarray
    asked: np.ndarray
    asked_group: np.ndarray
    distance: float
    priors: tuple[Prior, ...] = ()
    most: float = np.inf

    @classmethod
    def of(cls, task: Task, standard: tuple[Fold, ...] | None = None) -> Ground:
        """The ground of a task; the standard folds are cut unless given."""
        folds = standard or validation_folds(task.spec, task.train)
        X, group = probe_rows(task.spec, task.train)
        declared = asked_rows(task)
        asked = (X, group) if declared is None else declared
        distance = float(beyond(task.spec, task.train, *asked).mean())
        scale = Scale.of(task.train)
        return cls(
            task.spec,
            task.train,
            scale,
            folds,
            scale.to(task.train.y),
            X,
            group,
            *asked,
            distance,
            priors_of(task, None if declared is None else distance),
            CEILING if rising_scores(task) else np.inf,
        )

    def fold_distance(self, fold: Fold) -> float:
        """Mean distance of a fold's hidden rows beyond its fitted ones, in ranges."""
        hidden = self.train.take(fold.validation)
        return float(beyond(self.spec, self.train.take(fold.train), hidden.X, hidden.group).mean())
