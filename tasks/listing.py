"""Tasks as people and machines read them: the list, and one task in full."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

import tasks
from tasks.errors import TaskError

WIDE = 140
"""Columns of a terminal from which the list is a table."""


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
    (_print_table if console.width >= WIDE else _print_blocks)(facts, console)
    if any(f["train_rows"] is None for f in facts):
        console.print(
            "No rows for some tasks: set SLD_DATA_DIR or give --data-dir; a search asks the public hub by itself.",
            highlight=False,
        )
    console.print("const.: most constants of a law per group; harness tasks show TASK tells all", style="dim")


def _print_table(facts: list[dict[str, Any]], console: Console) -> None:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("task", "train", "held-out", "groups", "const."):
        table.add_column(name, justify="left" if name == "task" else "right", no_wrap=True)
    for name in ("features", "predicts", "extrapolates along", "rows from"):
        table.add_column(name, overflow="fold")
    for f in facts:
        numbers = [_dash(f[k]) for k in ("train_rows", "heldout_rows", "groups", "constants_budget")]
        columns = [Text(", ".join(map(_column_text, f[k]))) for k in ("features", "targets")]
        table.add_row(f["name"], *numbers, *columns, _axis_text(f), _source_text(f))
    console.print(table)


def _print_blocks(facts: list[dict[str, Any]], console: Console) -> None:
    for f in facts:
        console.print(
            Text(f"{f['name']:<18}", style="bold")
            + Text(f"{_rows_text(f)}; {_budget_text(f)}; ")
            + _source_text(f)
        )
        columns = [", ".join(map(_column_text, f[k])) for k in ("features", "targets")]
        for text in (f"{columns[0]} -> {columns[1]}", f"along {_axis_text(f)}"):
            console.print(Padding(Text(text, style="dim"), (0, 0, 0, 4)))


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
        table = Table(
            title="published scores, reported by others",
            title_justify="left",
            box=SIMPLE_HEAD,
            pad_edge=False,
        )
        table.add_column("system", overflow="fold")
        table.add_column("R2", justify="right")
        table.add_column("how, and where it is from", overflow="fold", style="dim")
        for p in sorted(facts["published"], key=lambda p: -p["r2"]):
            table.add_row(p["system"], f"{p['r2']:.3f}", "; ".join(filter(None, (p["note"], p["source"]))))
        console.print(table)


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
