"""Experiment 0: the published fits of Chinchilla's points."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fitting import fit_vpnls, huber
from studies.fitting_methods.approach3 import StartGrid, fit_approach_3
from studies.fitting_methods.drawings import wrapped
from studies.fitting_methods.experiment import Context, Experiment, Findings, Picture, Table
from studies.fitting_methods.ours import exact
from studies.fitting_methods.plots import COLOURS, GREY, Panel, label, zero
from studies.fitting_methods.projected import fit_projected
from studies.fitting_methods.sampling import Runs

LARGEST_BUDGET = 1e21
WIDE_STARTS = StartGrid(8, (1.0, 6.0))
DELTA = 1e-3
PUBLISHED = {  # E, A, B, alpha, beta, R2; N in millions, D in billions; ml-scalefit with 100 starts, seed 42
    "published: ml-scalefit mse, L-BFGS": (1.9051, 4.0001, 1.0509, 0.3510, 0.4588, 0.996040),
    "published: ml-scalefit huber, L-BFGS": (1.8267, 3.7066, 1.0386, 0.3240, 0.4080, 0.994747),
    "published: ml-scalefit huber, basin hopping": (1.8250, 3.6984, 1.0396, 0.3239, 0.4058, 0.994694),
    "published: ml-scalefit huber, 10 bootstraps": (1.8262, 3.7451, 1.0430, 0.3285, 0.4011, 0.994564),
}
"""Source: arXiv 2603.22339 and the notes in its published code."""


def points(context: Context) -> Runs:
    """The 217 points, N in millions and D in billions."""
    runs = context.rows.chinchilla_points(LARGEST_BUDGET)
    return Runs(runs.N / 1e6, runs.D / 1e9, runs.L, runs.C)


def fits(runs: Runs) -> pd.DataFrame:
    """One row a method: constants, a, RSS, R2 and mean Huber cost."""
    found = {
        "VPNLS (256 x 256, L-BFGS-B)": fit_projected(runs, side=256).surface,
        "Approach 3 (LSE)": fit_approach_3(runs, lse=True, start=WIDE_STARTS).surface,
        "Approach 3 (LSE, log-loss)": fit_approach_3(
            runs, lse=True, log_loss=True, start=WIDE_STARTS
        ).surface,
        "Exact VPNLS (Newton), ours": fit_vpnls(runs.N, runs.D, runs.L).to_loss_surface(),
        "Exact VPNLS, Huber 1e-3, ours": fit_vpnls(
            runs.N, runs.D, runs.L, loss=huber(DELTA)
        ).to_loss_surface(),
    }
    total = float(((runs.L - runs.L.mean()) ** 2).sum())
    rows = []
    for method, s in found.items():
        r = runs.L - s.loss(runs.N, runs.D)
        rows.append(_row(method, (s.E, s.A, s.B, s.alpha, s.beta), float(r @ r), 1 - float(r @ r) / total))
    low, high = exact(runs).interval()
    rows[3] |= {"a_low_95": low, "a_high_95": high}
    rows += [_row(name, values[:5], (1 - values[5]) * total, values[5]) for name, values in PUBLISHED.items()]
    return pd.DataFrame(rows)


def _row(method: str, constants: tuple, rss: float, r2: float) -> dict:
    E, A, B, alpha, beta = constants
    a = beta / (alpha + beta)
    return {
        "method": method,
        "E": E,
        "A": A,
        "B": B,
        "alpha": alpha,
        "beta": beta,
        "a": a,
        "RSS": rss,
        "R2": r2,
    }


def run(context: Context) -> Findings:
    runs = points(context)
    table = fits(runs)
    at = table.set_index("method")
    ours, theirs = at.loc["Exact VPNLS (Newton), ours"], at.loc["VPNLS (256 x 256, L-BFGS-B)"]
    robust = at.loc["Exact VPNLS, Huber 1e-3, ours"]
    low, high = ours["a_low_95"], ours["a_high_95"]
    gap = float(np.abs(at.loc[next(iter(PUBLISHED)), ["alpha", "beta"]] - ours[["alpha", "beta"]]).max())
    return Findings(
        answer=(
            f"On {len(runs.L)} points both ways to VPNLS give E {ours['E']:.4f}, A {ours['A']:.4f}, B {ours['B']:.4f}, alpha {ours['alpha']:.4f}, "
            f"beta {ours['beta']:.4f} and RSS {ours['RSS']:.6f} (RSS of the source's less ours: {theirs['RSS'] - ours['RSS']:.1e}). The published "
            f"ml-scalefit fit by squared error is within {gap:.4f} of both exponents. Our 95 % interval of a is {low:.4f} to {high:.4f}.",
            f"With the Huber loss of delta {DELTA:g} instead ours gives alpha {robust['alpha']:.4f} and beta "
            f"{robust['beta']:.4f}.",
        ),
        tables=(Table("fits", "Constants (N in millions, D in billions)", table),),
        pictures=pictures(runs, at),
    )


def pictures(runs: Runs, at: pd.DataFrame) -> tuple[Picture, ...]:
    result = fit_vpnls(runs.N, runs.D, runs.L)
    fitted = result.predict(runs.N, runs.D)

    def residuals(ax):
        ax.plot(runs.C, runs.L - fitted, "o", ms=3, color=COLOURS[0], alpha=0.7)
        zero(ax)
        label(ax, "C (FLOPs)", "observed - fitted loss", "x")

    def parity(ax):
        ax.plot(fitted, runs.L, "o", ms=3, color=COLOURS[0], alpha=0.7)
        ends = [runs.L.min(), runs.L.max()]
        ax.plot(ends, ends, "--", color=GREY, lw=0.9)
        label(ax, "fitted loss", "observed loss")

    def exponents(ax):
        for i, (method, row) in enumerate(at.iterrows()):
            mark = "o" if "ours" in str(method) else "x"
            ax.plot(row["alpha"], row["beta"], mark, ms=6, color=COLOURS[i % 7], label=method)
        label(ax, "alpha", "beta")

    def shares(ax):
        a = at["a"]
        ax.plot(a, range(len(a)), "o", color=COLOURS[0])
        ours = at.loc["Exact VPNLS (Newton), ours"]
        ax.axvspan(ours["a_low_95"], ours["a_high_95"], color=COLOURS[0], alpha=0.15)
        ax.set_yticks(range(len(a)), [wrapped(name, 24) for name in a.index], fontsize=6)
        ax.invert_yaxis()
        label(ax, "a (shade: 95 % interval of ours)")

    return (
        Picture("fit", "The exact fit of Chinchilla's points", (Panel("residuals", residuals), Panel("parity", parity))),
        Picture("methods", "Exponents by method", (Panel("alpha and beta", exponents),)),
        Picture("a", "The exponent of N_opt by method", (Panel("a = beta/(alpha + beta)", shares),)),
    )  # fmt: skip


EXPERIMENT = Experiment(
    0,
    "00_reproductions",
    "Reproductions",
    "Do independent ways to fit the surface agree on published data?",
    "Points read from Chinchilla's figure 4 (arXiv 2404.10102), less the five largest losses, budgets below 1e21: 217 points. VPNLS from a 256 x 256 "
    "grid with L-BFGS-B, Approach 3 from 8^5 starts, ours, and the published fits of ml-scalefit (not run here: it can't be installed).",
    run,
    needs_data=True,
)
