"""A panel: one pair of axes that knows how to draw itself, on a page or on a sheet of a paper."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from harness.pages.theme import COLOURS, MARKS
from tables.shown import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDE = 3.0
"""A positive axis that spans more than this factor is drawn in logs."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One drawing.

    Attributes:
        key: short, unique on a page.
        title: above the axes; label: what it shows, for those who can't see it.
        draw: onto axes.
        tips: gid of a scatter -> one line for each mark.
        wide: twice the width.
        plain: its labels are short numbers and words of ours: margins are known, and a page need not draw it twice to find them.
    """

    key: str
    title: str
    label: str
    draw: Callable[[Axes], None]
    tips: dict[str, list[str]] = field(default_factory=dict)
    wide: bool = False
    plain: bool = False


def short(text: str, most: int = 38) -> str:
    """Foreign text on one line that fits a label."""
    text = one_line(text)
    return text if len(text) <= most else text[: most - 1] + "…"


def marks(ax: Axes, x: np.ndarray, y: np.ndarray, kind: str, size: float = 22.0) -> None:
    """Points of one kind of rows: hollow for those that a law was fitted on, filled for those that it had not seen."""
    hollow = kind == "train"
    ax.scatter(
        x,
        y,
        s=size,
        marker=MARKS[kind],
        facecolors="none" if hollow else COLOURS[kind],
        edgecolors=COLOURS[kind],
        linewidths=0.9 if hollow else 0.4,
        alpha=0.9,
        zorder=3,
    )


def logarithmic(ax: Axes, which: str, values: np.ndarray) -> bool:
    """Draw an axis in logs where its values are positive and spread wide; whether it is."""
    finite = values[np.isfinite(values)]
    wide = finite.size > 0 and finite.min() > 0 and finite.max() > WIDE * finite.min()
    if wide:
        getattr(ax, f"set_{which}scale")("log")
        _plain_ticks(ax, which, float(finite.max() / finite.min()))
    return bool(wide)


def _plain_ticks(ax: Axes, which: str, span: float) -> None:
    """Few ticks, written as 2, 0.5, 1e9: no superscripts that need mathematical type."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axis = getattr(ax, f"{which}axis")
    if span < 1000:  # decades alone would be one tick or two
        subs = (1, 1.5, 2, 3, 4, 5, 7) if span <= 5 else (1, 2, 5) if span <= 100 else (1, 3)
        axis.set_major_locator(LogLocator(subs=subs))
    axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}".replace("e+", "e").replace("e0", "e")))
    axis.set_minor_locator(NullLocator())


def limit(ax: Axes, values: np.ndarray, log: bool, pad: float = 0.06, which: str = "y") -> None:
    """An axis from the least to the most of the values that count, so that a prediction that runs off hides nothing."""
    finite = values[np.isfinite(values) & ((values > 0) | (not log))]
    if not finite.size:
        return
    low, high = float(finite.min()), float(finite.max())
    if log:
        step = max(np.log(high / low), 0.02) * pad
        ends = low * np.exp(-step), high * np.exp(step)
    else:
        step = (high - low or abs(high) or 1.0) * pad
        ends = low - step, high + step
    getattr(ax, f"set_{which}lim")(*ends)


def shade_beyond(ax: Axes, rows: np.ndarray, drawn: np.ndarray) -> None:
    """Shade what lies beyond the training rows, on the sides where something is drawn.

    Args:
        rows, drawn: the axis' values in the training rows, and in everything drawn.
    """
    left, right = ax.get_xlim()
    low, high = float(rows.min(initial=np.inf)), float(rows.max(initial=-np.inf))
    if drawn.min(initial=np.inf) < low:
        ax.axvspan(left, min(low, right), color=COLOURS["shade"], zorder=0, linewidth=0)
    if drawn.max(initial=-np.inf) > high:
        ax.axvspan(max(high, left), right, color=COLOURS["shade"], zorder=0, linewidth=0)
    ax.set_xlim(left, right)
