"""The report on all rules, as Markdown, and its plot."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from benchmarks.selection.interval import coverage
from benchmarks.selection.learned import learned_rules, model_lines
from benchmarks.selection.rules import (
    Rule,
    forecast,
    light_ratios,
    lowest,
    refit_ratios,
    rules,
    score_rule,
    taken_law,
)
from benchmarks.selection.table import Table
from harness.choosing.controls import CONTROLS
from harness.choosing.weights import shipped

SHIPPED_LAW = "law: or a control that is a law, by a tenth (shipped)"


def report(found: list[Table]) -> str:
    weights = shipped()
    n_sources = len({t.source for t in found})
    lines = [
        f"{len(found)} tables of {n_sources} sources, {sum(len(t.errors) for t in found)} laws.",
        "",
        "| rule | over best | tables equal | worst | R2 | "
        + " | ".join(f"worse than {c}" for c in CONTROLS)
        + " |",
        "|---|---|---|---|---|" + "---|" * len(CONTROLS),
    ]
    every: dict[str, Rule] = {**rules(weights), **learned_rules(found)}
    scores = {name: score_rule(rule, found) for name, rule in every.items()}
    for name, s in scores.items():
        counts = " | ".join(map(str, s.worse.values()))
        lines.append(
            f"| {name} | {s.over_best:.3f} | {s.by_table:.3f} | {s.worst:.1f} | {s.r2:.3f} | {counts} |"
        )
    for control in CONTROLS:
        logs = {
            t.name: math.log(t.error(t.controls[control].asked) / max(float(t.errors.min()), 1e-9))
            for t in found
        }
        by = [np.mean([logs[t.name] for t in found if t.source == s]) for s in {t.source for t in found}]
        lines.append(
            f"| control: {control} | {math.exp(float(np.mean(by))):.3f} | {math.exp(float(np.mean(list(logs.values())))):.3f} | "
            f"{math.exp(max(logs.values())):.1f} | | | | |"
        )
    lines += [
        "",
        *coverage(found, weights),
        "",
        "| table | laws | lowest | law | forecast |",
        "|---|---|---|---|---|",
    ]
    low, one, many = (scores[n].ratios for n in ("law: lowest on folds", SHIPPED_LAW, "forecast (shipped)"))
    for t in found:
        lines.append(
            f"| {t.name} | {len(t.errors)} | {low[t.name]:.2f} | {one[t.name]:.2f} | {many[t.name]:.2f} |"
        )
    middle = [float(np.median(refit_ratios(t))) for t in found if refit_ratios(t)]
    lines += [
        "",
        f"Refits with more weight on the last rows: median held-out error over the plain fit's, table by table, "
        f"{np.quantile(middle, 0.1):.2f} to {np.quantile(middle, 0.9):.2f} (10 to 90 %), below 1 on {sum(m < 1 for m in middle)} of {len(middle)}.",
    ]
    sizes = [r for r in (light_ratios(t) for t in found) if r]
    before, after = (sum(r[k] for r in sizes) for k in (0, 1))
    lines += [
        "",
        f"Lightened: {len(sizes)} of {len(found)} chosen laws lost a term or a factor, {before} constants became {after}.",
    ]
    lines += ["", *model_lines(found)]
    return "\n".join(lines)


def plot(found: list[Table], to: Path) -> None:
    """Error over the best in reach of every table: the lowest on folds, the law, the forecast."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    shown = {
        "lowest on folds": score_rule(lowest, found).ratios,
        "the law": score_rule(taken_law(shipped()), found).ratios,
        "the forecast": score_rule(forecast(shipped()), found).ratios,
    }
    names = sorted(shown["the forecast"], key=lambda n: shown["the forecast"][n])
    figure, axes = plt.subplots(figsize=(7, 0.19 * len(names) + 1.2), layout="constrained")
    for (label, ratios), mark in zip(shown.items(), "xos", strict=True):
        axes.plot([ratios[n] for n in names], range(len(names)), mark, label=label, markersize=4, alpha=0.8)
    axes.axvline(1.0, color="0.6", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_yticks(range(len(names)), names, fontsize=6)
    axes.set_xlabel("held-out error over that of the run's best law, picked by looking")
    axes.legend(fontsize=7, loc="lower right")
    figure.savefig(to, dpi=150)
