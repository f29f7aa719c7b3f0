"""What every solver of a within-run fit minimises: the loss on residuals, and the box that F and A live in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from curves.curve import checked
from fitting.errors import BadData, BadOption

LOSSES = ("mae", "huber")
MARGIN = 1e-8
"""F stays this far above zero and below the least loss of the prefix."""


@dataclass(frozen=True, slots=True)
class CurveProblem:
    """One prefix to be fitted by F + A*g.

    Attributes:
        tau, y: (n,) progress and loss. loss: mae or huber.
        delta: Huber scale of residuals, max(0.002, a tenth of the prefix's range).
        F_low, F_high, A_high: the box; A >= 0.
    """

    tau: np.ndarray
    y: np.ndarray
    loss: str
    delta: float
    F_low: float
    F_high: float
    A_high: float

    def objective(self, residual: np.ndarray) -> np.ndarray:
        """(..., n) residuals -> (...) mean absolute residual or mean Huber loss."""
        size = np.abs(residual)
        if self.loss == "mae":
            return np.asarray(size.mean(axis=-1))
        near = np.minimum(size, self.delta)
        return np.asarray((near * (size - 0.5 * near)).mean(axis=-1))


def problem(progress: np.ndarray, loss_values: np.ndarray, loss: str) -> CurveProblem:
    """Check a prefix.

    Raises:
        BadData: fewer than 3 points, or losses that aren't > 0. BadOption: an unknown loss.
    """
    if loss not in LOSSES:
        raise BadOption(f"loss: expected one of {', '.join(LOSSES)}, got {loss!r}")
    tau, y = checked(progress, loss_values, "prefix")
    if len(y) < 3:
        raise BadData(f"prefix: a fit needs 3 points or more, got {len(y)}; wait for more evaluations")
    if y.min() <= 4 * MARGIN:
        raise BadData(f"prefix: losses must be > 0, the least is {y.min():g}; shift them first")
    span = float(np.ptp(y))
    return CurveProblem(
        tau, y, loss, max(0.002, 0.1 * span), MARGIN, float(y.min()) - MARGIN, max(10.0, 10 * span, 2 * float(y.max()))
    )  # fmt: skip
