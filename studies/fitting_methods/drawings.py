"""Drawings that several experiments share: lines by group, IsoFLOPs with their parabolas, power laws, boxes, bars, maps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes

from fitting import ApproachResult, LossSurface
from studies.fitting_methods.approach2 import Case
from studies.fitting_methods.plots import COLOURS, GREY, INK, Panel, label, line, shades, zero
from studies.fitting_methods.sampling import Runs
from studies.fitting_methods.surfaces import best_loss

HALF_WIDTH = "half width W (decades of N)"
BUDGET = "C (FLOPs)"


def lines_by(
    table: pd.DataFrame,
    x: str,
    y: str,
    by: str,
    names: tuple[str, str],
    *,
    scale: str = "",
    base: bool = True,
) -> Callable[[Axes], None]:
    """One line a group; `base` draws zero."""

    def draw(ax: Axes) -> None:
        for i, (name, part) in enumerate(table.groupby(by, sort=False)):
            line(ax, part[x], part[y], i, name)
        if base:
            zero(ax)
        label(ax, *names, scale=scale)

    return draw


def columns_of(
    table: pd.DataFrame, x: str, columns: Mapping[str, str], names: tuple[str, str], *, scale: str = ""
) -> Callable[[Axes], None]:
    """One line a column; columns: column -> its label."""

    def draw(ax: Axes) -> None:
        for i, (column, text) in enumerate(columns.items()):
            line(ax, table[x], table[column], i, text)
        zero(ax)
        label(ax, *names, scale=scale)

    return draw


def isoflops(runs: Runs, truth: LossSurface | None = None, *, surface: LossSurface | None = None) -> Callable:
    """Loss against size, budget by budget, with the parabola of Approach 2 and its vertex.

    Args:
        truth: marks the true optimum of each budget. surface: draws its curve in place of the parabola.
    """

    def draw(ax: Axes) -> None:
        budgets = np.unique(runs.C)
        for colour, C in zip(shades(len(budgets)), budgets, strict=True):
            mine = runs.C == C
            x, y = np.log10(runs.N[mine]), runs.L[mine]
            along = np.linspace(x.min(), x.max(), 60)
            ax.plot(10**x, y, "o", ms=2.6, color=colour, alpha=0.85)
            if surface is not None:
                D = np.median(runs.D[mine] * runs.N[mine]) / 10**along
                ax.plot(10**along, surface.loss(10**along, D), "-", lw=1.1, color=colour)
                continue
            bend, slope, level = np.polyfit(x - x.mean(), y, 2)
            ax.plot(10**along, np.polyval((bend, slope, level), along - x.mean()), "-", lw=1.1, color=colour)
            vertex = -slope / (2 * bend) if bend > 0 else np.inf
            if abs(vertex) <= 1.3 * np.ptp(x):
                place = level + slope * vertex + bend * vertex**2
                ax.plot(10 ** (x.mean() + vertex), place, "x", ms=6, mew=1.6, color=COLOURS[1])
        if surface is None:
            ax.plot([], [], "x", ms=6, mew=1.6, color=COLOURS[1], label="vertex of the parabola")
        if truth is not None:
            ax.plot(truth.N_opt(budgets), best_loss(truth, budgets), "d", ms=4.5, mfc="none", color=INK, label="true optimum")  # fmt: skip
        label(ax, "N (parameters)", "loss", "x")

    return draw


def power_law(
    fits: Mapping[str, ApproachResult | LossSurface],
    budgets: Sequence[float],
    *,
    truth: LossSurface | None = None,
    tokens: bool = False,
    target: float | None = None,
) -> Callable[[Axes], None]:
    """Optimum against budget: vertices, the line through them to `target`, and the truth."""

    def draw(ax: Axes) -> None:
        C = np.geomspace(min(budgets), target or max(budgets), 40)
        if truth is not None:
            ax.plot(C, truth.D_opt(C) if tokens else truth.N_opt(C), "--", color=INK, lw=1.1, label="truth")
        for i, (name, fit) in enumerate(fits.items()):
            ax.plot(
                C, fit.D_opt(C) if tokens else fit.N_opt(C), "-", color=COLOURS[i % 7], lw=1.2, label=name
            )
            if isinstance(fit, ApproachResult):
                ax.plot(
                    fit.C, fit.D_vertex if tokens else fit.N_vertex, "x", ms=5, mew=1.4, color=COLOURS[i % 7]
                )
        label(ax, BUDGET, "D_opt (tokens)" if tokens else "N_opt (parameters)", "xy")

    return draw


def ratio_to_truth(cases: Mapping[str, Case], target: float) -> Callable[[Axes], None]:
    """N_opt inferred over the true one, along the budget: what a log-log power-law panel is too coarse to show."""

    def draw(ax: Axes) -> None:
        for i, (name, case) in enumerate(cases.items()):
            C = np.geomspace(min(case.sampling.budgets), target, 40)
            line(ax, C, case.fit.N_opt(C) / case.surface.N_opt(C), i, name, marker="")
            line(ax, case.fit.C, case.vertex_errors + 1, i, lw=0, marker="x", ms=5)
        ax.axhline(1.0, color=GREY, lw=0.8)
        label(ax, BUDGET, "N_opt, inferred / true", "x")

    return draw


def boxes(groups: Mapping[str, Any], names: tuple[str, str], *, scale: str = "") -> Callable[[Axes], None]:
    """Middle half, median and 5 to 95 % of each group of numbers."""

    def draw(ax: Axes) -> None:
        for i, values in enumerate(groups.values()):
            seen = np.asarray(values, dtype=float)
            low, q1, middle, q3, high = np.percentile(seen[np.isfinite(seen)], [5, 25, 50, 75, 95])
            colour = COLOURS[i % 7]
            ax.plot([i, i], [low, high], color=colour, lw=1.0)
            ax.bar(i, q3 - q1, 0.55, bottom=q1, color=colour, alpha=0.35, edgecolor=colour)
            ax.plot([i - 0.275, i + 0.275], [middle, middle], color=colour, lw=1.8)
        ax.set_xticks(range(len(groups)), [wrapped(name) for name in groups], fontsize=7)
        label(ax, *names, scale=scale)

    return draw


def bars(
    values: Mapping[Any, float],
    names: tuple[str, str],
    *,
    between: Mapping[Any, tuple[float, float]] | None = None,
    scale: str = "",
) -> Callable[[Axes], None]:
    """Lying bars, with intervals where there are any."""

    def draw(ax: Axes) -> None:
        size = list(values.values())
        ax.barh(range(len(size)), size, color=COLOURS[0], alpha=0.8)
        for i, name in enumerate(values):
            if between and name in between:
                ax.plot(between[name], [i, i], "|-", color=INK, lw=1.2, ms=8)
        ax.set_yticks(range(len(size)), [wrapped(name, 22) for name in values], fontsize=7)
        ax.invert_yaxis()
        label(ax, *names, scale=scale)

    return draw


def heat(frame: pd.DataFrame, names: tuple[str, str], digits: int = 1) -> Callable[[Axes], None]:
    """A map of numbers, each written into its cell."""

    def draw(ax: Axes) -> None:
        size = np.abs(frame.to_numpy(dtype=float))
        sign = "+" if np.nanmin(frame.to_numpy(dtype=float)) < 0 else ""
        ceiling = float(np.nanmax(size)) or 1.0
        for (i, j), value in np.ndenumerate(frame.to_numpy(dtype=float)):
            strength = (abs(value) / ceiling) ** 0.5
            ax.add_patch(_square(j, i, colormaps["cividis"](0.95 - 0.8 * strength)))
            ax.text(j, i, f"{value:{sign}.{digits}f}", ha="center", va="center", fontsize=7,
                    color="#101418" if strength < 0.6 else "#fdfdfd")  # fmt: skip
        ax.set_xlim(-0.5, frame.shape[1] - 0.5)
        ax.set_ylim(frame.shape[0] - 0.5, -0.5)
        ax.set_xticks(range(frame.shape[1]), [str(c) for c in frame.columns], fontsize=8)
        ax.set_yticks(range(frame.shape[0]), [str(c) for c in frame.index], fontsize=8)
        ax.grid(False)
        label(ax, *names)

    return draw


def _square(x: float, y: float, colour):
    from matplotlib.patches import Rectangle

    return Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=colour, edgecolor="none")


def each(frame: pd.DataFrame, by: str, draw: Callable[[pd.DataFrame], Callable], title: str = "{}"):
    """One panel a group."""
    return tuple(Panel(title.format(name), draw(part)) for name, part in frame.groupby(by, sort=False))


def wrapped(text: str, most: int = 14) -> str:
    """A name over lines of about `most` letters."""
    lines = [""]
    for word in str(text).split():
        if lines[-1] and len(lines[-1]) + len(word) >= most:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)
