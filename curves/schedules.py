"""Loss curves from learning-rate schedules: the Multi-Power Law and the momentum law.

Both say that loss falls with the learning rate summed so far, S1, and that every drop of the learning rate takes a
further bite, which builds up after the drop:

    L(t) = L0 + A*(S1(t) + S_W)**-alpha - B*sum_k (eta_{k-1} - eta_k)*K_k(t)

    multi_power   K_k(t) = 1 - (C*x + 1)**-beta,  x = eta_k**-gamma * S_k(t),  S_k = learning rate summed from k to t
    momentum      K_k(t) = (1 - lam**(t - t_k))/(1 - lam): a momentum-decayed sum of drops, summed over steps

Fitted on runs with some schedules, a law predicts whole curves of the same model under other, longer schedules,
where forms of progress alone must wait for most of the run's own curve.

Sources: arXiv 2503.12811 (multi_power), arXiv 2408.11029 (momentum).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import least_squares, nnls

from fitting.errors import BadData, BadOption, FitError

DELTA = 1e-3
"""Huber scale of log-loss residuals, as the Multi-Power Law's authors have it."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The learning rate of one run, known at points that may be many steps apart.

    Between two points the learning rate is taken as a straight line, and is cut into `cuts` pieces, so a sudden
    drop lies somewhere in its interval. Give the steps next to a drop to place it exactly.

    Attributes:
        step: (n,) increasing training steps, >= 0. lr: (n,) learning rates >= 0, not all zero.
        warmup_sum: learning rate summed over the steps before the first point (S_W).
    """

    step: np.ndarray
    lr: np.ndarray
    warmup_sum: float = 0.0

    def __post_init__(self) -> None:
        step, lr = np.asarray(self.step, dtype=float), np.asarray(self.lr, dtype=float)
        if step.ndim != 1 or step.shape != lr.shape or len(step) < 2:
            raise BadData(
                f"a schedule needs step and lr of one length >= 2: got shapes {step.shape} and {lr.shape}"
            )
        if not (np.isfinite(step).all() and np.isfinite(lr).all()) or (np.diff(step) <= 0).any():
            raise BadData("a schedule needs finite numbers and increasing steps; sort and drop repeats first")
        if (lr < 0).any() or not lr.any():
            raise BadData("learning rates must be >= 0 and not all zero")
        if not (np.isfinite(self.warmup_sum) and self.warmup_sum >= 0):
            raise BadData(f"warmup_sum must be finite and >= 0, got {self.warmup_sum}")
        object.__setattr__(self, "step", step)
        object.__setattr__(self, "lr", lr)

    def pieces(self, cuts: int) -> _Pieces:
        """Everything about the schedule that no constant of a law changes."""
        fine = np.interp(
            np.arange((len(self.step) - 1) * cuts + 1) / cuts, np.arange(len(self.step)), self.step
        )
        lr = np.interp(fine, self.step, self.lr)
        total = np.concatenate([[0.0], np.cumsum(np.diff(fine) * (lr[1:] + lr[:-1]) / 2)])
        drop = lr[:-1] - lr[1:]
        moved = np.flatnonzero(drop)
        middle = (fine[moved] + fine[moved + 1]) / 2
        since = total[moved] + (middle - fine[moved]) * (3 * lr[moved] + lr[moved + 1]) / 4
        S1 = total[::cuts]
        return _Pieces(
            S1=S1 + self.warmup_sum,
            drop=drop[moved],
            lr=np.maximum(lr[moved + 1], 1e-3 * lr.max()),  # eta**-gamma of a rate that decays to zero
            S_k=np.maximum(S1[:, None] - since, 0.0),
            n_k=np.maximum(self.step[:, None] - middle, 0.0),
            past=self.step[:, None] > middle,
        )


@dataclass(frozen=True, slots=True)
class _Pieces:
    """(n,) S1; of each drop k its size, the rate after it, and (n, k) rate and steps summed since."""

    S1: np.ndarray
    drop: np.ndarray
    lr: np.ndarray
    S_k: np.ndarray
    n_k: np.ndarray
    past: np.ndarray

    def bite(self, law: str, theta: np.ndarray) -> np.ndarray:
        """(n,) sum of drops times kernel; what B multiplies."""
        if law == "multi_power":
            log_C, beta, gamma = theta[1:]
            kernel = -np.expm1(-beta * np.log1p(np.exp(log_C) * self.S_k * self.lr**-gamma))
        else:
            lam = -np.expm1(-theta[1])  # theta[1] = -ln(1 - lam)
            kernel = -np.expm1(self.n_k * np.log(lam)) * np.exp(theta[1])
        return np.asarray(np.where(self.past, kernel, 0.0) @ self.drop)


@dataclass(frozen=True, slots=True)
class ScheduledCurve:
    """Observed losses (n,) > 0 at the points of a schedule; NaN where a point was not evaluated."""

    schedule: Schedule
    loss: np.ndarray

    def __post_init__(self) -> None:
        loss = np.asarray(self.loss, dtype=float)
        if loss.shape != self.schedule.step.shape:
            raise BadData(
                f"losses must match the schedule's points: {loss.shape} against {self.schedule.step.shape}"
            )
        if not (np.isnan(loss) | (np.isfinite(loss) & (loss > 0))).all():
            raise BadData("losses must be > 0 and finite (NaN marks a point that was not evaluated)")
        object.__setattr__(self, "loss", loss)


NAMES: dict[str, tuple[str, ...]] = {
    "multi_power": ("L0", "A", "B", "alpha", "C", "beta", "gamma"),
    "momentum": ("L0", "A", "B", "alpha", "lam"),
}
STARTS: dict[str, list[tuple[float, ...]]] = {
    # theta: alpha, then the kernel's (ln C; -ln(1 - lam)), in the order of NAMES
    "multi_power": [
        (alpha, np.log(C), 0.6, gamma)
        for alpha in (0.3, 0.5, 0.8)
        for C, gamma in ((2.0, 0.6), (1.0, 0.9), (6, 0.3))
    ],
    "momentum": [(alpha, np.log(n)) for alpha in (0.3, 0.5, 0.8) for n in (100.0, 1000.0, 10000.0)],
}
BOUNDS: dict[str, tuple[list[float], list[float]]] = {
    "multi_power": ([0.02, np.log(1e-5), 0.02, 0.0], [3.0, np.log(1e5), 5.0, 2.0]),
    "momentum": ([0.02, np.log(2.0)], [3.0, np.log(1e7)]),
}


@dataclass(frozen=True)
class ScheduleLaw:
    """A fitted law: constants by the papers' letters, and how well it fits what it was fitted on.

    Attributes:
        law: "multi_power" or "momentum". constants: name -> value (see NAMES). mae: mean absolute residual, nats.
        n_points: losses fitted. at_bound: constants that sit on a bound. converged: the solver's word.
        starts_agreeing: starts that reached the best objective within 1 %.
    """

    law: str
    constants: dict[str, float]
    mae: float
    n_points: int
    at_bound: tuple[str, ...]
    converged: bool
    starts_agreeing: int
    cuts: int = field(default=4)

    def predict(self, schedule: Schedule) -> np.ndarray:
        """(n,) loss at every point of a schedule."""
        return np.asarray(_design(schedule.pieces(self.cuts), self.law, self._theta()) @ self._linear())

    def adapt(self, curve: ScheduledCurve) -> ScheduleLaw:
        """The same exponents, kernel and share B/A with L0 and A fitted anew: for another run seen only in part.

        A part of a run tells little of what later drops will do, so B is not set free.
        """
        seen = np.isfinite(curve.loss)
        if seen.sum() < 3:
            raise BadData(f"adapting a schedule law needs 3 observed losses or more, got {int(seen.sum())}")
        X = _design(curve.schedule.pieces(self.cuts), self.law, self._theta())[seen]
        y = curve.loss[seen]
        share = self.constants["B"] / max(self.constants["A"], 1e-300)
        X = np.column_stack([X[:, 0], X[:, 1] + share * X[:, 2]])
        L0, A = found = nnls(X / y[:, None], np.ones(len(y)))[0]
        mae = float(np.mean(np.abs(X @ found - y)))
        constants = self.constants | {"L0": float(L0), "A": float(A), "B": float(share * A)}
        return ScheduleLaw(
            self.law, constants, mae, len(y), self.at_bound, self.converged, self.starts_agreeing, self.cuts
        )

    def _theta(self) -> np.ndarray:
        theta = np.array([self.constants[name] for name in NAMES[self.law][3:]])
        theta[1] = np.log(theta[1]) if self.law == "multi_power" else -np.log1p(-theta[1])
        return theta

    def _linear(self) -> np.ndarray:
        L0, A, B = (self.constants[name] for name in ("L0", "A", "B"))
        return np.array([L0, A, B])


def _design(pieces: _Pieces, law: str, theta: np.ndarray) -> np.ndarray:
    """(n, 3) columns that L0, A and B multiply."""
    power = np.maximum(pieces.S1, 1e-12) ** -theta[0]
    return np.column_stack([np.ones_like(power), power, -pieces.bite(law, theta)])


def fit_schedule_law(
    curves: Sequence[ScheduledCurve], law: str = "multi_power", *, delta: float = DELTA, cuts: int = 4
) -> ScheduleLaw:
    """Fit one law to the curves of one model under several schedules.

    Huber loss (scale `delta`) of residuals of log loss. Each start takes its exponents from a small grid and
    L0, A, B >= 0 from non-negative least squares; then all constants move together.

    Args:
        curves: at least one; together more losses than constants. Give schedules that differ: without a drop of
            the learning rate, B and its kernel can't be told.
        cuts: pieces an interval between two points is cut into.

    Raises:
        BadOption: an unknown law, delta or cuts. BadData: too few losses. FitError: no start gave finite numbers.
    """
    if law not in NAMES:
        raise BadOption(f"law: expected one of {', '.join(NAMES)}, got {law!r}")
    if not delta > 0 or cuts < 1:
        raise BadOption(f"expected delta > 0 and cuts >= 1, got {delta} and {cuts}")
    losses = np.concatenate([c.loss for c in curves]) if curves else np.array([])
    seen = np.isfinite(losses)
    y = losses[seen]
    if len(y) <= len(NAMES[law]):
        raise BadData(
            f"{law} has {len(NAMES[law])} constants: more losses than that are needed, got {len(y)}"
        )
    pieces = [c.schedule.pieces(cuts) for c in curves]

    def design(theta: np.ndarray) -> np.ndarray:
        return np.asarray(np.concatenate([_design(p, law, theta) for p in pieces])[seen])

    low, high = (np.array(b, dtype=float) for b in BOUNDS[law])

    def residuals(x: np.ndarray) -> np.ndarray:
        predicted = design(x[3:]) @ (x[:3] * scale)
        return np.asarray(np.log(np.maximum(predicted, 1e-6)) - np.log(y))

    best: tuple[Any, np.ndarray] | None = None
    reached: list[float] = []
    for start in STARTS[law]:
        X = design(np.array(start))
        linear = nnls(X / y[:, None], np.ones(len(y)))[0]
        scale = np.where(linear > 0, linear, np.array([y.min(), np.ptp(y) + 1e-6, 1.0]))
        first = np.concatenate([np.where(linear > 0, 1.0, 1e-3), start])
        bounds = (np.concatenate([np.zeros(3), low]), np.concatenate([np.full(3, np.inf), high]))
        found = least_squares(
            residuals,
            np.clip(first, bounds[0], bounds[1]),
            bounds=bounds,
            loss="huber",
            f_scale=delta,
            x_scale="jac",
            max_nfev=200,
        )
        reached.append(found.cost)
        if np.isfinite(found.cost) and (best is None or found.cost < best[0].cost):
            best = found, scale
    if best is None:
        raise FitError(f"{law}: none of {len(STARTS[law])} starts gave finite numbers; check the losses")
    found, scale = best
    theta = found.x[3:].copy()
    near = 1e-6 * (high - low)
    edges = (theta <= low + near) | (theta >= high - near)
    at_bound = [n for n, edge in zip(NAMES[law][3:], edges, strict=True) if edge]
    theta[1] = np.exp(theta[1]) if law == "multi_power" else -np.expm1(-theta[1])
    constants = dict(zip(NAMES[law], map(float, np.concatenate([found.x[:3] * scale, theta])), strict=True))
    at_bound += [name for name in ("L0", "A", "B") if constants[name] <= 1e-9]
    fitted = design(found.x[3:]) @ (found.x[:3] * scale)
    return ScheduleLaw(
        law=law,
        constants=constants,
        mae=float(np.mean(np.abs(fitted - y))),
        n_points=len(y),
        at_bound=tuple(at_bound),
        converged=bool(found.success),
        starts_agreeing=int(np.sum(np.array(reached) <= 1.01 * found.cost + 1e-15)),
        cuts=cuts,
    )
