"""Panels of a report card: scores in company, and held-out against validation error of every law that was tried."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.bench.card import Line, clipped
from harness.bench.hindsight import Seen
from harness.pages.figures import panel_sheet, save
from harness.pages.panel import Panel, short
from harness.pages.theme import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FLOOR, TOP = 1e-6, 1e2
"""Errors are drawn between these."""
MOST_TASKS = 8
"""Tasks on one panel of scores."""


def plot_hindsight(lines: list[Line], path: Path) -> None:
    """One panel a task, on one sheet; nothing where no run was looked back at.

    Args:
        path: of the image; its suffix sets the format.
    """
    panels = hindsight_panels(lines)
    if panels:
        save(panel_sheet(panels, columns=min(len(panels), 4)), path, "hindsight", 110)


def hindsight_panels(lines: list[Line], most: int | None = None) -> list[Panel]:
    """Validation NMSE across, held-out NMSE up, the chosen laws marked.

    Args:
        most: marks of one task at most, so that a page stays small; every so many is drawn then, and every chosen one.
    """
    found: list[Panel] = []
    for line in lines:
        seen = [s for run in line.seen for s in run if s.heldout_r2 is not None]
        if not seen:
            continue
        step = 1 if most is None else -(-len(seen) // most)
        drawn = [s for i, s in enumerate(seen) if s.chosen or i % step == 0]

        def draw(ax: Axes, line: Line = line, drawn: list[Seen] = drawn) -> None:
            _draw_hindsight(ax, line, drawn)

        title = short(line.task)
        label = f"{title}: held-out against validation error of every law tried"
        found.append(Panel(f"hindsight-{len(found)}", title, label, draw))
    return found


def _draw_hindsight(ax: Axes, line: Line, seen: list[Seen]) -> None:
    x, y = np.clip([(s.validation_nmse, 1 - (s.heldout_r2 or 0.0)) for s in seen], FLOOR, TOP).T
    chosen = np.array([s.chosen for s in seen])
    ax.scatter(
        x[~chosen], y[~chosen], s=6, alpha=0.35, color=COLOURS["train"], linewidths=0, label="a law tried"
    )
    ax.scatter(x[chosen], y[chosen], s=70, color=COLOURS["law"], marker="*", zorder=3, label="chosen")
    ax.axhline(1.0, color=COLOURS["muted"], linewidth=0.8, linestyle=":")
    if line.ceiling is not None and line.ceiling < 1:
        ax.axhline(1 - line.ceiling, color=COLOURS["ink"], linewidth=0.8, linestyle="--")
    ax.set(xscale="log", yscale="log", xlabel="validation NMSE", ylabel="held-out NMSE")
    _plain(ax)
    ax.legend(loc="upper left", fontsize=7)


def _plain(ax: Axes) -> None:
    """Ticks as 0.01 and 1e-5: no superscripts that need mathematical type."""
    from matplotlib.ticker import FuncFormatter, NullLocator

    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}".replace("e-0", "e-")))
        axis.set_minor_locator(NullLocator())


def score_panels(lines: list[Line]) -> list[Panel]:
    """Held-out R2 of every run beside its forecast, random laws, the best control and the ceiling; some tasks a panel."""
    parts = [lines[i : i + MOST_TASKS] for i in range(0, len(lines), MOST_TASKS)]
    found = []
    for k, part in enumerate(parts):

        def draw(ax: Axes, part: list[Line] = part) -> None:
            _draw_scores(ax, part)

        names = f"{short(part[0].task)} to {short(part[-1].task)}" if len(parts) > 1 else ""
        found.append(
            Panel(f"scores-{k}", names, "held-out R2 of every run, by task, in company", draw, wide=True)
        )
    return found


def _draw_scores(ax: Axes, lines: list[Line]) -> None:
    for place, line in enumerate(reversed(lines)):
        ax.axhline(place, color=COLOURS["rule"], linewidth=0.8, zorder=0)
        runs = clipped(line.r2)
        ax.scatter(runs, [place] * len(runs), s=16, color=COLOURS["law"], alpha=0.5, linewidths=0, zorder=3)
        ax.scatter([statistics.fmean(runs)], [place], s=44, color=COLOURS["law"], marker="D", zorder=4)
        means = {"forecast": line.forecast, "validation": line.random}
        for (colour, values), mark in zip(means.items(), ("_", "s"), strict=True):
            if values:
                mean = statistics.fmean(clipped(values))
                ax.scatter([mean], [place], s=70 if mark == "_" else 22, color=COLOURS[colour], marker="|" if mark == "_" else mark, zorder=3)  # fmt: skip
        if line.controls:
            ax.scatter([max(clipped(list(line.controls.values())))], [place], s=30, marker="x", color=COLOURS["control"], zorder=3)  # fmt: skip
        if line.ceiling is not None and line.ceiling < 1:
            ax.plot([line.ceiling] * 2, [place - 0.3, place + 0.3], color=COLOURS["ink"], linewidth=0.9, linestyle=":")  # fmt: skip
    ax.set_yticks(range(len(lines)), [short(line.task, 24) for line in reversed(lines)])
    ax.set_ylim(-0.6, len(lines) - 0.4)
    ax.set_xlim(-1.05, 1.05)
    ax.set_xlabel("held-out R2, clipped to [−1, 1]")
