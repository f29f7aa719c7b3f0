"""Quality control of an IsoFLOP table: six stages that flag rows, each on rows not flagged before.

1. Duplicates: of rows with one N in a budget the one whose 6 N D is nearest the budget stays (then the lower loss);
   then the same for rows of nearly equal N.
2. Budgets with too few rows.
3. Off centre: rows much farther from the vertex than the nearer end of the budget is, or whole budgets whose vertex
   lies beyond their rows.
4. Spline outliers: rows far from a leave-one-out spline through their budget.
5. Curvature: budgets whose parabola opens downward or can't be told from a line.
6. Budgets that have too few rows now.

Source: the published code of arXiv 2603.22339.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from scipy.interpolate import Akima1DInterpolator

from fitting import BadData, BadOption
from studies.fitting_methods.sampling import Runs

NONE = "none"
REASONS = (
    "exact_duplicate",
    "near_duplicate_params",
    "too_few_points",
    "off_center",
    "spline_outlier",
    "weak_curvature",
    "negative_curvature",
    "too_few_post_qc",
)


@dataclass(frozen=True)
class Thresholds:
    """What counts as bad.

    Attributes:
        near: log N within this of the first of its group is nearly equal.
        least: rows a budget needs.
        radius: rows beyond this many times the nearer end's distance from the vertex are off centre.
        spline_z: robust z above which a row is an outlier.
        level: of the confidence interval of the curvature.
    """

    near: float = 0.01
    least: int = 6
    radius: float = 2.5
    spline_z: float = 6.0
    level: float = 0.95

    def __post_init__(self):
        if not (
            self.near > 0
            and self.least >= 4
            and self.radius >= 1
            and self.spline_z > 0
            and 0 < self.level < 1
        ):
            raise BadOption(
                f"Thresholds: needs near > 0, least >= 4, radius >= 1, spline_z > 0, 0 < level < 1, got {self!r}"
            )


SPLINE_Z = {"epochai_chinchilla__massivetext__chinchilla": 3.0, "marin_202603__dclm__llama_2": 4.5}
"""Published experiments for which the source uses a stricter spline threshold."""


@dataclass(frozen=True)
class Quality:
    """Reason of each row ("none" where it stays), in the order of the rows."""

    reasons: np.ndarray

    @property
    def kept(self) -> np.ndarray:
        return self.reasons == NONE

    @property
    def counts(self) -> dict[str, int]:
        """Rows by reason, "none" first."""
        return {reason: int((self.reasons == reason).sum()) for reason in (NONE, *REASONS)}

    def kept_after(self, stages: tuple[str, ...]) -> np.ndarray:
        """Rows that these reasons leave, as if no later stage had run."""
        return ~np.isin(self.reasons, stages)


def check(runs: Runs, thresholds: Thresholds | None = None) -> Quality:
    """Flag the rows of one experiment.

    Args:
        runs: N, D, L and the nominal budget of every row; rows of one IsoFLOP share exactly one C.

    Raises:
        BadData: a value is not finite or not > 0.
    """
    t = thresholds or Thresholds()
    for name in ("N", "D", "L", "C"):
        column = getattr(runs, name)
        bad = np.flatnonzero(~(np.isfinite(column) & (column > 0)))
        if len(bad):
            raise BadData(
                f"{name} must be finite and > 0: {len(bad)} of {len(column)} rows are not (first: row {bad[0]}, "
                f"{name}={column[bad[0]]}). Drop them before the check."
            )
    state = _State(runs, np.full(len(runs.L), NONE, dtype=object))
    stages: tuple[Callable[[_State, Thresholds], None], ...] = (
        _exact_duplicates,
        _near_duplicates,
        lambda s, t: _too_few(s, t, "too_few_points"),
        _off_centre,
        _spline,
        _curvature,
        lambda s, t: _too_few(s, t, "too_few_post_qc"),
    )
    for stage in stages:
        stage(state, t)
    return Quality(state.reasons.astype(str))


def check_table(
    rows: pd.DataFrame, *, spline_z: dict[str, float] | None = None, thresholds: Thresholds | None = None
) -> pd.Series:
    """Reasons for a table with params, tokens, loss, budget and, if there are several, experiment.

    Args:
        spline_z: experiment -> its own spline threshold.
    """
    missing = [c for c in ("params", "tokens", "loss", "budget") if c not in rows.columns]
    if missing:
        raise BadData(
            f"quality control: no column {', '.join(missing)}; the table has {', '.join(map(str, rows.columns))}"
        )
    t = thresholds or Thresholds()
    reasons = pd.Series(NONE, index=rows.index, dtype=object)
    parts = rows.groupby("experiment", sort=False) if "experiment" in rows.columns else [("", rows)]
    for name, part in parts:
        columns = (part[c].to_numpy(dtype=float) for c in ("params", "tokens", "loss", "budget"))
        own = Thresholds(t.near, t.least, t.radius, (spline_z or {}).get(str(name), t.spline_z), t.level)
        reasons.loc[part.index] = check(Runs(*columns), own).reasons
    return reasons


@dataclass
class _State:
    runs: Runs
    reasons: np.ndarray

    def budgets(self):
        """Rows not flagged yet, budget by budget, in the order of N."""
        for C in np.unique(self.runs.C):
            rows = np.flatnonzero((self.runs.C == C) & (self.reasons == NONE))
            if len(rows):
                yield C, rows[np.argsort(self.runs.N[rows], kind="stable")]

    def flag(self, rows, reason: str) -> None:
        self.reasons[rows] = reason

    def all_but_best(self, rows: np.ndarray) -> np.ndarray:
        """Rows less the one whose 6 N D is nearest the budget, then of lowest loss."""
        r = self.runs
        gap = np.abs(6 * r.N[rows] * r.D[rows] - r.C[rows])
        return np.delete(rows, np.lexsort((r.L[rows], gap))[0])


def _exact_duplicates(state: _State, t: Thresholds) -> None:
    for _, rows in state.budgets():
        for N in np.unique(state.runs.N[rows]):
            same = rows[state.runs.N[rows] == N]
            if len(same) > 1:
                state.flag(state.all_but_best(same), "exact_duplicate")


def _near_duplicates(state: _State, t: Thresholds) -> None:
    for _, rows in state.budgets():
        log_N = np.log(state.runs.N[rows])
        start = 0
        for end in range(1, len(rows) + 1):
            if end == len(rows) or log_N[end] - log_N[start] > t.near:
                if end - start > 1:
                    state.flag(state.all_but_best(rows[start:end]), "near_duplicate_params")
                start = end


def _too_few(state: _State, t: Thresholds, reason: str) -> None:
    for _, rows in state.budgets():
        if len(rows) < t.least:
            state.flag(rows, reason)


def _off_centre(state: _State, t: Thresholds) -> None:
    for _, rows in state.budgets():
        x, y = np.log(state.runs.N[rows]), np.log(state.runs.L[rows])
        bend, slope, _ = np.polyfit(x - x.mean(), y, 2)
        if bend == 0:
            continue
        vertex = x.mean() - slope / (2 * bend)
        if vertex <= x[0] or vertex >= x[-1]:
            state.flag(rows, "off_center")
            continue
        radius = t.radius * min(vertex - x[0], x[-1] - vertex)
        state.flag(rows[np.abs(x - vertex) > radius], "off_center")


def _spline(state: _State, t: Thresholds) -> None:
    places, residuals = [], []
    for _, rows in state.budgets():
        x, y = np.log(state.runs.N[rows]), state.runs.L[rows]
        for i in range(len(rows)):  # the ends are extrapolated, as in the source
            others = np.arange(len(rows)) != i
            spline = Akima1DInterpolator(x[others], y[others], extrapolate=True)
            places.append(rows[i])
            residuals.append(y[i] - float(spline(x[i])))
    if not places:
        return
    r = np.array(residuals)
    gap = np.abs(r - np.median(r))
    spread = np.median(gap)
    if spread > 0:
        state.flag(np.array(places)[0.6745 * gap / spread > t.spline_z], "spline_outlier")


def _curvature(state: _State, t: Thresholds) -> None:
    for _, rows in state.budgets():
        x, y = np.log(state.runs.N[rows]), state.runs.L[rows]
        spare = len(rows) - 3
        if spare < 1:
            continue  # nothing can be said; the last stage drops so small a budget
        M = np.vander(x - x.mean(), 3)
        coef = np.linalg.lstsq(M, y, rcond=None)[0]
        if coef[0] <= 0:
            state.flag(rows, "negative_curvature")
        else:
            rss = float(((y - M @ coef) ** 2).sum())
            error = np.sqrt(rss / spare * np.linalg.inv(M.T @ M)[0, 0])
            if coef[0] - stats.t.ppf(0.5 + t.level / 2, spare) * error <= 0:
                state.flag(rows, "weak_curvature")
