"""From one run's rows to an answer: its end with an interval, when a target loss is reached, and what to be warned of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from curves.calibration import PREFIXES, Calibration, public
from curves.endpoint import LEAST, predict_endpoint
from curves.plan import planned, read_off
from curves.rate import Rate
from curves.run import Run
from curves.schedules import Schedule, ScheduledCurve, ScheduleLaw
from fitting.errors import BadData

GRID = 400
"""Points of the continuation."""
SPREAD = 8
"""Half-width of a schedule law's interval, in mean absolute residuals. By `python benchmarks/schedule_laws.py --left-out`, 25 of
27 endpoints of the Multi-Power Law lie within it (runs left out in turn, seen to 30, 50 and 80 %), and all of the momentum law."""

Cases = tuple[float | None, float | None, float | None]


@dataclass(frozen=True, slots=True)
class Target:
    """When a target loss is reached on the optimistic, the middle and the pessimistic curve.

    Attributes:
        step: (best case, middle, worst case) steps; None where the curve doesn't reach it by the final step.
        tokens, seconds: the same as tokens trained, and seconds from the last row; None where not logged.
        reached: the step at which the observed loss already was at the target.
    """

    loss: float
    step: Cases
    tokens: Cases | None
    seconds: Cases | None
    reached: float | None


@dataclass(frozen=True)
class Answer:
    """Where a run will end.

    Attributes:
        run, method: its name; how it was predicted. step, final_step, loss: the last row seen and the planned end.
        endpoint, low, high: predicted loss at the final step and its 90 % interval, nats.
        uncalibrated: the endpoint before the median error of finished runs is taken off.
        schedule, calibration: kind of schedule, and whose errors the interval rests on, in words.
        gain: what the learning rate's decay to come takes off the end; None where the rate is unknown.
        steps, curve: (GRID,) steps from the last row to the end, and (3, GRID) low, middle, high loss.
        finished: the last row is the final step: nothing is predicted.
        state: what is to be said of the run before its prediction, or "".
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
    schedule: str
    calibration: str
    gain: float | None
    steps: np.ndarray
    curve: np.ndarray
    targets: tuple[Target, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    finished: bool = False
    fits: dict[str, object] = field(default_factory=dict)
    state: str = ""


@dataclass(frozen=True, slots=True)
class Means:
    """What a prediction may use beside the run.

    Attributes:
        plan: the learning rate to come in words (curves.plan); None: read off the log. calibration: None: public runs.
        law: a schedule law fitted on other runs of the same model, used instead of the predictor; it needs a known rate.
            Its interval is SPREAD times the larger of its mean residuals where it was fitted and where it was adapted.
    """

    plan: str | None = None
    calibration: Calibration | None = None
    law: ScheduleLaw | None = None


def answer(
    run: Run, targets: Sequence[float] = (), means: Means | None = None, notes: Sequence[str] = ()
) -> Answer:
    """Predict the rest of one run.

    Raises:
        BadData: too few rows; a rate that a schedule law needs and nobody told. BadOption: no such plan.
    """
    means = Means() if means is None else means
    rate, words = _rate(run, means.plan)
    steps = np.linspace(run.last, run.final_step, GRID)
    said = [*notes, *([words] if rate is not None else [])]
    if run.finished:
        end = float(run.loss[-1])
        flat = np.full((3, GRID), end)
        return Answer(
            run=run.name, step=run.last, final_step=run.final_step, loss=float(run.loss[-1]),
            method="observed", endpoint=end, low=end, high=end, uncalibrated=end, finished=True, schedule="", calibration="",
            gain=None, steps=steps, curve=flat, targets=_targets(targets, run, steps, flat), notes=tuple(notes),
        )  # fmt: skip
    warnings = _warnings(run)
    if means.law is not None:
        if rate is None:
            raise BadData(f"a schedule law needs the learning rate to come: {words}; give --lr-plan")
        return _by_law(run, targets, means.law, rate, steps, (said, warnings))
    if (run.step > 0).sum() < LEAST:
        raise BadData(f"fewer than {LEAST} rows after step 0 are left; wait for more, or lower --warmup")
    after = run.step > 0
    found = predict_endpoint(run.progress[after], run.loss[after], rate)
    calibrated = (means.calibration or public()).interval(found)
    ends = (calibrated.low, calibrated.endpoint, calibrated.high)
    curve = np.array([found.predict(steps / run.final_step, end) for end in ends])
    if rate is None:
        warnings.append(
            f"{words}: if it decays before the end the loss falls by more than the curve so far can show. The interval is "
            "widened for that; --lr-plan narrows it, as in --lr-plan linear or --lr-plan constant"
        )
    return Answer(
            run=run.name, step=run.last, final_step=run.final_step, loss=float(run.loss[-1]),
        method="power laws in the summed learning rate" if rate is not None else "power laws in progress",
        endpoint=ends[1], low=ends[0], high=ends[2], uncalibrated=found.endpoint, schedule=found.kind,
        calibration=calibrated.calibration, gain=None if rate is None else found.gain, steps=steps, curve=curve,
        targets=_targets(targets, run, steps, curve), notes=tuple(said), warnings=tuple(warnings),
        fits={"alpha": found.alpha, "gain": found.gain, "scale": found.scale, "laws": len(found.weights)},
    )  # fmt: skip


def _rate(run: Run, plan: str | None) -> tuple[Rate | None, str]:
    if plan is not None:
        return planned(plan, run), f"learning rate by --lr-plan {plan}"
    read = read_off(run)
    return read.rate, read.words


def _by_law(
    run: Run, targets: Sequence[float], law: ScheduleLaw, rate: Rate, steps: np.ndarray,
    said: tuple[list[str], list[str]],
) -> Answer:  # fmt: skip
    """By a schedule law of other runs: L0 and A fitted anew to this one."""
    notes, warnings = said
    lr = run.rates()[1]
    if len(lr) < 3:
        raise BadData(
            "a schedule law needs the learning rate of 3 rows or more; give --lr, the column's name"
        )
    seen = np.isfinite(run.lr) if run.lr is not None else np.zeros(len(run.step), dtype=bool)
    step = run.step[seen]
    ahead = steps[steps > step[-1]]
    future = rate.at(ahead / run.final_step) * lr.max()
    schedule = Schedule(
        np.concatenate([step, ahead]), np.concatenate([lr, future]), warmup_sum=float(lr[0] * step[0])
    )
    loss = np.concatenate([run.loss[seen], np.full(len(ahead), np.nan)])
    adapted = law.adapt(ScheduledCurve(schedule, loss))
    middle = np.interp(steps, schedule.step, adapted.predict(schedule))
    spread = SPREAD * max(adapted.mae, law.mae)
    share = np.sqrt((steps - steps[0]) / (steps[-1] - steps[0]))
    curve = np.array([middle - spread * share, middle, middle + spread * share])
    low, end, high = (float(line[-1]) for line in curve)
    return Answer(
            run=run.name, step=run.last, final_step=run.final_step, loss=float(run.loss[-1]),
        method=f"{law.law.replace('_', '-')} law of other runs, adapted", endpoint=end, low=low, high=high,
        uncalibrated=end, schedule=rate.kind, calibration=f"{SPREAD} mean residuals of the law, a rule of thumb", gain=None,
        steps=steps, curve=curve, targets=_targets(targets, run, steps, curve), notes=tuple(notes),
        warnings=tuple(warnings), fits={law.law: adapted.constants | {"mae": adapted.mae, "mae_reference": law.mae}},
    )  # fmt: skip


def _targets(targets: Sequence[float], run: Run, steps: np.ndarray, curve: np.ndarray) -> tuple[Target, ...]:
    tokens_rate, time_rate = _per_step(run.step, run.tokens), _per_step(run.step, run.time)
    out = []
    for loss in targets:
        already = np.flatnonzero(run.loss <= loss)
        at = [_first(steps, line, loss) for line in curve]
        if len(already):
            at = [float(run.step[already[0]])] * 3
        tokens = seconds = None
        if tokens_rate is not None and run.tokens is not None:
            base = float(run.tokens[np.isfinite(run.tokens)][-1])
            tokens = _cases([None if s is None else base + (s - run.step[-1]) * tokens_rate for s in at])
        if time_rate is not None:
            seconds = _cases([None if s is None else max(s - steps[0], 0.0) * time_rate for s in at])
        reached = float(run.step[already[0]]) if len(already) else None
        out.append(Target(loss, _cases(at), tokens, seconds, reached))
    return tuple(out)


def _cases(values: Sequence[float | None]) -> Cases:
    best, middle, worst = (None if v is None else float(v) for v in values)
    return best, middle, worst


def _first(steps: np.ndarray, line: np.ndarray, loss: float) -> float | None:
    below = np.flatnonzero(line <= loss)
    if not len(below):
        return None
    k = int(below[0])
    if k == 0:
        return float(steps[0])
    share = (line[k - 1] - loss) / max(line[k - 1] - line[k], 1e-300)
    return float(steps[k - 1] + share * (steps[k] - steps[k - 1]))


def _per_step(step: np.ndarray, value: np.ndarray | None) -> float | None:
    """Median increase a step: breaks between a stop and a resume do not count."""
    if value is None:
        return None
    ok = np.isfinite(value)
    if ok.sum() < 2:
        return None
    rate = float(np.median(np.diff(value[ok]) / np.diff(step[ok])))
    return rate if rate > 0 else None


def _warnings(run: Run) -> list[str]:
    out = []
    if run.seen < PREFIXES[0]:
        out.append(
            f"only {run.seen:.0%} of the run is seen: intervals are calibrated from {PREFIXES[0]:.0%} on"
        )
    if len(run.loss) < 8:
        out.append(f"only {len(run.loss)} rows to fit")
    k = max(len(run.loss) // 4, 2)
    if len(run.loss) >= 8 and np.median(run.loss[-k:]) > np.median(run.loss[-2 * k : -k]):
        out.append("the loss has been rising: is the run diverging?")
    return out
