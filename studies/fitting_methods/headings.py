"""Tables for people: what the columns of our CSV files are called on a page, and numbers without rounding dust."""

from __future__ import annotations

import numpy as np
import pandas as pd

DIGITS = 6
DUST = 1e-9
"""A value so much smaller than the largest of its column is rounding: it is shown as 0."""
ZERO = {f"{name}_error_pct" for name in ("a", "b", "a0", "b0", "N_first", "N_last", "D")} | {"a_error"}
"""Columns in which any value below DUST is: errors of the methods of the source, where they have none."""

HEADINGS = {
    "half_width": "half width, decades",
    "a_error_pct": "error of a, %",
    "b_error_pct": "error of b, %",
    "a0_error_pct": "error of a0, %",
    "b0_error_pct": "error of b0, %",
    "N_first_error_pct": "error of N_opt, smallest budget, %",
    "N_last_error_pct": "error of N_opt, largest budget, %",
    "ours_a_error_pct": "error of a, exact VPNLS, %",
    "ours": "exact VPNLS, worst of five, %",
    "D_error_pct": "error of D_opt, %",
    "ours_D_error_pct": "error of D_opt, exact VPNLS, %",
    "share_pct": "budget lost, %",
    "ours_share_pct": "budget lost, exact VPNLS, %",
    "loss_penalty": "loss above the best",
    "deadweight_flops": "compute lost, FLOPs",
    "deadweight_low": "from, FLOPs",
    "deadweight_high": "to, FLOPs",
    "dollars": "cost, dollars",
    "dollars_low": "from, dollars",
    "dollars_high": "to, dollars",
    "D_true": "D_opt, true",
    "D_inferred": "D_opt, inferred",
    "N_true": "N_opt, true",
    "N_inferred": "N_opt, inferred",
    "closed_form": "error of N_opt, closed form",
    "fitted": "error of N_opt, fitted",
    "a_error": "error of a",
    "smallest_error": "smallest error of a constant",
    "largest_error": "largest error of a constant",
    "rss": "sum of squares",
    "RSS": "sum of squares",
    "R2": "R²",
    "a_low_95": "a from (95 %)",
    "a_high_95": "a to (95 %)",
    "geometric_mean_pct": "geometric mean error of a and b, %",
    "geometric_mean_a_pct": "geometric mean error of a, %",
    "max_a_pct": "largest error of a, %",
    "max_b_pct": "largest error of b, %",
    "coverage_95_pct": "95 % intervals that hold, %",
    "max_iter": "at the limit of steps",
    "abnormal": "stopped by an abnormal line search",
    "bound": "at a bound",
    "iterations_min": "fewest steps",
    "iterations_mean": "mean steps",
    "iterations_max": "most steps",
    "iterations": "steps",
    "n": "rows",
    "n_opt": "N_opt",
    "eigenvalue": "eigenvalue",
    "condition": "condition number",
    "mean_sigma": "σ, mean of the budgets",
    "kruskal_p": "Kruskal-Wallis p",
    "levene_p": "Levene p",
    "mean_sigma_after_k": "σ, with k",
    "kruskal_p_after_k": "Kruskal-Wallis p, with k",
    "levene_p_after_k": "Levene p, with k",
    "k_median": "k, median",
    "k_min": "k, least",
    "k_max": "k, largest",
    "std": "standard deviation",
    "IQR": "width of the middle half",
    "alpha": "α",
    "beta": "β",
    **{f"{name}_pct": f"error of {name}, %" for name in ("E", "A", "B")},
    "alpha_pct": "error of α, %",
    "beta_pct": "error of β, %",
}
"""Column -> heading; another name is shown with blanks for underscores."""


def heading(column: object) -> str:
    text = str(column)
    return HEADINGS.get(text, text.replace("_", " "))


def headed(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with an index as columns, headings for people, and zeros where a value is rounding."""
    frame = frame.reset_index() if frame.index.name or frame.index.nlevels > 1 else frame
    clean = {heading(c): dusted(frame[c], absolute=c in ZERO) for c in frame.columns}
    return pd.DataFrame(clean, index=frame.index)


def dusted(column: pd.Series, *, absolute: bool = False) -> pd.Series:
    """Zero where a value is nothing beside the largest of its column, or by itself."""
    if not pd.api.types.is_float_dtype(column):
        return column
    size = column.abs()
    return column.where(~(size < (DUST if absolute else DUST * size.max())), 0.0)


def cell(value: object, digits: int = DIGITS) -> str:
    """One cell of a printed table: significant digits, whole thousands apart, rounding errors in short."""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return str(value)
    if isinstance(value, float | np.floating):
        return _number(float(value), digits)
    return str(value)


def _number(value: float, digits: int) -> str:
    if np.isnan(value):
        return ""
    small = 0.0 < abs(value) < DUST
    text = f"{value:.1e}" if small else f"{value:.{digits}g}"
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if e else mantissa
