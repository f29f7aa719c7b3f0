"""The rest of one run's loss curve from its beginning: two forms of progress, fitted robustly, and their mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from curves import CurveFit, fit_curve

FORMS = ("power", "rational")
"""The two forms that are best in most backtests once a third of a run is seen."""


@dataclass(frozen=True)
class Continuation:
    """The mean of both forms, and the scale its errors are measured in.

    Attributes:
        tau: last progress seen. endpoint: predicted loss at tau = 1, before any calibration.
        scale: the largest of the fall over the second half of what was seen, the noise around the fits, and a thousandth of
            the loss; nats.
    """

    tails: tuple[CurveFit, ...]
    tau: float
    endpoint: float
    scale: float

    def curve(self, endpoint: float) -> Callable[[np.ndarray], np.ndarray]:
        """The continuation bent to end at `endpoint`: the fit at the last row seen, more and more of the shift after."""
        shift = endpoint - self.endpoint

        def loss(tau: np.ndarray) -> np.ndarray:
            tau = np.asarray(tau, dtype=float)
            share = np.clip((tau - self.tau) / (1 - self.tau), 0, 1) if self.tau < 1 else 1.0
            return np.mean([t.predict(tau) for t in self.tails], axis=0) + shift * share

        return loss


def continue_curve(tau: np.ndarray, loss: np.ndarray) -> Continuation:
    """Fit both forms to the rows seen so far, (n,) increasing tau in [0, 1] and loss, n >= 3."""
    tails = tuple(fit_curve(tau, loss, form, "huber") for form in FORMS)
    fitted = np.mean([t.predict(tau) for t in tails], axis=0)
    half = float(np.interp(tau[-1] / 2, tau, fitted) - fitted[-1])
    noise = float(np.mean(np.abs(fitted - loss)))
    return Continuation(
        tails,
        float(tau[-1]),
        float(np.mean([t.F for t in tails])),
        max(half, noise, 1e-3 * abs(float(loss[-1]))),
    )
