"""A report card as one HTML file that opens from disk: scores in company, hindsight, and every run's law typeset."""

from __future__ import annotations

import re

from markupsafe import Markup

from harness.bench.card import EXPLAINED, NO_LAW, Line, beside, table_of
from harness.bench.plots import hindsight_panels, score_panels
from harness.pages.figures import panel_svg
from harness.pages.numbers import score
from harness.pages.panel import Panel
from harness.pages.shell import assets, environment
from harness.pages.typeset import law_markup

FILE = "report.html"
MOST_MARKS = 9000
"""Laws drawn in hindsight, over all tasks: what keeps a card of eight tasks and five seeds under a megabyte."""


def card_page(lines: list[Line], about: list[str]) -> str:
    """The card as a page.

    Args:
        about: lines that say how it was made, in Markdown.
    """
    columns, rows, means = table_of(lines)
    hindsight = hindsight_panels(lines, max(MOST_MARKS // max(len(lines), 1), 50))
    tasks = [
        (f"task-{k}", line.task, _rows(line), _where(line), beside(line)) for k, line in enumerate(lines)
    ]
    named = [("scores", "scores", True), ("hindsight", "hindsight", hindsight), ("laws", "laws", True)]
    return environment().get_template("card.html.j2").render(
        about=[plain(a) for a in about if a and not a.startswith("![")],
        explained=[plain(e) for e in EXPLAINED],
        columns=columns, rows=[[_cell(c) for c in row] for row in rows], means=[plain(c) for c in means],
        scores=_drawn(score_panels(lines)), hindsight=_drawn(hindsight), tasks=tasks,
        sections=[(id, name) for id, name, there in named if there], **assets(),
    )  # fmt: skip


def _drawn(panels: list[Panel]) -> list[tuple[Panel, Markup]]:
    return [(p, Markup(panel_svg(p))) for p in panels]


def _rows(line: Line) -> list[tuple[int, str, str, int, Markup | str]]:
    """Seed, held-out and validation R2, constants, law, of every run."""
    return [
        (n, score(line.r2[n]), score(line.validation[n]), line.constants[n], law if law == NO_LAW else law_markup(law, line.features, line.target))
        for n, law in enumerate(line.laws)
    ]  # fmt: skip


def _where(line: Line) -> str:
    note = line.data.get("note") or ""
    return f"Rows: train {line.data['train_hash']}, held-out {line.data['heldout_hash']}. {note}".rstrip()


def _cell(text: str) -> tuple[str, str]:
    """What a cell shows, and the number that it is sorted by."""
    shown = plain(text)
    return shown, shown if re.fullmatch(r"-?\d+(\.\d+)?(e[+-]?\d+)?", shown) else ""


def plain(text: str) -> str:
    """Our own Markdown without its signs."""
    return re.sub(r"\*\*?([^*]+)\*\*?", r"\1", text.removeprefix("- ")).replace("`", "")
