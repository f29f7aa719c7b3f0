"""A second opinion for fits that Newton leaves in a curved valley: SciPy's trust region on the residuals."""

from __future__ import annotations

import numpy as np

from fitting.arrays import Array
from fitting.solve.losses import Loss
from fitting.solve.model import Model

MAX_EVALUATIONS = 200


def trust_region(
    model: Model,
    loss: Loss,
    y: np.ndarray,
    weights: np.ndarray | None,
    theta: np.ndarray,
    low: Array,
    high: Array,
) -> np.ndarray:
    """Constants (P,) after trust-region steps from `theta`; they are polished by Newton afterwards.

    For losses with sides the plain Huber or squared loss stands in.
    """
    from scipy.optimize import least_squares  # a slow import, for fits in doubt alone

    root = 1.0 if weights is None else np.sqrt(weights)
    moving = np.flatnonzero(low < high)
    tiny = 1e-12 * np.maximum(np.abs(theta), 1.0)
    lo, hi = low[moving], high[moving]

    def whole(free: np.ndarray) -> np.ndarray:
        out = theta.copy()
        out[moving] = free
        return out

    def residual(free: np.ndarray) -> np.ndarray:
        f = model.value(whole(free)[None])[0]
        r = loss.residual(y, f) * root
        return np.where(np.isfinite(r), -r, 1e75)

    def slope(free: np.ndarray) -> np.ndarray:
        f, J, _ = model.full(whole(free)[None], curved=False)
        J = J[0, moving].T
        if loss.log:
            J = J / f[0][:, None]
        slopes: Array = np.nan_to_num(J * np.reshape(root, (-1, 1)), posinf=1e100, neginf=-1e100)
        return slopes

    robust = np.isfinite(loss.huber_delta) and loss.huber_delta > 0
    start = np.clip(
        theta[moving],
        lo + np.minimum(tiny[moving], (hi - lo) / 2),
        hi - np.minimum(tiny[moving], (hi - lo) / 2),
    )
    with np.errstate(all="ignore"):
        try:
            found = least_squares(
                residual,
                start,
                slope,
                bounds=(lo, hi),
                x_scale="jac",
                loss="huber" if robust else "linear",
                f_scale=loss.huber_delta if robust else 1.0,
                max_nfev=MAX_EVALUATIONS,
                ftol=1e-15,
                xtol=1e-15,
                gtol=1e-15,
            )
        except (ValueError, np.linalg.LinAlgError):  # left the finite numbers: keep what Newton had
            return theta
    return whole(found.x)
