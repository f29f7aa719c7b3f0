"""Evolved laws against independent random laws of the same grammar, equal budgets, the same choice from both."""

from __future__ import annotations

import math

import numpy as np

from benchmarks.selection.rules import forecast, law
from benchmarks.selection.table import Table
from harness.choosing.order import mean_log_error
from harness.choosing.weights import shipped


def lowest_fold_error(table: Table) -> float:
    """Geometric mean over the standard folds of the error, of the law that has the lowest."""
    return float(np.exp(mean_log_error([table.evidence[i] for i in table.among], table.ground).min()))


def against_random(evolved: list[Table], random: list[Table]) -> str:
    """Ratios of evolved over random, a geometric mean over sources, and on how many tables evolved is lower."""
    weights = shipped()
    by_name = {t.name: t for t in random}
    both = [(t, by_name[t.name]) for t in evolved if t.name in by_name]
    measures = {
        "lowest fold error": lowest_fold_error,
        "forecast, held-out error": lambda t: t.error(forecast(weights)(t)),
        "law, held-out error": lambda t: t.error(law(weights)(t)),
        "best in reach, held-out error": lambda t: float(t.errors.min()),
    }
    lines = [
        f"{len(both)} tables of {len({a.source for a, _ in both})} sources, "
        f"{sum(len(a.errors) for a, _ in both)} evolved laws and {sum(len(b.errors) for _, b in both)} random ones.",
        "",
        "| | evolved / random, sources equal | tables equal | lower | higher |",
        "|---|---|---|---|---|",
    ]
    per_table = {a.name: [] for a, _ in both}
    for name, measure in measures.items():
        logs = {a.name: math.log(max(measure(a), 1e-9) / max(measure(b), 1e-9)) for a, b in both}
        sources = [
            np.mean([logs[a.name] for a, _ in both if a.source == s]) for s in {a.source for a, _ in both}
        ]
        low, high = sum(v < -1e-6 for v in logs.values()), sum(v > 1e-6 for v in logs.values())
        lines.append(
            f"| {name} | {math.exp(float(np.mean(sources))):.3f} | {math.exp(float(np.mean(list(logs.values())))):.3f} | {low} | {high} |"
        )
        for table, value in logs.items():
            per_table[table].append(f"{math.exp(value):.2f}")
    lines += ["", "| table | " + " | ".join(measures) + " |", "|---|" + "---|" * len(measures)]
    lines += [f"| {table} | " + " | ".join(values) + " |" for table, values in per_table.items()]
    return "\n".join(lines)
