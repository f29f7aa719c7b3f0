"""Experiment 10: errors add up on the way to a large budget."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studies.fitting_methods.approach2 import Case, exact_surface
from studies.fitting_methods.drawings import each, heat, isoflops, lines_by, power_law
from studies.fitting_methods.experiment import Context, Experiment, Findings, Picture, Table, number
from studies.fitting_methods.plots import Panel
from studies.fitting_methods.sampling import SPANS, Sampling
from studies.fitting_methods.surfaces import ASYMMETRIC, THREE

TARGET = 1e24
BIASES: dict[str, tuple[float, float]] = {
    "none": (0.0, 1.0),
    "offset 3x": (0.0, 3.0),
    "drift to 3x": (float(np.log10(3.0)), 1.0),
}
"""What the centres of the budgets drift by, in decades, and what they are multiplied by."""


def errors() -> pd.DataFrame:
    """Relative error of D_opt at 1e24 FLOPs in percent, by bias, surface and span."""
    rows = []
    for bias, (drift, scale) in BIASES.items():
        for name, surface in THREE.items():
            for span, width in SPANS.items():
                sampling = Sampling(width, drift=drift, scale=scale)
                ours = exact_surface(sampling.runs(surface))
                error = Case.of(surface, sampling).token_errors(TARGET)
                exact = ours.D_opt(TARGET) / surface.D_opt(TARGET) - 1
                rows.append(
                    {
                        "bias": bias,
                        "surface": name,
                        "span": span,
                        "D_error_pct": 100 * float(error),
                        "ours_D_error_pct": 100 * float(exact),
                    }
                )
    return pd.DataFrame(rows)


def run(context: Context) -> Findings:
    table = errors()
    shown = table.pivot_table(index=["bias", "surface"], columns="span", values="D_error_pct", sort=False)[
        list(SPANS)
    ]
    worst = (
        table.assign(ours=table["ours_D_error_pct"].abs())
        .groupby(["bias", "surface"], sort=False)["ours"]
        .max()
    )
    low, high = table["D_error_pct"].min(), table["D_error_pct"].max()
    drift = shown.loc["drift to 3x"]
    return Findings(
        answer=(
            f"A centre that drifts to a third of the optimum costs {number(drift, 'Symmetric', '+-2x'):+.3f} % tokens on the symmetric and "
            f"{number(drift, 'Asymmetric', '+-2x'):+.3f} % on the asymmetric surface at the narrowest span. Bias of the sampling and bias of the "
            f"parabola can cancel or add; over all cases the error runs from {low:.3f} % to {high:+.3f} %.",
            f"The exact surface fit is within {worst.max():.1e} % everywhere.",
        ),
        tables=(
            Table(
                "errors",
                "Error of D_opt at 1e24 FLOPs, %",
                table,
                shown.assign(**{"exact VPNLS, worst": worst}).reset_index(),
            ),
        ),
        pictures=pictures(table),
    )


def pictures(table: pd.DataFrame) -> tuple[Picture, ...]:
    names = ("span of sizes", "error of D_opt at 1e24, %")
    narrow = {
        bias: Case.of(ASYMMETRIC, Sampling(SPANS["+-2x"], drift=drift, scale=scale))
        for bias, (drift, scale) in BIASES.items()
    }
    cells = [
        Panel(
            str(bias),
            heat(
                part.pivot(index="surface", columns="span", values="D_error_pct").loc[
                    list(THREE), list(SPANS)
                ],
                ("", ""),
            ),
        )
        for bias, part in table.groupby("bias", sort=False)
    ]
    return (
        Picture("errors", "Extrapolated tokens by span and bias", each(table, "bias", lambda part: lines_by(part, "span", "D_error_pct", "surface", names), "bias: {}"), shared=True),
        Picture("cells", "Error of D_opt at 1e24 FLOPs, %", tuple(cells)),
        Picture("isoflops", "Where the runs lie: asymmetric surface, narrowest span", tuple(Panel(b, isoflops(c.sampling.runs(ASYMMETRIC), ASYMMETRIC)) for b, c in narrow.items())),
        Picture("power_law", "Tokens by budget: asymmetric surface, narrowest span", (Panel("D_opt", power_law({b: c.fit for b, c in narrow.items()}, narrow["none"].sampling.budgets, truth=ASYMMETRIC, tokens=True, target=TARGET)),)),
    )  # fmt: skip


EXPERIMENT = Experiment(
    10,
    "10_compounding",
    "Compounding of errors",
    "How do offset, drift, asymmetry and span add up in the tokens asked for at a large budget?",
    "Three surfaces, budgets 1e17 to 1e21, sizes within 2, 4, 8 and 16 times of the centre, no noise; no bias, centres 3 times too small, and "
    "centres drifting to 3 times too small; D_opt at 1e24 FLOPs.",
    run,
)
