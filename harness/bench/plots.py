"""Plots of a report card: held-out against validation error of every law that was tried."""

from __future__ import annotations

import textwrap
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from harness.bench.card import Line

FLOOR = 1e-6


def plot_hindsight(lines: list[Line], path: Path) -> None:
    """One panel a task: validation NMSE across, held-out NMSE up, the chosen laws marked.

    Args:
        path: of the image; its suffix sets the format.
    """
    shown = [line for line in lines if any(line.seen)]
    if not shown:
        return
    columns = min(len(shown), 4)
    rows = -(-len(shown) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(3.4 * columns, 3.2 * rows), squeeze=False)
    for ax in axes.flat[len(shown) :]:
        ax.set_visible(False)
    for ax, line in zip(axes.flat, shown, strict=False):
        points = [
            (s.validation_nmse, 1 - s.heldout_r2, s.chosen)
            for run in line.seen
            for s in run
            if s.heldout_r2 is not None
        ]
        xy = np.clip(np.array([p[:2] for p in points]), FLOOR, 1e2)
        chosen = np.array([p[2] for p in points])
        ax.scatter(*xy[~chosen].T, s=4, alpha=0.25, color="tab:blue", linewidths=0, label="tried")
        ax.scatter(*xy[chosen].T, s=45, color="tab:red", marker="*", zorder=3, label="chosen")
        ax.axhline(1.0, color="grey", linewidth=0.8, linestyle=":")
        if line.ceiling is not None and line.ceiling < 1:
            ax.axhline(1 - line.ceiling, color="black", linewidth=0.8, linestyle="--")
        ax.set(xscale="log", yscale="log", title=line.task, xlabel="validation NMSE", ylabel="held-out NMSE")
    axes.flat[0].legend(loc="upper left", fontsize=8)
    title = "Every law tried: error inside train against held-out error (capped at 100)"
    figure.suptitle(textwrap.fill(title, 30 * columns), fontsize=11)  # a panel is 3.4 inches wide
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)
