"""Panels of a fit: the law beyond its rows, fitted against observed, residuals, IsoFLOP curves, allocation, profiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fitting import FitError, FittedLaw
from fitting.drawing import (
    Ink,
    allocation_curve,
    budgets,
    isoflop_curves,
    profile_curve,
    profiled,
    spent_and_beyond,
)
from harness.fit.report import Report
from harness.pages.panel import Panel, limit, logarithmic, marks, shade_beyond, short
from harness.pages.theme import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_GROUPS, MOST_COLUMNS = 8, 4
INK = Ink(COLOURS["law"], COLOURS["muted"], COLOURS["heldout"])
NEAR = 0.02
"""Rows are drawn beside a curve where their other columns are within this of its own, relatively."""
BEYOND = 10.0
"""Curves go so far beyond the rows: a factor where a column spreads over factors, else half its range."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fit as it is drawn.

    Attributes:
        C: (n,) budget of each row, or None for k N D. k: FLOPs per parameter and token.
    """

    report: Report
    C: np.ndarray | None
    k: float

    @property
    def result(self) -> FittedLaw:
        return self.report.result

    @property
    def bands(self) -> str | None:
        """How sure the law is can be told where rows are left over."""
        return "sandwich" if self.result.n_points > len(self.result.constants) else None

    @property
    def is_surface(self) -> bool:
        """Whether it is one law of N and D alone."""
        used = self.result.law.used
        return set(used) == {"N", "D"} and not self.result.problem.free

    def rows(self, column: str) -> np.ndarray:
        return np.asarray(self.result.problem.rows.columns[column], dtype=float)

    def held(self, column: str) -> np.ndarray:
        return self.report.table.heldout[column].to_numpy(dtype=float)


def fit_panels(fitted: Fitted) -> dict[str, list[Panel]]:
    """Kind -> its panels: none where it makes no sense for this law."""
    kinds: dict[str, Callable[[Fitted], Iterator[Panel]]] = {
        "beyond": beyond_panels, "fit": _observed, "residuals": residual_panels,
        "isoflop": isoflop_panels, "allocation": allocation_panels, "profiles": profile_panels,
    }  # fmt: skip
    return {kind: list(panels(fitted)) for kind, panels in kinds.items()}


def beyond_panels(fitted: Fitted) -> Iterator[Panel]:
    """One column moves, the others stay those of a row: the law with its band, and the rows on that line."""
    for j, name in enumerate(fitted.result.law.used[:MOST_COLUMNS]):
        for g, label in enumerate(_labels(fitted)):

            def draw(ax: Axes, name: str = name, label: str | None = label) -> None:
                _draw_beyond(ax, fitted, name, label)

            title = short(f"along {name}" + (f" · {label}" if label is not None else ""), 44)
            yield Panel(f"beyond-{j}-{g}", title, f"{title}: the law with its band, beyond the rows", draw)


def _labels(fitted: Fitted) -> list[str | None]:
    """Groups with constants of their own, or the one of all rows."""
    rows = fitted.result.problem.rows
    return list(rows.labels[:MOST_GROUPS]) if fitted.result.problem.free else [None]


def _draw_beyond(ax: Axes, fitted: Fitted, name: str, label: str | None) -> None:
    rows = fitted.result.problem.rows
    mine = np.ones(rows.n, dtype=bool)
    if label is not None and rows.group is not None:
        mine = rows.group == rows.labels.index(label)
    still = standing(fitted, name, mine)
    on_line = mine & _near(fitted.rows, still)
    x = fitted.rows(name)
    curve = _line(x[mine])
    value, low, high = _with_band(fitted, {**{o: np.full(len(curve), v) for o, v in still.items()}, name: curve}, label)  # fmt: skip
    logarithmic(ax, "x", curve)
    ax.fill_between(curve, low, high, color=COLOURS["law"], alpha=0.18, linewidth=0)
    ax.plot(curve, value, color=COLOURS["law"], linewidth=1.8)
    marks(ax, x[on_line], rows.y[on_line], "train", 26)
    shown = [value, rows.y[on_line]]
    if label is None and len(fitted.report.table.heldout):
        there = _near(fitted.held, still)
        y = fitted.held(rows.target)
        marks(ax, fitted.held(name)[there], y[there], "heldout", 26)
        shown.append(y[there])
    values = np.concatenate(shown)
    limit(ax, values, logarithmic(ax, "y", values), 0.12)
    ax.set_xlim(float(curve.min()), float(curve.max()))
    shade_beyond(ax, x[mine], curve)
    ax.set_xlabel(short(name, 34))
    ax.set_ylabel(short(rows.target, 34))


def standing(fitted: Fitted, moving: str, mine: np.ndarray) -> dict[str, float]:
    """What the other columns stay at: values that many rows share; among equals the largest."""
    others = [o for o in fitted.result.law.used if o != moving]
    if not others:
        return {}
    table = np.column_stack([fitted.rows(o)[mine] for o in others])
    shared = np.isclose(table[:, None], table[None], rtol=NEAR, atol=0).all(axis=2).sum(axis=1)
    best = max(range(len(table)), key=lambda i: (shared[i], *table[i]))
    return dict(zip(others, table[best].tolist(), strict=True))


def _near(column: Callable[[str], np.ndarray], still: dict[str, float]) -> np.ndarray:
    """Which rows have these values; with none to hold, every row."""
    found = np.array(True)
    for name, value in still.items():
        found = found & np.isclose(column(name), value, rtol=NEAR, atol=0)
    return found


def _line(x: np.ndarray) -> np.ndarray:
    low, high = float(x.min()), float(x.max())
    if low > 0 and high > 3 * low:
        return np.geomspace(low, high * BEYOND, 80)
    return np.linspace(low, high + 0.5 * ((high - low) or abs(high) or 1.0), 80)


def _with_band(
    fitted: Fitted, columns: dict[str, np.ndarray], label: str | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values along a curve, and their band, which is no wider than the curve where nothing can be told."""
    from fitting.uncertainty.intervals import prediction_interval

    with np.errstate(all="ignore"):
        if fitted.bands is None:
            value = np.atleast_1d(fitted.result.predict(columns, group=label))
            return value, value, value
        return prediction_interval(fitted.result, columns, fitted.report.level, group=label)


def _observed(fitted: Fitted) -> Iterator[Panel]:
    """Fitted against observed, every row; on the line is right."""
    rows, report = fitted.result.problem.rows, fitted.report

    def draw(ax: Axes) -> None:
        sets = [("train", rows.y, fitted.result.fitted)]
        if len(report.table.heldout):
            sets.append(("heldout", fitted.held(rows.target), report.heldout_values()))
        both = np.concatenate([np.concatenate([y, f]) for _, y, f in sets])
        both = both[np.isfinite(both)]
        if logarithmic(ax, "x", both):
            logarithmic(ax, "y", both)
        ends = [float(both.min()), float(both.max())]
        ax.plot(ends, ends, color=COLOURS["muted"], linewidth=1, zorder=1)
        for kind, y, f in sets:
            marks(ax, y, f, kind, 18)
        ax.set_xlabel(f"observed {short(rows.target, 24)}")
        ax.set_ylabel("predicted by the law")

    yield Panel("fit", "every row", "predicted against observed, every row", draw)


def residual_panels(fitted: Fitted) -> Iterator[Panel]:
    """What is left of each row: against the fitted value, and along each column."""
    rows, report = fitted.result.problem.rows, fitted.report
    held = len(report.table.heldout) > 0
    columns = {"fitted": (fitted.result.fitted, report.heldout_values() if held else None)}
    columns |= {name: (fitted.rows(name), fitted.held(name) if held else None) for name in rows.columns}
    for j, (name, (x, there)) in enumerate(list(columns.items())[:MOST_COLUMNS]):

        def draw(ax: Axes, name: str = name, x: np.ndarray = x, there: np.ndarray | None = there) -> None:
            marks(ax, x, fitted.result.residuals, "train", 16)
            drawn = [x]
            if there is not None:
                marks(ax, there, fitted.held(rows.target) - report.heldout_values(), "heldout", 16)
                drawn.append(there)
            ax.axhline(0, color=COLOURS["muted"], linewidth=1, zorder=1)
            logarithmic(ax, "x", np.concatenate(drawn))
            ax.set_xlabel(short(name, 34))
            ax.set_ylabel(f"observed − fitted {short(rows.target, 16)}")

        title = short(f"residuals along {name}" if name != "fitted" else "residuals against the fit")
        yield Panel(f"residuals-{j}", title, f"{title}: observed minus fitted", draw)


def isoflop_panels(fitted: Fitted) -> Iterator[Panel]:
    """Rows of one budget and the law's valley through them."""
    if not fitted.is_surface:
        return
    spent, _ = spent_and_beyond(fitted.result, fitted.C, fitted.k)
    levels, group = budgets(spent)

    def draw(ax: Axes) -> None:
        from matplotlib import colormaps

        places = np.linspace(0.15, 0.8, len(levels)) if len(levels) > 1 else [0.15]
        isoflop_curves(ax, fitted.result, levels, group, [colormaps["viridis"](p) for p in places])
        logarithmic(ax, "x", fitted.rows("N"))
        ax.set_xlabel("N")
        ax.set_ylabel(short(fitted.result.problem.rows.target, 34))
        ax.legend(title="C", fontsize=7, title_fontsize=7, ncols=2)

    yield Panel("isoflop", "IsoFLOP curves", "rows of each budget and the law's curve through them", draw)


def allocation_panels(fitted: Fitted) -> Iterator[Panel]:
    """Best N and D for a budget, with their bands."""
    if not fitted.is_surface:
        return
    spent, grid = spent_and_beyond(fitted.result, fitted.C, fitted.k)
    try:
        best = fitted.result.allocate(grid, k=fitted.k, bands=fitted.bands, n=400)
    except FitError:
        return  # no optimum along the budget: nothing to draw
    for name, values in (("N_opt", best.N_opt), ("D_opt", best.D_opt)):

        def draw(ax: Axes, name: str = name, values: np.ndarray = values) -> None:
            allocation_curve(ax, grid, values, best.bands.get(name), INK)
            logarithmic(ax, "x", grid)
            logarithmic(ax, "y", values)
            shade_beyond(ax, spent, grid)
            ax.set_xlabel("C (FLOPs)")
            ax.set_ylabel(name)

        title = f"best {name[0]} for a budget"
        yield Panel(f"allocation-{name}", title, f"{title}, with its {100 * best.level:g} % band", draw)


def profile_panels(fitted: Fitted) -> Iterator[Panel]:
    """The best fit with one nonlinear constant held, along that constant."""
    result = fitted.result
    found = fitted.report.intervals
    for j, name in enumerate(profiled(result)):

        def draw(ax: Axes, name: str = name) -> None:
            from matplotlib.ticker import MaxNLocator

            profile_curve(ax, result, name, found[name], INK)
            ax.xaxis.set_major_locator(MaxNLocator(3))  # a sure exponent has many digits
            ax.set_xlabel(short(name, 34))
            ax.set_ylabel("rise, in standard errors")

        title = short(f"profile of {name}")
        yield Panel(f"profile-{j}", title, f"{title}: rise of the objective with it held", draw)
