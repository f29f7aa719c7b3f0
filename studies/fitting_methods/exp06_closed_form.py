"""Experiment 6: the bias of Approach 2 in closed form."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fitting import approach_2_bias
from studies.fitting_methods.approach2 import Case
from studies.fitting_methods.drawings import HALF_WIDTH
from studies.fitting_methods.experiment import Context, Experiment, Findings, Picture, Table
from studies.fitting_methods.plots import COLOURS, INK, Panel, label, line, zero
from studies.fitting_methods.sampling import WIDTHS, Sampling
from studies.fitting_methods.surfaces import ASYMMETRIC, THREE, intercepts, ratio

POINTS = 15


def errors() -> pd.DataFrame:
    """Closed form beside the fit, for centred noise-free runs; errors are shares, not percent."""
    rows = []
    for name, surface in THREE.items():
        for width in WIDTHS:
            case = Case.of(surface, Sampling(width, points=POINTS))
            closed = approach_2_bias(surface, log_range=width, points=POINTS)
            fitted = 10 ** (case.fit.a0 - intercepts(surface)[0]) - 1
            rows.append(
                {
                    "surface": name,
                    "half_width": width,
                    "closed_form": closed,
                    "fitted": fitted,
                    "difference": fitted - closed,
                    "a_error": case.a_error,
                }
            )
    return pd.DataFrame(rows)


def run(context: Context) -> Findings:
    table = errors()
    at = table.iloc[[0, 10, 19, 20, 30, 39, 40, 50, 59]]
    far = table[table["surface"] == "Asymmetric"].iloc[-1]
    return Findings(
        answer=(
            f"Formula and fit agree to {table['difference'].abs().max():.1e}, and the exponents are right to "
            f"{table['a_error'].abs().max():.1e}: on centred noise-free runs Approach 2 multiplies every N_opt by one factor that depends on "
            f"alpha, beta, the width and the number of points alone. For the asymmetric surface at the widest range it is "
            f"{1 + far['closed_form']:.4f}; for equal exponents it is 1.",
        ),
        tables=(Table("errors", "Relative error of N_opt, closed form and fitted", table, at),),
        pictures=pictures(table),
    )


def pictures(table: pd.DataFrame) -> tuple[Picture, ...]:
    def both(ax):
        for i, (name, part) in enumerate(table.groupby("surface", sort=False)):
            line(ax, part["half_width"], 100 * part["closed_form"], i, f"{name}, closed form", marker="")
            line(ax, part["half_width"], 100 * part["fitted"], i, f"{name}, fitted", lw=0)
        zero(ax)
        label(ax, HALF_WIDTH, "error of N_opt, %")

    def agreement(ax):
        for i, (name, part) in enumerate(table.groupby("surface", sort=False)):
            line(ax, part["half_width"], part["difference"].abs().clip(lower=1e-17), i, name)
        label(ax, HALF_WIDTH, "|difference|", "y")

    def tilt(width: float):
        """The curve of one budget in units of its own, and the parabola through it."""

        def draw(ax):
            w = np.linspace(-width, width, POINTS)
            x = np.linspace(-width, width, 200)
            alpha, beta = ASYMMETRIC.alpha, ASYMMETRIC.beta
            shape = lambda v: beta / alpha * 10 ** (-alpha * v) + 10 ** (beta * v)  # noqa: E731
            parabola = np.polyfit(w, shape(w), 2)
            ax.plot(x, shape(x), color=INK, lw=1.2, label="loss, in units of the budget")
            ax.plot(w, shape(w), "o", ms=3, color=INK)
            ax.plot(x, np.polyval(parabola, x), "--", color=COLOURS[1], lw=1.2, label="parabola")
            ax.axvline(0, color=INK, lw=0.8, ls=":")
            ax.axvline(-parabola[1] / (2 * parabola[0]), color=COLOURS[1], lw=0.8, ls=":")
            label(ax, "w = log10(N/N_opt)", "")

        return draw

    def by_ratio(ax):
        ratios = np.geomspace(1, 9, 25)
        for i, width in enumerate((0.3, 0.6, 1.2, 2.0)):
            bias = [100 * approach_2_bias(ratio(r), log_range=width, points=POINTS) for r in ratios]
            line(ax, ratios, bias, i, f"W = {width:g}", marker="")
        label(ax, "alpha/beta", "error of N_opt, %", "x")

    def by_points(ax):
        counts = [3, 4, 5, 7, 9, 15, 31, 101]
        for i, width in enumerate((0.3, 1.2, 2.0)):
            bias = [100 * approach_2_bias(ASYMMETRIC, log_range=width, points=n) for n in counts]
            line(ax, counts, bias, i, f"W = {width:g}")
        label(ax, "points per budget", "error of N_opt, %", "xy")

    return (
        Picture("errors", "The bias of Approach 2, predicted and measured", (Panel("closed form and fit", both), Panel("agreement", agreement)), key=False),
        Picture("tilt", "Why: the curve leans, the parabola can't (asymmetric surface; dotted: minimum and vertex)",
                (Panel("W = 0.6", tilt(0.6)), Panel("W = 2", tilt(2.0)))),
        Picture("map", "The bias by ratio of the exponents, and by number of points", (Panel("ratio", by_ratio), Panel("points, asymmetric surface", by_points)), key=False),
    )  # fmt: skip


EXPERIMENT = Experiment(
    6,
    "06_closed_form",
    "Closed-form bias of Approach 2",
    "Can the bias of Approach 2 be predicted without fitting?",
    "Along one budget, with w = log10(N/N_opt), the loss is E + P 10^(-alpha w) + R 10^(beta w) with alpha P = beta R. The parabola "
    "through 15 points evenly spaced in [-W, W] has its vertex at dw = -a1/(2 a2), whatever C, E, A and B. Compared with fits of the three "
    "surfaces, centred, no noise; the error is that of 10^a0.",
    run,
)
