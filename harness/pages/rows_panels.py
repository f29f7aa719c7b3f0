"""Panels of rows: law and forecast against data, residuals, and what they say along each axis beyond the rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from harness.pages.panel import Panel, limit, logarithmic, marks, shade_beyond, short
from harness.pages.theme import COLOURS
from harness.pages.view import RunView
from harness.run.traces import Trace, Traces
from tasks import TaskSpec

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_GROUPS, MOST_TARGETS = 8, 6
"""Panels by group, and by target, on one page at most; a note says what is left out."""

NEAR = 0.02
"""Rows are drawn beside a sweep where their other features are within this of its own, relatively."""


def left_out(view: RunView) -> str:
    """What the panels by group leave out, in a sentence; "" where nothing."""
    if view.traces is None or view.spec is None:
        return ""
    groups, targets = len(_groups(view.traces)), len(view.spec.targets)
    parts = []
    if groups > MOST_GROUPS:
        parts.append(f"the first {MOST_GROUPS} of {groups} groups")
    if targets > MOST_TARGETS:
        parts.append(f"the first {MOST_TARGETS} of {targets} targets")
    return f"Drawn: {' and '.join(parts)}; figures of all rows hold every group." if parts else ""


def data_panels(view: RunView) -> list[Panel]:
    """Rows by group along the axis that the task extrapolates in, with the law's and the forecast's answers."""
    if view.traces is None or view.spec is None:
        return []
    traces, task = view.traces, view.spec
    j = _main_axis(task, traces)
    found = []
    for t, target in _targets(task):
        for g, label in enumerate(_groups(traces)[:MOST_GROUPS]):
            name = " · ".join(p for p in (label if len(_groups(traces)) > 1 else "", target) if p)

            def draw(ax: Axes, label: str = label, t: int = t) -> None:
                _draw_data(ax, traces, task, (j, t, label))

            title = short(name)
            found.append(
                Panel(f"data-{t}-{g}", title, f"{title}: rows, law and forecast along {short(task.feature_names[j])}", draw)
            )  # fmt: skip
    return found


def _draw_data(ax: Axes, traces: Traces, task: TaskSpec, what: tuple[int, int, str]) -> None:
    j, t, label = what
    sets = _sets(traces, label)
    xs = np.concatenate([s.X[:, j] for _, s in sets])
    ys = np.concatenate([s.y[:, t] for _, s in sets])
    # Said before anything is drawn: held-out rows that all lie at one place are no range to scale an axis by.
    limit(ax, xs, logarithmic(ax, "x", xs), 0.045, "x")
    log = logarithmic(ax, "y", ys)
    held = traces.heldout.of_group(label) if traces.heldout is not None else None
    if held is not None and len(held.X):
        x, middle = held.X[:, j], held.forecast[:, t]
        down, up = middle - held.low[:, t], held.high[:, t] - middle
        ax.errorbar(x, middle, yerr=np.abs([down, up]), fmt="_", ms=7, color=COLOURS["forecast"], elinewidth=0.8, alpha=0.8, zorder=2)  # fmt: skip
    for kind, s in sets:
        marks(ax, s.X[:, j], s.y[:, t], kind)
        ax.scatter(
            s.X[:, j], s.law[:, t], marker="x", s=20, linewidths=0.9, color=COLOURS["law"], alpha=0.8, zorder=4
        )  # fmt: skip
    limit(ax, np.concatenate([ys, *([held.forecast[:, t]] if held is not None else [])]), log)
    shade_beyond(ax, traces.train.of_group(label).X[:, j], xs)
    ax.set_xlabel(_with_unit(task.features[j].name, task.features[j].unit))
    ax.set_ylabel(_with_unit(task.targets[t].name, task.targets[t].unit))


def _voices(view: RunView, title: str) -> Iterator[tuple[int, str, str]]:
    """(target, "law" or "forecast", title) of the panels that each of the two has for each target.

    Args:
        title: with a place for who it is that answers.
    """
    if view.traces is None or view.spec is None:
        return
    for t, target in _targets(view.spec):
        of = f" · {short(target)}" if len(view.spec.targets) > 1 else ""
        for who in ("law", "forecast"):
            yield t, who, title.format(who) + of


def parity_panels(view: RunView) -> list[Panel]:
    """Predicted against measured, every row; on the line is right."""
    found = []
    for t, who, title in _voices(view, "{}, every row"):

        def draw(ax: Axes, t: int = t, who: str = who) -> None:
            assert view.traces is not None and view.spec is not None
            _draw_parity(ax, view.traces, t, who)
            ax.set_xlabel(f"measured {short(view.spec.target_names[t], 24)}")
            ax.set_ylabel(f"predicted by the {who}")

        found.append(Panel(f"parity-{who}-{t}", title, f"{title}: predicted against measured", draw))
    return found


def _draw_parity(ax: Axes, traces: Traces, t: int, who: str) -> None:
    sets = [(kind, s) for kind, s in _sets(traces, who=who) if np.isfinite(getattr(s, who)).any()]
    y = np.concatenate([s.y[:, t] for _, s in sets]) if sets else np.array([0.0, 1.0])
    log = logarithmic(ax, "x", y)
    if log:
        logarithmic(ax, "y", y)
    ends = [float(y.min()), float(y.max())]
    ax.plot(ends, ends, color=COLOURS["muted"], linewidth=1, zorder=1)
    for kind, s in sets:
        marks(ax, s.y[:, t], getattr(s, who)[:, t], kind, 16)
    limit(ax, np.array(ends), log, 0.25)


def residual_panels(view: RunView) -> list[Panel]:
    """Errors of law and forecast against the axis; above zero is too high."""
    if view.traces is None or view.spec is None:
        return []
    traces, task = view.traces, view.spec
    j = _main_axis(task, traces)
    found = []
    for t, who, title in _voices(view, "errors of the {}"):
        relative = bool((traces.train.y[:, t] > 0).all())

        def draw(ax: Axes, t: int = t, who: str = who, relative: bool = relative) -> None:
            _draw_residuals(ax, traces, (j, t, who), relative)
            ax.set_xlabel(_with_unit(task.features[j].name, task.features[j].unit))
            ax.set_ylabel("predicted − measured" + (", %" if relative else ""))

        found.append(Panel(f"residuals-{who}-{t}", title, f"{title} along {task.feature_names[j]}", draw))
    return found


def _draw_residuals(ax: Axes, traces: Traces, what: tuple[int, int, str], relative: bool) -> None:
    j, t, who = what
    drawn, inside = [], []
    for kind, s in _sets(traces, who=who):
        y, p = s.y[:, t], getattr(s, who)[:, t]
        error = 100 * (p - y) / y if relative else p - y
        if np.isfinite(error).any():
            marks(ax, s.X[:, j], error, kind, 16)
            drawn.append(s.X[:, j])
            inside.append(np.clip(error, *np.nanpercentile(error, [1, 99])))
    ax.axhline(0, color=COLOURS["muted"], linewidth=1, zorder=1)
    if drawn:
        logarithmic(ax, "x", np.concatenate(drawn))
        limit(ax, np.concatenate(inside), False)
        shade_beyond(ax, traces.train.X[:, j], np.concatenate(drawn))


def extrapolation_panels(view: RunView) -> list[Panel]:
    """One feature moves, the others stay: law, forecast with its band, and the rows that lie on that line."""
    if view.traces is None or view.spec is None:
        return []
    traces, task = view.traces, view.spec
    found = []
    many = len({str(s.group[0]) for s in traces.sweeps}) > 1
    for k, sweep in enumerate(traces.sweeps):
        for t, target in _targets(task):
            axis = task.features[sweep.axis]
            parts = [str(sweep.group[0])] if many else []
            parts += [target] if len(task.targets) > 1 else []
            title = short(" · ".join([f"along {axis.name}", *parts]), 44)

            def draw(ax: Axes, sweep: Trace = sweep, t: int = t) -> None:
                _draw_sweep(ax, traces, sweep, t)
                column = task.features[sweep.axis]
                ax.set_xlabel(_with_unit(column.name, column.unit))
                ax.set_ylabel(_with_unit(task.targets[t].name, task.targets[t].unit))

            found.append(
                Panel(f"along-{k}-{t}", title, f"{title}: law, and forecast with its 90 % band", draw)
            )
    return found


def held_still(view: RunView) -> list[tuple[str, str]]:
    """(group, features of its outermost training row): what stays while one feature moves; [] where there is one alone."""
    if view.traces is None or view.spec is None:
        return []
    found: dict[str, str] = {}
    for sweep in view.traces.sweeps:
        values = zip(view.spec.feature_names, sweep.X[0], np.ptp(sweep.X, axis=0), strict=True)
        text = ", ".join(f"{name} = {v:g}" for name, v, moved in values if moved == 0)
        label = str(sweep.group[0])
        found[label] = "; ".join(p for p in (found.get(label, ""), text) if p)
    return [(label, still) for label, still in found.items() if still]


def _draw_sweep(ax: Axes, traces: Traces, sweep: Trace, t: int) -> None:
    j, label = sweep.axis, str(sweep.group[0])
    x = sweep.X[:, j]
    logarithmic(ax, "x", x)
    ax.fill_between(x, sweep.low[:, t], sweep.high[:, t], color=COLOURS["forecast"], alpha=0.18, linewidth=0)
    ax.plot(x, sweep.forecast[:, t], color=COLOURS["forecast"], linewidth=1.6, linestyle="--")
    ax.plot(x, sweep.law[:, t], color=COLOURS["law"], linewidth=1.8)
    shown = [sweep.forecast[:, t]]
    others = [k for k in range(sweep.X.shape[1]) if k != j]
    for kind, s in _sets(traces, label):
        near = np.isclose(s.X[:, others], sweep.X[0, others], rtol=NEAR, atol=0).all(axis=1)
        if near.any():
            marks(ax, s.X[near, j], s.y[near, t], kind, 28)
            shown.append(s.y[near, t])
    values = np.concatenate(shown)
    spread = np.concatenate([values, np.clip(sweep.law[:, t], *_widened(values))])
    limit(ax, spread, logarithmic(ax, "y", values), 0.12)
    ax.set_xlim(float(x.min()), float(x.max()))
    shade_beyond(ax, traces.train.of_group(label).X[:, j], x)


def _widened(values: np.ndarray) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    if not finite.size:
        return -np.inf, np.inf
    low, high = float(finite.min()), float(finite.max())
    room = 0.5 * (high - low)
    return (max(low - room, 0.5 * low) if low > 0 else low - room), high + room


def _sets(traces: Traces, label: str | None = None, who: str = "law") -> list[tuple[str, Trace]]:
    """("train" | "validation" | "heldout", rows): validation rows are those that the deepest fold hides from the law.

    The forecast is kept for fits on all training rows alone.
    """
    deepest = max(traces.folds, key=lambda f: len(f.X), default=None) if who == "law" else None
    found = [("train", traces.train)]
    if deepest is not None:
        found = [("train", _without(traces.train, deepest)), ("validation", deepest)]
    if traces.heldout is not None:
        found.append(("heldout", traces.heldout))
    return [(kind, s if label is None else s.of_group(label)) for kind, s in found]


def _without(train: Trace, fold: Trace) -> Trace:
    """Training rows that the fold does not hide: they are told apart by what they hold."""
    hidden = {(*x, *y, g) for x, y, g in zip(fold.X.tolist(), fold.y.tolist(), fold.group.tolist(), strict=True)}  # fmt: skip
    rows = zip(train.X.tolist(), train.y.tolist(), train.group.tolist(), strict=True)
    kept = np.array([(*x, *y, g) not in hidden for x, y, g in rows], dtype=bool)
    parts = (train.X, train.y, train.group, train.law, train.forecast, train.low, train.high, train.distance)
    return Trace(*(part[kept] for part in parts))


def _groups(traces: Traces) -> list[str]:
    return list(dict.fromkeys(traces.train.group.tolist()))


def _targets(task: TaskSpec) -> list[tuple[int, str]]:
    return list(enumerate(task.target_names))[:MOST_TARGETS]


def _main_axis(task: TaskSpec, traces: Traces) -> int:
    """The first axis of the task; else the feature with the widest range."""
    if task.axis_features:
        return task.feature_names.index(task.axis_features[0])
    X = traces.train.X
    spread = np.ptp(X, axis=0) / np.maximum(np.abs(X).max(axis=0), 1e-300)
    return int(np.argmax(spread))


def _with_unit(name: str, unit: str) -> str:
    return short(name + (f", {unit}" if unit not in ("", "1", name) else ""), 34)
