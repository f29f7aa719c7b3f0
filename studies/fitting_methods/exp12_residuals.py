"""Experiment 12: what the residuals of published runs say, budget by budget."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from fitting import LossSurface, fit_vpnls
from studies.fitting_methods.approach3 import StartGrid, fit_approach_3
from studies.fitting_methods.experiment import Context, Experiment, Findings, Picture, Table
from studies.fitting_methods.ours import exact
from studies.fitting_methods.plots import COLOURS, GREY, label, panels
from studies.fitting_methods.sampling import Runs

SETS = {
    "epochai Chinchilla": "epochai_chinchilla__massivetext__chinchilla",
    "Llama 3 raw": "llama_3__raw_loss",
    "Marin comma": "marin_202603__comma__llama_2",
    "Marin dclm": "marin_202603__dclm__llama_2",
    "Marin nemotron": "marin_202603__nemotron__llama_2",
    "misfitting": "misfitting__fineweb_c4__transformer",
}
WIDE_STARTS = StartGrid(8, (1.0, 6.0))


def factors(surface: LossSurface, runs: Runs) -> pd.Series:
    """Per budget, the k in C = k N D that fits best with the surface held: B D^-beta is linear in k^beta."""
    out = {}
    for C in np.unique(runs.C):
        mine = runs.C == C
        N, L = runs.N[mine], runs.L[mine]
        column = surface.B * (N / C) ** surface.beta  # B D^-beta at D = C/(k N), less the factor k^beta
        left = L - surface.E - surface.A * N**-surface.alpha
        power = float(column @ left) / float(column @ column)
        out[C] = power ** (1 / surface.beta) if power > 0 else np.nan
    return pd.Series(out)


def tokens_by(k: pd.Series, runs: Runs) -> np.ndarray:
    """(n,) tokens of each run if C = k N D with the k of its budget."""
    return runs.C / (k.loc[runs.C].to_numpy() * runs.N)


def by_budget(residuals: np.ndarray, runs: Runs) -> list[np.ndarray]:
    return [residuals[runs.C == C] for C in np.unique(runs.C)]


def tests_of(groups: list[np.ndarray]) -> dict[str, float]:
    """Mean standard deviation of the budgets; whether their locations (Kruskal-Wallis) and spreads (Levene) differ."""
    return {
        "mean_sigma": float(np.mean([g.std() for g in groups])),
        "kruskal_p": float(stats.kruskal(*groups).pvalue),
        "levene_p": float(stats.levene(*groups, center="median").pvalue),
    }


def describe(name: str, method: str, surface: LossSurface, runs: Runs) -> tuple[dict, pd.DataFrame]:
    """One row on a fit, and one row a budget."""
    k = factors(surface, runs)
    r = runs.L - surface.loss(runs.N, runs.D)
    groups = by_budget(r, runs)
    after = by_budget(runs.L - surface.loss(runs.N, tokens_by(k, runs)), runs)
    row = {
        "experiment": name,
        "method": method,
        "n": len(r),
        "budgets": len(groups),
        "E": surface.E,
        "alpha": surface.alpha,
        "beta": surface.beta,
        "a": surface.a,
        "rss": float(r @ r),
        **tests_of(groups),
        "k_median": float(k.median()),
        "k_min": float(k.min()),
        "k_max": float(k.max()),
        **{f"{name}_after_k": value for name, value in tests_of(after).items()},
    }
    budgets = pd.DataFrame(
        {
            "experiment": name,
            "method": method,
            "budget": k.index,
            "n": [len(g) for g in groups],
            "mean_residual": [g.mean() for g in groups],
            "sigma": [g.std() for g in groups],
            "k": k.to_numpy(),
            "mean_residual_after_k": [g.mean() for g in after],
            "sigma_after_k": [g.std() for g in after],
        }
    )
    return row, budgets


def surfaces(runs: Runs) -> dict[str, LossSurface]:
    ours = fit_vpnls(runs.N, runs.D, runs.L)
    return {
        "Approach 3 (LSE, log-loss)": fit_approach_3(
            runs, lse=True, log_loss=True, start=WIDE_STARTS
        ).surface,
        "Approach 3 (LSE)": fit_approach_3(runs, lse=True, start=WIDE_STARTS).surface,
        "Exact VPNLS (Newton)": ours.to_loss_surface(),
    }


def one_set(job: tuple[str, Runs]) -> tuple[list[dict], list[pd.DataFrame]]:
    name, runs = job
    pairs = [describe(name, method, surface, runs) for method, surface in surfaces(runs).items()]
    pairs[-1][0].update(zip(("a_low_95", "a_high_95"), exact(runs).interval(), strict=True))
    return [row for row, _ in pairs], [budgets for _, budgets in pairs]


def results(context: Context) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Fits (one row a set and method) and budgets."""
    jobs = [(name, context.rows.runs(key, clean=True)) for name, key in SETS.items()]
    found = context.map(one_set, jobs, "sets")
    rows = pd.DataFrame([row for rows, _ in found for row in rows])
    return rows, pd.concat([b for _, frames in found for b in frames], ignore_index=True)


def run(context: Context) -> Findings:
    table, budgets = results(context)
    logs = table[table["method"] == "Approach 3 (LSE, log-loss)"].set_index("experiment")
    squares = table.pivot_table(index="experiment", columns="method", values="rss", sort=False)
    gain = (squares["Approach 3 (LSE)"] / squares["Exact VPNLS (Newton)"] - 1) * 100
    figure, axes = panels(3, 2, height=2.6)
    shown = budgets[budgets["method"] == "Approach 3 (LSE, log-loss)"]
    for ax, (name, part) in zip(axes, shown.groupby("experiment", sort=False), strict=True):
        ax.errorbar(
            part["budget"], part["mean_residual"], part["sigma"], fmt="o", ms=3.5, lw=1, color=COLOURS[0]
        )
        ax.axhline(0, color=GREY, lw=0.8)
        ax.set_xscale("log")
        label(ax, "C (FLOPs)", "residual: mean and sigma", name)
    shifted = [str(n) for n, p in logs["kruskal_p"].items() if p < 0.05]
    spread = [str(n) for n, p in logs["levene_p"].items() if p < 0.05]
    return Findings(
        answer=(
            f"Residuals shift between budgets (Kruskal-Wallis below 5 %) in {len(shifted)} of {len(logs)} sets: {', '.join(shifted)}. Their spread "
            f"changes (Levene) in {len(spread)}: {', '.join(spread) or 'none'}.",
            f"The k in C = k N D that fits best is near 6 everywhere: medians {logs['k_median'].min():.3f} to {logs['k_median'].max():.3f}, single "
            f"budgets {logs['k_min'].min():.3f} to {logs['k_max'].max():.3f}.",
            f"By squared error the exact fit is never above Approach 3; on {gain.idxmax()} Approach 3 is {gain.max():.2f} % above it, because its "
            f"bound B <= 1e6 stops it.",
        ),
        tables=(
            Table(
                "fits", "Fits and tests; sigma is the mean of the standard deviations of the budgets", table
            ),
            Table("budgets", "Residuals and k by budget", budgets, budgets.iloc[:0]),
        ),
        pictures=(Picture("residuals", "Residuals by budget (fits of log loss)", figure),),
    )


EXPERIMENT = Experiment(
    12,
    "12_residuals",
    "Residuals by budget",
    "Do the residuals of published runs depend on the budget, and which k in C = k N D do they ask for?",
    "Rows of six published experiments that quality control did not flag; Approach 3 from 8^5 starts on logs, by log loss and by squared loss, and ours; "
    "residual = observed - predicted.",
    run,
    notes=("The source's text does not mention this experiment; its code has it.",),
    needs_data=True,
)
