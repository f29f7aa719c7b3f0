"""Pictures of a fit: law and rows, residuals, IsoFLOP curves, profiles, allocation. Matplotlib is asked for here alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from fitting.arrays import Array
from fitting.columns import by_name, numbers
from fitting.drawing import (
    MOST_PROFILES,
    Ink,
    allocation_curve,
    budgets,
    isoflop_curves,
    profile_curve,
    profiled,
    spent_and_beyond,
)
from fitting.errors import BadData, BadOption, FitError
from fitting.planning.allocation import allocate
from fitting.solve.solution import Solution
from fitting.uncertainty.intervals import intervals

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_LABELS = 8
BLUE, GREY, RED = "#1f5fa8", "#777777", "#b3282d"
INK = Ink(BLUE, GREY, RED)
RAW = 1e5  # columns of N and D that stay below it were scaled by their owner: their unit is not ours to name
USUAL = {"N": "parameters", "D": "tokens", "C": "FLOPs", "L": "nats per token", "loss": "nats per token"}


@dataclass(frozen=True, slots=True)
class View:
    """A fit, the rows held out of it, and the words for axes."""

    result: Solution
    heldout: dict[str, Array] | None
    units: Mapping[str, str]

    def label(self, name: str) -> str:
        """The name of a column, with its unit in brackets where it is known."""
        unit = self.units.get(name)
        if unit is None and name in USUAL:
            column = self.result.problem.rows.columns.get(name)
            scaled = name in ("N", "D") and column is not None and column.max() < RAW
            unit = None if scaled else USUAL[name]
        return f"{name} ({unit})" if unit else name

    @property
    def target(self) -> str:
        return self.result.problem.rows.target

    def at(self, columns: Mapping[str, Array]) -> Array:
        """Values of the law for rows of the first group's constants, or of all."""
        value: Array = np.broadcast_to(self.result.predict(columns), columns[self.target].shape)
        return value


def plot(
    result: Solution,
    kind: str = "fit",
    *,
    heldout: Mapping[str, Any] | None = None,
    units: Mapping[str, str] | None = None,
    figure: Figure | None = None,
    C: ArrayLike | None = None,
    **options: Any,
) -> Any:
    """Draw one picture of a fit.

    Args:
        kind: "fit" (the law and its rows; observed against fitted for several columns), "residuals", "isoflop", "profile" or "allocation".
        heldout: rows that were not fitted, by column; drawn as open squares where rows are drawn.
        units: column -> unit on the axes; parameters, tokens, FLOPs and nats per token stand there by themselves.
        figure: a Matplotlib figure to draw on; a new one if None.
        C: isoflop, allocation: compute of each row; k N D if None.
        options: k (FLOPs per parameter and token), and of "allocation" those of `allocate`, such as bands=.

    Returns:
        The axes; an array of them where the picture has several panels.

    Raises:
        BadOption: no such picture, or the law has not the columns for it. FitError: Matplotlib is missing.
    """
    if kind not in KINDS:
        raise BadOption(f"plot: unknown kind {kind!r}; expected one of {', '.join(KINDS)}")
    law = result.law
    if kind in ("isoflop", "allocation"):
        if result.problem.free or set(law.used) != {"N", "D"}:
            raise BadOption(f"plot: {kind!r} needs a law of N and D for all rows alike")
        options["C"] = None if C is None else numbers("C", C)
    elif C is not None or options:
        raise BadOption(f"plot: {kind!r} takes heldout, units and figure, got {', '.join(options) or 'C'}")
    rows = None
    if heldout is not None:
        have = by_name(heldout)
        wanted = (*law.used, result.problem.rows.target)
        missing = [name for name in wanted if name not in have]
        if missing:
            raise BadData(f"heldout: no column {missing[0]!r}; the data have {', '.join(map(str, have))}")
        rows = {name: numbers(name, have[name]) for name in wanted}
    if figure is None:
        try:
            from matplotlib import pyplot
        except ImportError:
            raise FitError("plots need Matplotlib: pip install matplotlib") from None
        figure = pyplot.figure(figsize=(9, 5), layout="constrained")
    drawn = KINDS[kind](figure, View(result, rows, units or {}), **options)
    return drawn[0] if len(drawn) == 1 else np.array(drawn, dtype=object)


def _fit(figure: Figure, view: View) -> list[Axes]:
    """The law as a line over its only column; for several, observed against fitted values."""
    result, rows = view.result, view.result.problem.rows
    axes = figure.add_subplot()
    if len(result.law.used) > 1 or result.problem.free:
        ends = [min(result.fitted.min(), rows.y.min()), max(result.fitted.max(), rows.y.max())]
        axes.plot(result.fitted, rows.y, "o", ms=3.5, color=BLUE, label="fitted rows")
        if view.heldout is not None and not result.problem.free:
            beyond, seen = view.at(view.heldout), view.heldout[view.target]
            axes.plot(beyond, seen, "s", ms=5, mfc="none", color=RED, label="held-out rows")
            ends = [min(ends[0], beyond.min(), seen.min()), max(ends[1], beyond.max(), seen.max())]
            axes.legend()
        axes.plot(ends, ends, color=GREY, lw=0.8, zorder=0)
        axes.set(xlabel="value of the law", ylabel=f"observed {view.label(view.target)}")
        return [axes]
    name = result.law.used[0]
    x = rows.columns[name]
    axes.plot(x, rows.y, "o", ms=3.5, color=BLUE, label="fitted rows")
    low, high = x.min(), x.max()
    if view.heldout is not None:
        axes.plot(view.heldout[name], view.heldout[view.target], "s", ms=5, mfc="none", color=RED, label="held-out rows")  # fmt: skip
        low, high = min(low, view.heldout[name].min()), max(high, view.heldout[name].max())
    line = np.geomspace(low, high, 200) if low > 0 else np.linspace(low, high, 200)
    axes.plot(line, np.broadcast_to(result.predict({name: line}), line.shape), color=GREY, label="law")
    axes.set(xlabel=view.label(name), ylabel=view.label(view.target))
    if _wide(x):
        axes.set_xscale("log")
    axes.legend()
    return [axes]


def _residuals(figure: Figure, view: View) -> list[Axes]:
    """Observed - fitted over the fitted values and each column."""
    result, rows = view.result, view.result.problem.rows
    panels = [("value of the law", result.fitted), *rows.columns.items()][:4]
    drawn: list[Axes] = []
    for i, (name, x) in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), i + 1, sharey=drawn[0] if drawn else None)
        axes.plot(x, result.residuals, "o", ms=3, color=BLUE)
        if view.heldout is not None and not result.problem.free:
            value = view.at(view.heldout)
            there = value if i == 0 else view.heldout[name]
            axes.plot(there, view.heldout[view.target] - value, "s", ms=4, mfc="none", color=RED)
        axes.axhline(0, color=GREY, lw=0.8)
        if i and _wide(x):
            axes.set_xscale("log")
        axes.set(xlabel=view.label(name), ylabel="" if i else f"observed - fitted {view.label(view.target)}")
        drawn.append(axes)
    figure.suptitle("Residuals" + ("" if view.heldout is None else " (squares: held-out rows)"))
    return drawn


def _isoflop(figure: Figure, view: View, C: Array | None, k: float = 6.0) -> list[Axes]:
    """Loss over N, one colour a budget: rows and the fitted law."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LogNorm

    spent, _ = spent_and_beyond(view.result, C, k)
    levels, group = budgets(spent)
    axes = figure.add_subplot()
    few = len(levels) <= MOST_LABELS
    norm = LogNorm(levels.min(), levels.max() if len(levels) > 1 else 2 * levels.max())
    colour = colormaps["viridis"]
    isoflop_curves(axes, view.result, levels, group, [colour(norm(level)) for level in levels])
    if view.heldout is not None:
        far = k * view.heldout["N"] * view.heldout["D"]
        axes.scatter(view.heldout["N"], view.heldout[view.target], s=22, marker="s", facecolors="none",
                     edgecolors=colour(np.clip(norm(far), 0.0, 1.0)), label="held out")  # fmt: skip
    axes.set(xscale="log", xlabel=view.label("N"), ylabel=view.label(view.target), title="IsoFLOP curves: rows and fitted law")  # fmt: skip
    if few:
        axes.legend(title=view.label("C"), fontsize=7, ncols=2)
    else:
        figure.colorbar(ScalarMappable(norm, colour), ax=axes, label=view.label("C"))
    return [axes]


def _profile(figure: Figure, view: View) -> list[Axes]:
    """The rise of the objective with one constant held, and the sandwich interval of that constant."""
    result = view.result
    names = profiled(result) or list(result.constants)[:MOST_PROFILES]
    found = intervals(result, names=names)
    drawn: list[Axes] = []
    for i, name in enumerate(names):
        axes = figure.add_subplot(1, len(names), i + 1)
        profile_curve(axes, result, name, found[name], INK)
        axes.set(xlabel=name, ylabel="" if i else "rise of the objective, in standard errors")
        drawn.append(axes)
    figure.suptitle("Profiles: best fit with one constant held (shaded: sandwich interval)")
    return drawn


def _allocation(
    figure: Figure, view: View, C: Array | None, k: float = 6.0, bands: str | None = "sandwich", **more: Any
) -> list[Axes]:
    """N_opt and D_opt by budget, a thousandfold beyond the rows, with bands."""
    spent, grid = spent_and_beyond(view.result, C, k)
    best = allocate(view.result, grid, k=k, bands=bands, **{"n": 400, **more})
    drawn: list[Axes] = []
    for i, (name, values) in enumerate((("N", best.N_opt), ("D", best.D_opt))):
        axes = figure.add_subplot(1, 2, i + 1)
        allocation_curve(axes, grid, values, best.bands.get(f"{name}_opt"), INK)
        axes.axvspan(spent.min(), spent.max(), color=GREY, alpha=0.12)
        axes.set(xscale="log", yscale="log", xlabel=f"{view.label('C')}; grey: range of the rows",
                 ylabel=view.label(name).replace(name, f"{name}_opt", 1))  # fmt: skip
        drawn.append(axes)
    figure.suptitle("Best allocation" + ("" if bands is None else f", {100 * best.level:g} % band"))
    return drawn


KINDS: dict[str, Callable[..., list[Axes]]] = {
    "fit": _fit,
    "residuals": _residuals,
    "isoflop": _isoflop,
    "profile": _profile,
    "allocation": _allocation,
}


def _wide(x: Array) -> bool:
    return bool(x.min() > 0 and x.max() > 20 * x.min())
