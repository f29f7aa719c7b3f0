"""What a picture of a fit is made of, drawn onto axes that somebody else has set up: `fitting.plots` and the pages of `harness fit` share it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fitting.arrays import Array
from fitting.solve.solution import Solution
from fitting.uncertainty.interval import Interval
from fitting.uncertainty.profile import profile

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_PROFILES = 6
NEAR = 0.1  # decades: budgets that lie within are one
PROFILED = 1.96  # standard errors of a 95 % interval
FAR = 1e3  # allocations are drawn so many times beyond the largest budget of the rows


@dataclass(frozen=True, slots=True)
class Ink:
    """Colours of the law, of lines beside it, and of what stands out."""

    law: str
    muted: str
    mark: str


def budgets(C: Array, widest: float = NEAR) -> tuple[Array, np.ndarray]:
    """Geometric means of runs of budgets that lie within `widest` decades, and which one each row has."""
    order = np.argsort(C, kind="stable")
    x = np.log10(C[order])
    group = np.zeros(len(C), dtype=int)
    first, label = x[0], 0
    for i, value in zip(order, x, strict=True):
        if value - first > widest:
            first, label = value, label + 1
        group[i] = label
    return np.array([np.exp(np.log(C[group == g]).mean()) for g in range(label + 1)]), group


def isoflop_curves(
    axes: Axes, result: Solution, levels: Array, group: np.ndarray, colours: Sequence[Any]
) -> None:
    """Loss over N, one colour a budget: its rows, and the valley of the law through them."""
    rows = result.problem.rows
    N, D = rows.columns["N"], rows.columns["D"]
    for g, (level, colour) in enumerate(zip(levels, colours, strict=True)):
        mine = group == g
        product = float(np.exp(np.log(N[mine] * D[mine]).mean()))
        x = np.geomspace(N[mine].min() / 1.3, N[mine].max() * 1.3, 60)
        axes.plot(x, result.predict(N=x, D=product / x), color=colour, linewidth=1.2)
        axes.plot(N[mine], rows.y[mine], "o", ms=3.5, color=colour, label=f"{level:.2g}")


def profiled(result: Solution) -> list[str]:
    """Names of the constants whose profiles are drawn: those that are not linear, or all."""
    names = [n for n in result.constants if n.split("[")[0] in result.law.nonlinear]
    return names[:MOST_PROFILES]


def profile_curve(axes: Axes, result: Solution, name: str, band: Interval, ink: Ink) -> None:
    """The rise of the objective with one constant held, in standard errors; its interval is shaded."""
    line = profile(result, name)
    axes.plot(line.value, np.abs(line.root), color=ink.law, linewidth=1.6)
    axes.axhline(PROFILED, color=ink.muted, linewidth=0.8, linestyle=":")
    axes.axvline(result.constants[name], color=ink.mark, linewidth=1)
    if np.isfinite(band.low):
        axes.axvspan(band.low, band.high, color=ink.mark, alpha=0.12, linewidth=0)
    axes.set_ylim(0, 5)


def spent_and_beyond(result: Solution, C: Array | None, k: float) -> tuple[Array, Array]:
    """Compute of each row (k N D where it is not given), and budgets from the least to far beyond the most."""
    rows = result.problem.rows
    spent = k * rows.columns["N"] * rows.columns["D"] if C is None else C
    return spent, np.geomspace(spent.min(), FAR * spent.max(), 40)


def allocation_curve(
    axes: Axes, grid: Array, values: Array, band: tuple[Array, Array] | None, ink: Ink
) -> None:
    """The best N or D by budget, with its band."""
    axes.plot(grid, values, color=ink.law, linewidth=1.8)
    if band is not None:
        axes.fill_between(grid, *band, color=ink.law, alpha=0.18, linewidth=0)
