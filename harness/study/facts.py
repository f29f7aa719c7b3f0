"""The numbers that the article quotes, each read off a table of the experiment that found it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from fitting import approach_2_bias
from studies.fitting_methods.experiment import Findings
from studies.fitting_methods.surfaces import ASYMMETRIC

NEEDED = set(range(1, 12))
"""Experiments without which there is no article; 0 and 12, and parts of 11, need published rows."""


def facts_of(found: Mapping[int, Findings]) -> dict[str, Any]:
    """Name -> number or text; names of published rows are absent where they were not at hand."""
    v: dict[str, Any] = {}
    wide = _rows(found, 2, "errors").query("width == 'wide'").set_index("surface")
    v["wide_a_balanced"], v["wide_a_nine"] = wide.loc[["Balanced (1)", "ratio 9"], "a_error_pct"]
    drift = _rows(found, 3, "errors")
    still = drift[~drift["bias"].str.startswith("drift")]
    v["offset_worst"] = float(np.abs(still["a_error_pct"]).max())
    at = drift[drift["bias"] == "drift 0.4"].set_index(["surface", "width"])["a_error_pct"]
    v["drift_wide"], v["drift_narrow"] = at["Asymmetric", "wide"], at["Asymmetric", "narrow"]
    v["ours_worst"] = float(np.abs(drift["ours_a_error_pct"]).max())
    centred = _rows(found, 4, "errors").query("bias == 'baseline' and surface == 'Asymmetric'")
    short = centred.groupby("width")["D_error_pct"].mean().abs()
    v["short"] = {name: float(short[name]) for name in ("narrow", "medium", "wide")}
    closed = _rows(found, 6, "errors")
    v["agreement"] = float(closed["difference"].abs().max())
    v["factor_wide"] = 1 + float(closed[closed["surface"] == "Asymmetric"]["closed_form"].iloc[-1])
    v["closed_example"] = 100 * approach_2_bias(ASYMMETRIC, log_range=0.3, points=15)
    s, W, n = ASYMMETRIC, 0.3, 15
    decades = (s.alpha - s.beta) * np.log(10) / 6 * (3 * n**2 - 7) / (5 * (n - 1) ** 2) * W**2
    v["first_order_example"] = float(100 * (10**decades - 1))
    noisy = _rows(found, 7, "summary").set_index("method")
    v["noise"] = {name: noisy.loc[name] for name in noisy.index}
    spectra = _rows(found, 8, "spectra").groupby("problem", sort=False)["condition"].first()
    v["condition_five"], v["condition_two"] = spectra
    forms = _rows(found, 8, "variants").set_index("form")["condition"]
    v["condition_centred"] = forms["centred log N and log D, columns of unit length"]
    fits = _rows(found, 8, "fits").set_index("method")["largest_error"]
    v["lbfgs"], v["lbfgs_free"] = fits["Approach 3 (L-BFGS-B, 4^5 starts)"], fits["Approach 3 (LSE, log-loss, ftol = 0)"]  # fmt: skip
    v["newton"] = fits["Exact VPNLS (Newton), ours"]
    spread = _rows(found, 9, "summary").set_index("method")
    two, ours = spread.loc["Approach 2"], spread.loc["Exact VPNLS (Newton)"]
    v["variance_ratio"], v["std_two"], v["std_ours"] = two["variance"] / ours["variance"], two["std"], ours["std"]  # fmt: skip
    tokens = _rows(found, 10, "errors")
    v["tokens_low"], v["tokens_high"] = tokens["D_error_pct"].min(), tokens["D_error_pct"].max()
    v["tokens_ours"] = tokens["ours_D_error_pct"].abs().max()
    cost = _rows(found, 11, "simulated").query("method == 'Approach 2'").set_index("surface")
    v["cost"] = {name: cost.loc[name] for name in cost.index}
    cells = _rows(found, 11, "cells")
    v["cells"], v["cells_low"], v["cells_high"] = len(cells), cells["share_pct"].min(), cells["share_pct"].max()  # fmt: skip
    names = {table.name for table in found[11].tables}
    if "llama_3" in names:
        v["llama"] = _rows(found, 11, "llama_3").set_index("truth").loc["Exact VPNLS (Newton), ours"]
        stages = _rows(found, 11, "filtering")
        ours_only = stages[stages["truth"] == "Exact VPNLS (Newton), ours"].groupby("data", sort=False)
        v["filtering"] = [(n, p["share_pct"].iloc[0], p["share_pct"].iloc[-1]) for n, p in ours_only]
    if 12 in found and "llama_3" in names:  # the article speaks of published sets
        logs = _rows(found, 12, "fits").query("method == 'Approach 3 (LSE, log-loss)'")
        v["sets"], v["shifted"] = len(logs), int((logs["kruskal_p"] < 0.05).sum())
        v["kruskal_after"] = logs["kruskal_p_after_k"].min()
        v["k_low"], v["k_high"] = logs["k_min"].min(), logs["k_max"].max()
        v["spread_after"] = int((logs["levene_p_after_k"] < 0.05).sum())
    return v


def _rows(found: Mapping[int, Findings], number: int, table: str) -> pd.DataFrame:
    return next(t.rows for t in found[number].tables if t.name == table)
