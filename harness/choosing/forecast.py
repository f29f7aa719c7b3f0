"""The forecast: a clipped median of distinct laws, drawn towards the last rows, mixed with a local line by folds.

It is no program and has no budget of constants. How much the line counts, and how wide the interval is, folds tell:
on each of them the same forecast is made from the rows that the fold leaves and compared with those it hides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluator.scale import scale_error
from harness.choosing.evidence import Evidence
from harness.choosing.ground import Ground
from harness.choosing.local_line import Local, local
from harness.choosing.order import FLOOR, distinct, trust
from harness.choosing.vote import clipped, median
from harness.choosing.weights import Weights
from tasks.distance import beyond
from tasks.split import Fold


@dataclass(frozen=True, slots=True)
class Panel:
    """What makes the forecasts of one run.

    Attributes:
        voters: places in the evidence, best first.
        say: weight of each voter, by how far behind the best it is on folds.
        line_weight: how much the local line counts, in (0, 1).
        fold_error: geometric mean over the standard folds of the forecast's own error.
        errors: standard fold -> the same, fold by fold.
        line_errors: standard fold -> the local line's.
    """

    voters: tuple[int, ...]
    say: tuple[float, ...]
    line_weight: float
    fold_error: float
    errors: dict[str, float]
    line_errors: dict[str, float]


@dataclass(frozen=True, slots=True)
class Band:
    """A forecast on the scale of errors, row by row.

    Attributes:
        z: (m, T) values.
        half_width: (m, T) of the 90 % interval.
        distance: (m,) beyond the training rows, in ranges.
    """

    z: np.ndarray
    half_width: np.ndarray
    distance: np.ndarray


def seat(
    evidence: Sequence[Evidence],
    ground: Ground,
    among: Sequence[int],
    weights: Weights,
    order: np.ndarray | None = None,
    n_voters: int | None = None,
) -> Panel:
    """The panel for the rows that the ground asks for.

    Args:
        among: places of the laws that may vote, each with predictions of the standard folds.
        order: (M,) expected log error of every law; None for that of `trust`.
        n_voters: None for the weights' own.
    """
    order = trust(evidence, ground, weights) if order is None else order
    voters = distinct(sorted(among, key=lambda i: (order[i], i)), evidence, n_voters or weights.voters)
    behind = order[voters] - order[voters].min()
    say = np.exp(-behind / weights.say_softness)
    base_errors, line_errors, parts = {}, {}, {}
    for fold in ground.standard:
        votes = np.stack([evidence[i].folds[fold.name] for i in voters])
        voted, line = _on_fold(ground, fold, votes, say, weights)
        hidden = fold.validation
        z, group = ground.z[hidden], ground.train.group[hidden]
        base_errors[fold.name] = max(scale_error(z, voted, group), FLOOR)
        line_errors[fold.name] = max(scale_error(z, line, group), FLOOR)
        parts[fold.name] = (z, group, voted, line)
    # Hundreds of laws competed for the folds' errors, the line for none.
    away = _log_mean(line_errors) - _log_mean(base_errors) - weights.flattery
    turned = float(1 / (1 + np.exp(np.clip(away / weights.line_softness, -30, 30))))
    line_weight = min(turned, weights.line_most)
    errors = {
        name: max(scale_error(z, (1 - line_weight) * voted + line_weight * line, group), FLOOR)
        for name, (z, group, voted, line) in parts.items()
    }
    shares = tuple((say / say.sum()).tolist())
    return Panel(tuple(voters), shares, line_weight, float(np.exp(_log_mean(errors))), errors, line_errors)


def cast(
    panel: Panel,
    ground: Ground,
    votes: np.ndarray,
    at_train: np.ndarray,
    where: tuple[np.ndarray, np.ndarray],
    weights: Weights,
    say: Sequence[float] | None = None,
) -> Band:
    """The forecast for any rows.

    Args:
        votes: (M, m, T) predictions of the panel's voters, fitted on all training rows, in their order.
        say: their weights; None for the panel's, where all of its voters are there.
        at_train: (M, n, T) the same fits' predictions of the training rows.
        where: (m, F) features and (m,) labels of the rows.
    """
    X, group = where
    near = local(ground.spec, ground.train, ground.z, X, group)
    shares = np.asarray(panel.say if say is None else say)
    voted = _voted(votes, at_train, ground.z, near, shares, weights)
    line = near.line
    z = (1 - panel.line_weight) * voted + panel.line_weight * line
    distance = beyond(ground.spec, ground.train, X, group)
    z = clipped(z, group, ground.z, ground.train.group, weights.room + weights.room_slope * distance)
    z = np.minimum(z, ground.scale.to(np.full(z.shape, ground.most)))
    # Spread of the laws adds nothing to the width once the forecast's own fold error is known.
    width = weights.interval * panel.fold_error * (1 + weights.interval_slope * distance)
    return Band(z, np.repeat(width[:, None], z.shape[1], axis=1), distance)


def cast_asked(panel: Panel, ground: Ground, evidence: Sequence[Evidence], weights: Weights) -> Band:
    """The forecast for the rows that the ground asks for, from stored evidence."""
    votes = np.stack([evidence[i].asked for i in panel.voters])
    at_train = np.stack([evidence[i].train for i in panel.voters])
    return cast(panel, ground, votes, at_train, (ground.asked, ground.asked_group), weights)


def _on_fold(
    ground: Ground, fold: Fold, votes: np.ndarray, say: np.ndarray, weights: Weights
) -> tuple[np.ndarray, np.ndarray]:
    """Vote and line for a fold's hidden rows, both from the rows it leaves.

    Args:
        votes: (M, n, T) predictions of every training row by fits on the rows the fold leaves.
    """
    fitted, hidden = ground.train.take(fold.train), ground.train.take(fold.validation)
    z = ground.z[fold.train]
    near = local(ground.spec, fitted, z, hidden.X, hidden.group)
    voted = _voted(votes[:, fold.validation], votes[:, fold.train], z, near, say, weights)
    distance = beyond(ground.spec, fitted, hidden.X, hidden.group)
    room = weights.room + weights.room_slope * distance
    return clipped(voted, hidden.group, z, fitted.group, room), near.line


def _voted(
    votes: np.ndarray, at_train: np.ndarray, z: np.ndarray, near: Local, say: np.ndarray, weights: Weights
) -> np.ndarray:
    """The weighted median, moved by a share of what it misses at the last rows near each row."""
    missed = z - median(at_train, say)
    at_last = np.stack([missed[rows].mean(axis=0) for rows in near.last])
    return median(votes, say) + weights.anchor * at_last


def _log_mean(errors: dict[str, float]) -> float:
    return float(np.mean(np.log(list(errors.values()))))
