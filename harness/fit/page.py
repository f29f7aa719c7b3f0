"""A fit as one HTML file that opens from disk: law, constants with intervals, figures, allocation, checklist."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from markupsafe import Markup

from fitting.law.expression import text_of
from harness.fit.panels import Fitted, standing
from harness.fit.report import Report, is_open
from harness.pages.figures import panel_svg
from harness.pages.numbers import number
from harness.pages.panel import Panel
from harness.pages.shell import assets, environment
from harness.pages.typeset import constant_markup, law_markup

FILE = "report.html"


def fit_page(fitted: Fitted, panels: dict[str, list[Panel]]) -> str:
    """The page of a fit."""
    facts = _facts(fitted.report)
    drawn = {kind: [(p, Markup(panel_svg(p))) for p in found] for kind, found in panels.items()}
    named = [("law", "law", True), ("rows", "beyond the rows", True), ("sure", "how sure", drawn["profiles"]),
             ("budget", "budgets", drawn["allocation"] or facts["allocation"]), ("checklist", "checklist", True)]  # fmt: skip
    sections = [(id, name) for id, name, there in named if there]
    return environment().get_template("fitted.html.j2").render(
        drawn=drawn, sections=sections, held_still=_held_still(fitted), **facts, **assets()
    )  # fmt: skip


def _facts(report: Report) -> dict[str, Any]:
    result, found = report.result, report.goodness()
    target = result.problem.rows.target
    numbers = [("R2", number(found["r2"], 6)), ("RMSE", number(found["rmse"])), ("rows", str(result.n_points)),
               ("constants", str(len(result.constants)))]  # fmt: skip
    if "heldout_rows" in found:
        numbers += [("held-out rows", f"{found['heldout_rows']:.0f}"), ("held-out RMSE", number(found["heldout_rmse"])),
                    ("held-out R2", number(found["heldout_r2"]))]  # fmt: skip
    best = report.allocation
    return {
        "title": f"{Path(report.table.name).name}: {target}",
        "said": f"{result.n_points} rows, loss {result.loss.describe()}, {result.status}: {result.status_message}",
        "law": law_markup(text_of(result.law.tree), result.law.variables, target),
        "numbers": numbers,
        "has_heldout": len(report.table.heldout) > 0,
        "constants": [(constant_markup(n), v, report.intervals[n].low, report.intervals[n].high) for n, v in result.constants.items()],
        "how_sure": f"{100 * report.level:g} % intervals by {report.method}",
        "warnings": [*report.table.notes, *result.warnings],
        "allocation": [] if best is None else [
            (c, best.N_opt[i], _band(best.bands.get("N_opt"), i), best.D_opt[i], _band(best.bands.get("D_opt"), i), best.tokens_per_parameter[i], best.loss[i])
            for i, c in enumerate(best.C)
        ],
        "k": None if best is None else best.k,
        "goodness": [(name.replace("_", " "), value) for name, value in found.items()],
        "checklist": [(name, text, is_open(text)) for name, text in report.checklist().items()],
    }  # fmt: skip


def _band(ends: Any, i: int) -> str:
    return "" if ends is None else f"{number(ends[0][i], 3)} to {number(ends[1][i], 3)}"


def _held_still(fitted: Fitted) -> str:
    """What stays while one column moves, in words; "" for a law of one column."""
    import numpy as np

    if len(fitted.result.law.used) < 2 or fitted.result.problem.free:
        return ""
    every = np.ones(fitted.result.problem.rows.n, dtype=bool)
    parts = []
    for name in fitted.result.law.used:
        still = ", ".join(f"{o} = {v:g}" for o, v in standing(fitted, name, every).items())
        parts.append(f"along {name}: {still}")
    return "; ".join(parts)
