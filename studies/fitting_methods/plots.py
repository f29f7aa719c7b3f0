"""House style of the figures: no global state, one palette that tells apart without colour too."""

from __future__ import annotations

from typing import Any

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

COLOURS = ("#1f5fa8", "#b3282d", "#3b8f4a", "#8a5aa8", "#c9802b", "#3f3f3f", "#2b9aa8")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
GREY = "#777777"


def panels(columns: int, rows: int = 1, *, width: float = 3.6, height: float = 3.2, **options):
    """A figure and its axes, always a list in reading order."""
    figure = Figure(figsize=(width * columns + 0.4, height * rows + 0.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False, **options)
    for ax in axes.flat:
        ax.grid(alpha=0.25, lw=0.5)
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=8)
    return figure, list(axes.flat)


def line(ax: Axes, x: ArrayLike, y: ArrayLike, index: int, label: object = None, **options: Any) -> None:
    """A line in the style of its index; a label is shown as text, None for none."""
    label = None if label is None else str(label)
    style = {"color": COLOURS[index % 7], "marker": MARKERS[index % 7], "ms": 3.5, "lw": 1.2, "label": label}
    ax.plot(x, y, **{**style, **options})


def zero(ax: Axes) -> None:
    ax.axhline(0.0, color=GREY, lw=0.8)


def shades(n: int) -> list:
    """n colours from dark to light, for ordered things such as budgets."""
    return [colormaps["viridis"](0.05 + 0.85 * i / max(n - 1, 1)) for i in range(n)]


def label(ax: Axes, x: str, y: str = "", title: object = "", legend: str | None = None) -> None:
    ax.set_xlabel(x, fontsize=9)
    ax.set_ylabel(y, fontsize=9)
    if title:
        ax.set_title(str(title), fontsize=10)
    if legend is not None:
        ax.legend(title=legend or None, fontsize=7.5, title_fontsize=8, framealpha=0.85)


def legend_below(figure: Figure, ax: Axes, columns: int = 4) -> None:
    """One legend for all panels, under them."""
    figure.legend(
        *ax.get_legend_handles_labels(), loc="outside lower center", ncols=columns, fontsize=8, frameon=False
    )
