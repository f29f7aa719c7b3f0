"""Choosing the result of a search: evidence on its best laws, the forecast they make together, and one law.

Everything here sees training rows alone, and the features of rows that the task declares it will be asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from evaluator import Evaluator, Failed, Scored
from evaluator.scale import scale_error
from harness.choosing.control_laws import control_law
from harness.choosing.controls import CONTROLS
from harness.choosing.evidence import Evidence, Law, gather
from harness.choosing.forecast import Band, Panel, cast_asked, seat
from harness.choosing.ground import Ground
from harness.choosing.law import law_order
from harness.choosing.lighter import lightened
from harness.choosing.order import FLOOR, mean_log_error
from harness.choosing.priors import runs_off
from harness.choosing.refits import refits
from harness.choosing.shortlist import Shortlisted, shortlist, shortlisted_control
from harness.choosing.weights import Weights, shipped
from harness.proposers.facts import TaskFacts
from harness.proposers.formula.render import is_rendered
from harness.search.archive import Member
from harness.search.search import Search
from tasks import Task
from tasks.split import Fold

LEFT = "not looked at: the time of choosing was over"
"""What is said of a law in the place of its evidence where there was no time to gather it."""

LOOKED_AT = 60
"""Laws that evidence is gathered on: the best of the search by its own order."""

REFITTED = 15
"""Laws among them that are fitted again with more weight on the outermost rows, as candidates for the one law."""

MOST_FAILED = 60
"""More laws looked at in the place of those that fail or run off, at most."""


CONTROL_BY = 0.9
"""A control is taken where its error on the folds is less than this share of the law's: two fits of one form differ by as much."""


@dataclass(slots=True)
class Finalist:
    """The chosen law.

    Attributes:
        outcome: on the validation folds, every rule checked.
    """

    member: Member
    outcome: Scored


@dataclass(slots=True)
class Choice:
    """How a search's result was chosen.

    Attributes:
        winner: None where no candidate kept every rule.
        voters: laws whose median the forecast is made of, best first.
        panel: how the forecast is made; None where no law could vote, or none was looked at in time.
        dropped: candidate id -> why it was passed over.
        evidence: on every law looked at.
        controls: name -> error on the validation folds, beside that of the "law" and the "forecast".
        notes: what a reader of the result must know, in sentences.
        shortlist: every law looked at, with what spoke for and against it.
    """

    winner: Finalist | None
    voters: list[Member] = field(default_factory=list)
    panel: Panel | None = None
    dropped: dict[str, str] = field(default_factory=dict)
    evidence: list[Evidence] = field(default_factory=list)
    controls: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    shortlist: list[Shortlisted] = field(default_factory=list)


def choose(
    search: Search,
    evaluator: Evaluator,
    task: Task,
    folds: tuple[Fold, ...],
    each: Callable[..., Iterable] = map,
    weights: Weights | None = None,
) -> Choice:
    """The forecast of a search's best laws, and the law nearest to it that keeps every rule.

    Args:
        folds: those that guided the search.
        each: `map`, or the `map` of an executor, for the fits; it may give LEFT in the place of what it had no time for.
    """
    weights = weights or shipped()
    ground = Ground.of(task, folds)
    facts, title = TaskFacts.of(task.spec, task.train), _title(task)
    choice = Choice(None)
    choice.evidence, tame = _look(search, evaluator, task, ground, choice.dropped, each)
    if not choice.evidence:
        _leader(choice, search, evaluator, task, folds)
        return choice
    # Where every law runs off, one of them is still better than none.
    among = tame or list(range(len(choice.evidence)))
    panel = seat(choice.evidence, ground, among, weights)
    choice.panel = panel
    choice.voters = [search.members[choice.evidence[i].id] for i in panel.voters]
    band = cast_asked(panel, ground, choice.evidence, weights)
    leaning = refits(choice.voters[:REFITTED], facts, title)
    members = {**search.members, **{m.candidate.id: m for m in leaning}}
    evidence, tame = _gathered(leaning, evaluator, task, ground, choice.dropped, each)
    among = [*among, *(len(choice.evidence) + i for i in tame)]
    choice.evidence = [*choice.evidence, *evidence]
    order = law_order(choice.evidence, ground, among, band, weights)
    choice.shortlist = shortlist(choice.evidence, panel, order, (ground, band, weights))
    for entry in choice.shortlist:
        draft = members[entry.id].candidate.draft
        entry.law, entry.edit = draft.law, draft.edit

    def look(these: Sequence[Member]) -> list[Evidence | None]:
        return _each_gathered(these, evaluator, task, ground, each)

    def wins(member: Member) -> bool:
        return _wins(choice, member, evaluator, task, folds)

    for place in order:
        found = members[choice.evidence[place].id], choice.evidence[place]
        light = lightened(*found, ground, band, look, (facts, title))
        for member, seen in (light, found) if light[0] is not found[0] else (found,):
            if wins(member):
                _compare(choice, ground, seen)
                _take_control(choice, ground, band, task, look, wins)
                return choice
    return choice


def _leader(
    choice: Choice, search: Search, evaluator: Evaluator, task: Task, folds: tuple[Fold, ...]
) -> None:
    """Where time was over before one law was looked at: the one that led the search, and no forecast."""
    for judged in search.finalists():
        left = choice.dropped.get(judged.id) == LEFT
        if left and _wins(choice, search.members[judged.id], evaluator, task, folds):
            choice.notes.append(
                "no law could be looked at in the time of choosing: the law is the one that led the search, and there is no "
                "forecast; give choosing more time (evolve.choose_minutes in a config)"
            )
            return


def _wins(choice: Choice, member: Member, evaluator: Evaluator, task: Task, folds: tuple[Fold, ...]) -> bool:
    """Make a law the winner if it keeps every rule; else say why it was passed over."""
    outcome = evaluator.validate(member.candidate.program, task, folds, checks="all")
    if isinstance(outcome, Failed):
        choice.dropped[member.candidate.id] = f"{outcome.failure.value}: {outcome.detail}"
        return False
    choice.winner = Finalist(member, outcome)
    return True


def _look(
    search: Search,
    evaluator: Evaluator,
    task: Task,
    ground: Ground,
    dropped: dict[str, str],
    each: Callable[..., Iterable],
) -> tuple[list[Evidence], list[int]]:
    """Evidence on the search's best laws, and the places of those that don't run off."""
    offered = [search.members[judged.id] for judged in search.finalists()]
    found: list[Evidence] = []
    tame: list[int] = []
    looked = 0
    while len(tame) < LOOKED_AT and looked < min(len(offered), LOOKED_AT + MOST_FAILED):
        batch = offered[looked : looked + LOOKED_AT - len(tame)]
        looked += len(batch)
        more, kept = _gathered(batch, evaluator, task, ground, dropped, each)
        tame += [len(found) + i for i in kept]
        found += more
    return found, tame


def _gathered(
    members: Sequence[Member],
    evaluator: Evaluator,
    task: Task,
    ground: Ground,
    dropped: dict[str, str],
    each: Callable[..., Iterable],
) -> tuple[list[Evidence], list[int]]:
    """Evidence on these laws, those that fail left out, and the places of those that don't run off."""
    facts = TaskFacts.of(task.spec, task.train)
    laws = [_law(member, facts) for member in members]
    found: list[Evidence] = []
    tame: list[int] = []
    for law, evidence in zip(laws, gather(laws, ground, ground.standard, evaluator, each), strict=True):
        if isinstance(evidence, str):
            dropped[law.id] = evidence
            continue
        away = runs_off(task.train, ground.scale.back(evidence.probes), ground.probe_group)
        if away:
            dropped[law.id] = f"runs off beyond the rows of group {away[0]!r}"
        else:
            tame.append(len(found))
        found.append(evidence)
    return found, tame


def _each_gathered(
    members: Sequence[Member],
    evaluator: Evaluator,
    task: Task,
    ground: Ground,
    each: Callable[..., Iterable],
) -> list[Evidence | None]:
    """Evidence on each of these laws; None for those that fail or run off."""
    found, tame = _gathered(members, evaluator, task, ground, {}, each)
    kept = {found[i].id: found[i] for i in tame}
    return [kept.get(m.candidate.id) for m in members]


def _title(task: Task) -> str:
    return f"{task.name}: {task.spec.title}"


def _law(member: Member, facts: TaskFacts) -> Law:
    c = member.candidate
    return Law(c.id, c.program, is_rendered(c.program, facts), member.n_constants, c.draft.size)


def _compare(choice: Choice, ground: Ground, seen: Evidence) -> None:
    """Set the law and the forecast beside the controls, on the validation folds; say where a control is better."""
    errors = {name: control_error(ground, name) for name in CONTROLS}
    law = float(np.exp(mean_log_error([seen], ground)[0]))
    assert choice.panel is not None
    choice.controls = {"law": law, "forecast": choice.panel.fold_error, **errors}
    for name, error in errors.items():
        if error < choice.panel.fold_error:
            choice.notes.append(
                f"on the validation folds {name} has a lower error than the forecast: {error:.3g} against "
                f"{choice.panel.fold_error:.3g}"
            )


def _take_control(
    choice: Choice,
    ground: Ground,
    band: Band,
    task: Task,
    look: Callable[[Sequence[Member]], list[Evidence | None]],
    wins: Callable[[Member], bool],
) -> None:
    """Where the folds put a control well before the law, it becomes the law, if it is one; else that is told."""
    facts, law = TaskFacts.of(task.spec, task.train), choice.controls["law"]
    for name in sorted(CONTROLS, key=lambda c: choice.controls[c]):
        error = choice.controls[name]
        if not error < law:
            return
        member = control_law(name, task, facts, _title(task)) if error < CONTROL_BY * law else None
        seen = look([member])[0] if member is not None else None
        if member is not None and seen is not None:
            own = float(np.exp(mean_log_error([seen], ground)[0]))
            if own < CONTROL_BY * law and wins(member):
                choice.controls["law"] = own
                choice.shortlist.insert(0, shortlisted_control(member, seen, ground, band))
                choice.notes.append(
                    f"the law is a control: on the validation folds {name} has a lower error than the best law found, "
                    f"{own:.3g} against {law:.3g}"
                )
                return
        choice.notes.append(
            f"on the validation folds {name} has a lower error than the law: {error:.3g} against {law:.3g}"
        )


def control_error(ground: Ground, name: str) -> float:
    """Geometric mean over the standard folds of a control's error."""
    logs = []
    for fold in ground.standard:
        fitted, hidden = ground.train.take(fold.train), ground.train.take(fold.validation)
        z = CONTROLS[name](ground.spec, fitted, ground.scale, hidden.X, hidden.group)
        logs.append(np.log(max(scale_error(ground.z[fold.validation], z, hidden.group), FLOOR)))
    return float(np.exp(np.mean(logs)))
