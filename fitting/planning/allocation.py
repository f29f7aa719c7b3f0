"""What to do with a fit: best N and D for a budget, with bands; the price of a wrong allocation; k in C = k N D."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fitting.arrays import Array
from fitting.errors import BadData, BadOption, FitError
from fitting.law.law import Law
from fitting.solve.solution import Solution
from fitting.uncertainty.bootstrap import bootstrap
from fitting.uncertainty.covariance import draws
from fitting.uncertainty.sandwich import widened

LOG_SPAN = np.log(1e9)  # how far beyond sqrt(C/k) the search for N_opt goes, each way
BANDS = ("sandwich", "covariance", "bootstrap")


@dataclass(frozen=True)
class Allocation:
    """Best use of compute budgets, C = k N D.

    Attributes:
        C: (m,) FLOPs; k: FLOPs per parameter and token.
        N_opt, D_opt, loss: (m,) optimum.
        bands: quantity ("N_opt", "D_opt", "loss", "tokens_per_parameter", "a") -> (low, high); empty when not asked.
        a: slope of log N_opt on log C, (m,).
    """

    C: np.ndarray
    k: float
    N_opt: np.ndarray
    D_opt: np.ndarray
    loss: np.ndarray
    a: np.ndarray
    level: float
    bands: dict[str, tuple[np.ndarray, np.ndarray]]

    @property
    def tokens_per_parameter(self) -> np.ndarray:
        ratio: Array = self.D_opt / self.N_opt
        return ratio

    @property
    def b(self) -> np.ndarray:
        """Slope of log D_opt on log C."""
        slope: Array = 1.0 - self.a
        return slope


def allocate(
    result: Solution,
    C: ArrayLike,
    *,
    k: float = 6.0,
    N: str = "N",
    D: str = "D",
    group: str | None = None,
    others: dict[str, float] | None = None,
    bands: str | None = None,
    level: float = 0.95,
    n: int = 1000,
    seed: int = 0,
    **options: Any,
) -> Allocation:
    """Parameters and tokens that give the lowest loss for each budget.

    Args:
        C: budgets, FLOPs.
        k: FLOPs per parameter and token; `compute_factor` and `fit_compute_factor` estimate it.
        N, D: names of the two columns that share the budget, in the units the law was fitted in; N*D*k = C, so
            scale k when N or D were (N in millions and D in billions: k = 6e15).
        others: values of the law's other columns.
        bands: None, "sandwich" or "covariance" (constants drawn from that covariance) or "bootstrap" (options go there).
        level, n, seed: of the bands.

    Raises:
        FitError: the loss has no minimum between the two, so there is no best allocation.
    """
    law = result.law
    for name in (N, D):
        if name not in law.used:
            raise BadOption(f"allocate: the law has no column {name!r}; it uses {', '.join(law.used)}")
    C = np.atleast_1d(np.asarray(C, dtype=float)).ravel()
    if not (len(C) and np.isfinite(C).all() and (C > 0).all()):
        raise BadData("allocate: C must be finite and > 0")
    if not (np.isfinite(k) and k > 0):
        raise BadOption(f"allocate: k must be finite and > 0, got {k!r}")
    others = dict(others or {})
    missing = [v for v in law.used if v not in (N, D, *others)]
    if missing:
        raise BadOption(f"allocate: give a value for {', '.join(missing)} through others={{...}}")
    slots = _slots(result, group)
    curve = _curve(law, N, D, others, k)
    theta = result.theta[None, slots]
    log_N, loss, a = _optimum(curve, theta, C, k)
    if not np.isfinite(log_N).all():
        raise FitError(
            f"allocate: along C = {k:g} {N} {D} the loss has no minimum (it falls towards one end); "
            "check the signs of the exponents and amplitudes"
        )
    N_opt = np.exp(log_N[0])
    found: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    if bands is not None:
        samples = _samples(result, bands, n, seed, options)[:, slots]
        found = _bands(curve, samples, C, k, level)
    return Allocation(C, float(k), N_opt, C / (k * N_opt), loss[0], a[0], level, found)


def _slots(result: Solution, group: str | None) -> np.ndarray:
    result.one_set(group)  # the error says what to do
    g = 0 if group is None else result.problem.rows.labels.index(group)
    return np.array([s[g] if len(s) > 1 else s[0] for s in result.problem.model.slots])


Loss = Callable[[Array, Array, Array], Array]
"""theta (R, P), log N (R, m), C (m,) -> loss (R, m)."""


def _curve(law: Law, N: str, D: str, others: dict[str, float], k: float) -> Loss:
    """The loss when what N leaves of a budget goes to D."""
    before, body = law.program(0)

    def loss(theta: np.ndarray, log_N: np.ndarray, C: np.ndarray) -> np.ndarray:
        columns = {**{name: np.array(value, dtype=float) for name, value in others.items()}}
        columns[N] = np.exp(log_N)
        columns[D] = C / (k * columns[N])
        with np.errstate(all="ignore"):
            value = body(
                [theta[:, i : i + 1] for i in range(theta.shape[1])], before([columns[v] for v in law.used])
            )[0]
        return np.broadcast_to(value, log_N.shape)

    return loss


def _optimum(curve: Loss, theta: Array, C: Array, k: float) -> tuple[Array, Array, Array]:
    """log N_opt, loss and slope a, (R, m) each; nan where the minimum is at an end."""
    R, m = len(theta), len(C)
    middle = 0.5 * np.log(C / k)
    flat_theta = np.repeat(theta, m, axis=0)
    flat_C = np.tile(C, R)[:, None]
    offsets = np.linspace(-LOG_SPAN, LOG_SPAN, 161)
    spots = np.tile(middle, R)[:, None] + offsets
    values = curve(flat_theta, spots, flat_C)
    values = np.where(np.isfinite(values), values, np.inf)
    best = np.argmin(values, axis=1)
    inner = (best > 0) & (best < len(offsets) - 1)
    centre = spots[np.arange(len(best)), best]
    step = offsets[1] - offsets[0]
    for _ in range(12):  # zoom: eight points per round, the span shrinks by 3.5
        spots = centre[:, None] + step * np.linspace(-1, 1, 9)
        values = curve(flat_theta, spots, flat_C)
        centre = spots[np.arange(len(best)), np.argmin(values, axis=1)]
        step /= 3.5
        if step < 1e-6:
            break
    # the minimum is flat to rounding long before: finish by the vertex of a parabola on a wide stencil
    h = 1e-3
    for _ in range(3):
        low, mid, high = (curve(flat_theta, (centre + s)[:, None], flat_C)[:, 0] for s in (-h, 0.0, h))
        bend = low - 2 * mid + high
        centre = centre + np.where(
            bend > 0, np.clip(0.5 * h * (low - high) / np.where(bend > 0, bend, 1), -h, h), 0
        )
    value = curve(flat_theta, centre[:, None], flat_C)[:, 0]
    # slope: how the vertex moves when C does, by the same parabola at C e^+-0.05
    moved = []
    for s in (-0.05, 0.05):
        spot = centre + 0.5 * s
        for _ in range(3):
            scaled = flat_C * np.exp(s)
            low, mid, high = (
                curve(flat_theta, (spot + d)[:, None], scaled)[:, 0] for d in (-0.02, 0.0, 0.02)
            )
            bend = low - 2 * mid + high
            shift = 0.01 * (low - high) / np.where(bend > 0, bend, 1)
            spot = spot + np.where(bend > 0, np.clip(shift, -0.02, 0.02), 0)
        moved.append(spot)
    a = (moved[1] - moved[0]) / 0.1
    centre, value, a = (np.where(inner, v, np.nan).reshape(R, m) for v in (centre, value, a))
    return centre, value, a


def _samples(result: Solution, bands: str, n: int, seed: int, options: dict[str, Any]) -> np.ndarray:
    if bands not in BANDS:
        raise BadOption(f"allocate: bands must be None, {' or '.join(map(repr, BANDS))}, got {bands!r}")
    if bands == "bootstrap":
        return bootstrap(result, n, seed=seed, **options).samples
    return draws(result, n, seed, widened(result) if bands == "sandwich" else None)


def _bands(curve: Loss, samples: Array, C: Array, k: float, level: float) -> dict[str, tuple[Array, Array]]:
    log_N, loss, a = _optimum(curve, samples, C, k)
    good = np.isfinite(log_N).all(axis=1)
    if good.sum() < 0.5 * len(samples):
        raise FitError(
            "allocate: in most resamples the loss has no minimum along the budget; no band can be given"
        )
    N = np.exp(log_N[good])
    D = C / (k * N)
    tail = 50 * (1 - level)
    table = {"N_opt": N, "D_opt": D, "loss": loss[good], "tokens_per_parameter": D / N, "a": a[good]}
    ends = {name: np.percentile(v, [tail, 100 - tail], axis=0) for name, v in table.items()}
    return {name: (pair[0], pair[1]) for name, pair in ends.items()}


def deadweight(
    result: Solution,
    C: ArrayLike,
    N_used: ArrayLike,
    *,
    k: float = 6.0,
    N: str = "N",
    D: str = "D",
    group: str | None = None,
    others: dict[str, float] | None = None,
) -> Array:
    """Compute lost by training `N_used` parameters with budget C instead of the best number.

    Returns:
        (m,) FLOPs: C less the budget that reaches the same loss when spent best.
    """
    C, N_used = np.broadcast_arrays(
        np.atleast_1d(np.asarray(C, dtype=float)), np.asarray(N_used, dtype=float)
    )
    if not ((C > 0).all() and (N_used > 0).all()):
        raise BadData("deadweight: C and N_used must be > 0")
    allocate(result, C, k=k, N=N, D=D, group=group, others=others)  # the errors say what is wrong
    theta = result.theta[None, _slots(result, group)]
    curve = _curve(result.law, N, D, dict(others or {}), k)
    reached = curve(theta, np.log(N_used)[None], C)[0]
    low, high = np.log(C) - 30.0, np.log(C).copy()
    for _ in range(60):
        middle = 0.5 * (low + high)
        enough = _optimum(curve, theta, np.exp(middle), k)[1][0] <= reached
        high, low = np.where(enough, middle, high), np.where(enough, low, middle)
    lost: Array = np.maximum(C - np.exp(high), 0.0)
    return lost


def compute_factor(N: ArrayLike, D: ArrayLike, C: ArrayLike) -> tuple[float, float]:
    """k in C = k N D from the compute of each row: geometric mean, and standard deviation of its log."""
    N, D, C = (np.asarray(v, dtype=float).ravel() for v in (N, D, C))
    if not len(N) == len(D) == len(C) or not len(N):
        raise BadData(
            f"compute_factor: N, D and C must have equal lengths > 0, got {len(N)}, {len(D)}, {len(C)}"
        )
    if not all((v > 0).all() and np.isfinite(v).all() for v in (N, D, C)):
        raise BadData("compute_factor: N, D and C must be finite and > 0")
    logs = np.log(C) - np.log(N) - np.log(D)
    return float(np.exp(logs.mean())), float(logs.std())


def fit_compute_factor(result: Solution, N: ArrayLike, L: ArrayLike, C: ArrayLike, *, D: str = "D") -> float:
    """k in C = k N D that fits losses best when D is not trusted: D = C/(k N) in the surface, constants held.

    Golden section on log k between 0.6 and 60, with the fit's own loss.
    """
    N, L, C = (np.asarray(v, dtype=float).ravel() for v in (N, L, C))
    if not len(N) == len(L) == len(C) or not len(N):
        raise BadData(
            f"fit_compute_factor: N, L and C need equal lengths > 0, got {len(N)}, {len(L)}, {len(C)}"
        )

    def cost(log_k: float) -> float:
        f = result.predict({"N": N, D: C / (np.exp(log_k) * N)})
        return result.loss.mean(result.loss.residual(L, f))

    low, high = np.log(0.6), np.log(60.0)
    grid = np.linspace(low, high, 47)
    best = int(np.argmin([cost(g) for g in grid]))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    ratio = (np.sqrt(5) - 1) / 2
    for _ in range(60):
        one, other = high - ratio * (high - low), low + ratio * (high - low)
        if cost(one) <= cost(other):
            high = other
        else:
            low = one
    return float(np.exp(0.5 * (low + high)))
