"""Rows forecast by a finished run: what `harness predict` does once its options are read."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from harness.errors import BadRun
from harness.record.run_folder import RunFolder
from harness.run.forecasting import FAR, Forecast, forecast_at
from tables.shown import Screen
from tasks import TaskSpec, spec
from tasks.tables import features_in


def carry_out(args: argparse.Namespace) -> int:
    """Forecast the rows asked for and show them. Returns the exit code."""
    folder = RunFolder.find(args.run, Path(args.out))
    with folder.journal(read_only=True) as journal:
        asked = spec(journal.meta()["task"])
    X, group = asked_rows(args, asked)
    found = forecast_at(folder, X, group, args.data_dir, weak=args.allow_weak_sandbox)
    if args.json:
        print(json.dumps(as_tree(found, asked, X, group), indent=2))
    else:
        show(found, asked, X, group, Screen())
    return 0


def asked_rows(args: argparse.Namespace, task: TaskSpec) -> tuple[np.ndarray, np.ndarray | None]:
    """Features and groups of the rows asked for on the command line.

    Raises:
        BadRun: none are, or a row lacks a feature or has one too many.
        BadTable: the table can't be used.
    """
    if bool(args.at) == bool(args.rows):
        raise BadRun("expected rows to predict: give either --at N=7e9,D=1e12 or --rows FILE")
    if args.at:
        X = np.array([_row(text, task) for text in args.at])
        return X, None if args.group is None else np.full(len(X), args.group)
    if args.group is not None:
        raise BadRun("--group is for rows given by --at; a table has them in a column")
    X, group = features_in(args.rows, task)
    return X, group if task.group else None


def _row(text: str, task: TaskSpec) -> list[float]:
    known = task.feature_names
    values: dict[str, float] = {}
    for part in text.split(","):
        name, _, number = (piece.strip() for piece in part.partition("="))
        if name not in known:
            raise BadRun(f"--at {text}: {name!r} is no feature; features are {', '.join(known)}")
        try:
            values[name] = float(number)
        except ValueError:
            raise BadRun(f"--at {text}: {name}: expected a number, got {number!r}") from None
    missing = [name for name in known if name not in values]
    if missing:
        raise BadRun(f"--at {text}: {missing[0]} is missing; give every feature: {', '.join(known)}")
    return [values[name] for name in known]


def as_tree(found: Forecast, task: TaskSpec, X: np.ndarray, group: np.ndarray | None) -> dict[str, Any]:
    """The forecast as JSON values."""
    rows = []
    for i, x in enumerate(X.tolist()):
        row: dict[str, Any] = {"features": dict(zip(task.feature_names, x, strict=True))}
        if group is not None:
            row["group"] = str(group[i])
        row["distance"] = float(found.distance[i])
        row["targets"] = {
            name: {
                "forecast": float(found.values[i, t]),
                "low": float(found.low[i, t]),
                "high": float(found.high[i, t]),
                "law": None if found.law_values is None else float(found.law_values[i, t]),
            }
            for t, name in enumerate(found.targets)
        }
        rows.append(row)
    return {"interval": 0.9, "rows": rows, "warnings": found.warnings}


def show(found: Forecast, task: TaskSpec, X: np.ndarray, group: np.ndarray | None, console: Console) -> None:
    """A table for people, warnings under it."""
    table = Table(title="forecast, with an interval for 90 % of what will be measured", title_justify="left")
    heads = [*([task.group or "group"] if group is not None else []), *task.feature_names]
    for head in (*heads, "target", "forecast", "from", "to", "the law", "distance"):
        table.add_column(head, justify="right")
    for i, x in enumerate(X.tolist()):
        for t, name in enumerate(found.targets):
            law = "-" if found.law_values is None else f"{found.law_values[i, t]:.5g}"
            values = (f"{v[i, t]:.5g}" for v in (found.values, found.low, found.high))
            far = float(found.distance[i])
            labels = [str(group[i])] if group is not None else []
            table.add_row(
                *labels,
                *(f"{v:.6g}" for v in x),
                name,
                *values,
                law,
                f"{far:.2f}",
                style="yellow" if far > FAR else "",
            )
    console.print(table)
    for warning in found.warnings:
        console.print(f"warning: {warning}", markup=False, highlight=False, soft_wrap=True)
