"""Kinds of figures by name, drawn into pages as SVG and onto sheets as PDF, SVG or PNG."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from harness.errors import BadRun
from harness.pages.panel import Panel
from harness.pages.rows_panels import data_panels, extrapolation_panels, parity_panels, residual_panels
from harness.pages.search_panels import front_panels, progress_panels, scores_panels
from harness.pages.svg import inline_svg
from harness.pages.theme import COLOURS, MARKS, NAMES, themed
from harness.pages.view import RunView

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS: dict[str, tuple[str, Callable[[RunView], list[Panel]]]] = {
    "data": ("rows by group with the law and the forecast", data_panels),
    "parity": ("predicted against measured", parity_panels),
    "residuals": ("errors along the axis", residual_panels),
    "extrapolation": ("law and forecast beyond the rows, along each axis", extrapolation_panels),
    "front": ("validation error against size, with the front", front_panels),
    "progress": ("validation error over evaluations", progress_panels),
    "scores": ("held-out scores beside controls and published systems", scores_panels),
}
"""Name -> what it shows, and its panels."""

FORMATS = (".pdf", ".svg", ".png")
WIDTH, HEIGHT = 3.9, 2.9
"""Inches of a panel, which a phone shows at about the size it was drawn for."""

MARGINS = (0.155, 0.15, 0.985, 0.97)
"""Left, bottom, right, top of a plain panel's axes, as shares of the figure; of others before they are measured."""

DPI, PAD = 72, 3.0
"""Dots per inch of an SVG, and dots left free around a panel."""

LEGENDS = {"data": "rows law forecast", "parity": "rows", "residuals": "rows", "extrapolation": "rows curves"}


def panel_svg(panel: Panel, key: str = "") -> str:
    """A panel as an SVG element of a page."""
    with themed():
        from matplotlib import rcParams

        rcParams["svg.hashsalt"] = panel.key
        figure = _figure(2 * WIDTH if panel.wide else WIDTH, HEIGHT, None)
        figure.subplots_adjust(*MARGINS)
        ax = figure.add_subplot()
        panel.draw(ax)
        if not panel.plain:
            _fit_margins(figure, ax)
        return inline_svg(figure, f"{key}{panel.key}", panel.label, panel.tips)


def _fit_margins(figure: Figure, ax: Axes) -> None:
    """Margins that what stands around the axes needs, measured once: a layout engine would draw the figure twice."""
    from matplotlib.backends.backend_svg import RendererSVG

    figure.dpi = DPI
    width, height = DPI * figure.get_size_inches()
    box = ax.get_tightbbox(RendererSVG(width, height, io.StringIO()))
    if box is not None:
        left, bottom, right, top = MARGINS
        figure.subplots_adjust(
            left + (PAD - box.x0) / width,
            bottom + (PAD - box.y0) / height,
            right + (width - PAD - box.x1) / width,
            top + (height - PAD - box.y1) / height,
        )


def sheet(view: RunView, kind: str, columns: int = 2) -> Figure:
    """All panels of a kind on one figure.

    Raises:
        BadRun: the run has nothing of that kind to show.
    """
    panels = KINDS[kind][1](view)
    if not panels:
        raise BadRun(
            f"{view.path}: nothing to draw for {kind!r}: the run is {view.state}, with {len(view.points)} evaluations"
            + ("" if view.traces else " and no traces of its rows")
        )
    return panel_sheet(panels, LEGENDS.get(kind, ""), columns)


def panel_sheet(panels: list[Panel], legend: str = "", columns: int = 2) -> Figure:
    """Panels on one figure, with one legend below them all where `legend` names its parts."""
    with themed():
        across = 1 if len(panels) == 1 else columns
        down = -(-len(panels) // across)
        wide = 2 if panels[0].wide else 1
        alone = 1.35 if len(panels) == 1 else 1.0
        figure = _figure(alone * wide * WIDTH * across, alone * HEIGHT * down + (0.3 if legend else 0.0))
        grid = figure.subplots(down, across, squeeze=False).ravel()
        for panel, ax in zip(panels, grid, strict=False):
            panel.draw(ax)
            ax.set_title(panel.title)
        for ax in grid[len(panels) :]:
            ax.set_visible(False)
        _legend(figure, legend, across + 1)
    return figure


def write_sheet(view: RunView, kind: str, out: Path, dpi: int = 200) -> None:
    """Draw a kind into a file; its ending says the format.

    Raises:
        BadRun: nothing to draw.
    """
    save(sheet(view, kind), out, kind, dpi)


def save(figure: Figure, out: Path, key: str, dpi: int = 200) -> None:
    """Write a figure, the same bytes each time; its ending says the format."""
    with themed():
        dated = (
            {"Date": None} if out.suffix == ".svg" else {"CreationDate": None} if out.suffix == ".pdf" else {}
        )
        from matplotlib import rcParams

        rcParams["svg.hashsalt"] = key
        # Seen by itself a figure needs its paper; on a page it has the page's.
        figure.savefig(out, dpi=dpi, facecolor="white", metadata=dated)


def _figure(width: float, height: float, layout: Literal["constrained"] | None = "constrained") -> Figure:
    from matplotlib.figure import Figure  # without pyplot: no window, no global state

    return Figure(figsize=(width, height), layout=layout)


def _legend(figure: Figure, parts: str, columns: int) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    what = parts.split()
    if not what:
        return
    handles: list[Any] = [
        Line2D([], [], linestyle="", marker=mark, color=COLOURS[name], markersize=5, label=NAMES[name], markerfacecolor="none" if name == "train" else COLOURS[name])
        for name, mark in MARKS.items()
    ]  # fmt: skip
    if "law" in what:
        handles.append(Line2D([], [], linestyle="", marker="x", color=COLOURS["law"], label="law"))
        handles.append(Line2D([], [], linestyle="", marker="_", color=COLOURS["forecast"], label="forecast, 90 %"))  # fmt: skip
    if "curves" in what:
        handles.append(Line2D([], [], color=COLOURS["law"], label="law"))
        handles.append(Line2D([], [], color=COLOURS["forecast"], linestyle="--", label="forecast, 90 % band"))
    handles.append(Patch(color=COLOURS["shade"], label="beyond the training rows"))
    figure.legend(handles=handles, loc="outside lower center", ncols=columns)
