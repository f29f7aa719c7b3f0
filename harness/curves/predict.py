"""From a cleaned history to a prediction: endpoint with interval, when a target loss is reached, warnings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from curves.schedule_laws import Schedule, ScheduledCurve, ScheduleLaw
from harness.curves.calibration import PREFIXES, interval
from harness.curves.clean import Cleaned
from harness.curves.tail import continue_curve
from harness.errors import BadHistory

GRID = 400
"""Points of the continuation."""


SPREAD = 8
"""Half-width of a schedule law's interval, in mean absolute residuals. By `python benchmarks/schedule_laws.py --left-out`, 25 of
27 endpoints of the Multi-Power Law lie within it (runs left out in turn, seen to 30, 50 and 80 %), and all of the momentum law."""


@dataclass(frozen=True)
class Target:
    """When a target loss is reached on the middle, the optimistic and the pessimistic curve.

    Attributes:
        step: (best case, middle, worst case) steps; None where the curve doesn't reach it by the final step.
        tokens, seconds: the same as tokens trained, and seconds from the last row; None where not logged.
        reached: the step at which the observed loss already was at the target.
    """

    loss: float
    step: tuple[float | None, float | None, float | None]
    tokens: tuple[float | None, float | None, float | None] | None
    seconds: tuple[float | None, float | None, float | None] | None
    reached: float | None


@dataclass(frozen=True)
class Prediction:
    """Where a run will end.

    Attributes:
        run, method: its name; "forms of progress" or the schedule law used.
        step, final_step, loss: the last row seen and the planned end.
        endpoint, low, high: predicted loss at the final step and its 90 % interval, nats.
        uncalibrated: the endpoint as the fits have it, before the median error of finished runs is taken off.
        steps, curve: (GRID,) steps from the last row to the end, and (3, GRID) low, middle, high loss.
        finished: the last row is the final step: nothing is predicted.
    """

    run: str
    method: str
    step: float
    final_step: float
    loss: float
    endpoint: float
    low: float
    high: float
    uncalibrated: float
    steps: np.ndarray
    curve: np.ndarray
    targets: tuple[Target, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    finished: bool = False
    fits: dict = field(default_factory=dict)


def predict(
    run: str,
    cleaned: Cleaned,
    final_step: float,
    targets: tuple[float, ...] = (),
    table: dict[float, tuple[float, float, float]] | None = None,
    law: ScheduleLaw | None = None,
    future_lr: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Prediction:
    """Predict the rest of one run.

    Args:
        final_step: the planned last step. table: calibration by prefix; None: the public sets'.
        law, future_lr: a schedule law fitted on other runs of the same model, and the learning rate at steps to come.
            Its interval is SPREAD times the larger of its mean residuals where it was fitted and where it was adapted.

    Raises:
        BadHistory: a final step before the last row; too few rows.
    """
    rows = cleaned.rows
    step, loss = rows["step"].to_numpy(dtype=float), rows["loss"].to_numpy(dtype=float)
    if final_step < cleaned.last_step:
        raise BadHistory(
            f"--final-step {final_step:,.0f} is before the last row, step {cleaned.last_step:,.0f}; give the planned end"
        )
    warnings = _warnings(loss, cleaned.last_step / final_step)
    steps = np.linspace(cleaned.last_step, final_step, GRID)
    common = {"run": run, "step": cleaned.last_step, "final_step": final_step, "loss": float(loss[-1])}
    common |= {"notes": cleaned.notes, "steps": steps}
    if cleaned.last_step >= final_step:
        end = float(loss[-1])
        return Prediction(
            method="observed", endpoint=end, low=end, high=end, uncalibrated=end, finished=True,
            curve=np.full((3, GRID), end), targets=_targets(targets, rows, steps, np.full((3, GRID), end)), **common,
        )  # fmt: skip
    if law is not None and future_lr is not None:
        method = f"{law.law.replace('_', '-')} law of other runs, adapted"
        middle, spread, fits = _by_schedule(rows, steps, law, future_lr)
        ends = (middle[-1] - spread, middle[-1], middle[-1] + spread)
        share = (steps - steps[0]) / (steps[-1] - steps[0])
        curve = np.array([middle - spread * np.sqrt(share), middle, middle + spread * np.sqrt(share)])
        uncalibrated = float(middle[-1])
    else:
        tau = step / final_step
        keep = tau > 0
        if keep.sum() < 3:
            raise BadHistory("fewer than 3 rows after step 0 are left; wait for more, or lower --warmup")
        method = "forms of progress"
        found = continue_curve(tau[keep], loss[keep])
        ends = interval(found, table)
        curve = np.array([found.curve(end)(steps / final_step) for end in ends])
        uncalibrated = found.endpoint
        fits = {
            t.form: {"F": t.F, "A": t.A, **t.theta, "mae": t.mae, "at_bound": list(t.at_bound)}
            for t in found.tails
        }
    found_targets = _targets(targets, rows, steps, curve)
    low, endpoint, high = map(float, ends)
    return Prediction(
        method=method, endpoint=endpoint, low=low, high=high, uncalibrated=float(uncalibrated), curve=curve,
        targets=found_targets, warnings=tuple(warnings), fits=fits, **common,
    )  # fmt: skip


def _by_schedule(rows, steps, law: ScheduleLaw, future_lr) -> tuple[np.ndarray, float, dict]:
    """(GRID,) middle curve, half-width of the interval at the end, and the adapted constants."""
    seen = rows[np.isfinite(rows["lr"].to_numpy())] if "lr" in rows else rows.iloc[:0]
    if len(seen) < 3:
        raise BadHistory(
            "a schedule law needs the learning rate of 3 rows or more; give --lr, the column's name"
        )
    step, lr = seen["step"].to_numpy(dtype=float), seen["lr"].to_numpy(dtype=float)
    ahead = steps[steps > step[-1]]
    schedule = Schedule(
        np.concatenate([step, ahead]), np.concatenate([lr, future_lr(ahead)]), warmup_sum=lr[0] * step[0]
    )
    loss = np.concatenate([seen["loss"].to_numpy(dtype=float), np.full(len(ahead), np.nan)])
    adapted = law.adapt(ScheduledCurve(schedule, loss))
    curve = adapted.predict(schedule)
    middle = np.interp(steps, schedule.step, curve)
    fits = {law.law: adapted.constants | {"mae": adapted.mae, "mae_reference": law.mae}}
    return middle, SPREAD * max(adapted.mae, law.mae), fits


def _targets(targets, rows, steps: np.ndarray, curve: np.ndarray) -> tuple[Target, ...]:
    step = rows["step"].to_numpy(dtype=float)
    rates = {
        name: rate
        for name in ("tokens", "time")
        if name in rows and (rate := _rate(step, rows[name].to_numpy(dtype=float))) is not None
    }
    out = []
    for loss in targets:
        already = np.flatnonzero(rows["loss"].to_numpy() <= loss)
        at: tuple = tuple(_first(steps, line, loss) for line in curve)
        if len(already):
            at = (float(step[already[0]]),) * 3
        tokens = seconds = None
        if "tokens" in rates:
            base = float(rows["tokens"].dropna().iloc[-1])
            tokens = tuple(None if s is None else base + (s - step[-1]) * rates["tokens"] for s in at)
        if "time" in rates:
            seconds = tuple(None if s is None else max(s - steps[0], 0.0) * rates["time"] for s in at)
        out.append(Target(loss, at, tokens, seconds, float(step[already[0]]) if len(already) else None))
    return tuple(out)


def _first(steps: np.ndarray, line: np.ndarray, loss: float) -> float | None:
    below = np.flatnonzero(line <= loss)
    if not len(below):
        return None
    k = below[0]
    if k == 0:
        return float(steps[0])
    share = (line[k - 1] - loss) / max(line[k - 1] - line[k], 1e-300)
    return float(steps[k - 1] + share * (steps[k] - steps[k - 1]))


def _rate(step: np.ndarray, value: np.ndarray) -> float | None:
    """Median increase a step: breaks between a stop and a resume do not count."""
    ok = np.isfinite(value)
    step, value = step[ok], value[ok]
    if len(step) < 2:
        return None
    rate = float(np.median(np.diff(value) / np.diff(step)))
    return rate if rate > 0 else None


def _warnings(loss: np.ndarray, tau: float) -> list[str]:
    out = []
    if tau < PREFIXES[0]:
        out.append(f"only {tau:.0%} of the run is seen: intervals are calibrated from {PREFIXES[0]:.0%} on")
    if len(loss) < 8:
        out.append(f"only {len(loss)} rows to fit")
    k = max(len(loss) // 4, 2)
    if len(loss) >= 8 and np.median(loss[-k:]) > np.median(loss[-2 * k : -k]):
        out.append("the loss has been rising: is the run diverging?")
    return out
