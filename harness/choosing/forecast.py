"""The forecast: a clipped median of distinct laws, drawn towards the last rows, mixed by folds with what knows rows alone.

It is no program and has no budget of constants. How much the vote and each method count, and how wide the interval is,
folds tell: on each of them the same forecast is made from the rows that the fold leaves and compared with those it hides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluator.scale import scale_error
from harness.choosing.evidence import Evidence
from harness.choosing.ground import Ground
from harness.choosing.order import FLOOR, distinct, trust
from harness.choosing.rows.last_levels import Local, local
from harness.choosing.rows.methods import METHODS
from harness.choosing.shares import LAWS
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
        shares: "laws" and each method -> how much it counts in the forecast, together 1.
        fold_error: geometric mean over the standard folds of the forecast's own error.
        errors: standard fold -> the same, fold by fold.
        part_errors: "laws" and each method -> geometric mean over the standard folds of its error alone.
    """

    voters: tuple[int, ...]
    say: tuple[float, ...]
    shares: dict[str, float]
    fold_error: float
    errors: dict[str, float]
    part_errors: dict[str, float]


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
    parts = {fold.name: _on_fold(ground, fold, evidence, (voters, say), weights) for fold in ground.standard}
    truth = {
        fold.name: (ground.z[fold.validation], ground.train.group[fold.validation])
        for fold in ground.standard
    }
    logs = {
        part: float(np.mean([_log_error(*truth[fold], found[part]) for fold, found in parts.items()]))
        for part in (LAWS, *weights.methods)
    }
    shares = _shares(logs, weights)
    errors = {
        fold: float(np.exp(_log_error(*truth[fold], _mixed(found, shares)))) for fold, found in parts.items()
    }
    return Panel(
        tuple(voters),
        tuple((say / say.sum()).tolist()),
        shares,
        float(np.exp(np.mean(np.log(list(errors.values()))))),
        errors,
        {part: float(np.exp(log)) for part, log in logs.items()},
    )


def _shares(logs: Mapping[str, float], weights: Weights) -> dict[str, float]:
    """Shares that fall with the log of the error on folds.

    Hundreds of laws competed for the folds' errors, each method for none: the vote's is taken for higher than it looks.
    """
    fair = {part: log + (weights.flattery if part == LAWS else 0.0) for part, log in logs.items()}
    best = min(fair.values())
    says = {part: float(np.exp((best - log) / weights.mix_softness)) for part, log in fair.items()}
    return {part: s / sum(says.values()) for part, s in says.items()}


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
    shares = np.asarray(panel.say if say is None else say)
    methods = [name for name in panel.shares if name != LAWS]
    parts = _parts(ground, np.arange(len(ground.train)), where, (votes, at_train, shares), methods, weights)
    z = np.minimum(_mixed(parts, panel.shares), ground.scale.to(np.full(parts[LAWS].shape, ground.most)))
    distance = beyond(ground.spec, ground.train, X, group)
    # Spread of the laws adds nothing to the width once the forecast's own fold error is known.
    width = weights.interval * panel.fold_error * (1 + weights.interval_slope * distance)
    return Band(z, np.repeat(width[:, None], z.shape[1], axis=1), distance)


def cast_asked(panel: Panel, ground: Ground, evidence: Sequence[Evidence], weights: Weights) -> Band:
    """The forecast for the rows that the ground asks for, from stored evidence."""
    votes = np.stack([evidence[i].asked for i in panel.voters])
    at_train = np.stack([evidence[i].train for i in panel.voters])
    return cast(panel, ground, votes, at_train, (ground.asked, ground.asked_group), weights)


def _on_fold(
    ground: Ground,
    fold: Fold,
    evidence: Sequence[Evidence],
    voting: tuple[Sequence[int], np.ndarray],
    weights: Weights,
) -> dict[str, np.ndarray]:
    """What the vote and each method say of a fold's hidden rows, from the rows it leaves.

    Args:
        voting: places of the voters, and their say.
    """
    voters, say = voting
    votes = np.stack([evidence[i].folds[fold.name] for i in voters])
    hidden = ground.train.X[fold.validation], ground.train.group[fold.validation]
    vote = votes[:, fold.validation], votes[:, fold.train], say
    return _parts(ground, fold.train, hidden, vote, weights.methods, weights)


def _parts(
    ground: Ground,
    fitted: np.ndarray,
    where: tuple[np.ndarray, np.ndarray],
    vote: tuple[np.ndarray, np.ndarray, np.ndarray],
    methods: Sequence[str],
    weights: Weights,
) -> dict[str, np.ndarray]:
    """What the vote and each method say of rows, kept within reach of the targets.

    Args:
        fitted: places of the training rows that all of them know.
        where: features and labels of the rows to predict.
        vote: (M, m, T) predictions of these rows, (M, n, T) of the fitted ones, and the laws' say (M,).
    """
    X, group = where
    train, z = ground.train.take(fitted), ground.z[fitted]
    distance = beyond(ground.spec, train, X, group)
    room = weights.room + weights.room_slope * distance
    near = local(ground.spec, train, z, X, group)
    votes, at_train, say = vote
    found = {LAWS: _voted(votes, at_train, z, near, say, weights)}
    for name in methods:
        found[name] = METHODS[name](ground.spec, train, z, X, group)
    return {name: clipped(values, group, z, train.group, room) for name, values in found.items()}


def _voted(
    votes: np.ndarray, at_train: np.ndarray, z: np.ndarray, near: Local, say: np.ndarray, weights: Weights
) -> np.ndarray:
    """The weighted median, moved by a share of what it misses at the last rows near each row."""
    missed = z - median(at_train, say)
    at_last = np.stack([missed[rows].mean(axis=0) for rows in near.last])
    return median(votes, say) + weights.anchor * at_last


def _mixed(parts: Mapping[str, np.ndarray], shares: Mapping[str, float]) -> np.ndarray:
    return np.sum([share * parts[name] for name, share in shares.items()], axis=0)


def _log_error(z: np.ndarray, group: np.ndarray, said: np.ndarray) -> float:
    return float(np.log(max(scale_error(z, said, group), FLOOR)))
