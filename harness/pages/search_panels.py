"""Panels of a search: error against size, error over evaluations, and held-out scores in company."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from harness.pages.panel import Panel, logarithmic, short
from harness.pages.theme import COLOURS
from harness.pages.view import Point, RunView
from harness.proposers.formula.naming import readable
from harness.search.candidate import searched_id
from tables.shown import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROOM = 4.0
"""Errors above so many medians are drawn at the edge."""

MOST_MARKS = 600
"""Laws drawn in one figure: more of them lie on top of each other, and make a page slow."""
LONGEST = 160
"""Letters of a law that a mark shows."""

MOST_PUBLISHED = 6
LEAST_R2 = -0.2
"""R2 below this is drawn at the edge, with its number."""


def front_panels(view: RunView) -> list[Panel]:
    """Validation error against the number of constants, with the front: no law is smaller and better."""
    points = view.scored
    if not points:
        return []
    front = pareto(points)
    shown, features = thinned(points, front), view.features

    def draw(ax: Axes) -> None:
        from matplotlib.ticker import MaxNLocator

        top = _top(points)
        error = np.array([min(p.error or 0.0, top) for p in shown])
        n = np.array([p.n_constants or 0 for p in shown], dtype=float)
        # Laws of one size side by side, always in the same place.
        jitter = np.array([(hash_of(p.id) % 1000) / 1000 - 0.5 for p in shown]) * 0.5
        ax.scatter(n + jitter, error, s=12, color=COLOURS["train"], alpha=0.45, linewidths=0, gid="marks")
        xs, ys = [p.n_constants or 0 for p in front], [min(p.error or 0.0, top) for p in front]
        ax.step(xs, ys, where="post", color=COLOURS["validation"], linewidth=1.5)
        ax.scatter(xs, ys, s=26, marker="s", color=COLOURS["validation"], zorder=3)
        chosen = _chosen(view)
        if chosen is not None:
            ax.scatter([chosen.n_constants or 0], [min(chosen.error or 0.0, top)], s=120, marker="*", color=COLOURS["law"], zorder=4)  # fmt: skip
        logarithmic(ax, "y", error)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_xlabel("constants")
        ax.set_ylabel("validation error")

    return [Panel("front", "error against size", "validation error against constants of every law, with the front", draw, {"marks": [tip(p, features) for p in shown]}, plain=True)]  # fmt: skip


def progress_panels(view: RunView) -> list[Panel]:
    """Validation error of every evaluation in order, and the best so far; failures along the bottom."""
    points = view.points
    if not points:
        return []
    place = {p.id: i for i, p in enumerate(points, 1)}
    scored = view.scored
    shown, features = thinned(scored, records(scored)), view.features

    def draw(ax: Axes) -> None:
        if scored:
            top = _top(scored)
            error = np.array([min(p.error or 0.0, top) for p in shown])
            at = [place[p.id] for p in shown]
            ax.scatter(at, error, s=9, color=COLOURS["train"], alpha=0.45, linewidths=0, gid="marks")
            best = records(scored)
            steps = [place[p.id] for p in best], [min(p.error or 0.0, top) for p in best]
            ax.step([*steps[0], len(points)], [*steps[1], steps[1][-1]], where="post", color=COLOURS["law"], linewidth=1.8)  # fmt: skip
            logarithmic(ax, "y", error)
        failed = [place[p.id] for p in thinned([p for p in points if p.error is None], [])]
        ax.plot(failed, np.full(len(failed), 0.015), "x", ms=4, color=COLOURS["failed"], transform=ax.get_xaxis_transform())  # fmt: skip
        ax.set_xlim(0, len(points) * 1.02 + 1)
        ax.set_xlabel("evaluation")
        ax.set_ylabel("validation error")

    return [Panel("progress", "error over evaluations", "validation error of every evaluation, and the best so far", draw, {"marks": [tip(p, features) for p in shown]}, plain=True)]  # fmt: skip


def scores_panels(view: RunView) -> list[Panel]:
    """Held-out R2 of the law and the forecast beside controls and published systems."""
    rows = held_out_rows(view.summary)
    if not rows:
        return []
    ceiling = view.summary.get("noise_ceiling_r2")

    def draw(ax: Axes) -> None:
        for place, (_, r2, kind) in enumerate(reversed(rows)):
            colour = COLOURS[kind]
            value = max(r2, LEAST_R2)
            ax.plot([LEAST_R2, value], [place, place], color=COLOURS["rule"], linewidth=1, zorder=1)
            ax.scatter([value], [place], s=34, color=colour, marker="D" if kind in ("law", "forecast") else "o", zorder=3)  # fmt: skip
            ax.annotate(f"{r2:.3f}", (value, place), xytext=(6, 0), textcoords="offset points", va="center", fontsize=8)  # fmt: skip
        if ceiling is not None and ceiling < 1:
            ax.axvline(ceiling, color=COLOURS["muted"], linewidth=1, linestyle=":")
        ax.set_yticks(range(len(rows)), [short(name, 30) for name, _, _ in reversed(rows)])
        ax.set_xlim(LEAST_R2 - 0.02, 1.16)
        ax.set_ylim(-0.6, len(rows) - 0.4)
        ax.grid(axis="y", visible=False)
        ax.set_xlabel("held-out R2")

    return [Panel("scores", "held-out rows, in company", "held-out R2 of the law, the forecast, controls and published systems", draw, wide=True)]  # fmt: skip


def held_out_rows(summary: dict[str, Any]) -> list[tuple[str, float, str]]:
    """(name, R2, kind) best first; published scores where they compare with these rows."""
    if not summary.get("controls"):
        return []
    named = [("this run's law", summary.get("heldout"), "law"), ("its forecast", summary.get("forecast"), "forecast")]  # fmt: skip
    named += [(name, card, "control") for name, card in summary["controls"].items()]
    rows = [(name, card["r2"], kind) for name, card, kind in named if card and card.get("r2") is not None]
    if summary["data"].get("official"):
        best = sorted(summary.get("published") or [], key=lambda s: -s["r2"])[:MOST_PUBLISHED]
        rows += [(f"{s['system']}", s["r2"], "muted") for s in best]
    return sorted(rows, key=lambda row: -row[1])


def pareto(points: list[Point]) -> list[Point]:
    """Points that no smaller one beats, by size."""
    front: list[Point] = []
    for p in sorted(points, key=lambda p: (p.n_constants or 0, p.error or 0.0)):
        if not front or (p.error or 0.0) < (front[-1].error or 0.0):
            front.append(p)
    return front


def tip(p: Point, features: tuple[str, ...]) -> str:
    """What a mark says of its law, in the names that lists show."""
    error = "-" if p.error is None else f"{p.error:.5g}"
    law = readable(p.told.law, features).text if p.told.law else "free program"
    return one_line(f"{p.id}: error {error}, {p.n_constants} constants, {short(law, LONGEST)}")


def hash_of(id: str) -> int:
    """A small number of an id, the same in every process."""
    return sum((k + 1) * 7919 * ord(c) for k, c in enumerate(id))


def thinned(points: list[Point], kept: list[Point]) -> list[Point]:
    """So many that they can be drawn, evenly over the search, in order; what should be seen is among them."""
    step = -(-len(points) // MOST_MARKS)
    if step <= 1:
        return points
    ids = {p.id for p in kept[:: -(-len(kept) // MOST_MARKS) or 1]}
    return [p for i, p in enumerate(points) if i % step == 0 or p.id in ids]


def thinned_out(view: RunView) -> str:
    """What figures of the search leave out, in a sentence; "" where nothing."""
    n = len(view.scored)
    step = -(-n // MOST_MARKS)
    return f"Of {n} laws every {step}th is drawn, and all of the front." if step > 1 else ""


def records(points: list[Point]) -> list[Point]:
    """Points that were the best when they came."""
    best: list[Point] = []
    for p in points:
        if not best or (p.error or 0.0) < (best[-1].error or 0.0):
            best.append(p)
    return best


def _top(points: list[Point]) -> float:
    """Errors above this are drawn at it."""
    return float(np.median([p.error or 0.0 for p in points])) * ROOM


def _chosen(view: RunView) -> Point | None:
    known = {p.id: p for p in view.scored}
    return known.get(view.winner) or known.get(searched_id(view.winner))
