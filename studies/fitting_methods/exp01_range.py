"""Experiment 1: how wide a range of sizes Approach 2 may sample."""

from __future__ import annotations

import pandas as pd

from studies.fitting_methods.approach2 import Case, exact_surface
from studies.fitting_methods.drawings import HALF_WIDTH, columns_of, isoflops, power_law, ratio_to_truth
from studies.fitting_methods.experiment import Context, Experiment, Findings, Picture, Table
from studies.fitting_methods.plots import Panel
from studies.fitting_methods.sampling import NAMED_WIDTHS, WIDTHS, Sampling
from studies.fitting_methods.surfaces import BALANCED

DRIFT = 0.2


def errors() -> pd.DataFrame:
    """One row a width: errors of Approach 2 in percent, and of a by our fit of the same runs."""
    names = {width: name for name, width in NAMED_WIDTHS.items()}
    rows = []
    for width in WIDTHS:
        sampling = Sampling(width, drift=DRIFT)
        case = Case.of(BALANCED, sampling)
        a0, b0 = case.intercept_errors
        first, last = case.vertex_errors[[0, -1]]
        ours = exact_surface(sampling.runs(BALANCED))
        rows.append(
            {
                "width": names.get(width, ""),
                "half_width": width,
                "a_error_pct": 100 * case.a_error,
                "b_error_pct": 100 * case.b_error,
                "a0_error_pct": 100 * a0,
                "b0_error_pct": 100 * b0,
                "N_first_error_pct": 100 * first,
                "N_last_error_pct": 100 * last,
                "ours_a_error_pct": 100 * (ours.a / BALANCED.a - 1),
            }
        )
    return pd.DataFrame(rows)


def run(context: Context) -> Findings:
    table = errors()
    named = table[table["width"] != ""]
    a = named.set_index("width")["a_error_pct"]
    N = named.set_index("width")["N_last_error_pct"]
    worst = table["ours_a_error_pct"].abs().max()
    return Findings(
        answer=(
            f"Width costs accuracy. From the narrow to the wide range the error of a goes from {a['narrow']:+.4f} % over "
            f"{a['medium']:+.4f} % to {a['wide']:+.4f} %, and the vertex at the largest budget from {N['narrow']:+.4f} % to "
            f"{N['wide']:+.4f} %. These runs have no noise: all of it is bias of the parabola.",
            f"The exact surface fit of the same runs is off by at most {worst:.1e} % of a at any width.",
        ),
        tables=(Table("errors", "Errors by width; the page shows the three named widths", table, named),),
        pictures=pictures(table),
    )


def pictures(table: pd.DataFrame) -> tuple[Picture, ...]:
    names = (HALF_WIDTH, "relative error, %")
    parts = {
        "exponents": {
            "a_error_pct": "a, Approach 2",
            "b_error_pct": "b, Approach 2",
            "ours_a_error_pct": "a, exact VPNLS",
        },
        "intercepts (of log10)": {"a0_error_pct": "a0", "b0_error_pct": "b0"},
        "N at the vertex": {
            "N_first_error_pct": "smallest budget",
            "N_last_error_pct": "largest budget",
        },
    }
    cases = {name: Case.of(BALANCED, Sampling(width, drift=DRIFT)) for name, width in NAMED_WIDTHS.items()}
    return (
        Picture(
            "errors",
            "Errors of Approach 2 against the width of the range",
            tuple(Panel(name, columns_of(table, "half_width", part, names)) for name, part in parts.items()),
            key=False,
        ),
        Picture(
            "isoflops",
            "The runs of each budget with the parabola that is fitted to them",
            tuple(
                Panel(f"{name} range", isoflops(case.sampling.runs(BALANCED), BALANCED))
                for name, case in cases.items()
            ),
        ),
        Picture(
            "power_law",
            "The power law through the vertices, and beside the true one",
            (
                Panel(
                    "N_opt",
                    power_law(
                        {n: c.fit for n, c in cases.items()},
                        cases["wide"].sampling.budgets,
                        truth=BALANCED,
                        target=1e24,
                    ),
                ),
                Panel("inferred over true", ratio_to_truth(cases, 1e24)),
            ),
        ),
    )


EXPERIMENT = Experiment(
    1,
    "01_sampling_range",
    "Sampling range",
    "How does the width of the range of model sizes change what Approach 2 infers?",
    "Balanced surface (alpha = beta = 0.31, A 406.4, B 410.7, E 1.69), budgets 1e17 to 1e21, 15 sizes per budget, no noise, "
    "20 half widths from 0.3 to 2 decades, centre drifting to 0.2 decades below N_opt at the largest budget.",
    run,
    notes=(
        "The source's text says Chinchilla exponents and names no drift; its code uses the balanced surface and a drift "
        "of 0.2. The code is followed.",
    ),
)
