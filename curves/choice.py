"""Our default prediction of an endpoint: the variant is chosen, and its bias halved, by a backtest inside the prefix.

The seen part is cut again, at 0.7, 0.8 and 0.9 of its length; each variant predicts the last loss seen from each cut,
with the seen part as if it were the whole run. The variant with the least mean inner error is fitted to all that was
seen, and half of its median inner error is taken off. Half, because the inner errors come from few points and from an
earlier part of the schedule. Nothing beyond the prefix is read, and no other run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from curves.fit import VARIANTS, CurveFit, fit_curves

INNER = (0.7, 0.8, 0.9)
SHARE = 0.5
"""Share of the median inner error that is taken off. Settled with the public curves in view (docs/curves.md says how)."""
FALLBACK = "rational_huber"
"""The variant where the prefix is too short to be cut."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """A predicted endpoint.

    Attributes:
        endpoint: predicted loss at progress 1. fit: the chosen variant's fit to the whole prefix.
        bias: what was taken off its F. inner: variant -> mean absolute inner error (nan: could not be cut).
        scale: size of the errors to expect, before calibration: mean inner error of the chosen variant plus a tenth of
            the drop over the second half of the prefix.
    """

    endpoint: float
    fit: CurveFit
    bias: float
    inner: dict[str, float]
    scale: float

    @property
    def variant(self) -> str:
        return self.fit.variant

    def predict(self, progress: np.ndarray | float) -> np.ndarray:
        """(n,) loss beyond the prefix: the fit, with the bias taken off in proportion to the way from here to the end."""
        tau = np.atleast_1d(np.asarray(progress, dtype=float))
        way = np.clip((tau - self.fit.seen) / max(1 - self.fit.seen, 1e-12), 0.0, 1.0)
        return self.fit.predict(tau) - (self.fit.F - self.endpoint) * way


def predict_endpoint(
    progress: np.ndarray,
    loss_values: np.ndarray,
    *,
    variants: Sequence[str] = VARIANTS,
    after: float = 0.0,
) -> Forecast:
    """Predict the end of a run from its seen part.

    Args:
        progress: (n,) step / final step. loss_values: (n,) > 0. variants: those to choose among.
        after: warm-up to leave out.

    Raises:
        BadData: fewer than 3 points, or not a curve.
    """
    return predict_endpoints([(progress, loss_values)], variants=variants, after=after)[0]


def predict_endpoints(
    prefixes: Sequence[tuple[np.ndarray, np.ndarray]],
    *,
    variants: Sequence[str] = VARIANTS,
    after: float = 0.0,
) -> list[Forecast]:
    """`predict_endpoint` for many (progress, loss) prefixes, several times as fast."""
    arrays = [(np.asarray(p, dtype=float), np.asarray(y, dtype=float)) for p, y in prefixes]
    jobs, owner = [], []
    for i, (tau, y) in enumerate(arrays):
        if after > 0 and (tau >= after).sum() >= 4 and tau.shape == y.shape:
            tau, y = tau[tau >= after], y[tau >= after]
        for cut in INNER:
            inside = tau <= cut * tau[-1] if len(tau) else np.zeros(0, dtype=bool)
            if 4 <= inside.sum() < len(tau):
                jobs.append((tau[inside] / tau[-1], y[inside]))
                owner.append(i)
    own = np.array(owner, dtype=int)
    last = np.array([arrays[i][1][-1] for i in own])
    full, errors = {}, {}
    for variant in variants:
        form, loss = variant.rsplit("_", 1)
        full[variant] = fit_curves(arrays, form, loss, after=after)
        errors[variant] = np.array([f.endpoint for f in fit_curves(jobs, form, loss)]) - last
    found = []
    for i, (tau, y) in enumerate(arrays):
        mine = {v: e[own == i] for v, e in errors.items()}
        inner = {v: float(np.abs(e).mean()) if len(e) else float("nan") for v, e in mine.items()}
        if (own == i).any():
            chosen = min(variants, key=lambda v: inner[v])
            bias = SHARE * float(np.median(mine[chosen]))
        else:
            chosen = FALLBACK if FALLBACK in variants else variants[0]
            bias = 0.0
        fit = full[chosen][i]
        late = float(np.interp(tau[-1] / 2, tau, y)) - float(y[-1])
        size = 0.1 * abs(late) + (inner[chosen] if (own == i).any() else 0.0)
        found.append(Forecast(max(fit.F - bias, 0.0), fit, bias, inner, max(size, 1e-6)))
    return found
