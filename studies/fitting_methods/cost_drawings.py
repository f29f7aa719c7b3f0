"""The figures of experiment 11: tokens and money by surface, bias and span; published runs; what quality control changes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fitting import ApproachResult, LossSurface, fit_vpnls
from studies.fitting_methods import real_cost
from studies.fitting_methods.approach2 import Case, fit_approach_2
from studies.fitting_methods.drawings import bars, heat, isoflops, lines_by, power_law
from studies.fitting_methods.plots import COLOURS, Panel, Picture, label, line
from studies.fitting_methods.quality import SPLINE_Z, Thresholds, check
from studies.fitting_methods.sampling import SPANS, Sampling
from studies.fitting_methods.surfaces import best_loss
from studies.fitting_methods.tables import IsoflopData


def simulated_pictures(
    table: pd.DataFrame, cells: pd.DataFrame, surfaces: dict, sampling: Sampling, target: float
) -> list[Picture]:
    """Figures of the simulated part."""
    by = table[table["method"] == "Approach 2"].set_index("surface")

    def mapped(column: str, digits: int = 1) -> tuple[Panel, ...]:
        return tuple(
            Panel(str(bias), heat(part.pivot(index="surface", columns="span", values=column).loc[list(surfaces), list(SPANS)], ("", ""), digits))
            for bias, part in cells.groupby("bias", sort=False)
        )  # fmt: skip

    def lines(column: str, what: str) -> tuple[Panel, ...]:
        return tuple(
            Panel(str(bias), lines_by(part, "span", column, "surface", ("span of sizes", what)))
            for bias, part in cells.groupby("bias", sort=False)
        )

    def valley(ax):
        """The price of a wrong allocation is flat near the best: loss above it by error of the tokens."""
        factor = np.geomspace(0.25, 4, 81)
        for i, (name, s) in enumerate(surfaces.items()):
            D = s.D_opt(target) * factor
            above = s.loss(target / (6 * D), D) - best_loss(s, target)
            line(ax, factor, above, i, name, marker="")
            at = 1 + by.loc[name, "D_error_pct"] / 100
            line(ax, [at], [by.loc[name, "loss_penalty"]], i)
        ax.set_ylim(0, 0.01)
        label(ax, "tokens / best tokens", "loss above the best", "x")

    cases = {name: Case.of(s, sampling) for name, s in surfaces.items()}
    return [
        Picture("runs", "The simulated runs: drift to 3 times too small, sizes within 2 times", tuple(Panel(n, isoflops(sampling.runs(c.surface), c.surface)) for n, c in cases.items()), columns=4),
        Picture("tokens", "Tokens too many, and what that costs", (
            Panel("tokens", bars(by["D_error_pct"].to_dict(), ("tokens too many, %", ""))),
            Panel("compute", bars(by["share_pct"].to_dict(), ("budget lost, %", ""))),
            Panel("dollars", bars((by["dollars"] / 1e6).to_dict(), ("million dollars", ""))))),
        Picture("allocations", "Tokens by budget, as Approach 2 has them", tuple(Panel(n, power_law({"Approach 2": c.fit}, sampling.budgets, truth=c.surface, tokens=True, target=target)) for n, c in cases.items()), columns=4),
        Picture("valley", "Loss above the best by tokens; marks: where Approach 2 lands", (Panel(f"at {target:g} FLOPs".replace("+", ""), valley),)),
        Picture("token_cells", "Error of D_opt in the 32 cells, %", mapped("D_error_pct"), columns=2),
        Picture("share_cells", "Budget lost in the 32 cells, %", mapped("share_pct", 2), columns=2),
        Picture("token_lines", "Error of D_opt by span", lines("D_error_pct", "error of D_opt, %"), columns=2, shared=True),
        Picture("share_lines", "Budget lost by span", lines("share_pct", "budget lost, %"), columns=2, shared=True),
    ]  # fmt: skip


def published_pictures(
    data: IsoflopData, costs: pd.DataFrame, stages: pd.DataFrame, target: float
) -> list[Picture]:
    """Figures of the published runs."""
    at = costs.set_index("truth")
    share = {n: (r["deadweight_low"] / target * 100, r["deadweight_high"] / target * 100) for n, r in at.iterrows()}  # fmt: skip
    money = {n: (r["dollars_low"] / 1e6, r["dollars_high"] / 1e6) for n, r in at.iterrows()}
    pictures = [
        Picture("llama_cost", "Cost of Approach 2 on the rows of Llama 3 by the surface taken for the truth; lines: 90 % intervals", (
            Panel("compute", bars(at["share_pct"].to_dict(), ("budget lost, %", ""), between=share)),
            Panel("dollars", bars((at["dollars"] / 1e6).to_dict(), ("million dollars", ""), between=money)))),
    ]  # fmt: skip
    for name, (key, _) in real_cost.FILTERED.items():
        runs = data.runs(key)
        clean = check(runs, Thresholds(spline_z=SPLINE_Z.get(key, Thresholds().spline_z))).kept
        kept = real_cost.pick(runs, np.flatnonzero(clean))
        surface = fit_vpnls(runs.N, runs.D, runs.L).to_loss_surface()
        budgets = (float(runs.C.min()), float(runs.C.max()))
        laws: dict[str, ApproachResult | LossSurface] = {
            "all rows": fit_approach_2(runs),
            "kept rows": fit_approach_2(kept),
            "exact VPNLS": surface,
        }
        slug = name.split()[0].lower()
        pictures += [
            Picture(f"{slug}_isoflops", f"{name}: runs and parabolas before and after quality control", (
                Panel("all rows", isoflops(runs)), Panel("rows that are kept", isoflops(kept)))),
            Picture(f"{slug}_power_law", f"{name}: the power laws through the vertices", (
                Panel("N_opt", power_law(laws, budgets, target=real_cost.FILTERED[name][1])),
                Panel("D_opt", power_law(laws, budgets, tokens=True, target=real_cost.FILTERED[name][1])))),
        ]  # fmt: skip

    def lost(part: pd.DataFrame):
        def draw(ax):
            for i, (truth, rows) in enumerate(part.groupby("truth", sort=False)):
                line(ax, range(len(rows)), rows["share_pct"], i, f"truth: {truth}")
            ax.set_xticks(
                range(len(real_cost.STAGES)), list(real_cost.STAGES), rotation=20, ha="right", fontsize=7
            )
            label(ax, "", "budget lost, %")

        return draw

    def counts(ax):
        for i, (name, part) in enumerate(stages.groupby("data", sort=False)):
            rows = part.drop_duplicates("stage")
            ax.bar(
                np.arange(len(rows)) + 0.4 * i - 0.2, rows["rows"], 0.38, color=COLOURS[i], label=str(name)
            )
        ax.set_xticks(
            range(len(real_cost.STAGES)), list(real_cost.STAGES), rotation=20, ha="right", fontsize=7
        )
        label(ax, "", "rows that are left")

    panels = [Panel(str(name), lost(part)) for name, part in stages.groupby("data", sort=False)]
    pictures.append(
        Picture("filtering", "What quality control changes", (*panels, Panel("rows", counts)), key=False)
    )
    return pictures
