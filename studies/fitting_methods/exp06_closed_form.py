"""Experiment 6: the bias of Approach 2 in closed form."""

from __future__ import annotations

import pandas as pd

from fitting import approach_2_bias
from studies.fitting_methods.approach2 import Case
from studies.fitting_methods.experiment import Context, Experiment, Findings, Picture, Table
from studies.fitting_methods.plots import label, line, panels, zero
from studies.fitting_methods.sampling import WIDTHS, Sampling
from studies.fitting_methods.surfaces import THREE, intercepts

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
    figure, (left, right) = panels(2, width=4.2)
    for i, (name, part) in enumerate(table.groupby("surface", sort=False)):
        line(left, part["half_width"], 100 * part["closed_form"], i, f"{name}, closed form", marker="")
        line(left, part["half_width"], 100 * part["fitted"], i, f"{name}, fitted", lw=0)
        line(right, part["half_width"], part["difference"].abs().clip(lower=1e-17), i, name)
    zero(left)
    right.set_yscale("log")
    label(left, "half width W (decades of N)", "error of N_opt, %", "closed form and fit", legend="")
    label(right, "half width W (decades of N)", "|difference|", "agreement", legend="")
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
        pictures=(Picture("errors", "The bias of Approach 2, predicted and measured", figure),),
    )


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
