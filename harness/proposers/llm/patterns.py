"""Where a law goes wrong, in words and numbers: residuals on validation rows, inside train.

Rows come from the folds alone, so nothing held out can be told.
"""

from __future__ import annotations

import numpy as np

from tasks.rows import Rows
from tasks.spec import TaskSpec

MOST_GROUPS = 4
MOST_LEVELS = 4
SMALL = 0.05
"""Mean residuals below this share of the targets' spread are called small."""


def residual_patterns(spec: TaskSpec, name: str, rows: Rows, predicted: np.ndarray) -> list[str]:
    """Lines on one fold, most telling first.

    Args:
        name: the fold's.
        rows: validation rows.
        predicted: (m, T) predictions of them.
    """
    lines = []
    for t, target in enumerate(spec.target_names):
        spread = float(rows.y[:, t].std())
        if not spread > 0:
            continue
        r = (predicted[:, t] - rows.y[:, t]) / spread
        label = f"fold {name}" + (f", {target}" if len(spec.targets) > 1 else "")
        lines.append(f"- {label}: {_bias(r)}")
        lines += _by_group(rows, r)
        lines += _by_axis(spec, rows, r)
    return lines


def _bias(r: np.ndarray) -> str:
    mean, size = float(r.mean()), float(np.abs(r).mean())
    return f"{_direction(mean)}, mean absolute error {size:.2f} (in standard deviations of the target)"


def _direction(mean: float) -> str:
    if abs(mean) < SMALL:
        return f"no clear bias (mean {mean:+.2f})"
    return f"{'over' if mean > 0 else 'under'}-predicts by {abs(mean):.2f} on average"


def _by_group(rows: Rows, r: np.ndarray) -> list[str]:
    groups = [(label, float(r[index].mean())) for label, index in rows.by_group()]
    if len(groups) < 2:
        return []
    worst = sorted(groups, key=lambda g: -abs(g[1]))[:MOST_GROUPS]
    told = "; ".join(f"{label}: {_direction(mean)}" for label, mean in worst if abs(mean) >= SMALL)
    return [f"  - by group, worst first: {told}"] if told else []


def _by_axis(spec: TaskSpec, rows: Rows, r: np.ndarray) -> list[str]:
    lines = []
    for j, feature in enumerate(spec.feature_names):
        levels = np.unique(rows.X[:, j])
        if len(levels) < 2:
            continue
        cuts = np.array_split(levels, min(len(levels), MOST_LEVELS))
        means = [float(r[np.isin(rows.X[:, j], cut)].mean()) for cut in cuts]
        if max(means) - min(means) < 2 * SMALL:
            continue
        told = ", ".join(
            f"{mean:+.2f} at {cut[0]:.4g}{f' to {cut[-1]:.4g}' if len(cut) > 1 else ''}"
            for cut, mean in zip(cuts, means, strict=True)
        )
        lines.append(f"  - along {feature}: mean of prediction minus truth {told}")
    return lines
