"""Plots of a fit: IsoFLOP curves, residuals, profiles of the exponents, allocation with its band."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from fitting import FitError, FittedLaw, profile

MAX_PROFILES = 6
BLUE, GREY, RED = "#1f5fa8", "#777777", "#b3282d"


def write_plots(
    result: FittedLaw, folder: Path, *, C: np.ndarray | None, k: float, bands: str | None
) -> list[Path]:
    """Write what the law allows; a plot that makes no sense for it is left out.

    Args:
        C: (n,) budget of each row, or None for k N D. k: FLOPs per parameter and token.
        bands: of the allocation: None, "covariance" or "bootstrap".
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    surface = {"N", "D"} <= set(result.law.used) and len(result.law.used) == 2 and not result.problem.free
    jobs: dict[str, Callable] = {"residuals.png": _residuals}
    if surface:
        jobs["isoflop.png"] = lambda f, r: _isoflop(f, r, C, k)
        jobs["allocation.png"] = lambda f, r: _allocation(f, r, C, k, bands)
    else:
        jobs["fit.png"] = _observed
    if result.law.nonlinear:
        jobs["profiles.png"] = _profiles
    written = []
    for name, draw in sorted(jobs.items()):
        figure = plt.figure(figsize=(9, 5), layout="constrained")
        try:
            draw(figure, result)
            figure.savefig(folder / name, dpi=120)
            written.append(folder / name)
        except FitError:
            continue  # no optimum along the budget: no allocation to draw
        finally:
            plt.close(figure)
    return written


def budgets(C: np.ndarray, widest: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
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


def _isoflop(figure, result: FittedLaw, C, k: float) -> None:
    rows = result.problem.rows
    N, D, L = rows.columns["N"], rows.columns["D"], rows.y
    levels, group = budgets(k * N * D if C is None else C)
    axes = figure.add_subplot()
    colours = figure_colours(len(levels))
    for g, level in enumerate(levels):
        mine = group == g
        product = float(np.exp(np.log(N[mine] * D[mine]).mean()))
        x = np.geomspace(N[mine].min() / 1.3, N[mine].max() * 1.3, 80)
        axes.plot(x, result.predict(N=x, D=product / x), color=colours[g], lw=1)
        axes.plot(N[mine], L[mine], "o", ms=3.5, color=colours[g], label=f"{level:.2g}")
    axes.set(xscale="log", xlabel="N", ylabel=rows.target, title="IsoFLOP curves: rows and fitted law")
    axes.legend(title="C", fontsize=7, ncols=2)


def figure_colours(n: int) -> list:
    from matplotlib import colormaps

    return [colormaps["viridis"](0.05 + 0.85 * i / max(n - 1, 1)) for i in range(n)]


def _residuals(figure, result: FittedLaw) -> None:
    rows = result.problem.rows
    e = result.residuals
    panels = [("fitted", result.fitted), *rows.columns.items()][:4]
    for i, (name, x) in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), i + 1)
        axes.plot(x, e, "o", ms=3, color=BLUE)
        axes.axhline(0, color=GREY, lw=0.8)
        if name != "fitted" and x.min() > 0 and x.max() > 20 * x.min():
            axes.set_xscale("log")
        axes.set(xlabel=name, ylabel=f"observed - fitted {rows.target}" if i == 0 else "")
    figure.suptitle("Residuals")


def _observed(figure, result: FittedLaw) -> None:
    rows = result.problem.rows
    axes = figure.add_subplot()
    f = result.fitted
    span = [min(f.min(), rows.y.min()), max(f.max(), rows.y.max())]
    axes.plot(span, span, color=GREY, lw=0.8)
    axes.plot(f, rows.y, "o", ms=3.5, color=BLUE)
    axes.set(xlabel="fitted", ylabel=f"observed {rows.target}", title="Observed against fitted")


def _profiles(figure, result: FittedLaw) -> None:
    names = [n for n in result.constants if n.split("[")[0] in result.law.nonlinear][:MAX_PROFILES]
    found = result.intervals(names=names)
    for i, name in enumerate(names):
        axes = figure.add_subplot(1, len(names), i + 1)
        line = profile(result, name)
        axes.plot(line.value, np.abs(line.root), "-", color=BLUE)
        axes.axhline(1.96, color=GREY, lw=0.8, ls=":")
        axes.axvline(result.constants[name], color=RED, lw=0.8)
        if np.isfinite(found[name].low):
            axes.axvspan(found[name].low, found[name].high, color=RED, alpha=0.08)
        axes.set(
            xlabel=name, ylabel="rise of the objective, in standard errors" if i == 0 else "", ylim=(0, 5)
        )
    figure.suptitle("Profiles: best fit with one constant held (shaded: sandwich interval)")


def _allocation(figure, result: FittedLaw, C, k: float, bands: str | None) -> None:
    rows = result.problem.rows
    spent = k * rows.columns["N"] * rows.columns["D"] if C is None else C
    grid = np.geomspace(spent.min(), 1e3 * spent.max(), 40)
    best = result.allocate(grid, k=k, bands=bands, n=400)
    for i, (name, values) in enumerate((("N_opt", best.N_opt), ("D_opt", best.D_opt))):
        axes = figure.add_subplot(1, 2, i + 1)
        axes.plot(grid, values, color=BLUE)
        if name in best.bands:
            axes.fill_between(grid, *best.bands[name], color=BLUE, alpha=0.2)
        axes.axvspan(spent.min(), spent.max(), color=GREY, alpha=0.12)
        axes.set(xscale="log", yscale="log", xlabel="C (FLOPs); grey: range of the rows", ylabel=name)
    figure.suptitle("Best allocation" + ("" if bands is None else f", {100 * best.level:g} % band"))
