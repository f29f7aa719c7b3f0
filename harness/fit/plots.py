"""Plots of a fit as files: IsoFLOP curves, residuals, profiles of the exponents, allocation with its band."""

from __future__ import annotations

from pathlib import Path

from harness.fit.panels import Fitted
from harness.pages.figures import panel_sheet, save
from harness.pages.panel import Panel


def write_plots(fitted: Fitted, panels: dict[str, list[Panel]], folder: Path) -> list[Path]:
    """One PNG a kind; what the page alone shows is left out.

    Args:
        panels: kind -> its panels, as `harness.fit.panels.fit_panels` makes them.
    """
    left_out = {"beyond", *(["fit"] if fitted.is_surface else [])}
    written = []
    for kind in sorted(k for k in panels.keys() - left_out if panels[k]):
        path = folder / f"{kind}.png"
        save(panel_sheet(panels[kind]), path, kind, 120)
        written.append(path)
    return written
