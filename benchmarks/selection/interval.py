"""The forecast's 90 % interval: its width from other sources, and how often it holds by distance beyond the rows."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace

import numpy as np

from benchmarks.selection.rules import band_of
from benchmarks.selection.table import Table
from harness.choosing.weights import FILE as WEIGHTS
from harness.choosing.weights import Weights, shipped
from harness.record.run_folder import write_atomically

LEVEL = 0.9
BANDS = ((0.0, 0.1), (0.1, 0.3), (0.3, 0.6), (0.6, math.inf))


def units(table: Table, weights: Weights) -> tuple[np.ndarray, np.ndarray]:
    """(m, T) errors in units of the interval's half-width at factor 1, and (m,) distances."""
    band = band_of(table, replace(weights, interval=1.0))
    return np.abs(table.z - band.z) / np.maximum(band.half_width, 1e-12), band.distance


def conformal(found: list[Table], measured: dict[str, tuple[np.ndarray, np.ndarray]]) -> float:
    """The factor that holds 90 % of the rows: a table is one vote, tempered by the root of its source's tables.

    Args:
        measured: table -> its `units`.
    """
    counts = {s: sum(t.source == s for t in found) for s in {t.source for t in found}}
    values, votes = [], []
    for table in found:
        u = measured[table.name][0].ravel()
        values.append(u)
        votes.append(np.full(len(u), 1 / len(u) / math.sqrt(counts[table.source])))
    every, vote = np.concatenate(values), np.concatenate(votes)
    order = np.argsort(every)
    share = np.cumsum(vote[order]) / vote.sum()
    return float(every[order][np.searchsorted(share, LEVEL)])


def coverage(found: list[Table], weights: Weights) -> list[str]:
    """Coverage by distance, each source with a factor fitted on the others."""
    inside: dict[tuple[float, float], list[float]] = {band: [] for band in BANDS}
    measured = {t.name: units(t, weights) for t in found}
    tables_in, factors = [], []
    for source in sorted({t.source for t in found}):
        factor = conformal([t for t in found if t.source != source], measured)
        factors.append(factor)
        for table in (t for t in found if t.source == source):
            u, distance = measured[table.name]
            held = (u <= factor).mean(axis=1)
            tables_in.append(float(held.mean()))
            for low, high in BANDS:
                inside[(low, high)] += held[(distance <= high) & ((distance > low) | (low == 0))].tolist()
    lines = [
        f"90 % interval, sources left out: {np.mean(tables_in):.3f} of a table's rows inside; factor {min(factors):.2f} to "
        f"{max(factors):.2f}; at least 80 % on {sum(c >= 0.8 for c in tables_in)} of {len(found)} tables",
        "",
        "| distance beyond the rows | rows | inside |",
        "|---|---|---|",
    ]
    for (low, high), held in inside.items():
        if held:
            lines.append(f"| {low:g} to {high:g} | {len(held)} | {np.mean(held):.3f} |")
    return lines


def fit_weights(found: list[Table]) -> str:
    """Fit the interval's factor anew and write the file."""
    weights = shipped()
    fitted = replace(weights, interval=round(conformal(found, {t.name: units(t, weights) for t in found}), 2))
    tree = {
        "weights": asdict(fitted),
        "interval_from": f"{len(found)} tables, {len({t.source for t in found})} sources",
    }
    write_atomically(WEIGHTS, json.dumps(tree, indent=2) + "\n")
    return f"interval {weights.interval:g} -> {fitted.interval:g}: {WEIGHTS}"
