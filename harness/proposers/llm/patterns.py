"""Where a law goes wrong, in words and numbers: residuals on validation rows, inside train.

Rows come from the folds alone, so nothing held out can be told. A residual is prediction minus truth in standard
deviations of the target.
"""

from __future__ import annotations

import itertools

import numpy as np

from tasks.rows import Rows
from tasks.spec import TaskSpec

MOST_GROUPS = 4
MOST_LEVELS = 4
MOST_PAIRS = 2
MOST_AXES = 3
SMALL = 0.05
"""Mean residuals below this share of the targets' spread are called small."""


def residual_patterns(spec: TaskSpec, name: str, rows: Rows, predicted: np.ndarray) -> list[str]:
    """Lines on one fold, most telling first; of many targets, the one that goes most wrong.

    Args:
        name: the fold's.
        rows: validation rows.
        predicted: (m, T) predictions of them.
    """
    spread = rows.y.std(axis=0)
    targets = [t for t in range(len(spread)) if spread[t] > 0]
    r = (predicted - rows.y) / np.where(spread > 0, spread, 1.0)
    worst = sorted(targets, key=lambda t: -float((r[:, t] ** 2).mean()))[:1]
    lines = []
    for t in worst:
        label = f"{name}, {spec.target_names[t]}" if len(spec.targets) > 1 else name
        lines.append(f"- {label}: {_bias(r[:, t])}")
        lines += [f"  - {line}" for line in of_residuals(spec, rows, r[:, t])]
    return lines


def of_residuals(spec: TaskSpec, rows: Rows, r: np.ndarray, by: str = "") -> list[str]:
    """By group, along each axis, by pairs of axes, and at the outermost level alone.

    Args:
        r: (m,) residuals.
        by: one feature, or "" for all that tell something.
    """
    features = [by] if by else list(spec.feature_names)
    lines = [] if by else _by_group(rows, r)
    axes = [found for feature in features if (found := _by_axis(spec, rows, r, feature, bool(by)))]
    most = MOST_AXES if len(spec.features) <= 4 else MOST_AXES - 1
    strong = sorted(axes, key=lambda a: -a[0])[:most]
    lines += [line for _, line in axes if line in [kept for _, kept in strong]]
    lines += _by_pairs(spec, rows, r, by)
    if not by:
        lines += _outermost(spec, rows, r)
    return lines


def _bias(r: np.ndarray) -> str:
    mean, size = float(r.mean()), float(np.abs(r).mean())
    return f"{_direction(mean)}, mean |error| {size:.2f} sd"


def _direction(mean: float) -> str:
    if abs(mean) < SMALL:
        return f"no clear bias (mean {mean:+.2f})"
    return f"{'over' if mean > 0 else 'under'}-predicts by {abs(mean):.2f}"


def _by_group(rows: Rows, r: np.ndarray) -> list[str]:
    groups = [(label, float(r[index].mean())) for label, index in rows.by_group()]
    if len(groups) < 2:
        return []
    worst = sorted(groups, key=lambda g: -abs(g[1]))[:MOST_GROUPS]
    told = ", ".join(f"{label} {mean:+.2f}" for label, mean in worst if abs(mean) >= SMALL)
    return [f"by group, worst first: {told}"] if told else []


def _cuts(spec: TaskSpec, rows: Rows, feature: str, most: int) -> list[tuple[str, np.ndarray]]:
    """Parts of the rows by level of a feature: (name, mask)."""
    x = rows.X[:, spec.feature_names.index(feature)]
    levels = np.unique(x)
    if len(levels) < 2:
        return []
    parts = np.array_split(levels, min(len(levels), most))
    return [
        (f"{part[0]:.3g}{f'..{part[-1]:.3g}' if len(part) > 1 else ''}", np.isin(x, part)) for part in parts
    ]


def _by_axis(
    spec: TaskSpec, rows: Rows, r: np.ndarray, feature: str, always: bool
) -> tuple[float, str] | None:
    """How much the means differ along a feature, and the line that says so; None where they hardly do."""
    means = [(name, float(r[mask].mean())) for name, mask in _cuts(spec, rows, feature, MOST_LEVELS)]
    reach = max((m for _, m in means), default=0.0) - min((m for _, m in means), default=0.0)
    if not means or (not always and reach < 2 * SMALL):
        return None
    return reach, f"along {feature}: " + ", ".join(f"{mean:+.2f} at {name}" for name, mean in means)


def _by_pairs(spec: TaskSpec, rows: Rows, r: np.ndarray, by: str) -> list[str]:
    """Pairs of axes whose halves together tell what neither tells alone, strongest first."""
    found = []
    for a, b in itertools.combinations(spec.feature_names, 2):
        if by and by not in (a, b):
            continue
        first, second = _cuts(spec, rows, a, 2), _cuts(spec, rows, b, 2)
        cells = [(m1 & m2) for _, m1 in first for _, m2 in second]
        if len(cells) != 4 or not all(c.any() for c in cells):
            continue
        means = [float(r[c].mean()) for c in cells]
        together = means[0] - means[1] - means[2] + means[3]
        if abs(together) >= 4 * SMALL:
            told = f"low/low {means[0]:+.2f}, low/high {means[1]:+.2f}, high/low {means[2]:+.2f}, high/high {means[3]:+.2f}"
            found.append((abs(together), f"{a} x {b}: {told}"))
    return [
        line for _, line in sorted(found, key=lambda f: -f[0])[: MOST_PAIRS if len(spec.features) <= 4 else 1]
    ]


def _outermost(spec: TaskSpec, rows: Rows, r: np.ndarray) -> list[str]:
    """The rows at the last level of the axes we extrapolate along."""
    if not spec.extrapolate:
        return []
    last = np.ones(len(r), dtype=bool) if spec.corner else np.zeros(len(r), dtype=bool)
    for axis in spec.extrapolate:
        x = rows.X[:, spec.feature_names.index(axis)]
        last = (last & (x == x.max())) if spec.corner else (last | (x == x.max()))
    if not last.any() or last.all():
        return []
    return [f"outermost level alone: {_bias(r[last])}"]
