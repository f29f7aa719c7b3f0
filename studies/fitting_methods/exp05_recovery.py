"""Experiment 5: recovery of all five constants by six optimisers, and by ours."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from fitting import LossSurface, NewtonResult, fit_vpnls
from studies.fitting_methods.approach3 import Fitted, fit_approach_3
from studies.fitting_methods.drawings import HALF_WIDTH, bars, wrapped
from studies.fitting_methods.experiment import Context, Experiment, Findings, Picture, Table, number
from studies.fitting_methods.plots import Panel, label, line
from studies.fitting_methods.projected import fit_projected
from studies.fitting_methods.sampling import WIDTHS, Runs, Sampling
from studies.fitting_methods.surfaces import THREE

NAMES = ("E", "A", "B", "alpha", "beta")
FAILED = {"abnormal", "max_iter"}


def _ours(runs: Runs) -> Fitted:
    fit = fit_vpnls(runs.N, runs.D, runs.L)
    assert isinstance(fit, NewtonResult)
    return Fitted(
        fit.to_loss_surface(), fit.rss, fit.n_iter, "ok" if fit.status == "converged" else str(fit.status)
    )


METHODS: dict[str, Callable[[Runs], Fitted]] = {
    "5D L-BFGS-B, analytic": lambda runs: fit_approach_3(runs, lse=True, log_loss=True),
    "5D L-BFGS-B, 3-point": lambda runs: fit_approach_3(runs, lse=True, log_loss=True, gradient="3-point"),
    "2D L-BFGS-B, envelope gradient": lambda runs: fit_projected(runs),
    "2D L-BFGS-B, 3-point": lambda runs: fit_projected(runs, optimiser="lbfgs-3point"),
    "2D Nelder-Mead": lambda runs: fit_projected(runs, optimiser="nelder-mead"),
    "2D grid 256 x 256": lambda runs: fit_projected(runs, optimiser="grid", side=256),
    "5D Newton, ours": _ours,
}


def recover(job: tuple[str, str]) -> list[dict]:
    """One row a width for one surface and method."""
    name, method = job
    truth: LossSurface = THREE[name]
    rows = []
    for width in WIDTHS:
        fit = METHODS[method](Sampling(width).runs(truth))
        errors = {f"{n}_error_pct": 100 * (getattr(fit.surface, n) / getattr(truth, n) - 1) for n in NAMES}
        rows.append(
            {
                "method": method,
                "surface": name,
                "half_width": width,
                **errors,
                "iterations": fit.iterations,
                "status": fit.status,
            }
        )
    return rows


def errors(context: Context, methods=tuple(METHODS)) -> pd.DataFrame:
    jobs = [(name, method) for method in methods for name in THREE]
    return pd.DataFrame([row for rows in context.map(recover, jobs, "fits") for row in rows])


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Largest |error| in percent over surfaces and widths, and iterations."""
    rows = []
    for method, part in table.groupby("method", sort=False):
        rows.append(
            {
                "method": method,
                **{f"{n}_pct": part[f"{n}_error_pct"].abs().max() for n in NAMES},
                "iterations_min": int(part["iterations"].min()),
                "iterations_mean": float(part["iterations"].mean()),
                "iterations_max": int(part["iterations"].max()),
                "bound": int((part["status"] == "bound").sum()),
                "abnormal": int(part["status"].isin(FAILED).sum()),
            }
        )
    return pd.DataFrame(rows)


def run(context: Context) -> Findings:
    table = errors(context)
    short = summary(table)
    at = short.set_index("method")
    exponents = at[["alpha_pct", "beta_pct"]].max(axis=1)
    ranking = ", ".join(f"{m} {v:.1e} %" for m, v in exponents.sort_values().items())
    return Findings(
        answer=(
            f"Largest error of an exponent over all surfaces and widths, best first: {ranking}.",
            f"The grid stands apart because it can't be finer than its step; all others find the surface, in "
            f"{number(at, '5D L-BFGS-B, analytic', 'iterations_mean'):.0f} iterations on average for five constants by L-BFGS-B, "
            f"{number(at, '2D L-BFGS-B, envelope gradient', 'iterations_mean'):.1f} for two, "
            f"{number(at, '5D Newton, ours', 'iterations_mean'):.1f} for our Newton steps on all five. "
            f"Largest error of any constant by ours: {at.loc['5D Newton, ours', [f'{n}_pct' for n in NAMES]].max():.1e} %.",
        ),
        tables=(
            Table("summary", "Largest |error|, %, and iterations", short),
            Table("errors", "Every fit", table, table.iloc[:0]),
        ),
        pictures=pictures(table, short),
    )


FLOOR = 1e-14
"""Percent: smaller errors are drawn here."""


def pictures(table: pd.DataFrame, short: pd.DataFrame) -> tuple[Picture, ...]:
    def by_width(name: str):
        def draw(ax):
            for i, method in enumerate(METHODS):
                part = table[(table["surface"] == name) & (table["method"] == method)]
                worst = part[[f"{n}_error_pct" for n in NAMES]].abs().max(axis=1).clip(lower=FLOOR)
                line(ax, part["half_width"], worst, i, method)
            label(ax, HALF_WIDTH, "largest error of a constant, %", "y")

        return draw

    def by_constant(ax):
        for i, row in enumerate(short.itertuples()):
            sizes = [max(getattr(row, f"{n}_pct"), FLOOR) for n in NAMES]
            line(ax, range(len(NAMES)), sizes, i, row.method, lw=0)
        ax.set_xticks(range(len(NAMES)), list(NAMES))
        label(ax, "", "largest error, %", "y")

    def steps(ax):
        for i, row in enumerate(short.itertuples()):
            line(ax, [row.iterations_min, row.iterations_max], [i, i], i, marker="|")
            line(ax, row.iterations_mean, i, i)
        ax.set_yticks(range(len(short)), [wrapped(m, 20) for m in short["method"]], fontsize=7)
        ax.invert_yaxis()
        label(ax, "steps: fewest, mean, most")

    worst = short.set_index("method")[["alpha_pct", "beta_pct"]].max(axis=1).clip(lower=FLOOR)
    return (
        Picture("errors", "Recovery of the five constants", tuple(Panel(n, by_width(n)) for n in THREE), shared=True),
        Picture("constants", "The worst over surfaces and widths, by constant", (Panel("constants", by_constant),)),
        Picture("exponents", "The worst error of an exponent", (Panel("exponents", bars(worst.to_dict(), ("largest error, %", ""), scale="x")),)),
        Picture("steps", "Steps to the end", (Panel("steps", steps),)),
    )  # fmt: skip


EXPERIMENT = Experiment(
    5,
    "05_recovery",
    "Recovery of the constants",
    "Which optimiser recovers all five constants from noise-free runs?",
    "Three surfaces, centred runs, 20 widths, 15 sizes at each of 5 budgets, no noise; six optimisers of the source (five constants: LSE, log-loss, "
    "4^5 starts; two exponents: 32 x 32 starts) and ours.",
    run,
    notes=(
        "The source's text speaks of three variants of step size and of Nelder-Mead in the figures; its code has the six optimisers here and "
        "L-BFGS-B in the figures. The code is followed. Errors below 1e-6 % depend on the machine.",
    ),
)
