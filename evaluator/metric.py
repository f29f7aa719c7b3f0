"""SLDBench's metric, with the errors of every group beside it.

Rows of all groups are pooled. Per target, NMSE is the mean squared error over the population
variance of the targets, and NMAE the mean absolute error over the targets' mean absolute deviation
from their mean. Both are averaged over targets; R2 is 1 - NMSE and is not clipped.

Source: the evaluator of SLDBench, arXiv 2507.21184; it reproduces the published scores of the
eight human laws.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evaluator.errors import BadEvaluation
from evaluator.outcome import Scorecard
from evaluator.scale import Scale, scale_errors


def score(y: np.ndarray, predictions: np.ndarray, group: np.ndarray, scale: Scale | None = None) -> Scorecard:
    """Errors pooled over all rows, and of each group alone.

    Pooling credits a law with telling groups apart, so a pooled R2 can be high where every
    group's own is poor: read `per_group` too.

    Args:
        y: (n, T) targets; (n,) is taken as one target.
        predictions: the same shape.
        group: (n,) labels.
        scale: of the task; gives the cards their `log_error`.

    Raises:
        BadEvaluation: shapes differ, or there are no rows.
    """
    y, p = _columns(y), _columns(predictions)
    group = np.asarray(group)
    if y.shape != p.shape or len(group) != len(y) or len(y) == 0:
        raise BadEvaluation(
            f"metric: expected targets and predictions of one shape with one label a row, got "
            f"{y.shape}, {p.shape} and {len(group)} labels"
        )
    labels = dict.fromkeys(group.tolist())
    cards = {label: _card(y[group == label], p[group == label], {}) for label in labels}
    card = _card(y, p, cards)
    if scale is None:
        return card
    errors = scale_errors(scale.to(y), scale.to(p), group)
    own = {label: replace(c, log_error=errors[label]) for label, c in cards.items()}
    return replace(card, log_error=float(np.mean(list(errors.values()))), per_group=own)


def _columns(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    return values[:, None] if values.ndim == 1 else values


def _card(y: np.ndarray, p: np.ndarray, per_group: dict[str, Scorecard]) -> Scorecard:
    error = y - p
    variance = np.mean((y - y.mean(axis=0)) ** 2, axis=0)
    deviation = np.mean(np.abs(y - y.mean(axis=0)), axis=0)
    mse, mae = np.mean(error**2, axis=0), np.mean(np.abs(error), axis=0)
    # The mean of equal numbers can differ from them in the last bit, so "does not vary" is asked
    # of the numbers themselves and not of their variance.
    varies = np.ptp(y, axis=0) > 0
    nmse = float(np.mean(np.where(varies, mse / np.where(varies, variance, 1.0), np.nan)))
    nmae = float(np.mean(np.where(varies, mae / np.where(varies, deviation, 1.0), np.nan)))
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = float(np.mean(np.abs(error / y))) if (y != 0).all() else np.nan
    return Scorecard(nmse, 1.0 - nmse, nmae, len(y), float(mae.mean()), per_group, relative_error=relative)
