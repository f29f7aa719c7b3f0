"""Fit any law by formula: linear constants projected out on a coarse grid, then active-set Newton on all constants.

result = fit("E + A*N**-alpha + B*D**-beta", data, loss=huber(1e-3))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fitting.errors import BadLaw, BadOption, NonFiniteFitError
from fitting.law.expression import ONE
from fitting.law.law import Law
from fitting.law.presets import PRESETS
from fitting.result import FittedLaw
from fitting.solve.centre import Centred
from fitting.solve.data import Rows, check_free, law_for, rows_for
from fitting.solve.losses import Loss, parse_loss
from fitting.solve.model import Model
from fitting.solve.newton import Batch, Objective, minimise
from fitting.solve.rescue import trust_region
from fitting.solve.roles import is_power_amplitude, roles
from fitting.solve.start import starts as grid_starts

Box = Mapping[str, tuple[float | None, float | None]]


def fit(
    law: Law | str,
    data: Mapping,
    *,
    target: str | None = None,
    loss: Loss | str | None = None,
    bounds: Box | None = None,
    nonnegative: bool | None = None,
    weights: Sequence[float] | str | None = None,
    groups: Sequence | str | None = None,
    free: Sequence[str] | str = (),
    fixed: Mapping[str, float] | None = None,
    tied: Mapping[str, str] | None = None,
    starts: int | None = None,
    start: Mapping[str, float] | None = None,
) -> FittedLaw:
    """Best constants of a law for these rows.

    Args:
        law: its text, a `Law`, or the name of a preset (`fitting.law.presets`). Names that are columns of the data are variables, all others are constants.
        data: columns by name (dict, data frame or structured array).
        target: target column; else what stands left of `=` in the law, else L, loss or y.
        loss: None (mean squared error), a `Loss`, or its text such as "huber:1e-3".
        bounds: constant -> (low, high), None for no bound; they are kept. Defaults: an exponent written with a minus
            is in [0.001, 5], other exponents in [-5, 5]; see `fitting.solve.roles` for the rest.
        nonnegative: whether linear constants are kept >= 0. None: amplitudes of powers with free exponents are, a
            constant standing alone beside them is when all targets are positive, and all others are free.
        weights: weight of each row (values or a column); 0 leaves a row out.
        groups: group of each row (values or a column).
        free: constants with one value per group ("all" for all); the others are shared.
        fixed: constants held at given numbers.
        tied: constants made equal to others, {"beta": "alpha"}.
        starts: how many cells of the coarse grid to refine; more where a law has many nonlinear constants.
        start: a point to begin at as well.

    Raises:
        BadLaw, BadData, BadOption (all ValueErrors): what is wrong, where, and what to do.
        NonFiniteFitError: no start led to finite numbers.
    """
    if start is None and isinstance(law, str) and law in PRESETS and not (tied or fixed):
        start = PRESETS[law].start
    law, target = law_for(law, data, target)
    loss = parse_loss(loss)
    if tied:
        law = law.tie(tied)
    if fixed:
        law = law.fix(fixed)
    if not law.constants:
        raise BadOption("fixed: every constant of the law is fixed, nothing is left to fit")
    rows = rows_for(law, data, target, loss, weights, groups)
    problem = Problem.of(law, rows, loss, bounds, nonnegative, check_free(free, law, rows.labels))
    theta, batch, best = solve(problem, starts, start)
    if not np.isfinite(batch.objective[best]):
        raise NonFiniteFitError(
            f"no start gave finite numbers for {law.text!r}; give start={{...}} or bounds={{...}} near sensible values"
        )
    return FittedLaw.of(problem, theta, bool(batch.converged[best]), int(batch.steps.sum()))


@dataclass(slots=True)
class Problem:
    """A law, its rows, and what may move: raw and centred models over the same slots.

    Attributes:
        low, high: (P,) box of the raw constants, one entry per slot.
        centred: how raw and centred constants correspond; inner: the centred model.
    """

    law: Law
    rows: Rows
    loss: Loss
    free: tuple[str, ...]
    box: dict[str, tuple[float, float]]
    low: np.ndarray
    high: np.ndarray
    model: Model
    centred: Centred
    inner: Model

    @staticmethod
    def of(law, rows, loss, bounds, nonnegative, free, keep=frozenset()) -> Problem:
        columns = [rows.columns[v] for v in law.used]
        check_constants(law)
        box = default_box(law, columns, rows.y, nonnegative)
        box.update(_user_box(bounds, law))
        raw_units = frozenset(
            c for c in law.linear if any(np.isfinite(b) and b != 0 for b in box[c]) or box[c][0] == box[c][1]
        )
        group = rows.group if free else None
        centred = Centred.of(law, raw_units | frozenset(keep))
        model = Model(law, columns, rows.n, group, free)
        low, high = (
            np.concatenate(
                [np.full(len(s), box[c][i]) for c, s in zip(law.constants, model.slots, strict=True)]
            )
            for i in (0, 1)
        )
        inner = model
        if centred.shifts:
            parts = roles(law, columns)
            typical = {c: float(np.median(part.axis(9, *box[c]))) for c, part in parts.items()}
            inner = Model(centred.law, centred.columns(law, columns, typical), rows.n, group, free)
        return Problem(law, rows, loss, free, box, low, high, model, centred, inner)

    @property
    def names(self) -> list[str]:
        return self.model.names(self.rows.labels)

    def objective(self, y: np.ndarray | None = None, weights: np.ndarray | None = None) -> Objective:
        """The loss over these rows, or over other targets or row weights for a batch."""
        return Objective(
            self.loss, self.rows.y if y is None else y, self.rows.weights if weights is None else weights
        )

    def inward(self, theta: np.ndarray) -> np.ndarray:
        """Raw constants (R, P) in the slots of the centred model."""
        return self._convert(theta, self.model, self.inner, -1.0)

    def outward(self, theta: np.ndarray) -> np.ndarray:
        """Centred constants (R, P) in the slots of the raw model."""
        return self._convert(theta, self.inner, self.model, 1.0)

    def _convert(self, theta, source: Model, sink: Model, sign: float) -> np.ndarray:
        if source is sink:
            return theta.copy()
        out = np.empty_like(theta)
        where = dict(zip(source.law.constants, source.slots, strict=True))
        width = max(len(s) for s in source.slots)
        values = [
            theta[:, s] if len(s) == width else np.repeat(theta[:, s], width, axis=1) for s in source.slots
        ]
        factors = self.centred.factors(source.law.constants, values, self.inner.columns)
        for name, s in zip(sink.law.constants, sink.slots, strict=True):
            column = theta[:, where[name]]
            if name in factors:
                factor = np.broadcast_to(factors[name], (len(theta), width))
                factor = factor if len(s) == width else factor[:, :1]
                column = column * factor**sign
            out[:, s] = column
        return out

    def bounds_inside(self) -> tuple[np.ndarray, np.ndarray]:
        """The box in the slots of the centred model."""
        pairs = [
            np.full((len(s), 2), self.box[c])
            for c, s in zip(self.inner.law.constants, self.inner.slots, strict=True)
        ]
        low, high = np.concatenate(pairs).T
        return low, high

    def run(self, theta: np.ndarray, objective: Objective | None = None, **options) -> Batch:
        """Newton from raw constants (R, P); the batch comes back with raw constants."""
        low, high = self.bounds_inside()
        batch = minimise(self.inner, objective or self.objective(), self.inward(theta), low, high, **options)
        batch.theta = self.outward(batch.theta)
        return batch


def solve(
    problem: Problem, count: int | None, start: Mapping[str, float] | None
) -> tuple[np.ndarray, Batch, int]:
    """Best of the starts: constants (P,), the batch, and which of it won."""
    law, rows = problem.law, problem.rows
    if count is not None and not (isinstance(count, int) and count >= 1):
        raise BadOption(f"starts must be an integer >= 1, got {count!r}")
    theta = first_points(problem, count or default_starts(law, rows, problem.loss))
    if start:
        law.check_names(start, "start")
        point = theta[0].copy()
        for name, value in start.items():
            point[problem.inner.slots[problem.inner.law.constants.index(name)]] = float(value)
        raw = problem.outward(point[None])[0]
        for name, s in zip(law.constants, problem.model.slots, strict=True):
            if name in start:
                raw[s] = float(start[name])
        theta = np.vstack([problem.inward(raw[None]), theta])
    low, high = problem.bounds_inside()
    batch = minimise(problem.inner, problem.objective(), theta, low, high)
    best = int(np.argmin(batch.objective))
    if np.isfinite(batch.objective[best]) and not batch.converged[best]:
        rescued = trust_region(
            problem.inner, problem.loss, rows.y, rows.weights, batch.theta[best], low, high
        )
        again = minimise(problem.inner, problem.objective(), rescued[None], low, high, warm=True)
        if again.objective[0] <= batch.objective[best]:
            batch.theta[best], batch.objective[best] = again.theta[0], again.objective[0]
            batch.converged[best] = again.converged[0]
            batch.steps[best] += again.steps[0]
    batch.theta = problem.outward(batch.theta)
    return batch.theta[best], batch, best


def default_starts(law: Law, rows: Rows, loss: Loss) -> int:
    """More starts where one basin can't be counted on: many nonlinear constants, few rows, no linear part."""
    k = len(law.nonlinear)
    count = {0: 1, 1: 1, 2: 1, 3: 3}.get(k, 6)
    if rows.n < 40 or not loss.two_sided or not law.linear:
        count = max(count, 4)
    if loss.huber_delta != np.inf and k >= 3:
        count += 2
    return count


def first_points(problem: Problem, count: int) -> np.ndarray:
    """Starts in the slots of the centred model: the coarse grid, and with groups the groups' own fits too."""
    law, rows, inner = problem.inner.law, problem.rows, problem.inner
    weights = rows.weights
    if problem.loss.log:  # relative errors, nearly
        weights = (1.0 if weights is None else weights) / rows.y**2
    box = [problem.box[c] for c in law.constants]
    low, high = np.array(box, dtype=float).T
    parts = roles(problem.law, [rows.columns[v] for v in problem.law.used])
    theta = grid_starts(law, inner.columns, rows.y, weights, parts, low, high, count)
    if not problem.free:
        return theta
    spread = np.empty((len(theta) + 1, inner.n_slots))
    own = np.empty((len(rows.labels), law.n_constants))
    for g in range(len(rows.labels)):
        mask = rows.group == g
        some = [c[mask] if len(c) == rows.n else c for c in inner.columns]
        w = None if weights is None else weights[mask]
        own[g] = grid_starts(law, some, rows.y[mask], w, parts, low, high, 1)[0]
    for k, s in enumerate(inner.slots):
        spread[:-1, s] = theta[:, k : k + 1]
        spread[-1, s] = own[:, k] if len(s) > 1 else np.median(own[:, k])
    return spread


def default_box(law: Law, columns: list[np.ndarray], y: np.ndarray, nonnegative: bool | None) -> dict:
    """Default bounds of every constant."""
    box = {c: (role.low, role.high) for c, role in roles(law, columns).items()}
    _, trees = law.design
    powers = {c for c, tree in zip(law.linear, trees, strict=True) if is_power_amplitude(tree)}
    for c, tree in zip(law.linear, trees, strict=True):
        signed = nonnegative
        if signed is None:
            alone = (
                tree == ONE and bool(powers) and len(powers) >= len(law.linear) - 1 and bool((y > 0).all())
            )
            signed = c in powers or alone
        box[c] = (0.0, np.inf) if signed else (-np.inf, np.inf)
    return {c: box[c] for c in law.constants}


def _user_box(bounds: Box | None, law: Law) -> dict[str, tuple[float, float]]:
    out = {}
    if bounds is not None and not isinstance(bounds, Mapping):
        bounds = {name: getattr(bounds, name) for name in law.constants if hasattr(bounds, name)}
    law.check_names(bounds or {}, "bounds")
    for name, pair in (bounds or {}).items():
        try:
            low, high = pair
            low, high = -np.inf if low is None else float(low), np.inf if high is None else float(high)
        except (TypeError, ValueError):
            raise BadOption(
                f"bounds: {name} must be a pair (low, high), None for no bound, got {pair!r}"
            ) from None
        if not low <= high or np.isnan(low) or low == np.inf or high == -np.inf:
            raise BadOption(f"bounds: {name} needs low <= high, got {pair!r}")
        out[name] = (low, high)
    return out


@lru_cache(maxsize=512)
def check_constants(law: Law) -> None:
    """Refuse laws whose constants cancel or can't be told apart on any data.

    The slopes are evaluated at random constants over random positive variables; a constant without slope, or a
    set of slopes that are always proportional, is a fault of the law and not of the data.
    """
    rng = np.random.default_rng(0)
    n = 8 * law.n_constants + 8
    ranks, last = [], None
    for scale in (1.0, 0.3):
        columns = [np.exp(scale * rng.standard_normal(n)) for _ in law.used]
        with np.errstate(all="ignore"):
            values = np.exp(0.3 * rng.standard_normal(law.n_constants)) * 0.7
            before, body = law.program(1)
            slopes = body(list(values), before(columns))[1:]
            J = np.column_stack([np.broadcast_to(np.asarray(s, dtype=float), (n,)) for s in slopes])
        J = J[np.isfinite(J).all(axis=1)]
        if len(J) < 2 * law.n_constants:
            return
        norm = np.abs(J).max(axis=0)
        dead = [c for c, size in zip(law.constants, norm, strict=True) if size == 0]
        if dead:
            raise BadLaw(
                f"the law {law.text!r} does not depend on {', '.join(dead)}: the constants cancel; remove them"
            )
        J = J / norm
        _, sizes, turned = np.linalg.svd(J / np.sqrt((J * J).sum(axis=0)), full_matrices=False)
        ranks.append(int((sizes > 1e-9 * sizes[0]).sum()))
        last = turned[-1]
    if max(ranks) < law.n_constants:
        together = [c for c, part in zip(law.constants, last, strict=True) if abs(part) > 0.05]
        raise BadLaw(
            f"the law {law.text!r} can't tell {' from '.join(together)}: other values give the same curve. "
            "Merge or fix one of them; a name that is no column of the data counts as a constant"
        )
