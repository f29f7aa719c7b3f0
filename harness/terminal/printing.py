"""Summaries printed for people."""

from __future__ import annotations

import re
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.choosing.shares import made_of
from harness.proposers.formula.naming import Readable, readable

MAX_GROUPS = 12
MAX_PUBLISHED = 8
SCORES = ("R2", "NMAE", "log err.", "rel. err.")
"""Columns of a card: NMAE, the error in logs (in standard deviations of a target that is not always positive), and the mean relative error."""
NO_PUBLISHED = "published scores are not shown: none is known for exactly these rows"


def number(value: float | None, digits: int = 4) -> str:
    """A score for a table; "-" where there is none."""
    if value is None or value != value:
        return "-"
    if abs(value) >= 1e4:
        return f"{value:.3g}"
    return f"{value:.{digits}f}"


def units_text(units: dict[str, float], law: str) -> str:
    """The round units of the features that a law names, or "" where all are 1."""
    named = set(re.findall(r"[A-Za-z_]\w*", law))
    return ", ".join(f"{name} in {unit:g}" for name, unit in units.items() if unit != 1.0 and name in named)


def speed_line(summary: dict[str, Any]) -> str:
    """Candidates a second, beside what the sandboxes would do if none of them ever waited for its next one."""
    n, workers = summary["evaluations"], summary["config"]["evolve"]["workers"]
    each = summary["sandbox_seconds"] / n
    reached = n / summary["seconds"] if summary["seconds"] else float("nan")
    return f"{reached:.1f} candidates a second; {workers / each:.1f} is what {workers} workers can do at {1e3 * each:.0f} ms each"


def print_summary(summary: dict[str, Any], console: Console, run: str) -> None:
    """The end of a run: the law, its constants, validation, then the held-out scores and company."""
    data = summary["data"]
    if data["note"]:
        console.print(Text(data["note"], style="yellow"))
    counts = f"{summary['evaluations']} evaluations ({summary['failed_evaluations']} failed)"
    console.print(
        Text(
            f"{summary['task']}: {counts} in {summary['seconds']:.0f} s, ended by {summary['ending']}",
            style="bold",
        )
    )
    if summary.get("sandbox_seconds"):
        console.print(Text(speed_line(summary), style="dim"))
    if summary["law"] is None:
        why = "no candidate kept every rule; the journal has the reasons"
        if summary["evaluations"] == 0:
            why = "nothing was evaluated within the budget; give more --minutes or --evaluations"
        console.print(Text(f"no law: {why}", style="bold red"))
        console.print(f"run: {run}", markup=False, highlight=False)
        return
    law = readable(summary["law"], tuple(summary["units"]))
    console.print(Text("law  ", style="bold") + Text(law.text, style="cyan"))
    units = units_text(summary["units"], summary["law"])
    if units:
        console.print(Text(f"     with {units}", style="dim"))
    if summary["fit_choices"]:
        console.print(Text(f"     fitted with {summary['fit_choices']}", style="dim"))
    _constants(summary, law, console)
    folds = ", ".join(f"{name} {number(card['r2'])}" for name, card in summary["validation"]["folds"].items())
    console.print(
        f"validation R2 {number(summary['validation']['r2'], 5)}  ({folds}; inside train, beyond the fitted rows)"
    )
    if summary.get("llm"):
        console.print(Text(models_line(summary["llm"]), style="dim"))
    console.print()
    print_scores(summary, console)
    for note in summary.get("notes") or []:
        console.print(f"note: {note}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"run: {run}", markup=False, highlight=False)


def models_line(llm: dict[str, Any]) -> str:
    """What the models of a run did and cost."""
    cost = f", money {llm['cost']:.4f}" if llm["cost"] else ""
    text = (
        f"models: {llm['requests']} replies ({llm['bad_replies']} bad), {llm['candidates']} programs, "
        f"{llm['improvements']} improvements; {llm['tokens_in']} tokens in, {llm['tokens_out']} out{cost}"
    )
    each = llm["tokens_per_improvement"]
    return text + (f"; {each[0]} in and {each[1]} out for each improvement" if each else "")


def _constants(summary: dict[str, Any], law: Readable, console: Console) -> None:
    groups = summary.get("constants") or {}
    for group, stored in list(groups.items())[:3]:
        values = law.constants(stored)
        text = ", ".join(f"{name} = {value:.6g}" for name, value in values.items() if value is not None)
        label = "constants" if len(groups) == 1 else f"constants of {group}"
        console.print(f"{label}: {text}", markup=False, highlight=False)
    if len(groups) > 3:
        console.print(f"and {len(groups) - 3} more groups, in summary.json", style="dim")


def print_scores(summary: dict[str, Any], console: Console) -> None:
    """Held-out scores of the law, its groups, the controls and the published systems."""
    table = score_table("law or system", *SCORES, title="held-out rows, beyond the training range")
    table.add_column("kind", style="dim")
    heldout = summary.get("heldout")
    if heldout is None:
        table.add_row("this run's law", "failed", "", "", "", summary.get("heldout_failure", ""))
    else:
        table.add_row(*score_row("this run's law", heldout), "ours", style="bold")
        groups = heldout["per_group"]
        if len(groups) > 1:
            for name, card in list(groups.items())[:MAX_GROUPS]:
                table.add_row(*score_row(f"  {name}", card), f"{card['n_rows']} rows", style="dim")
            if len(groups) > MAX_GROUPS:
                rest = f"  and {len(groups) - MAX_GROUPS} more groups, in summary.json"
                table.add_row(rest, "", "", "", "", "", style="dim")
    if summary.get("forecast"):
        made = made_of(len(summary.get("voters", [])), summary.get("shares") or {})
        table.add_row(*score_row(f"forecast: {made}", summary["forecast"]), "no program")
    for name, card in (summary.get("controls") or {}).items():
        table.add_row(*score_row(name, card), "control")
    ceiling = summary.get("noise_ceiling_r2")
    if ceiling is not None and ceiling < 1.0:
        table.add_row("noise ceiling of these rows", number(ceiling), "", "", "", "bound")
    published, more = best_published(summary["published"] if summary["data"]["official"] else [])
    for score in published:
        table.add_row(score["system"], number(score["r2"]), "", "", "", "published", style="italic")
    console.print(table)
    if published:
        console.print(
            Text(
                f"published: reported by others, under their own protocols; {more} more and all sources: "
                f"harness tasks show {summary['task']}",
                style="dim",
            )
        )
    else:
        console.print(Text(NO_PUBLISHED, style="dim"))


def best_published(scores: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
    """The human laws and the best of the others, best first, and how many are left out."""
    ranked = sorted(scores, key=lambda s: -s["r2"])
    human = [s for s in ranked if s["system"].lower().startswith("human")]
    others = [s for s in ranked if s not in human][: MAX_PUBLISHED - len(human)]
    shown = sorted(human + others, key=lambda s: -s["r2"])
    return shown, len(scores) - len(shown)


def score_table(first: str, *numbers: str, title: str) -> Table:
    """A table of scores that reads well at 80 columns: one wide text column, then numbers."""
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column(first, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def score_row(name: str, card: dict[str, Any] | None) -> tuple[str, str, str, str, str]:
    """Name and `SCORES` of a card; "failed" where there is none."""
    if card is None:
        return name, "failed", "", "", ""
    log_error, relative = card.get("log_error"), card.get("relative_error")
    share = "-" if relative is None or relative != relative else f"{100 * relative:.2f}%"
    return name, number(card["r2"]), number(card["nmae"]), number(log_error), share
