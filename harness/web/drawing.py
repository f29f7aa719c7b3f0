"""What the app draws of runs; what this loads takes longer than a start may, so it is imported when it is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from harness.pages.figures import panel_svg
from harness.pages.page import run_facts, run_page
from harness.pages.panel import Panel, logarithmic
from harness.pages.typeset import law_markup
from harness.pages.view import view_of
from harness.web.site import Site, pages


def body(site: Site, path: Path) -> str:
    """The part of a run's page that changes as the run goes on."""
    with site.drawing:  # one at a time: they share what is known, and two would not be done sooner
        facts = run_facts(view_of(path, site.known(path)))
    return site.env.get_template("run_body.html.j2").render(**facts)


def report(path: Path) -> str:
    """A run's page as one file."""
    return run_page(view_of(path))


def sides(paths: list[Path]) -> list[dict[str, Any]]:
    """Runs beside each other, with the figures that say most of their laws."""
    kinds = ("extrapolation", "parity", "front")
    return [run_facts(view_of(path), kinds=kinds, key=f"side{i}-") for i, path in enumerate(paths)]


def warm() -> None:
    """Do once what takes long the first time alone: compile the largest template, find a font, draw."""
    pages().get_template("run_body.html.j2")
    law_markup("E + A*N**-alpha", ("N",))

    def draw(ax: Any) -> None:
        x = np.array([1.0, 30.0])
        ax.scatter(x, x, gid="marks")
        logarithmic(ax, "y", x)

    panel_svg(Panel("warm", "", "", draw, {"marks": ["", ""]}))
