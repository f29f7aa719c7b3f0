"""A genome written out as a program: readable, self-contained, NumPy alone.

The program carries its own fit by variable projection: amplitudes are solved inside a search over
the non-linear constants, from many fixed starts at once. It runs unchanged in any evaluator that
knows the two-function contract.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict
from functools import lru_cache
from string import Formatter

from harness.proposers.facts import FeatureFacts, TaskFacts
from harness.proposers.formula.genome import KINDS, FitChoices, Genome, NotAGenome, parse, pinned


def render(genome: Genome, facts: TaskFacts, title: str) -> str:
    """Program text of a genome.

    Args:
        genome: law and fitting choices.
        facts: names, units and ranges of the features, from training rows.
        title: first line of the docstring.
    """
    names = facts.names
    choices = genome.choices
    bounds = bound_lines(genome, facts)
    q_names = [n for n, _ in genome.nonlinear()]
    unpack = (
        f"{', '.join(q_names)}{',' if len(q_names) == 1 else ''} = q.T[:, :, None]" if q_names else "pass"
    )
    terms = (["1.0"] if genome.bias else []) + genome.columns(names)
    axes = list(facts.axes) if choices.emphasis else []
    values = dict(
        title=title,
        units="; ".join(f"{f.name} in {f.unit:g}" for f in facts.features),
        law=genome.line(names),
        choices=_json(choices),
        unit_list=", ".join(f"{f.unit:g}" for f in facts.features),
        bounds="\n".join(f"    {b}" for b in bounds),
        n_linear=str(genome.n_linear),
        features=f"{', '.join(names)}{',' if len(names) == 1 else ''}",
        unpack=unpack,
        terms=",\n        ".join(terms),
        first_shrunk=str(int(genome.bias)),
        first_signed=str(int(genome.bias) if choices.non_negative else genome.n_linear),
        ridge=repr(choices.ridge),
        emphasis=repr(choices.emphasis),
        axes=str(axes),
        target="np.log(np.maximum(y, 1e-300))" if choices.link == "log" else "y",
        own=OWN.format(paired=list(facts.paired)) if facts.paired else "",
        rows_of_t="with_own(data_points, t)" if facts.paired else "data_points",
        back="np.exp(np.clip(value, -200.0, 50.0))" if choices.link == "log" else "value",
        rounds="4" if choices.loss == "huber" else "0",
    )
    return "".join([text if name is None else text + values[name] for text, name in _PIECES])


@lru_cache(maxsize=1024)
def _json(choices: FitChoices) -> str:
    return json.dumps(asdict(choices))


@lru_cache(maxsize=1024)
def read(program: str, facts: TaskFacts) -> Genome | None:
    """The genome a program was rendered from, or None for a free program."""
    law = choices = None
    for raw in program.splitlines():
        if raw.startswith("# law: "):
            law = raw.removeprefix("# law: ")
        elif raw.startswith("# fit: "):
            choices = raw.removeprefix("# fit: ")
    if law is None or choices is None:
        return None
    try:
        return parse(law, facts.names, FitChoices(**json.loads(choices)))
    except (NotAGenome, TypeError, ValueError):
        return None


_LINES = r"(?:(?:#[^\n\r\f\0]*)?\n)*"
_HEAD = re.compile(rf'{_LINES}(?:"""(?:(?!""")[^\\\0])*"""\n{_LINES})?import numpy as np\n{_LINES}')
"""What may stand before the part that evolves without doing anything: comments, a docstring, the import."""


def is_rendered(program: str, facts: TaskFacts) -> bool:
    """Whether a program does what `render` writes for its law, to the letter, and nothing else.

    Such a program keeps the rules by construction: checking them may be left to the end of a search, and
    many such programs may share a process.
    """
    genome = read(program, facts)
    mark = "# EVOLVE-BLOCK-START"
    head, _, rest = program.partition(mark)
    return (
        genome is not None
        and _HEAD.fullmatch(head) is not None
        and rest == render(genome, facts, "").partition(mark)[2]
    )


def bound_lines(genome: Genome, facts: TaskFacts) -> list[str]:
    """One `(low, high, in_logs),  # name` line for each non-linear constant."""
    spans: dict[str, tuple[float, float, bool]] = {}
    for term in genome.terms:
        for f in term:
            x, z = facts.features[f.features[0]], facts.features[f.features[-1]]
            for name, role in zip(f.constants, KINDS[f.kind].roles, strict=True):
                if pinned(name):
                    continue
                spans.setdefault(name, _span(f.kind, role, x, z, genome.choices.exponent_bound))
    return [f"({low:.6g}, {high:.6g}, {logs}),  # {name}" for name, (low, high, logs) in spans.items()]


def _span(
    kind: str, role: str, x: FeatureFacts, z: FeatureFacts, exponent: float
) -> tuple[float, float, bool]:
    reach = max(x.high - x.low, 1e-9)
    least = x.low if x.low > 0 else 1e-2 * x.high
    if role == "exponent":
        return (-exponent / 2, exponent, False)
    if kind == "sum_power":
        return (1e-3 * least / z.high, 1e3 * x.high / z.low, True)
    if role == "shift":
        return (1e-3 * least, 10 * x.high, True)
    if role == "place":
        # A moving place is written where the other features are one unit, so it may lie further out.
        room = 1.0 if kind == "bowl" else 3.0
        return (math.log(x.low) - room, math.log(x.high) + room, False)
    if role == "slope":
        return (-1.5, 1.5, False)
    if role == "tilt":
        return (-10 / reach, 10 / reach, False)
    if kind == "repeated":
        return (0.1, 1e3, True)
    if kind == "log_power":
        return (1e-2, 1e3, True)
    if kind == "decay":
        return (0.03 / reach, 30 / reach, True)
    if role == "rate":
        return (0.2 / reach, 20 / reach, True)
    if role == "centre":
        return (x.low - reach / 2, x.high + reach, False)
    return (reach / 20, 3 * reach, True)  # width


TEMPLATE = '''"""{title}

Features in round units: {units}.
Amplitudes are solved by least squares inside a search over the other constants (variable projection).
"""

import numpy as np

# EVOLVE-BLOCK-START
# law: {law}
# fit: {choices}

UNITS = np.array([{unit_list}])
# (low, high, searched in logs) of each constant that is not an amplitude
BOUNDS = [
{bounds}
]
LOW = np.array([np.log(low) if logs else low for low, _, logs in BOUNDS])
HIGH = np.array([np.log(high) if logs else high for _, high, logs in BOUNDS])
LOGS = np.array([logs for _, _, logs in BOUNDS], dtype=bool)
N_AMPLITUDES = {n_linear}
FIT_SEED = 0


def exp(x):
    return np.exp(np.clip(x, -200.0, 50.0))


log, tanh = np.log, np.tanh


def columns(data_points, q):
    """Terms without amplitudes: (n, F) features, (S, p) constants -> (S, N_AMPLITUDES, n)."""
    {features} = (np.asarray(data_points, dtype=float) / UNITS).T
    {unpack}
    terms = [
        {terms},
    ]
    table = np.empty((len(q), N_AMPLITUDES, len(data_points)))
    for k, term in enumerate(terms):
        table[:, k] = term
    return table


def constants(u):
    """Constants at places u in the unit box."""
    q = LOW + u * (HIGH - LOW)
    return np.where(LOGS, np.exp(np.where(LOGS, q, 0.0)), q)


def project(data_points, y, root_weight, u):
    """Best amplitudes (S, K) and weighted residuals (S, n) at the places u (S, p)."""
    phi = columns(data_points, constants(u)) * root_weight
    z = y * root_weight
    size = np.sqrt(np.einsum("skn,skn->sk", phi, phi)) + 1e-300
    phi /= size[:, :, None]
    diagonal = np.full(N_AMPLITUDES, 1e-11)
    diagonal[{first_shrunk}:] += {ridge}
    gram = phi @ phi.transpose(0, 2, 1) + np.diag(diagonal)
    right = (phi @ z)[..., None]
    a = np.linalg.solve(gram, right)
    keep = np.ones(right.shape, dtype=bool)
    for _ in range(N_AMPLITUDES):  # amplitudes that may not be negative leave one by one
        negative = a < 0
        negative[:, :{first_signed}] = False
        if not negative.any():
            break
        keep &= ~negative
        both = keep & keep.transpose(0, 2, 1)
        a = np.linalg.solve(np.where(both, gram, np.eye(N_AMPLITUDES)), np.where(keep, right, 0.0))
    a = np.where(keep, a, 0.0)[..., 0]
    return a / size, z - (a[:, None, :] @ phi)[:, 0]


def residuals(data_points, y, root_weight, u):
    """Residuals (S, n) at the places u (S, p), and their slopes (S, p, n) by finite differences."""
    p = u.shape[1]
    h = np.where(u > 0.5, -1e-6, 1e-6)
    places = u[:, None, :] + np.concatenate([np.zeros((1, p)), np.eye(p)]) * h[:, None, :]
    _, r = project(data_points, y, root_weight, places.reshape(-1, p))
    r = r.reshape(len(u), p + 1, -1)
    return r[:, 0], (r[:, 1:] - r[:, :1]) / h[:, :, None]


def search(data_points, y, root_weight, u, steps):
    """Levenberg-Marquardt on the projected residuals, all starts at once; the best place (p,)."""
    damping = np.full(len(u), 1e-2)
    r, slopes = residuals(data_points, y, root_weight, u)
    cost = (r * r).sum(axis=1)
    least, still = cost.min(), 0
    for _ in range(steps):
        gradient = (slopes @ r[..., None])[..., 0]
        hess = slopes @ slopes.transpose(0, 2, 1)
        scale = np.einsum("sii->si", hess) + 1e-12 * cost[:, None] + 1e-300
        # A constant on its bound that would be pushed out is held, or it would bend the whole step.
        held = ((u <= 0) & (gradient > 0)) | ((u >= 1) & (gradient < 0))
        hess[held[:, :, None] | held[:, None, :]] = 0.0
        hess += np.eye(u.shape[1]) * np.where(held, 1.0, scale * damping[:, None])[:, None, :]
        step = np.linalg.solve(hess, np.where(held, 0.0, gradient)[..., None])[..., 0]
        trial = np.minimum(np.maximum(u - np.minimum(np.maximum(step, -0.3), 0.3), 0.0), 1.0)
        r_trial, slopes_trial = residuals(data_points, y, root_weight, trial)
        lower = (r_trial * r_trial).sum(axis=1)
        better = lower < cost
        u = np.where(better[:, None], trial, u)
        r = np.where(better[:, None], r_trial, r)
        slopes = np.where(better[:, None, None], slopes_trial, slopes)
        cost = np.where(better, lower, cost)
        damping = np.minimum(np.maximum(np.where(better, damping * 0.2, damping * 5.0), 1e-9), 1e6)
        still = 0 if cost.min() < least * (1 - 1e-6) else still + 1
        least = cost.min()
        if still == 4:  # a step or two without gain may only mean that the damping was too low
            break
    return u[int(np.argmin(cost))]


def row_weights(data_points):
    """Square roots of the rows' weights: rows nearer the edge we extrapolate from count more."""
    place = np.zeros(len(data_points))
    for j in {axes}:
        levels, index = np.unique(data_points[:, j], return_inverse=True)
        place = np.maximum(place, index / max(len(levels) - 1, 1))
    return np.exp(0.5 * {emphasis} * (place - 1.0))


def fit_one(data_points, y):
    """Constants of one target: amplitudes, then the rest."""
    p = len(BOUNDS)
    root_weight = row_weights(data_points)
    u = np.zeros((1, 0))
    if p:
        rng = np.random.default_rng(FIT_SEED)
        starts = rng.random((32 + 16 * p, p))
        few = np.sort(rng.permutation(len(y))[:300])  # enough rows to tell a good start from a bad one
        near = data_points[few], y[few], root_weight[few]
        _, r = project(*near, starts)
        u = search(*near, starts[np.argsort((r * r).sum(axis=1), kind="stable")[:5]], 25)[None]
        if len(few) < len(y):
            u = search(data_points, y, root_weight, u, 15)[None]
    a, r = project(data_points, y, root_weight, u)
    for _ in range({rounds}):  # Huber by reweighting, its width from the residuals' own spread
        plain = np.abs(r[0]) / root_weight
        width = 2.0 * np.median(plain) + 1e-12
        robust = root_weight * np.sqrt(np.minimum(1.0, width / np.maximum(plain, 1e-300)))
        if p:
            u = search(data_points, y, robust, u, 6)[None]
        a, _ = project(data_points, y, robust, u)
        fitted = a[0] @ columns(data_points, constants(u))[0]
        r = ((y - fitted) * root_weight)[None]
    return np.concatenate([a[0], constants(u)[0]])


{own}def fit_scaling_law(data_points, loss_values):
    data_points = np.asarray(data_points, dtype=float)
    y = np.asarray(loss_values, dtype=float).reshape(len(data_points), -1)
    with np.errstate(all="ignore"):
        y = {target}
        return np.concatenate([fit_one({rows_of_t}, y[:, t]) for t in range(y.shape[1])])


def scaling_law_func(data_points, params):
    data_points = np.asarray(data_points, dtype=float)
    table = np.asarray(params, dtype=float).reshape(-1, N_AMPLITUDES + len(BOUNDS))
    values = []
    with np.errstate(all="ignore"):
        for t, row in enumerate(table):
            phi = columns({rows_of_t}, row[None, N_AMPLITUDES:])[0]
            value = (row[:N_AMPLITUDES, None] * phi).sum(axis=0)
            values.append({back})
    return values[0] if len(values) == 1 else np.stack(values, axis=1)
# EVOLVE-BLOCK-END
'''

_PIECES = [(text, name) for text, name, _, _ in Formatter().parse(TEMPLATE)]
"""The template taken apart once: texts, each with the name of what comes behind it."""

OWN = '''OWN = {paired}


def with_own(data_points, t):
    """The features, and once more the one that belongs to target t."""
    return np.column_stack([data_points, data_points[:, OWN[t]]])


'''
