"""The part of experiment 11 on published runs: cost of Approach 2, its bootstrap, and what quality control changes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fitting import FitError, LossSurface, fit_vpnls
from studies.fitting_methods.approach2 import fit_approach_2
from studies.fitting_methods.approach3 import StartGrid, fit_approach_3
from studies.fitting_methods.dollars import Cost
from studies.fitting_methods.projected import fit_projected
from studies.fitting_methods.quality import REASONS, SPLINE_Z, Thresholds, check
from studies.fitting_methods.sampling import Runs
from studies.fitting_methods.tables import IsoflopData

LLAMA = "llama_3__raw_loss"
FILTERED = {  # experiment, budget of the largest model of its paper
    "Llama 3": (LLAMA, 3.8e25),
    "Chinchilla (epochai)": ("epochai_chinchilla__massivetext__chinchilla", 5.76e23),
}
STAGES = {
    "raw": (),
    "+ duplicates and too few": REASONS[:3],
    "+ off centre and spline": REASONS[:5],
    "+ weak curvature": REASONS[:7],
    "+ too few after that": REASONS,
}
RESAMPLES, SEED = 100, 42
WIDE_STARTS = StartGrid(8, (1.0, 6.0))


def truths(runs: Runs) -> dict[str, LossSurface]:
    """Surfaces that stand for the truth; raw N and D."""
    return {
        "VPNLS": fit_projected(runs, side=256).surface,
        "Approach 3": fit_approach_3(runs, lse=True, log_loss=True, start=WIDE_STARTS).surface,
        "Exact VPNLS (Newton), ours": fit_vpnls(runs.N, runs.D, runs.L).to_loss_surface(),
    }


def pick(runs: Runs, rows: np.ndarray) -> Runs:
    return Runs(runs.N[rows], runs.D[rows], runs.L[rows], runs.C[rows])


def bootstrap(runs: Runs) -> list:
    """Approach 2 refitted to resamples within budgets; those whose parabola opens downward are left out."""
    rng = np.random.default_rng(SEED)
    budgets = [np.flatnonzero(runs.C == C) for C in np.unique(runs.C)]
    found = []
    for _ in range(RESAMPLES):
        rows = np.concatenate([b[rng.integers(0, len(b), len(b))] for b in budgets])
        try:
            found.append(fit_approach_2(pick(runs, rows)))
        except FitError:
            continue
    return found


def against_truths(data: IsoflopData, C: float) -> tuple[pd.DataFrame, int]:
    """Cost of Approach 2 on Llama 3's rows by each truth, with 90 % intervals; how many resamples could be fitted."""
    runs = data.runs(LLAMA)
    fit, resampled = fit_approach_2(runs), bootstrap(runs)
    rows = []
    for name, truth in truths(runs).items():
        cost = Cost.of(truth, C, float(fit.D_opt(C)))
        spread = [Cost.of(truth, C, float(f.D_opt(C))) for f in resampled]
        low, high = np.percentile([c.deadweight for c in spread], [5, 95])
        cheap, dear = np.percentile([c.dollars for c in spread], [5, 95])
        rows.append(
            {
                "truth": name,
                "E": truth.E,
                "A": truth.A,
                "B": truth.B,
                "alpha": truth.alpha,
                "beta": truth.beta,
                **cost.row(),
                "N_true": float(truth.N_opt(C)),
                "N_inferred": C / (6 * cost.D_inferred),
                "deadweight_low": low,
                "deadweight_high": high,
                "dollars_low": cheap,
                "dollars_high": dear,
            }
        )
    return pd.DataFrame(rows), len(resampled)


def progressive(data: IsoflopData) -> pd.DataFrame:
    """Deadweight share after each group of quality-control stages; the truth is fitted to the raw rows."""
    rows = []
    for name, (key, C) in FILTERED.items():
        runs = data.runs(key)
        quality = check(runs, Thresholds(spline_z=SPLINE_Z.get(key, Thresholds().spline_z)))
        for truth_name, truth in truths(runs).items():
            for stage, reasons in STAGES.items():
                kept = np.flatnonzero(quality.kept_after(reasons))
                inferred = float(fit_approach_2(pick(runs, kept)).D_opt(C))
                share = 100 * Cost.of(truth, C, inferred).share
                rows.append(
                    {
                        "data": name,
                        "truth": truth_name,
                        "C": C,
                        "stage": stage,
                        "rows": len(kept),
                        "share_pct": share,
                    }
                )
    return pd.DataFrame(rows)
