"""Experiment 3: IsoFLOPs that are not centred on the optimum."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from studies.fitting_methods.approach2 import Case, exact_surface
from studies.fitting_methods.drawings import HALF_WIDTH, each, isoflops, lines_by, power_law, ratio_to_truth
from studies.fitting_methods.experiment import Context, Experiment, Findings, Picture, Table
from studies.fitting_methods.plots import INK, Panel, label, line
from studies.fitting_methods.sampling import NAMED_WIDTHS, WIDTHS, Sampling
from studies.fitting_methods.surfaces import THREE

BIASES: dict[str, dict[str, Any]] = {
    "baseline": {},
    "drift 0.2": {"drift": 0.2},
    "drift 0.4": {"drift": 0.4},
    "scale 1.5": {"scale": 1.5},
    "scale 2.0": {"scale": 2.0},
}


def cases(widths=WIDTHS):
    """(surface name, bias name, Case) of every combination."""
    for name, surface in THREE.items():
        for bias, options in BIASES.items():
            for width in widths:
                yield name, bias, Case.of(surface, Sampling(width, **options))


def errors() -> pd.DataFrame:
    names = {width: name for name, width in NAMED_WIDTHS.items()}
    rows = []
    for name, bias, case in cases():
        width = case.sampling.half_width
        ours = exact_surface(case.sampling.runs(case.surface))
        rows.append(
            {
                "surface": name,
                "bias": bias,
                "width": names.get(width, ""),
                "half_width": width,
                "a_error_pct": 100 * case.a_error,
                "b_error_pct": 100 * case.b_error,
                "N_first_error_pct": 100 * case.vertex_errors[0],
                "N_last_error_pct": 100 * case.vertex_errors[-1],
                "ours_a_error_pct": 100 * (ours.a / case.surface.a - 1),
            }
        )
    return pd.DataFrame(rows)


def run(context: Context) -> Findings:
    table = errors()
    still = table[~table["bias"].str.startswith("drift")]
    moved = table[table["bias"] == "drift 0.4"].set_index(["surface", "width"])["a_error_pct"]
    worst_N = still[still["bias"] == "baseline"].set_index(["surface", "width"])["N_last_error_pct"]
    return Findings(
        answer=(
            f"A constant offset moves intercepts and never exponents: without drift the largest error of a is "
            f"{np.abs(still['a_error_pct']).max():.0e} %, for every surface, width and scale.",
            f"Drift goes straight into the exponents: at drift 0.4 and the wide range the error of a is "
            f"{moved['Symmetric', 'wide']:+.4f} % on the symmetric surface and {moved['Asymmetric', 'wide']:+.4f} % on the asymmetric one.",
            f"Even perfectly centred runs misplace the optimum of a lopsided surface: by {worst_N['Asymmetric', 'wide']:+.4f} % "
            f"at the wide range. The exact surface fit of the same runs is off by at most "
            f"{np.abs(table['ours_a_error_pct']).max():.1e} % of a.",
        ),
        tables=(
            Table(
                "errors",
                "Errors by bias; the page shows the named widths",
                table,
                table[table["width"] != ""],
            ),
        ),
        pictures=pictures(table),
    )


def pictures(table: pd.DataFrame) -> tuple[Picture, ...]:
    width = NAMED_WIDTHS["narrow"]
    cases = {
        name: {bias: Case.of(surface, Sampling(width, **options)) for bias, options in BIASES.items()}
        for name, surface in THREE.items()
    }

    def errors_of(column: str, what: str):
        return each(
            table, "surface", lambda part: lines_by(part, "half_width", column, "bias", (HALF_WIDTH, what))
        )

    def centres(ax):
        for i, (bias, case) in enumerate(cases["Asymmetric"].items()):
            runs = case.sampling.runs(case.surface)
            C = np.unique(runs.C)
            middle = [np.exp(np.log(runs.N[c == runs.C]).mean()) for c in C]
            line(ax, C, middle / case.surface.N_opt(C), i, bias)
        ax.axhline(1.0, color=INK, lw=0.9, ls="--")
        label(ax, "C (FLOPs)", "centre of the sizes / N_opt", "xy")

    return (
        Picture("centres", "Where each bias puts the centre of the runs", (Panel("all surfaces alike", centres),)),
        Picture("errors", "Errors of a", errors_of("a_error_pct", "error of a, %")),
        Picture("vertices", "Errors of N at the largest budget", errors_of("N_last_error_pct", "error of N, largest budget, %")),
        Picture(
            "isoflops",
            "Runs and parabolas of the asymmetric surface at the narrow range",
            tuple(Panel(b, isoflops(c.sampling.runs(c.surface), c.surface)) for b, c in cases["Asymmetric"].items()),
        ),
        Picture(
            "power_law",
            "The power laws at the narrow range",
            tuple(
                Panel(n, power_law({b: c.fit for b, c in of.items()}, (1e17, 1e21), truth=THREE[n], target=1e25))
                for n, of in cases.items()
            ),
        ),
        Picture(
            "ratios",
            "Inferred over true along the budget, narrow range",
            tuple(Panel(n, ratio_to_truth(of, 1e25)) for n, of in cases.items()),
            shared=True,
        ),
    )  # fmt: skip


EXPERIMENT = Experiment(
    3,
    "03_drift_and_offset",
    "Drift and offset of the centre",
    "What if the IsoFLOPs are not centred on the optimum?",
    "Symmetric, Chinchilla and Asymmetric surfaces; baseline, drift to 0.2 and 0.4 decades below N_opt at the largest budget, and "
    "centres 1.5 and 2 times too small at all budgets; widths, budgets and points as in experiment 1, no noise.",
    run,
)
