"""Pictures and tables of the study as parts of a page: every panel an SVG of its own, one legend a picture."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup

from harness.pages.svg import inline_svg
from studies.fitting_methods.experiment import Experiment
from studies.fitting_methods.headings import cell
from studies.fitting_methods.plots import WIDTH, Picture, blank, labels

LONG = 24
"""Letters of a label from which a legend has one column."""


@dataclass(frozen=True)
class Drawn:
    """A picture on a page: (title, SVG) of its panels, its legend."""

    key: str
    caption: str
    panels: tuple[tuple[str, Markup], ...]
    legend: Markup | str = ""


def drawn(experiment: Experiment, picture: Picture) -> Drawn:
    """Needs the figures' theme (`harness.pages.theme.themed`)."""
    from matplotlib import rc_context

    key = f"e{experiment.number}-{picture.name.replace('_', '-')}"
    with rc_context({"svg.hashsalt": key}):
        figures = picture.alone()
        parts = tuple(
            (panel.title, Markup(inline_svg(figure, f"{key}-{i}-", f"{picture.caption}: {panel.title}")))
            for i, (panel, figure) in enumerate(zip(picture.panels, figures, strict=True))
        )
        found = labels(*(figure.axes[0] for figure in figures)) if picture.key else {}
        legend: Markup | str = ""
        if found:
            columns = 1 if max(map(len, found)) > LONG else 2
            figure = blank(WIDTH, 0.19 * -(-len(found) // columns) + 0.08)
            figure.legend(found.values(), found, loc="center left", ncols=columns, fontsize=8, frameon=False)
            legend = Markup(inline_svg(figure, f"{key}-legend-", f"legend: {', '.join(found)}"))
    return Drawn(key, picture.caption, parts, legend)


def rows_of(frame: pd.DataFrame) -> dict:
    """Head and rows of a table, with which columns are numbers."""
    numeric = [pd.api.types.is_numeric_dtype(frame[c]) for c in frame.columns]
    return {
        "head": list(zip(map(str, frame.columns), numeric, strict=True)),
        "rows": [
            [(_minus(cell(v)) if n else cell(v), n) for v, n in zip(row, numeric, strict=True)]
            for row in frame.itertuples(index=False)
        ],
    }


def _minus(text: str) -> str:
    return text.replace("-", "−")
