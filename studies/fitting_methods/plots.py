"""House style of the figures: panels that draw themselves, one palette that tells apart without colour too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from numpy.typing import ArrayLike

COLOURS = ("#0072b2", "#c04f00", "#007f5f", "#a3307c", "#a86f00", "#4f5b66", "#8c1d18")
"""Those of all our pages, which show them light or dark as the reader's system is."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
INK, GREY, RULE = "#1b1f23", "#5b636b", "#d4d8dc"
WIDTH, HEIGHT = 3.9, 2.9
"""Inches of a panel, which a phone shows at about the size it was drawn for."""


@dataclass(frozen=True)
class Panel:
    """One pair of axes: its title, and what draws it."""

    title: str
    draw: Callable[[Axes], None]


@dataclass(frozen=True)
class Picture:
    """Panels that belong together: a sheet of them for files, each by itself on a page.

    Attributes:
        columns: of the sheet.
        shared: all panels have one y axis.
        key: the labels of all panels are told once, below; False: each panel tells its own.
    """

    name: str
    caption: str
    panels: tuple[Panel, ...]
    columns: int = 3
    shared: bool = False
    key: bool = True

    def sheet(self) -> Figure:
        """All panels on one figure."""
        across = min(self.columns, len(self.panels))
        down = -(-len(self.panels) // across)
        figure = blank(WIDTH * across, HEIGHT * down + 0.2)
        axes = figure.subplots(down, across, squeeze=False, sharey=self.shared).ravel()
        for panel, ax in zip(self.panels, axes, strict=False):
            dressed(ax)
            panel.draw(ax)
            ax.set_title(panel.title, fontsize=10, loc="left")
        for ax in axes[len(self.panels) :]:
            ax.set_visible(False)
        found = labels(*axes[: len(self.panels)])
        if not self.key:
            told(*axes[: len(self.panels)])
        elif found:
            figure.legend(found.values(), found, loc="outside lower center", ncols=min(len(found), 2 * across),
                          fontsize=8, frameon=False)  # fmt: skip
        return figure

    def alone(self) -> list[Figure]:
        """Each panel as a figure of its own, on the sheet's y axis if that is shared."""
        figures = []
        for panel in self.panels:
            figure = blank(WIDTH, HEIGHT)
            ax = dressed(figure.add_subplot())
            panel.draw(ax)
            if not self.key:
                told(ax)
            figures.append(figure)
        if self.shared:
            limits = [figure.axes[0].get_ylim() for figure in figures]
            for figure in figures:
                figure.axes[0].set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
        return figures


def blank(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def dressed(ax: Axes) -> Axes:
    ax.grid(color=RULE, lw=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=8)
    return ax


def told(*axes: Axes) -> None:
    """A legend inside each panel that has labels."""
    for ax in axes:
        if labels(ax):
            ax.legend(fontsize=7.5, frameon=False)


def labels(*axes: Axes) -> dict[str, Any]:
    """Label -> its mark, over all panels."""
    found: dict[str, Any] = {}
    for ax in axes:
        for handle, text in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(text, handle)
    return found


def line(ax: Axes, x: ArrayLike, y: ArrayLike, index: int, label: object = None, **options: Any) -> None:
    """A line in the style of its index; a label is shown as text, None for none."""
    label = None if label is None else str(label)
    style = {"color": COLOURS[index % 7], "marker": MARKERS[index % 7], "ms": 3.5, "lw": 1.2, "label": label}
    ax.plot(x, y, **{**style, **options})


def zero(ax: Axes) -> None:
    ax.axhline(0.0, color=GREY, lw=0.8)


def shades(n: int) -> list:
    """n colours from dark to light, for ordered things such as budgets."""
    return [colormaps["viridis"](0.1 + 0.75 * i / max(n - 1, 1)) for i in range(n)]


def label(ax: Axes, x: str, y: str = "", scale: str = "") -> None:
    """Names of the axes; `scale` names those in logs: "x", "y" or "xy"."""
    ax.set_xlabel(x, fontsize=9)
    ax.set_ylabel(y, fontsize=9)
    if "x" in scale:
        ax.set_xscale("log")
        _powers(ax.xaxis, 4)
    if "y" in scale:
        ax.set_yscale("log")
        _powers(ax.yaxis, 6)


def _powers(axis: Any, most: int) -> None:
    """Ticks of an axis in logs as plain text: powers of ten, with steps between where it spans too few."""
    low, high = sorted(axis.get_view_interval())
    decades = np.log10(high / low) if low > 0 else 10.0
    steps = (
        (1.0,) if decades > 1.7 else (1.0, 2.0, 5.0) if decades > 0.5 else (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
    )
    axis.set_major_locator(LogLocator(subs=steps, numticks=most if len(steps) == 1 else 12))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda v, _: plain(v)))


def plain(value: float) -> str:
    """1e+20 as 1e20."""
    mantissa, e, exponent = f"{value:g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if e else mantissa
