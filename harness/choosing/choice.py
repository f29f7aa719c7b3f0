"""Choosing the result of a search: shortlist, rules, priors, refits, and the law nearest to the others.

Everything here sees training rows alone.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

import numpy as np

from evaluator import Evaluator, Failed, Scored
from harness.proposers.facts import TaskFacts
from harness.proposers.formula.render import FIRST_FIT_SEED, with_fit_seed
from harness.search.archive import Member
from harness.search.search import Search
from harness.search.selection import validation_error
from tasks import Task
from tasks.probes import STEPS, probe_rows
from tasks.rows import Rows
from tasks.split import Fold

SHORTLIST = 5
"""Laws that are looked at closely: those that keep the rules and the priors, best first."""

CLOSE = 1.05
"""A law joins the shortlist while its error, with the price of its size, is within this factor of the first's."""

MAX_TRIED = 40
"""Candidates tried for the shortlist before it is taken as it is; three times as many while it is empty."""

FIT_SEEDS = (1, 2)
"""Further seeds of the fit that a finalist is refitted with."""

UNSTEADY = 1.1
"""Median error over fit seeds, relative to the first fit's, above which a fit counts as luck."""

ROOM = 1.0
"""A law may leave the range of a group's targets by this many ranges within the probes' reach."""

PRIOR_REACH = 1.0
"""How far beyond the rows a declared fall or rise, and a score's end at 1, are looked for: as far again as the rows span."""

RISE = 1e-3
"""Rise that counts as none, in standard deviations of a group's targets."""

FEW_GROUPS = 0.1
"""Share of the groups in which a law may break what is known: a few noisy groups among many condemn no form."""


@dataclass(slots=True)
class Finalist:
    """A law on the shortlist.

    Attributes:
        outcome: on the validation folds, every rule checked.
        probes: (m, T) predictions on the probe rows, fitted on all of train.
    """

    member: Member
    outcome: Scored
    probes: np.ndarray


@dataclass(slots=True)
class Choice:
    """How a search's result was chosen.

    Attributes:
        winner: None where no candidate kept every rule.
        partners: the rest of the shortlist, best first.
        dropped: candidate id -> why it was passed over.
    """

    winner: Finalist | None
    partners: list[Finalist] = field(default_factory=list)
    dropped: dict[str, str] = field(default_factory=dict)


def choose(search: Search, evaluator: Evaluator, task: Task, folds: tuple[Fold, ...]) -> Choice:
    """The law on the shortlist whose behaviour beyond the rows is nearest to the middle of the shortlist.

    The shortlist holds laws of nearly the same validation error. Their order is chance; the one that the
    others agree with is the safest, and a law that runs off alone is not taken.
    """
    dropped: dict[str, str] = {}
    shortlist: list[Finalist] = []
    spare: Finalist | None = None
    first: float | None = None
    for n, judged in enumerate(search.finalists()):
        if first is not None and judged.cost > CLOSE * first:
            break
        if n >= (MAX_TRIED if shortlist else 3 * MAX_TRIED):
            break
        member = search.members[judged.id]
        finalist = _examine(member, evaluator, task, folds)
        if isinstance(finalist, str):
            dropped[member.candidate.id] = finalist
            continue
        broken = broken_prior(finalist.member.candidate.program, finalist.probes, evaluator, task)
        if broken:
            dropped[member.candidate.id] = broken
            spare = spare or finalist
            continue
        if not any(_alike(finalist, other) for other in shortlist):
            shortlist.append(finalist)
            first = judged.cost if first is None else first
        if len(shortlist) == SHORTLIST:
            break
    # A law that breaks a prior is better than none.
    if not shortlist and spare is not None:
        shortlist = [spare]
    if not shortlist:
        return Choice(None, [], dropped)
    place = medoid([f.probes for f in shortlist])
    winner = shortlist.pop(place)
    return Choice(winner, shortlist, dropped)


def medoid(predictions: list[np.ndarray]) -> int:
    """Place of the prediction nearest to the median of all, row by row; the first of equals.

    Args:
        predictions: arrays of one shape, (m, T).
    """
    table = np.stack(predictions)
    away = np.abs(table - np.median(table, axis=0))
    # In units of the usual distance in that row, and no row counts without limit.
    scale = away.mean(axis=0)
    distance = np.minimum(away / np.where(scale > 0, scale, 1.0), 10.0).mean(axis=(1, 2))
    return int(np.argmin(np.round(distance, 9)))


def broken_prior(program: str, probes: np.ndarray, evaluator: Evaluator, task: Task) -> str:
    """What is known beforehand and a law breaks beyond the rows, in words; "" where it breaks nothing.

    Args:
        probes: its predictions on `probe_rows`.
    """
    _, group = probe_rows(task.spec, task.train)
    away = runs_off(task.train, probes, group)
    if away:
        return f"runs off beyond the rows of group {away[0]!r}"
    spec, train = task.spec, task.train
    scores = rising_scores(task)
    for feature in dict.fromkeys((*spec.falls_with, *spec.rises_with, *scores)):
        X, group = probe_rows(spec, train, (feature,), PRIOR_REACH)
        answer = evaluator.fit_and_predict(program, spec, train, X, group)
        if isinstance(answer, Failed):
            return f"fails where {feature} goes on: {answer.detail}"
        rising = rises(train, answer.y, group) if feature in spec.falls_with else []
        if rising:
            return f"rises with {feature} beyond the rows of group {rising[0]!r}"
        falling = rises(train, -answer.y, group) if feature in spec.rises_with else []
        if falling:
            return f"falls with {feature} beyond the rows of group {falling[0]!r}"
        above = [g for g in train.groups() if (answer.y[group == g] > 1 + RISE).any()]
        if feature in scores and too_many(above, train):
            return f"predicts a score above 1 where {feature} goes on beyond the rows of group {above[0]!r}"
    return ""


def rising_scores(task: Task) -> tuple[str, ...]:
    """Axes along which targets that all lie in [0, 1] rise: accuracies and the like, which end at 1."""
    y = task.train.y
    if y.min() < 0 or y.max() > 1:
        return ()
    return tuple(task.spec.feature_names[j] for j in TaskFacts.of(task.spec, task.train).rising)


def rises(train: Rows, probes: np.ndarray, group: np.ndarray) -> list[str]:
    """Groups whose predictions rise from a step of the probes to the next by more than RISE.

    Args:
        probes: (m, T) predictions on probe rows along one feature.
        group: (m,) labels of the probe rows.

    Returns:
        Their labels; none where they are few among many.
    """
    rising = []
    for label, index in train.by_group():
        steps = probes[group == label].reshape(STEPS + 1, -1)
        if (np.diff(steps, axis=0) > RISE * train.y[index].std()).any():
            rising.append(label)
    return rising if too_many(rising, train) else []


def runs_off(train: Rows, probes: np.ndarray, group: np.ndarray) -> list[str]:
    """Groups whose predictions at the probes leave the range of their targets by more than ROOM ranges.

    Args:
        probes: (m, T) predictions.
        group: (m,) labels of the probe rows.

    Returns:
        Their labels; none where they are few among many.
    """
    away = []
    for label, index in train.by_group():
        y, p = train.y[index], probes[group == label]
        low, high = y.min(axis=0), y.max(axis=0)
        room = ROOM * (high - low) + 1e-12
        if (p < low - room).any() or (p > high + room).any():
            away.append(label)
    return away if too_many(away, train) else []


def too_many(labels: list[str], train: Rows) -> bool:
    """Whether these are more than FEW_GROUPS of the groups."""
    return len(labels) > FEW_GROUPS * len(train.groups())


def _examine(member: Member, evaluator: Evaluator, task: Task, folds: tuple[Fold, ...]) -> Finalist | str:
    """A candidate with its rules checked and its fit repeated from other starts, or why it is out."""
    program = member.candidate.program
    outcome = evaluator.validate(program, task, folds, checks="all")
    if isinstance(outcome, Failed):
        return f"{outcome.failure.value}: {outcome.detail}"
    errors = [validation_error(outcome)]
    if FIRST_FIT_SEED in program:
        for seed in FIT_SEEDS:
            again = evaluator.validate(with_fit_seed(program, seed), task, folds, checks="none")
            errors.append(float("inf") if isinstance(again, Failed) else validation_error(again))
    X, group = probe_rows(task.spec, task.train)
    answer = evaluator.fit_and_predict(program, task.spec, task.train, X, group)
    if isinstance(answer, Failed):
        return f"beyond the rows: {answer.failure.value}: {answer.detail}"
    error = statistics.median(errors)
    if error > UNSTEADY * errors[0]:
        return f"an unsteady fit: validation NMSE {errors[0]:.3g} from one start, {error:.3g} from the middle one"
    return Finalist(member, outcome, answer.y)


def _alike(one: Finalist, other: Finalist) -> bool:
    """Whether two laws say the same beyond the rows: they would outvote the rest together."""
    return bool(np.allclose(one.probes, other.probes, rtol=1e-4, atol=1e-9))
