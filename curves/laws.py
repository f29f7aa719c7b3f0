"""Endpoint laws: final loss against compute (or N, or D) of one recipe, and how far they can be trusted.

    floor    L = E + A*(x/unit)**-alpha     0 <= E < min L, A >= 0, 0 <= alpha <= 5
    loglog   ln L = intercept + slope*ln x  (no floor, two constants)

Source: the endpoint laws of the Delphi midtraining study (github.com/marin-community/marin); the floor form is fitted
by the same least squares on raw loss, with its two linear constants projected out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from fitting.errors import BadData, BadOption

LAW_FORMS = ("floor", "loglog")
UNIT = 1e18
"""FLOPs; A is the drop that is left at this compute."""
ALPHA_HIGH = 5.0
FLOOR_SHARE = 0.999
"""E is at most this share of the least loss fitted."""


def unit_of(rungs: Sequence[float], axis: str = "C") -> float:
    """What x is divided by: UNIT where runs of that compute are among them, else the power of ten below the smallest run.

    Args:
        rungs: x of the runs, rising.
    """
    if axis == "C" and (not rungs or rungs[-1] >= UNIT):
        return UNIT
    return float(10.0 ** np.floor(np.log10(rungs[0])))


@dataclass(frozen=True, slots=True)
class EndpointLaw:
    """A fitted law.

    Attributes:
        form: floor or loglog. constants: E, A, alpha, or intercept and slope. unit: what x is divided by.
        r2, rmse: on raw loss. rmse_log: on ln L. n: endpoints fitted. x_max: the largest x fitted.
        at_bound: constants on a bound.
    """

    form: str
    constants: dict[str, float]
    unit: float
    r2: float
    rmse: float
    rmse_log: float
    n: int
    x_max: float
    at_bound: tuple[str, ...] = ()

    def predict(self, x: np.ndarray | Sequence[float] | float) -> np.ndarray:
        """(n,) loss at x > 0, in the units fitted."""
        return _predict(self.form, self.constants, self.unit, np.atleast_1d(np.asarray(x, dtype=float)))


def _predict(form: str, constants: dict[str, float], unit: float, x: np.ndarray) -> np.ndarray:
    if form == "floor":
        return np.asarray(constants["E"] + constants["A"] * (x / unit) ** -constants["alpha"])
    return np.asarray(np.exp(constants["intercept"] + constants["slope"] * np.log(x)))


def fit_endpoint_law(x: np.ndarray, L: np.ndarray, form: str = "floor", unit: float = UNIT) -> EndpointLaw:
    """Fit the endpoints of one recipe.

    Args:
        x: (n,) compute, parameters or tokens, > 0; 3 distinct values or more for floor, 2 for loglog.
        L: (n,) final losses > 0.

    Raises:
        BadData: too few points, or numbers out of range. BadOption: an unknown form.
    """
    if form not in LAW_FORMS:
        raise BadOption(f"form: expected one of {', '.join(LAW_FORMS)}, got {form!r}")
    x, L = np.asarray(x, dtype=float), np.asarray(L, dtype=float)
    if x.ndim != 1 or x.shape != L.shape or not (np.isfinite(x).all() and np.isfinite(L).all()):
        raise BadData(f"x and L must be finite and of one length, got shapes {x.shape} and {L.shape}")
    if (x <= 0).any() or (L <= 0).any():
        raise BadData("x and L must be > 0; drop other rows first")
    needed = 3 if form == "floor" else 2
    if len(np.unique(x)) < needed:
        raise BadData(
            f"{form} needs {needed} different x or more, got {len(np.unique(x))}; use a later cut-off"
        )
    at_bound: tuple[str, ...] = ()
    if form == "loglog":
        slope, intercept = np.polyfit(np.log(x), np.log(L), 1)
        constants = {"intercept": float(intercept), "slope": float(slope)}
    else:
        constants, at_bound = _floor(x / unit, L)
    fitted = _predict(form, constants, unit, x)
    total = float(((L - L.mean()) ** 2).sum())
    rss = float(((L - fitted) ** 2).sum())
    return EndpointLaw(
        form, constants, unit, 1 - rss / total if total else np.nan, (rss / len(L)) ** 0.5,
        float(np.sqrt(np.mean(np.log(fitted / L) ** 2))), len(L), float(x.max()), at_bound,
    )  # fmt: skip


def _floor(x: np.ndarray, L: np.ndarray) -> tuple[dict[str, float], tuple[str, ...]]:
    """E and A by bounded least squares at every alpha, alpha by a grid and Brent's method."""
    high = FLOOR_SHARE * float(L.min())
    scale = float(np.exp(np.log(x).mean()))  # the middle of x: keeps the powers near 1

    def line(alpha: float) -> tuple[float, float, float]:
        g = (x / scale) ** -alpha
        centred = g - g.mean()
        A = max(float(centred @ L / max(centred @ centred, 1e-300)), 0.0)
        E = float(L.mean() - A * g.mean())
        if not 0 <= E <= high:
            E = min(max(E, 0.0), high)
            A = max(float(g @ (L - E) / (g @ g)), 0.0)
        return float(((L - E - A * g) ** 2).sum()), E, A

    grid = np.concatenate([[0.0], np.geomspace(1e-4, ALPHA_HIGH, 120)])
    values = [line(a)[0] for a in grid]
    i = int(np.argmin(values))
    low_alpha, high_alpha = grid[max(i - 1, 0)], grid[min(i + 1, len(grid) - 1)]
    found = minimize_scalar(
        lambda a: line(a)[0], bounds=(low_alpha, high_alpha), method="bounded", options={"xatol": 1e-12}
    )
    alpha = float(found.x) if found.fun <= values[i] else float(grid[i])
    _, E, A = line(alpha)
    edges = {"E": not 0 < E < high, "A": A <= 0, "alpha": alpha <= 2e-4 or alpha >= ALPHA_HIGH - 1e-6}
    constants = {"E": E, "A": A * scale**alpha, "alpha": alpha}
    return constants, tuple(name for name, on in edges.items() if on)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A run's final loss with the labels that make its recipe, and x by axis name (C, N, D)."""

    recipe: tuple[str | float, ...]
    x: dict[str, float]
    loss: float
    run: str = ""


@dataclass(frozen=True, slots=True)
class Miss:
    """A held-out endpoint: x beyond the cut-off, actual and predicted loss."""

    recipe: tuple[str | float, ...]
    x: float
    actual: float
    predicted: float

    @property
    def percent(self) -> float:
        """Signed error in % of the actual loss; > 0 over-predicts."""
        return 100 * (self.predicted - self.actual) / self.actual


def recipe_laws(
    endpoints: Sequence[Endpoint], cutoff: float, form: str = "floor", axis: str = "C", unit: float = UNIT
) -> tuple[dict[tuple[str | float, ...], EndpointLaw], list[Miss]]:
    """One law per recipe, fitted on x <= cutoff, and the held-out table of all larger x.

    Recipes with too few endpoints below the cut-off are left out.
    """
    laws: dict[tuple[str | float, ...], EndpointLaw] = {}
    misses: list[Miss] = []
    for recipe in dict.fromkeys(e.recipe for e in endpoints):
        mine = sorted((e for e in endpoints if e.recipe == recipe and axis in e.x), key=lambda e: e.x[axis])
        x = np.array([e.x[axis] for e in mine])
        L = np.array([e.loss for e in mine])
        seen = x <= cutoff * (1 + 1e-9)
        try:
            laws[recipe] = fit_endpoint_law(x[seen], L[seen], form, unit)
        except BadData:
            continue
        predicted = laws[recipe].predict(x[~seen])
        misses += [Miss(recipe, *map(float, row)) for row in zip(x[~seen], L[~seen], predicted, strict=True)]
    return laws, misses


def rolling_horizon(
    endpoints: Sequence[Endpoint], form: str = "floor", axis: str = "C", unit: float = UNIT
) -> list[tuple[float, float, float, float, int]]:
    """(cut-off, x / cut-off, mean |%| error, mean % error, endpoints) of every rung beyond every cut-off."""
    rungs = sorted({e.x[axis] for e in endpoints if axis in e.x})
    rows = []
    for cutoff in rungs[:-1]:
        misses = recipe_laws(endpoints, cutoff, form, axis, unit)[1]
        for x in rungs:
            percents = [m.percent for m in misses if m.x == x]
            if percents:
                rows.append(
                    (
                        cutoff,
                        x / cutoff,
                        float(np.mean(np.abs(percents))),
                        float(np.mean(percents)),
                        len(percents),
                    )
                )
    return rows


def remark(misses: Sequence[Miss], form: str) -> str:
    """Who over- or under-predicts, counted on the held-out endpoints."""
    if not misses:
        return f"{form}: no endpoint beyond the cut-off to check against"
    over = sum(m.percent > 0 for m in misses)
    mean = float(np.mean([m.percent for m in misses]))
    word = "over" if mean > 0 else "under"
    size = float(np.mean([abs(m.percent) for m in misses]))
    return (
        f"{form}: {word}-predicts on average by {abs(mean):.2f} % ({over} of {len(misses)} held-out endpoints too high,"
        f" mean absolute error {size:.2f} %)"
    )
