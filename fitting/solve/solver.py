"""From a problem to its best constants: starts from a coarse grid, active-set Newton from each, and where the end is in
doubt a second search from many more starts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fitting.columns import finite_number
from fitting.errors import BadOption
from fitting.law.calculus import linear_constants
from fitting.law.expression import names
from fitting.law.law import Law
from fitting.law.powers import logged
from fitting.solve.baseline import worse_than_free
from fitting.solve.losses import log_squared, squared
from fitting.solve.newton import HALVINGS, Batch, Objective, minimise
from fitting.solve.problem import Problem
from fitting.solve.rescue import trust_region
from fitting.solve.start import starts as grid_starts

HEAT_STEPS = 14
FIRST_STEPS, FEWER = 10, 6  # of many starts, after so many steps so many go on
LEADERS = 4
MANY = 24  # starts of laws with four nonlinear constants and more
WHILE = 20  # steps after which a start that does not lead is left
FINALISTS = 5
NARROW, MOST_KINKS = 2.0, 100
WIDE = 1e3  # targets that spread over so much: squared errors and those of the logs are of other rows
LOG_WEIGHTS = (0.0, 1.0, 1.5, 2.0)  # powers of the targets, as square roots of weights
POLISH = 60  # Newton steps after the trust region


def solve(
    problem: Problem, count: int | None, start: Mapping[str, float] | None
) -> tuple[np.ndarray, Batch, int]:
    """Best of the starts: constants (P,), the batch, and which of it won."""
    if count is not None and not (isinstance(count, int) and count >= 1):
        raise BadOption(f"starts must be an integer >= 1, got {count!r}")
    theta = first_points(problem, count or default_starts(problem))
    if start:
        theta = np.vstack([_given(problem, start, theta[0]), theta])
    batch = first_search(problem, theta)
    best = rescued(problem, batch)
    if count is None:
        found = batch.theta[best]
        doubt = in_doubt(problem, batch, best)
        again = [second_points(problem, found)] if doubt else []
        again += kinks(problem, found, doubt)
    if count is None and again:
        more = race(problem, np.vstack(again))
        batch = Batch(*(np.concatenate([getattr(b, f) for b in (batch, more)]) for f in Batch.__slots__))
        best = rescued(problem, batch)
    batch.theta = problem.outward(batch.theta)
    return batch.theta[best], batch, best


def _given(problem: Problem, start: Mapping[str, float], near: np.ndarray) -> np.ndarray:
    """The user's point among the search's constants; what it leaves open is taken from `near`."""
    law = problem.law
    law.check_names(start, "start")
    for name, value in start.items():
        finite_number("start", name, value)
    point = near.copy()
    for name, value in start.items():
        if name not in problem.recast.changes:
            point[problem.inner.slots[problem.inner.law.constants.index(name)]] = float(value)
    raw = problem.outward(point[None])[0]
    for name, s in zip(law.constants, problem.model.slots, strict=True):
        if name in start:
            raw[s] = float(start[name])
    return problem.inward(raw[None])


def rescued(problem: Problem, batch: Batch) -> int:
    """Index of the best end; while that has not converged, the trust region has a go at it, changing the batch."""
    low, high = problem.bounds_inside()
    rows = problem.rows
    best = int(np.argmin(batch.objective))
    for _ in range(3):
        if batch.converged[best] or not np.isfinite(batch.objective[best]):
            break
        found = trust_region(problem.inner, problem.loss, rows.y, rows.weights, batch.theta[best], low, high)
        again = minimise(
            problem.inner,
            problem.objective(),
            found[None],
            low,
            high,
            warm=True,
            max_steps=POLISH,
            trials=HALVINGS,  # a valley may be so narrow and bent that every step along it has to be short
        )
        if again.objective[0] > batch.objective[best]:
            break
        stalled = again.objective[0] > (1 - 1e-6) * batch.objective[best]
        batch.theta[best], batch.objective[best] = again.theta[0], again.objective[0]
        batch.converged[best] = again.converged[0]
        batch.steps[best] += again.steps[0]
        best = int(np.argmin(batch.objective))
        if stalled:
            break
    return best


def in_doubt(problem: Problem, batch: Batch, best: int) -> bool:
    """Whether the best end may not be the best there is: it stands on a bound, stopped early, was found once only, or
    is worse than a polynomial in the logs of the columns."""
    value, theta = batch.objective[best], batch.theta[best]
    if not problem.inner.law.nonlinear or value <= _nothing(problem):
        return not np.isfinite(value)
    low, high = problem.bounds_inside()
    if not batch.converged[best] or (((theta <= low) | (theta >= high)) & (low < high)).any():
        return True
    if len(batch.objective) >= 3 and (batch.objective <= (1 + 1e-7) * value).sum() < 2:
        return True
    return worse_than_free(problem, value)


def first_search(problem: Problem, theta: np.ndarray) -> Batch:
    """All starts to their ends; with several, those that still wander after a while go on only if they lead."""
    low, high = problem.bounds_inside()
    smooth = problem.loss.huber_delta == np.inf  # else the stages of the homotopy can't be compared
    if len(theta) == 1 or not smooth:
        return minimise(problem.inner, problem.objective(), theta, low, high)
    batch = Batch(
        theta, np.full(len(theta), np.inf), np.zeros(len(theta), dtype=bool), np.zeros(len(theta), dtype=int)
    )
    on = list(range(len(theta)))
    for steps, left in ((FIRST_STEPS, FEWER), (WHILE, LEADERS), (300, 0)):
        if not on or (left == FEWER and len(on) <= FEWER):
            continue
        part = minimise(
            problem.inner,
            problem.objective(),
            batch.theta[on],
            low,
            high,
            max_steps=steps,
            curved=left != FEWER,
        )
        batch.theta[on], batch.objective[on], batch.converged[on] = part.theta, part.objective, part.converged
        batch.steps[on] += part.steps
        lead = [int(i) for i in np.argsort(batch.objective, kind="stable")[:left]]
        on = [i for i in lead if not batch.converged[i] and np.isfinite(batch.objective[i])]
    return batch


def race(problem: Problem, theta: np.ndarray) -> Batch:
    """A few steps of least squares from many starts, and all the way, with the loss itself, from those that lead."""
    low, high = problem.bounds_inside()
    rows = problem.rows
    plain = Objective(log_squared() if problem.loss.log else squared(), rows.y, rows.weights)
    heat = minimise(problem.inner, plain, theta, low, high, max_steps=HEAT_STEPS, halvings=8, curved=False)
    order = np.argsort(heat.objective, kind="stable")
    lead: list[int] = []
    for i in order[np.isfinite(heat.objective[order])]:
        if all(abs(heat.objective[i] - heat.objective[j]) > 1e-9 * heat.objective[j] for j in lead):
            lead.append(int(i))
        if len(lead) == FINALISTS:
            break
    if not lead:
        return heat
    final = minimise(
        problem.inner, problem.objective(), heat.theta[lead], low, high, max_steps=150, halvings=20
    )
    final.steps += heat.steps.sum() // max(len(lead), 1)
    return final


def _nothing(problem: Problem) -> float:
    """A cost that is rounding alone."""
    t = np.log(problem.rows.y) if problem.loss.log else problem.rows.y
    return 1e-24 * float(t @ t)


def default_starts(problem: Problem) -> int:
    """More starts where one basin can't be counted on: many nonlinear constants, or other than exponents; few rows; no linear part."""
    law, loss = problem.inner.law, problem.loss
    k = len(law.nonlinear)
    count = {0: 1, 1: 1, 2: 1, 3: 3}.get(k, MANY)
    odd = k > 1 and any(part.kind != "exponent" for part in problem.parts.values())
    if problem.rows.n < 40 or not loss.two_sided or not law.linear or odd:
        count = max(count, 4)
    if loss.huber_delta != np.inf and k >= 3:
        count += 2
    return count


def second_points(problem: Problem, best: np.ndarray) -> np.ndarray:
    """Starts of the second search: a wider and denser sample of the box, and the best end so far, shaken."""
    few = len(problem.inner.law.nonlinear) <= 2
    wide = first_points(problem, 8 if few else 20, reach=2.0)
    rng = np.random.default_rng(0)
    shaken = best * np.exp(0.5 * rng.standard_normal((4 if few else 8, len(best))))
    return np.vstack([wide, shaken])


def kinks(problem: Problem, best: np.ndarray, doubt: bool) -> list[np.ndarray]:
    """Where a transition is narrower than the gaps between rows, every gap has an optimum of its own: starts along its place.
    In doubt a wide transition is tried as a narrow one, too."""
    slots = dict(zip(problem.inner.law.constants, problem.inner.slots, strict=True))
    places = [(c, part) for c, part in problem.parts.items() if part.kind == "place" and not part.leans]
    widths = [slots[c] for c, part in problem.parts.items() if part.kind == "width"]
    out = []
    for c, part in places:
        gap = 2.0 * part.scale / problem.rows.n
        narrow = any((np.abs(best[w]) < NARROW * gap).any() for w in widths)
        if not widths or not (narrow or doubt):
            continue
        count = min(2 * problem.rows.n, MOST_KINKS)
        points = np.tile(best, (count, 1))
        points[:, slots[c]] = (part.centre + part.scale * np.linspace(-1.0, 1.0, count))[:, None]
        for w in widths if not narrow else ():
            points[:, w] = 0.5 * gap
        out.append(points)
    return out


def first_points(problem: Problem, count: int, reach: float = 1.0) -> np.ndarray:
    """Starts in the slots of the searched model: the coarse grid, and with groups the groups' own fits too."""
    law, rows, inner = problem.inner.law, problem.rows, problem.inner
    weights = rows.weights
    if problem.loss.log:  # relative errors, nearly
        weights = (1.0 if weights is None else weights) / rows.y**2
    box = [problem.inner_box[c] for c in law.constants]
    low, high = np.array(box, dtype=float).T
    parts = problem.parts
    theta = grid_starts(law, inner.columns, rows.y, weights, parts, low, high, count, reach)
    product = log_linear(problem)
    if product is not None:
        theta = np.vstack([np.clip(product, low, high), theta])
    if not problem.free:
        return theta
    spread = np.empty((len(theta) + 1, inner.n_slots))
    own = np.empty((len(rows.labels), law.n_constants))
    assert rows.group is not None
    for g in range(len(rows.labels)):
        mask = rows.group == g
        some = [c[mask] if len(c) == rows.n else c for c in inner.columns]
        w = None if weights is None else weights[mask]
        own[g] = grid_starts(law, some, rows.y[mask], w, parts, low, high, 1, reach)[0]
    for k, s in enumerate(inner.slots):
        spread[:-1, s] = theta[:, k : k + 1]
        spread[-1, s] = own[:, k] if len(s) > 1 else np.median(own[:, k])
    return spread


def log_linear(problem: Problem) -> np.ndarray | None:
    """Constants (m, P) of a law that is one product, by straight fits of the logs; None for other laws and other rows."""
    law, rows = problem.inner.law, problem.rows
    amplitudes = frozenset(c for c in law.linear if problem.inner_box[c][0] <= 0.0 < problem.inner_box[c][1])
    if len(amplitudes) != 1 or rows.y.min() <= 0:
        return None
    tree = logged(law.tree, amplitudes)
    if tree is None or linear_constants(tree) != names(tree):
        return None
    straight = Law(law.text, law.variables, tree)
    before, body = straight.program(1)
    with np.errstate(all="ignore"):
        have = dict(zip(law.used, problem.inner.columns, strict=True))
        value, *slopes = body([0.0] * straight.n_constants, before([have[v] for v in straight.used]))
        table = np.column_stack([np.broadcast_to(np.asarray(s, dtype=float), (rows.n,)) for s in slopes])
        offset = np.asarray(value, dtype=float)
    if not (np.isfinite(table).all() and np.isfinite(offset).all()):
        return None
    logs = np.broadcast_to(np.log(rows.y) - offset, (rows.n,))
    points = []
    # A small relative error of a row is so much of its target: weighted by those, the logs give the squared errors themselves.
    # With the few largest rows alone to decide, there may be an optimum of its own for the largest of all.
    wide = rows.y.max() > WIDE * rows.y.min()
    for power in LOG_WEIGHTS if wide else LOG_WEIGHTS[:1]:
        root = (rows.y / rows.y.max()) ** power
        ends = np.linalg.lstsq(table * root[:, None], logs * root, rcond=None)[0]
        found = dict(zip(straight.constants, ends, strict=True))
        points.append([np.exp(found[c]) if c in amplitudes else found[c] for c in law.constants])
    return np.array(points)
