"""One fit as a problem: a law, its rows, and the box in which its constants may move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from fitting.errors import BadLaw, BadOption
from fitting.law.expression import ONE
from fitting.law.law import Law
from fitting.solve.centre import Centred
from fitting.solve.data import Rows
from fitting.solve.losses import Loss
from fitting.solve.model import Model
from fitting.solve.newton import Batch, Objective, minimise
from fitting.solve.recast import Pair, Recast
from fitting.solve.roles import Role, is_power_amplitude, roles, sizes

Box = Mapping[str, tuple[float | None, float | None]]


@dataclass(slots=True)
class Problem:
    """A law, its rows, and what may move: raw and searched models over the same slots.

    Attributes:
        box: bounds of the raw constants; low, high: (P,) the same, one entry per slot.
        recast, centred: how raw constants become those of the search; inner: the model that is searched.
        inner_box, inside: bounds of its constants, by name and by slot; parts: what part its nonlinear constants play.
    """

    law: Law
    rows: Rows
    loss: Loss
    free: tuple[str, ...]
    box: dict[str, Pair]
    low: np.ndarray
    high: np.ndarray
    model: Model
    recast: Recast
    centred: Centred
    inner: Model
    inner_box: dict[str, Pair]
    parts: dict[str, Role]
    inside: tuple[np.ndarray, np.ndarray]

    @staticmethod
    def of(
        law: Law,
        rows: Rows,
        loss: Loss,
        bounds: Box | None,
        nonnegative: bool | None,
        free: tuple[str, ...],
        keep: frozenset[str] = frozenset(),
    ) -> Problem:
        columns = [rows.columns[v] for v in law.used]
        check_constants(law)
        user = user_box(bounds, law)
        recast = recast_law(law, tuple(user.items()), keep)
        parts = parts_of(recast, columns)
        default = default_box(recast.law, parts, rows.y, nonnegative)
        raw = {c: RAW[recast.changes[c].kind] if c in recast.changes else default[c] for c in law.constants}
        box = raw | user
        inner_box = {c: recast.pair(c, box[c]) for c in recast.law.constants}
        in_units = {
            c
            for c, pair in inner_box.items()
            if any(np.isfinite(b) and b != 0 for b in pair) or pair[0] == pair[1]
        }
        group = rows.group if free else None
        centred = centre_law(recast.law, frozenset(in_units | keep))
        model = Model(law, columns, rows.n, group, free)
        low, high = _walls(box, model)
        inner = model
        if centred.law is not law:
            typical = {
                c: float(np.median(part.axis(9, *inner_box[c])))
                for c, part in parts.items()
                if c in centred.inside
            }
            shifted = centred.columns(recast.law, columns, typical)
            inner = Model(centred.law, shifted, rows.n, group, free)
            parts |= _centred_parts(parts, centred, shifted)
        inside = _walls(inner_box, inner)
        return Problem(
            law, rows, loss, free, box, low, high, model, recast, centred, inner, inner_box, parts, inside
        )

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

    def _convert(self, theta: np.ndarray, source: Model, sink: Model, sign: float) -> np.ndarray:
        if source is sink:
            return theta.copy()
        width = max(len(s) for s in source.slots)
        values = {
            c: theta[:, s] if len(s) == width else np.repeat(theta[:, s], width, axis=1)
            for c, s in zip(source.law.constants, source.slots, strict=True)
        }
        if sign < 0:
            values = self.recast.inward(values)
        constants = self.inner.law.constants
        factors = self.centred.factors(constants, [values[c] for c in constants], self.inner.columns)
        with np.errstate(all="ignore"):
            values |= {c: values[c] * factor**sign for c, factor in factors.items()}
        if sign > 0:
            values = self.recast.outward(values)
        out = np.empty((len(theta), sink.n_slots))
        for name, s in zip(sink.law.constants, sink.slots, strict=True):
            out[:, s] = values[name][:, : len(s)]
        return out

    def bounds_inside(self) -> tuple[np.ndarray, np.ndarray]:
        """The box in the slots of the searched model."""
        return self.inside

    def run(self, theta: np.ndarray, objective: Objective | None = None, **options: Any) -> Batch:
        """Newton from raw constants (R, P); the batch comes back with raw constants."""
        low, high = self.bounds_inside()
        batch = minimise(self.inner, objective or self.objective(), self.inward(theta), low, high, **options)
        batch.theta = self.outward(batch.theta)
        return batch


RAW: dict[str, Pair] = {"exp": (-np.inf, np.inf), "pow": (0.0, np.inf), "log": (0.0, np.inf)}


@lru_cache(maxsize=512)
def recast_law(law: Law, user: tuple[tuple[str, Pair], ...], keep: frozenset[str]) -> Recast:
    """`Recast.of`, remembered: laws come back with their derivatives."""
    return Recast.of(law, dict(user), keep)


@lru_cache(maxsize=512)
def centre_law(law: Law, keep: frozenset[str]) -> Centred:
    """`Centred.of`, remembered."""
    return Centred.of(law, keep)


def parts_of(recast: Recast, columns: list[np.ndarray]) -> dict[str, Role]:
    """What part each nonlinear constant of the searched law plays."""
    law = recast.law
    found = roles(law, columns)
    for name, change in recast.changes.items():
        if name not in law.nonlinear:
            continue
        if change.kind == "log":  # the log of a place in the data
            logs = [np.log(v[v > 0]) for v in (sizes(base, law, columns) for base in change.beside)]
            low, high = (sum(float(f(v)) for v in logs if len(v)) for f in (np.min, np.max))
            found[name] = Role("place", -np.inf, np.inf, (low + high) / 2, (high - low) / 2 or 1.0)
        elif found[name].both_signs or found[name].kind == "place":
            found[name] = Role("rate", 0.0, np.inf, scale=abs(found[name].scale))
    return found


def _walls(box: Mapping[str, Pair], model: Model) -> tuple[np.ndarray, np.ndarray]:
    """Bounds by slot, low and high."""
    widths = [len(s) for s in model.slots]
    pairs = np.array([box[c] for c in model.law.constants], dtype=float)
    low, high = np.repeat(pairs, widths, axis=0).T.copy()
    return low, high


def _centred_parts(parts: dict[str, Role], centred: Centred, columns: list[np.ndarray]) -> dict[str, Role]:
    """Amplitudes that are not linear, as in (A*N**-a + B)**k, sized up where the search meets them: beside centred powers."""
    moved = [c for c in centred.shifts if c in parts and parts[c].kind in ("rate", "shift")]
    again = roles(centred.law, columns) if moved else {}
    return {c: replace(parts[c], scale=again[c].scale) for c in moved}


def default_box(law: Law, parts: dict[str, Role], y: np.ndarray, nonnegative: bool | None) -> dict[str, Pair]:
    """Default bounds of every constant."""
    box = {c: (role.low, role.high) for c, role in parts.items()}
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


def user_box(bounds: Box | None, law: Law) -> dict[str, Pair]:
    out: dict[str, Pair] = {}
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
    ranks: list[int] = []
    last = np.zeros(0)
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
        together = [c for c, part in zip(law.constants, last.tolist(), strict=True) if abs(part) > 0.05]
        raise BadLaw(
            f"the law {law.text!r} can't tell {' from '.join(together)}: other values give the same curve. "
            "Merge or fix one of them; a name that is no column of the data counts as a constant"
        )
