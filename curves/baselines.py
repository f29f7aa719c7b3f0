"""Predictions without a form: the last value, a straight line, and templates from other runs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from curves.curve import Curve

LEAST_RUNS = 3
"""Runs a template needs."""


def last_value(curve: Curve, prefix: float) -> float:
    """The last loss seen."""
    return float(curve.until(prefix).loss[-1])


def linear(curve: Curve, prefix: float) -> float | None:
    """The least-squares line of the prefix, at progress 1; None with fewer than 2 points."""
    seen = curve.until(prefix)
    if seen.n < 2:
        return None
    tau = seen.progress - seen.progress.mean()
    slope = float(tau @ seen.loss / (tau @ tau))
    return float(seen.loss.mean() + slope * (1 - seen.progress.mean()))


def done_share(curve: Curve, prefix: float) -> float | None:
    """Share of a completed run's whole drop that was made by the prefix; None where it tells nothing."""
    drop = curve.final - curve.loss[0]
    share = (curve.until(prefix).loss[-1] - curve.loss[0]) / drop if drop else np.nan
    return float(share) if np.isfinite(share) and share > 0 else None


def template(curve: Curve, prefix: float, others: Sequence[Curve], same: Sequence[str] = ()) -> float | None:
    """The run's drop so far, divided by the median share of the drop that other runs had made by then.

    Args:
        others: completed runs; the run itself is left out by its id. same: labels that must agree, such as
            ("mix",) or ("mix", "lr_factor"); () takes all.

    Returns:
        The predicted endpoint; None with fewer than LEAST_RUNS usable runs.
    """
    shares = [
        done_share(other, prefix)
        for other in others
        if other.run != curve.run
        and other.complete
        and all(other.labels.get(name) == curve.labels.get(name) for name in same)
        and other.progress[0] <= prefix
    ]
    usable = [share for share in shares if share is not None]
    if len(usable) < LEAST_RUNS:
        return None
    first = curve.loss[0]
    return float(first + (curve.until(prefix).loss[-1] - first) / np.median(usable))
