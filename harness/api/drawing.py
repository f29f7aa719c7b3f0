"""One figure of a run: training rows, law, forecast and its interval along one feature."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from harness.errors import BadOption
from tasks import Task

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_GROUPS = 6
POINTS = 40
COLOURS = ("#1f5fa8", "#d1603d", "#3a7d44", "#7b4fa3", "#8a6d1f", "#555555")


def draw(
    task: Task, ask: Callable[[pd.DataFrame], pd.DataFrame], along: str | None, reach: float, law: str
) -> Figure:
    """The figure; no window is opened and no global state of Matplotlib is touched.

    Args:
        ask: rows -> rows with `<target>_forecast`, `_low`, `_high`, `_law`.
    """
    from matplotlib.figure import Figure

    spec, train = task.spec, task.train
    names = spec.feature_names
    along = along or (spec.axis_features or names)[0]
    if along not in names:
        raise BadOption(f"along=: expected one of {', '.join(names)}, got {along!r}")
    j = names.index(along)
    groups = train.groups()[:MOST_GROUPS]
    lines = [_line(train.X[train.group == g], j, reach, names, spec.group, g) for g in groups]
    found = ask(pd.concat(lines, ignore_index=True))
    figure = Figure(figsize=(7.0, 4.2 * len(spec.target_names)), layout="constrained")
    panels = figure.subplots(len(spec.target_names), squeeze=False)[:, 0]
    for t, (axes, target) in enumerate(zip(panels, spec.target_names, strict=True)):
        for g, (group, colour) in enumerate(zip(groups, COLOURS, strict=False)):
            here, mine = found.iloc[g * POINTS : (g + 1) * POINTS], train.group == group
            x = here[along].to_numpy(dtype=float)
            axes.fill_between(
                x, here[f"{target}_low"], here[f"{target}_high"], color=colour, alpha=0.2, linewidth=0
            )
            label = group if spec.group else "forecast, with 90 % interval"
            axes.plot(x, here[f"{target}_forecast"], color=colour, label=label)
            if f"{target}_law" in here:
                axes.plot(x, here[f"{target}_law"], color=colour, linestyle="--", linewidth=1)
            axes.plot(train.X[mine, j], train.y[mine, t], "o", color=colour, markersize=3, alpha=0.6)
        axes.axvline(train.X[:, j].max(), color="#888888", linestyle=":", linewidth=1)
        wide = train.X[:, j].min() > 0 and train.X[:, j].max() > 20 * train.X[:, j].min()
        axes.set(xlabel=along, ylabel=target, xscale="log" if wide else "linear")
        axes.legend(fontsize=8)
    panels[0].set_title(
        f"{task.name}: points are training rows, dashes the law, dots the end of the rows", fontsize=9
    )
    figure.text(0.01, 0.002, _shortened(law), fontsize=7, color="#555555", parse_math=False)
    return figure


def _line(
    X: np.ndarray, j: int, reach: float, names: tuple[str, ...], group_column: str | None, group: str
) -> pd.DataFrame:
    """Rows along one feature, the others at their middle in logs (where all are positive)."""
    x = X[:, j]
    middle = [np.exp(np.median(np.log(c))) if c.min() > 0 else np.median(c) for c in X.T]
    if x.min() > 0 and reach > 1:
        values = np.geomspace(x.min(), x.max() * reach, POINTS)
    else:
        values = np.linspace(x.min(), x.max() + 0.3 * np.ptp(x), POINTS)
    line = pd.DataFrame(
        {name: values if k == j else np.full(POINTS, middle[k]) for k, name in enumerate(names)}
    )
    if group_column is not None:
        line[group_column] = group
    return line


def _shortened(text: str, most: int = 130) -> str:
    return text if len(text) <= most else text[: most - 3] + "..."
