"""Experiment 2: unequal exponents."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studies.fitting_methods.approach2 import Case, exact_surface
from studies.fitting_methods.drawings import (
    HALF_WIDTH,
    isoflops,
    lines_by,
    power_law,
    ratio_to_truth,
)
from studies.fitting_methods.experiment import Context, Experiment, Findings, Picture, Table
from studies.fitting_methods.plots import Panel
from studies.fitting_methods.sampling import NAMED_WIDTHS, WIDTHS, Sampling
from studies.fitting_methods.surfaces import BY_RATIO

DRIFT = 0.2


def errors() -> pd.DataFrame:
    """One row a surface and width, errors in percent."""
    names = {width: name for name, width in NAMED_WIDTHS.items()}
    rows = []
    for name, surface in BY_RATIO.items():
        for width in WIDTHS:
            sampling = Sampling(width, drift=DRIFT)
            case = Case.of(surface, sampling)
            ours = exact_surface(sampling.runs(surface))
            rows.append(
                {
                    "surface": name,
                    "ratio": surface.alpha / surface.beta,
                    "width": names.get(width, ""),
                    "half_width": width,
                    "a_error_pct": 100 * case.a_error,
                    "b_error_pct": 100 * case.b_error,
                    "N_first_error_pct": 100 * case.vertex_errors[0],
                    "N_last_error_pct": 100 * case.vertex_errors[-1],
                    "ours_a_error_pct": 100 * (ours.a / surface.a - 1),
                }
            )
    return pd.DataFrame(rows)


def run(context: Context) -> Findings:
    table = errors()
    wide = table[table["width"] == "wide"].set_index("surface")
    ends = wide.loc[["Balanced (1)", "ratio 3", "ratio 9"], "a_error_pct"]
    worst = float(np.abs(table["ours_a_error_pct"]).max())
    return Findings(
        answer=(
            f"The more unequal the exponents, the worse: at the wide range the error of a is {ends.iloc[0]:+.4f} % at ratio 1, "
            f"{ends.iloc[1]:+.4f} % at ratio 3 and {ends.iloc[2]:+.4f} % at ratio 9, and the vertices are too large by up to "
            f"{wide['N_first_error_pct'].max():.1f} %.",
            f"The exact surface fit is off by at most {worst:.1e} % of a.",
        ),
        tables=(
            Table(
                "errors",
                "Errors by surface; the page shows the named widths",
                table,
                table[table["width"] != ""],
            ),
        ),
        pictures=pictures(table),
    )


def pictures(table: pd.DataFrame) -> tuple[Picture, ...]:
    wide = Sampling(NAMED_WIDTHS["wide"], drift=DRIFT)
    cases = {name: Case.of(surface, wide) for name, surface in BY_RATIO.items()}
    named = table[table["width"] != ""]

    def by_width(column: str, what: str) -> Panel:
        names = (HALF_WIDTH, "relative error, %")
        return Panel(what, lines_by(table, "half_width", column, "surface", names))

    return (
        Picture(
            "errors",
            "Errors of Approach 2 by ratio alpha/beta",
            (
                by_width("a_error_pct", "a"),
                by_width("b_error_pct", "b"),
                by_width("N_first_error_pct", "N at the smallest budget"),
                by_width("N_last_error_pct", "N at the largest budget"),
            ),
            columns=2,
        ),
        Picture(
            "ratio",
            "Errors of Approach 2 against the ratio of the exponents",
            (
                Panel("a", lines_by(named, "ratio", "a_error_pct", "width", ("alpha/beta", "error of a, %"), scale="x")),
                Panel("N", lines_by(named, "ratio", "N_last_error_pct", "width", ("alpha/beta", "error of N_opt, largest budget, %"), scale="x")),
            ),
        ),
        Picture(
            "isoflops",
            "Runs and parabolas at the wide range: the curve leans where the exponents differ",
            tuple(Panel(n, isoflops(wide.runs(c.surface), c.surface)) for n, c in cases.items()),
        ),
        Picture(
            "power_law",
            "The power laws at the wide range",
            tuple(
                Panel(n, power_law({"Approach 2": c.fit}, wide.budgets, truth=c.surface, target=1e24))
                for n, c in cases.items()
            ),
        ),
        Picture("ratios", "Inferred over true along the budget", (Panel("N_opt", ratio_to_truth(cases, 1e24)),)),
    )  # fmt: skip


EXPERIMENT = Experiment(
    2,
    "02_imbalance",
    "Imbalance of the exponents",
    "What does an unequal pair of exponents do to Approach 2?",
    "Six surfaces with ratio alpha/beta from 1 to 9 at alpha + beta = 0.62 (A 406.4, B 410.7, E 1.69); sampling as in experiment 1, "
    "drift of 0.2 decades included.",
    run,
    notes=("The drift of 0.2 is a default of the source's code that its text does not mention.",),
)
