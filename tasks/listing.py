"""Tasks as people and machines read them: the list, and one task in full."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

import tasks
from tasks.errors import TaskError

WIDE = 140
"""Columns of a terminal from which the list names every task's features and targets too."""


def task_facts(name: str, data_dir: str | None) -> dict[str, Any]:
    """A task as plain values, with what its rows are on this machine; never asks the network."""
    spec = tasks.spec(name)
    facts: dict[str, Any] = {
        "name": spec.name,
        "title": spec.title,
        "aliases": list(spec.aliases),
        "features": [asdict(c) for c in spec.features],
        "targets": [asdict(c) for c in spec.targets],
        "group": spec.group,
        "constants_budget": spec.constants_budget,
        "group_budgets": dict(spec.group_budgets),
        "extrapolate": list(spec.extrapolate),
        "corner": spec.corner,
        "falls_with": list(spec.falls_with),
        "rises_with": list(spec.rises_with),
        "paired": list(spec.paired),
        "split_rule": spec.split_rule,
        "paper": spec.paper,
        "published": [asdict(p) for p in spec.published],
        "train_rows": None,
        "heldout_rows": None,
        "groups": None,
        "simulated": False,
        "note": "",
    }
    try:
        task = tasks.load(name, data_dir=data_dir, offline=True)
    except TaskError as error:
        return {**facts, "source": "none found", "note": str(error)}
    p = task.provenance
    return {
        **facts,
        "train_rows": len(task.train),
        "heldout_rows": len(task.heldout),
        "groups": len(task.train.groups()),
        "source": p.kind + (", not official" if p.official is False and p.kind != "nano" else ""),
        "where": p.where,
        "train_hash": p.train_hash,
        "heldout_hash": p.heldout_hash,
        "simulated": p.simulated,
        "note": p.note,
    }


def print_list(facts: list[dict[str, Any]], console: Console) -> None:
    """Every task with its rows, columns, budget, axis and source."""
    _print_table(facts, console, wide=console.width >= WIDE)
    if any(f["train_rows"] is None for f in facts):
        console.print(
            "No rows for some tasks: set SLD_DATA_DIR or give --data-dir; a search asks the public hub by itself.",
            highlight=False,
        )
    console.print(
        "const.: most constants of a law per group; harness tasks show TASK tells all",
        style="dim",
        soft_wrap=True,
    )


def _print_table(facts: list[dict[str, Any]], console: Console, wide: bool) -> None:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("task", no_wrap=True)
    for name in ("train", "held-out", "groups", "const."):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("features", "predicts") if wide else ():
        table.add_column(name, overflow="fold")
    for name in ("extrapolates along", "rows from"):
        table.add_column(name, overflow="fold")
    for f in facts:
        numbers = [_dash(f[k]) for k in ("train_rows", "heldout_rows", "groups", "constants_budget")]
        columns = [Text(", ".join(map(_column_text, f[k]))) for k in ("features", "targets")] if wide else []
        table.add_row(f["name"], *numbers, *columns, Text(_axis_text(f)), _source_text(f))
    console.print(table)


def _source_text(f: dict[str, Any]) -> Text:
    return Text(f"{f['source']}")


def print_task(facts: dict[str, Any], console: Console) -> None:
    """One task in full, published scores and their sources among it."""
    console.print(Text(f"{facts['name']}: {facts['title']}", style="bold"))
    lines = {
        "also called": ", ".join(facts["aliases"]),
        "paper": facts["paper"],
        "split": facts["split_rule"],
        "axis": _axis_text(facts),
        "falls with": ", ".join(facts["falls_with"]),
        "rises with": ", ".join(facts["rises_with"]),
        "paired": ", ".join(facts["paired"]),
        "constants": _budget_text(facts),
        "group": facts["group"] or "none",
        "rows": _rows_text(facts),
        "from": facts.get("where", facts["source"]),
        "note": facts["note"],
    }
    for label, text in lines.items():
        if text:
            console.print(Text(f"{label:<13}", style="dim") + Text(str(text)))
    for label, columns in (("features", facts["features"]), ("targets", facts["targets"])):
        for c in columns:
            console.print(
                Text(f"{label:<13}", style="dim") + Text(_column_text(c)) + Text(f"  {c['meaning']}")
            )
            label = ""
    if facts["published"]:
        _print_published(facts["published"], console)


def _print_published(scores: list[dict[str, Any]], console: Console) -> None:
    """Scores of others, best first; how and where they are from stands once, below, under the number that the rows give."""
    said = {id(p): "; ".join(filter(None, (p["note"], p["source"]))) for p in scores}
    known = list(dict.fromkeys(text for text in said.values() if text))
    title = "published scores, reported by others"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("system", overflow="fold")
    table.add_column("R2", justify="right", no_wrap=True)
    table.add_column("from", no_wrap=True, style="dim")
    for p in sorted(scores, key=lambda p: -p["r2"]):
        mark = f"[{known.index(said[id(p)]) + 1}]" if said[id(p)] else ""
        table.add_row(Text(p["system"]), f"{p['r2']:.3f}", Text(mark))
    console.print(table)
    for i, text in enumerate(known, start=1):
        console.print(Text(f"[{i}] {text}", style="dim"))


def _budget_text(facts: dict[str, Any]) -> str:
    budget = facts["constants_budget"]
    own = "".join(f", {n} in group {g}" for g, n in facts["group_budgets"].items())
    return ("any number of constants" if budget is None else f"at most {budget} constants") + own


def _rows_text(facts: dict[str, Any]) -> str:
    if facts["train_rows"] is None:
        return "none on this machine"
    groups = "1 group" if facts["groups"] == 1 else f"{facts['groups']} groups"
    return f"{facts['train_rows']} train, {facts['heldout_rows']} held out, {groups}"


def _axis_text(facts: dict[str, Any]) -> str:
    joined = " and " if facts["corner"] else " or "
    return joined.join(facts["extrapolate"]) or "no axis"


def _column_text(c: dict[str, str]) -> str:
    return c["name"] if c["unit"] == "1" else f"{c['name']} [{c['unit']}]"


def _dash(value: object) -> str:
    return "-" if value is None else str(value)
