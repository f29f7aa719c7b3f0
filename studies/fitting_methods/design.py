"""Before an IsoFLOP study is paid for: bias and spread of each method, and the cheapest design that is sharp enough.

Two ways that must agree: first-order prediction (instant, used for the search) and simulation (`simulate`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from fitting import BadOption, FitError, LossSurface, approach_2
from studies.fitting_methods.approach2 import fit_approach_2
from studies.fitting_methods.approach3 import fit_approach_3
from studies.fitting_methods.ours import a_variance, exact
from studies.fitting_methods.sampling import Runs, Sampling

TWO, THREE, EXACT = "Approach 2", "Approach 3 (L-BFGS-B)", "Exact VPNLS"
PREDICTED = (TWO, EXACT)
BUDGET_COUNTS = (2, 3, 4, 5, 6, 7, 8)
POINTS = (5, 6, 7, 9, 11, 15, 21, 31, 41)
SPANS = (2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0)
STEPS_A_DECADE = 2
CHECKED = 20  # cheapest designs that are checked by simulation before giving up
LEAST_SUCCESS = 0.95


@dataclass(frozen=True)
class Plan:
    """A planned experiment on a surface that is believed to be near the truth.

    Attributes:
        sampling: budgets, sizes, and how far off centre they may be.
        noise: standard deviation of the loss between runs (seeds, data order), nats per token.
    """

    surface: LossSurface
    sampling: Sampling
    noise: float

    def __post_init__(self):
        if not (np.isfinite(self.noise) and self.noise >= 0):
            raise BadOption(f"noise must be finite and >= 0, got {self.noise!r}")
        if len(set(self.sampling.budgets)) < 2:
            raise BadOption("a plan needs at least two budgets")
        if self.sampling.points < 3:
            raise BadOption(f"a plan needs at least 3 points per budget, got {self.sampling.points}")

    @property
    def cost(self) -> float:
        """FLOPs of all runs."""
        return self.sampling.points * float(np.sum(self.sampling.budgets))

    @property
    def rows(self) -> int:
        return self.sampling.points * len(self.sampling.budgets)


@dataclass(frozen=True)
class Precision:
    """Bias and standard deviation of a (those of b are the same, with the bias's sign turned)."""

    bias: float
    spread: float

    @property
    def rmse(self) -> float:
        return float(np.hypot(self.bias, self.spread))


def predict(plan: Plan, method: str) -> Precision:
    """First-order prediction: bias from noise-free runs, spread from the derivatives there."""
    if method not in PREDICTED:
        raise BadOption(f"predict: expected one of {', '.join(PREDICTED)}, got {method!r}")
    runs = plan.sampling.runs(plan.surface)
    if method == EXACT:
        if plan.rows < 5:
            return Precision(0.0, float("inf"))
        return Precision(0.0, plan.noise * float(np.sqrt(a_variance(plan.surface, runs))))
    try:
        bias = fit_approach_2(runs).a - plan.surface.a
    except FitError:
        return Precision(float("nan"), float("inf"))
    return Precision(bias, plan.noise * float(np.sqrt(_parabola_variance(runs))))


def _parabola_variance(runs: Runs) -> float:
    """Variance of Approach 2's a for noise of variance one, to first order."""
    levels = np.unique(runs.C)
    variances = []
    for C in levels:
        mine = runs.C == C
        x = np.log10(runs.N[mine])
        M = np.vander(x - x.mean(), 3)
        inverse = np.linalg.inv(M.T @ M)
        c2, c1, _ = inverse @ M.T @ runs.L[mine]
        g = np.array([c1 / (2 * c2**2), -1 / (2 * c2), 0.0])  # vertex = mean - c1/(2 c2)
        variances.append(g @ inverse @ g)
    w = np.log10(levels) - np.log10(levels).mean()
    w /= (w**2).sum()
    return float((w**2 * variances).sum())


def simulate(
    plan: Plan,
    repeats: int,
    seed: int,
    target: float | None = None,
    methods: Sequence[str] = (TWO, THREE, EXACT),
):
    """Fits of noisy repeats.

    Args:
        target: budget whose D_opt is compared with the truth; ten times the largest if None.

    Returns:
        A frame with one row a method: bias, spread and RMSE of a, median and 90 % range of the error of D_opt in
        percent, share of fits that failed.
    """
    C = 10 * max(plan.sampling.budgets) if target is None else target
    clean = plan.sampling.runs(plan.surface)
    rng = np.random.default_rng(seed)
    found: dict[str, list[tuple[float, float]]] = {m: [] for m in methods}
    for _ in range(repeats):
        runs = clean.with_loss(clean.L + rng.normal(0.0, plan.noise, len(clean.L)) if plan.noise else clean.L)
        for method in methods:
            fit = _fit(method, runs)
            if fit is not None:
                found[method].append(
                    (fit.a - plan.surface.a, float(fit.D_opt(C)) / float(plan.surface.D_opt(C)) - 1)
                )
    rows = []
    for method, values in found.items():
        a, D = np.array(values).T if values else (np.array([np.nan]), np.array([np.nan]))
        low, middle, high = 100 * np.percentile(D, [5, 50, 95])
        rows.append(
            {
                "method": method,
                "a_bias": float(a.mean()),
                "a_spread": float(a.std()),
                "a_rmse": float(np.sqrt((a**2).mean())),
                "D_error_median_pct": middle,
                "D_error_low_pct": low,
                "D_error_high_pct": high,
                "failed_pct": 100 * (1 - len(values) / repeats),
            }
        )
    return pd.DataFrame(rows)


def _fit(method: str, runs: Runs):
    try:
        if method == TWO:
            return approach_2(runs.N, runs.D, runs.L, runs.C)
        surface = (
            fit_approach_3(runs, lse=True).surface if method == THREE else exact(runs).fit.to_loss_surface()
        )
    except FitError:
        return None
    return surface if min(surface.A, surface.B) > 0 else None  # without both terms there is no optimum


@dataclass(frozen=True)
class Limits:
    """What a suggested design may be: few budgets can't show a bent line, wide spans strain the law."""

    least_budgets: int = 3
    widest_span: float = 8.0

    def __post_init__(self):
        if not (self.least_budgets in BUDGET_COUNTS and self.widest_span >= SPANS[0]):
            raise BadOption(
                f"limits: expected {BUDGET_COUNTS[0]} to {BUDGET_COUNTS[-1]} budgets and a span of at least {SPANS[0]:g}, got {self!r}"
            )


@dataclass(frozen=True)
class Suggestion:
    """The cheapest design that was found sharp enough, predicted and checked by simulation."""

    method: str
    plan: Plan
    predicted: Precision
    simulated: pd.DataFrame


def candidates(plan: Plan, limits: Limits) -> Iterator[Plan]:
    """Designs between the plan's smallest and largest budget: counts of budgets, points and spans of sizes."""
    low, high = min(plan.sampling.budgets), max(plan.sampling.budgets)
    steps = max(int(np.floor(STEPS_A_DECADE * np.log10(high / low) + 1e-9)), 1)
    tops = [high / 10 ** (i / STEPS_A_DECADE) for i in range(steps)]
    for top, count, points, span in itertools.product(tops, BUDGET_COUNTS, POINTS, SPANS):
        if top <= low or count < limits.least_budgets or span > limits.widest_span:
            continue
        budgets = tuple(np.geomspace(low, top, count).tolist())
        sampling = replace(plan.sampling, budgets=budgets, points=points, half_width=float(np.log10(span)))
        yield replace(plan, sampling=sampling)


def cheapest(
    plan: Plan,
    precision: float,
    method: str,
    *,
    limits: Limits | None = None,
    repeats: int = 100,
    seed: int = 0,
) -> Suggestion | None:
    """The cheapest candidate whose RMSE of a is at most `precision`, or None.

    A candidate must pass the prediction and then a simulation (RMSE within its own sampling error, few failures).
    """
    if not precision > 0:
        raise BadOption(f"precision must be > 0, got {precision!r}")
    allowed = precision * (1 + 1 / np.sqrt(2 * repeats))
    tried = 0
    for candidate in sorted(candidates(plan, limits or Limits()), key=lambda p: (p.cost, p.rows)):
        expected = predict(candidate, method)
        if not expected.rmse <= precision:
            continue
        found = simulate(candidate, repeats, seed, methods=(method,))
        row = found.iloc[0]
        if row["a_rmse"] <= allowed and row["failed_pct"] <= 100 * (1 - LEAST_SUCCESS):
            return Suggestion(method, candidate, expected, found)
        tried += 1
        if tried == CHECKED:
            return None
    return None
