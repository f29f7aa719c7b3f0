"""Approach 1, 2 and 3: three ways from IsoFLOP runs to N_opt(C) and D_opt(C), with one result type.

Source: Hoffmann et al. 2022 (arXiv 2203.15556), section 3; the bias of Approach 2: arXiv 2603.22339.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fitting.arrays import Array
from fitting.errors import BadData, BadOption, FitError
from fitting.solve.losses import Loss
from fitting.vpnls.drop_in import check_rows, fit_vpnls
from fitting.vpnls.values import FitResult, LossSurface

SAME_BUDGET = 0.02  # budgets whose logs (base 10) are nearer than this are one IsoFLOP


@dataclass(frozen=True)
class ApproachResult:
    """N_opt = 10**a0 C**a and D_opt = 10**b0 C**b.

    Attributes:
        approach: 1, 2 or 3.
        a, b: exponents; a0, b0: intercepts, log10.
        C, N_vertex, D_vertex: (m,) optimum of each budget the lines went through (Approach 3: on the surface).
        surface: the fitted surface of Approach 3, else None.
    """

    approach: int
    a: float
    b: float
    a0: float
    b0: float
    C: np.ndarray
    N_vertex: np.ndarray
    D_vertex: np.ndarray
    surface: FitResult | None = None

    def N_opt(self, C: ArrayLike) -> Any:
        return 10**self.a0 * np.asarray(C, dtype=float) ** self.a

    def D_opt(self, C: ArrayLike) -> Any:
        return 10**self.b0 * np.asarray(C, dtype=float) ** self.b


def approach_1(
    N: ArrayLike, D: ArrayLike, L: ArrayLike, C: ArrayLike | None = None, *, bins: int = 0, **unused: Any
) -> ApproachResult:
    """Lower envelope of training curves: the best loss at each compute, then lines through the winners' N and D.

    Args:
        N, D, L: (n,) one row per point of a training curve: parameters, tokens so far, loss.
        C: (n,) compute so far, FLOPs; 6 N D if None.
        bins: log-spaced bins of C; 0: one per decade-tenth covered, at most n/3.
    """
    _no_options(unused, "approach_1", "bins")
    N, D, L, C = _rows(N, D, L, C)
    log_C = np.log10(C)
    span = float(np.ptp(log_C))
    bins = bins or int(np.clip(round(10 * span), 3, max(len(L) // 3, 3)))
    if span == 0:
        raise FitError("approach_1: all rows have the same compute; the envelope needs several")
    which = np.minimum(((log_C - log_C.min()) / span * bins).astype(int), bins - 1)
    winners = []
    for b in range(bins):
        rows = np.flatnonzero(which == b)
        if len(rows):
            winners.append(rows[np.argmin(L[rows])])
    w = np.array(winners)
    w = w[np.append(True, L[w][1:] < np.minimum.accumulate(L[w])[:-1])]  # the envelope only falls
    return _lines(1, C[w], N[w], D[w])


def approach_2(
    N: ArrayLike,
    D: ArrayLike,
    L: ArrayLike,
    C: ArrayLike | None = None,
    *,
    weights: ArrayLike | None = None,
    **unused: Any,
) -> ApproachResult:
    """A parabola of loss in log N, and one in log D, per IsoFLOP; then lines through the vertices.

    Args:
        N, D, L: (n,) final losses of runs.
        C: (n,) budget of each run; rows of one budget form one IsoFLOP. 6 N D if None.
        weights: (n,) weight of each row in its parabola.

    Raises:
        FitError: a budget has fewer than three sizes, or its parabola opens downward.

    The vertices are biased where the curve is not a parabola: see `approach_2_bias`.
    """
    _no_options(unused, "approach_2", "weights")
    N, D, L, C = _rows(N, D, L, C)
    w = np.ones(len(L)) if weights is None else np.asarray(weights, dtype=float).ravel()
    if len(w) != len(L):
        raise BadData(f"unequal lengths: weights has {len(w)} rows, L has {len(L)}")
    budgets, group = _budgets(C)
    if len(budgets) < 2:
        raise FitError("approach_2: one budget gives no line; use runs of at least two")
    vertices = [[_vertex(np.log10(x[group == g]), L[group == g], w[group == g], c) for x in (N, D)]
                for g, c in enumerate(budgets)]  # fmt: skip
    tops = 10 ** np.array(vertices)
    return _lines(2, budgets, tops[:, 0], tops[:, 1])


def approach_3(
    N: ArrayLike,
    D: ArrayLike,
    L: ArrayLike,
    C: ArrayLike | None = None,
    *,
    loss: Loss | str | None = None,
    **options: Any,
) -> ApproachResult:
    """The parametric surface L = E + A/N**alpha + B/D**beta, fitted by `fit_vpnls`, and its optimum at C = 6 N D.

    Args:
        N, D, L: (n,) runs. C: (n,) budgets, used for k in C = k N D (6 if None).
        loss, options: of `fit_vpnls`.
    """
    N, D, L, budget = _rows(N, D, L, C)
    fit = fit_vpnls(N, D, L, loss=loss, **options)
    if min(fit.A, fit.B) <= 0:
        raise FitError(f"approach_3: an amplitude is zero ({fit.status_message}), so there is no optimum")
    k = float(np.exp(np.mean(np.log(budget) - np.log(N) - np.log(D))))
    surface = fit.to_loss_surface()
    shift = 6.0 / k
    levels, _ = _budgets(budget)
    a0 = np.log10(surface.G) - surface.a * np.log10(k)
    b0 = -np.log10(surface.G) - surface.b * np.log10(k)
    N_top, D_top = surface.N_opt(levels * shift), surface.D_opt(levels * shift)
    return ApproachResult(3, surface.a, surface.b, float(a0), float(b0), levels, N_top, D_top, fit)


def approach_2_bias(
    surface: LossSurface | None = None,
    *,
    alpha: float | None = None,
    beta: float | None = None,
    log_range: float,
    points: int = 15,
) -> float:
    """Relative error of N_opt that Approach 2 makes on noise-free runs centred on the true optimum.

    The same at every budget and independent of E, A and B, so exponents stay exact and every N_opt is off by
    this factor; zero when alpha = beta.

    Args:
        surface, or alpha and beta: the truth.
        log_range: half width of each IsoFLOP in decades of N; points: runs per IsoFLOP, evenly spaced.
    """
    alpha, beta = (surface.alpha, surface.beta) if surface is not None else (alpha, beta)
    if alpha is None or beta is None or not (alpha > 0 and beta > 0):
        raise BadOption("approach_2_bias: give a surface, or alpha and beta > 0")
    if points < 3 or not log_range > 0:
        raise BadOption(
            f"approach_2_bias: needs points >= 3 and log_range > 0, got {points!r} and {log_range!r}"
        )
    w = np.linspace(-log_range, log_range, points)
    curve = beta / alpha * 10 ** (-alpha * w) + 10 ** (beta * w)
    S2, S4 = (w**2).sum(), (w**4).sum()
    slope = (w * curve).sum() / S2
    bend = (points * (w**2 * curve).sum() - S2 * curve.sum()) / (points * S4 - S2**2)
    return float(10 ** (-slope / (2 * bend)) - 1)


def _no_options(unused: dict[str, Any], who: str, known: str) -> None:
    if unused:
        raise BadOption(f"{who}: unknown option {', '.join(unused)}; beside N, D, L, C it takes {known}")


def _rows(N: ArrayLike, D: ArrayLike, L: ArrayLike, C: ArrayLike | None) -> tuple[Array, Array, Array, Array]:
    N, D, L = check_rows(N, D, L, least=3)
    if C is None:
        return N, D, L, 6 * N * D
    C = np.asarray(C, dtype=float).ravel()
    if len(C) != len(L):
        raise BadData(f"unequal lengths: C has {len(C)} rows, L has {len(L)}")
    if not (np.isfinite(C).all() and (C > 0).all()):
        raise BadData("C must be finite and > 0: FLOPs of each run")
    return N, D, L, C


def _budgets(C: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct budgets (geometric means) and which one each row has."""
    order = np.argsort(C, kind="stable")
    jumps = np.diff(np.log10(C[order])) > SAME_BUDGET
    group = np.empty(len(C), dtype=int)
    group[order] = np.concatenate([[0], np.cumsum(jumps)])
    levels = np.array([np.exp(np.log(C[group == g]).mean()) for g in range(group.max() + 1)])
    same = np.array([np.ptp(C[group == g]) == 0 for g in range(len(levels))])
    exact = np.array([C[group == g][0] for g in range(len(levels))])
    return np.where(same, exact, levels), group


def _vertex(x: np.ndarray, y: np.ndarray, w: np.ndarray, budget: float) -> float:
    """log10 of the vertex of the parabola y = c0 + c1 x + c2 x**2."""
    if len(np.unique(x)) < 3:
        raise FitError(
            f"approach_2: budget {budget:.3g} has {len(np.unique(x))} sizes; a parabola needs three"
        )
    centre = x.mean()
    root = np.sqrt(w)
    c = np.linalg.lstsq(np.vander(x - centre, 3) * root[:, None], y * root, rcond=None)[0]
    if c[0] < 1e-10:
        raise FitError(f"approach_2: at budget {budget:.3g} the parabola opens downward; drop that budget")
    return float(centre - c[1] / (2 * c[0]))


def _lines(approach: int, C: np.ndarray, N: np.ndarray, D: np.ndarray) -> ApproachResult:
    if len(np.unique(C)) < 2:
        raise FitError(f"approach_{approach}: fewer than two budgets are left; the lines need two")
    x = np.log10(C)
    a, a0 = np.polyfit(x - x.mean(), np.log10(N), 1)
    b, b0 = np.polyfit(x - x.mean(), np.log10(D), 1)
    return ApproachResult(
        approach, float(a), float(b), float(a0 - a * x.mean()), float(b0 - b * x.mean()), C, N, D
    )
