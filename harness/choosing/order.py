"""Orders: which of a run's laws to trust, from their errors on folds. Lower is better throughout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from evaluator.scale import scale_error
from harness.choosing.evidence import Evidence
from harness.choosing.ground import Ground
from harness.choosing.weights import Weights

FLOOR = 1e-6
"""Errors below this are equal."""

ALIKE = 1e-4
"""Laws that differ by no more than this, relatively, at every row beyond are one law."""

WIDTH = 0.5
"""How sharply folds are matched to the distance asked for: standard deviation in log(NEAR + distance)."""

NEAR = 0.05


def fold_errors(evidence: Sequence[Evidence], ground: Ground) -> dict[str, np.ndarray]:
    """Fold name -> (M,) errors of the laws; NaN where a law was not fitted on that fold."""
    found = {}
    for fold in ground.standard:
        rows = fold.validation
        z, group = ground.z[rows], ground.train.group[rows]
        found[fold.name] = np.array(
            [
                max(scale_error(z, e.folds[fold.name][rows], group), FLOOR)
                if fold.name in e.folds
                else np.nan
                for e in evidence
            ]
        )
    return found


def mean_log_error(evidence: Sequence[Evidence], ground: Ground) -> np.ndarray:
    """(M,) mean over the standard folds of the log of each law's error; NaN where a law lacks one of them."""
    errors = fold_errors(evidence, ground)
    mean: np.ndarray = np.log(np.stack([errors[fold.name] for fold in ground.standard])).mean(axis=0)
    return mean


def combined(errors: Mapping[str, np.ndarray], weights: Mapping[str, float]) -> np.ndarray:
    """(M,) weighted mean of the logs of fold errors; folds that a law or the table lacks are left out.

    A fold's mean over laws is taken off first, so that a law that lacks a hard fold gains nothing by it.
    """
    names = [n for n, w in weights.items() if w > 0 and n in errors and np.isfinite(errors[n]).any()]
    if not names:
        raise ValueError(f"expected errors on one of {', '.join(weights)}, got {', '.join(errors)}")
    logs = np.log(np.stack([errors[n] for n in names]))
    logs -= np.nanmean(logs, axis=1, keepdims=True)
    w = np.array([weights[n] for n in names])[:, None] * np.isfinite(logs)
    return np.nansum(w * np.nan_to_num(logs), axis=0) / np.maximum(w.sum(axis=0), 1e-12)


def matched_weights(ground: Ground, names: Sequence[str]) -> dict[str, float]:
    """Weights of folds by how near their distance beyond the rows is to that of the rows asked for.

    Args:
        names: folds that may count.
    """
    place = np.log(NEAR + ground.distance)
    weights = {}
    for fold in ground.standard:
        if fold.name in names:
            away = (np.log(NEAR + ground.fold_distance(fold)) - place) / WIDTH
            weights[fold.name] = float(np.exp(-0.5 * away**2)) + 1e-3
    return weights


def trust(evidence: Sequence[Evidence], ground: Ground, weights: Weights) -> np.ndarray:
    """(M,) log of the error expected of each law where one will predict: matched folds, and priors it breaks."""
    errors = fold_errors(evidence, ground)
    order = combined(errors, matched_weights(ground, [f.name for f in ground.standard]))
    return order + weights.prior * np.array([min(sum(e.broken), 1.0) for e in evidence])


def distinct(order: Sequence[int], evidence: Sequence[Evidence], n: int) -> list[int]:
    """The first n places of an order whose laws differ beyond the rows: twins would outvote the rest together."""
    kept: list[int] = []
    seen: list[np.ndarray] = []
    for i in order:
        if len(kept) == n:
            break
        here = np.concatenate([evidence[i].probes.ravel(), evidence[i].asked.ravel()])
        if not kept or not (np.abs(np.stack(seen) - here) <= ALIKE * (1 + np.abs(here))).all(axis=1).any():
            kept.append(int(i))
            seen.append(here)
    return kept
