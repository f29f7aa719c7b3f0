"""Curves of our own measurements: what the commands of curves read where no other curves are given."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from curves import Curve
from harness.errors import BadHistory
from tasks import nano

LABELS = ("schedule", "width")
"""What a recipe of ours is."""
TERMS = {"by_flop": ("decay",), "global": ("decay", "log_C")}
"""Features of a joint fit of ours, by scope."""
NOTE = f"no curves given: our own measurements ({nano.CURVES.name}, docs/measure.md)"


def our_curves() -> list[Curve]:
    """Validation losses of the runs of `schedule`: four schedules, two widths, three lengths each.

    Labels are schedule, width and decay, the share of a run over which its rate falls; C is 6 times active parameters times tokens.

    Raises:
        BadHistory: none was measured yet.
    """
    runs = nano.runs("schedule")
    points = defaultdict(list)
    with nano.CURVES.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            points[row["id"]].append([float(row[c]) for c in ("tokens", "validation_loss", "lr")])
    curves = []
    for i, name in enumerate(runs.get("id", ())):
        tokens, loss, rate = np.array(points[name]).T
        run = {column: values[i] for column, values in runs.items()}
        total = float(run["tokens"])
        labels: dict[str, str | float] = {
            "schedule": str(run["schedule"]),
            "width": float(run["width"]),
            "decay": _decay(run),
        }
        steps = np.round(tokens / total * float(run["steps"]))
        N, C = float(run["active_parameters"]), float(run["flops"])
        complete = bool(tokens[-1] == total)
        curves.append(
            Curve(str(name), tokens / total, loss, labels, steps, tokens, rate, N, total, C, complete)
        )
    if not curves:
        raise BadHistory(
            "no curve of ours is measured yet: harness measure run schedule, or give --csv or --data-dir"
        )
    return curves


def _decay(run: Mapping[str, str]) -> float:
    return {"constant": 0.0, "wsd": float(run["decay"])}.get(str(run["schedule"]), 1.0)
