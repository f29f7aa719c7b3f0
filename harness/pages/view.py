"""Everything that pages and figures show of a run, read from its folder whatever state it is in."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

from harness.errors import BadRun, HarnessError
from harness.proposers.facts import identifiers
from harness.proposers.llm.stated import Stated
from harness.proposers.names import OFFLINE
from harness.record.damage import Sound
from harness.record.journal import Line
from harness.record.places import is_held
from harness.record.run_folder import RunFolder
from harness.run.traces import Traces, read_traces
from harness.search.candidate import searched_id
from tables.documents import MOST_YAML, read_document, read_json, read_yaml
from tasks import TaskError, TaskSpec, spec

SHORTLIST = "shortlist.json"

UNREAD = "its entry can't be read"

STATES = {
    "finished": "finished",
    "no law": "finished without a law: no candidate kept every rule",
    "running": "running",
    "unfinished": "stopped before its end; harness evolve --resume goes on",
    "damaged": "its journal is damaged; what is intact is shown",
}


class Told(NamedTuple):
    """What an entry says of an evaluation beside its columns."""

    law: str
    edit: str
    parent: str | None
    mate: str | None
    proposer: str
    detail: str


@dataclass(slots=True)
class Point:
    """One evaluation; error is None where it failed.

    Attributes:
        line: its entry: a page shows every evaluation, and says of few what law they had.
    """

    id: str
    status: str
    error: float | None
    n_constants: int | None
    line: Line = field(repr=False)
    _told: Told | None = field(default=None, repr=False, compare=False)

    @property
    def told(self) -> Told:
        if self._told is None:
            self._told = _told(self.line)
        return self._told


@dataclass(slots=True)
class RunView:
    """A run as it is shown.

    Attributes:
        state: one of STATES.
        points: evaluations in order; what is damaged is left out.
        summary: {} where the run has none.
        finished: facts of the event that ended the search; {} before.
        problems: sentences on what could not be read.
        seconds: searched so far.
        reasons: of the winner's lineage, what a model said of its change: candidate -> one sentence.
    """

    path: Path
    state: str = "unfinished"
    task: str = ""
    spec: TaskSpec | None = None
    points: list[Point] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    finished: dict[str, Any] = field(default_factory=dict)
    shortlist: list[dict[str, Any]] = field(default_factory=list)
    traces: Traces | None = None
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0
    started: str = ""
    reasons: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def features(self) -> tuple[str, ...]:
        """Names that laws have for the columns; none without a task."""
        return identifiers(self.spec) if self.spec else ()

    @property
    def winner(self) -> str:
        return str(self.summary.get("candidate") or "")

    @property
    def best(self) -> Point | None:
        """The lowest validation error so far."""
        return min(self.scored, key=lambda p: p.error or 0.0, default=None)

    @property
    def scored(self) -> list[Point]:
        return [p for p in self.points if p.error is not None]

    @property
    def failures(self) -> list[tuple[str, int, str]]:
        """(reason, how often, an example), the most frequent first."""
        failed = [p for p in self.points if p.error is None]
        first = {p.status: p for p in reversed(failed)}
        return [(why, n, first[why].told.detail) for why, n in Counter(p.status for p in failed).most_common()]  # fmt: skip

    def lineage(self, id: str | None = None) -> list[Point]:
        """From a seed to the winner (or to the best so far): each step's candidate."""
        known = {p.id: p for p in self.points}
        at = id or self.winner or (self.best.id if self.best else "")
        at = at if at in known else searched_id(at)
        steps: list[Point] = []
        while at in known and len(steps) < len(known):
            steps.append(known[at])
            at = known[at].told.parent or ""
        return steps[::-1]


@dataclass(slots=True)
class Known:
    """What has been read of a journal: of one that grows, the next look reads what is new alone.

    Attributes:
        entries: read so far.
        sound: how far the journal was found whole. The rest is as in `RunView`.
    """

    entries: int = 0
    sound: Sound = field(default_factory=Sound)
    points: list[Point] = field(default_factory=list)
    finished: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    started: str = ""

    def forget(self) -> None:
        """Know nothing again."""
        for f in fields(self):
            setattr(self, f.name, f.default_factory() if callable(f.default_factory) else f.default)


def view_of(path: Path, known: Known | None = None) -> RunView:
    """All that can be read of a run's folder; nothing that is damaged or missing stops it.

    Args:
        known: of an earlier look at the same journal; it is brought up to this one.
    """
    folder, view = RunFolder(path), RunView(path)
    view.summary = _tried(view, folder.summary, BadRun) or {}
    view.config = _yaml(view, path / "config.yaml")
    damaged = _read_journal(view, folder, known or Known())
    view.task = str(view.summary.get("task") or view.meta.get("task") or "")
    try:
        view.spec = spec(view.task) if view.task else None
    except TaskError as error:
        view.problems.append(str(error))
    view.traces = _fitting(view, _tried(view, lambda: read_traces(path), BadRun))
    view.shortlist = _shortlist(view, path / SHORTLIST)
    if damaged:
        view.state = "damaged"
    elif view.summary:
        view.state = "finished" if view.summary.get("law") is not None else "no law"
    else:
        view.state = "running" if is_held(path) else "unfinished"
    return view


def _read_journal(view: RunView, folder: RunFolder, known: Known) -> bool:
    """Fill in what the journal holds; true where it is damaged."""
    try:
        with folder.journal(read_only=True, damaged=True, known=known.sound) as journal:
            view.problems += journal.damage
            view.meta = journal.meta()
            if not journal.sound.since:
                known.forget()  # damaged, or another journal: what was read of it can't be counted on
            known.sound = journal.sound
            spent = "{}"
            try:
                for line in journal.lines(known.entries):
                    known.entries += 1
                    if not known.started:
                        known.started = str(read_json(line.times).get("at", ""))
                    if line.kind == "evaluation":
                        spent = (
                            line.times
                        )  # the last one has the most; reading all would take longer than all the rest
                        known.points.append(_point(line))
                        continue
                    known.seconds = max(known.seconds, _elapsed(line.times))
                    if line.kind in ("finished", "chosen again"):
                        known.finished = line.facts()
                known.seconds = max(known.seconds, _elapsed(spent))
            finally:
                view.points, view.finished = list(known.points), known.finished
                view.seconds, view.started = known.seconds, known.started
            for p in view.lineage():
                if p.told.proposer not in OFFLINE:
                    view.reasons[p.id] = Stated.of_program(journal.program(p.id)).why
            return bool(journal.damage)
    except (HarnessError, ValueError, KeyError, TypeError, AttributeError) as error:
        view.problems.append(str(error) or type(error).__name__)
        return True


def _elapsed(times: str) -> float:
    return float(read_json(times).get("elapsed_s") or 0.0)


def _point(line: Line) -> Point:
    scored = line.status == "scored"
    return Point(
        str(line.candidate),
        str(line.status),
        line.error if scored else None,
        line.n_constants if scored else None,
        line,
    )


def _told(line: Line) -> Told:
    """An entry whose hash fits was written by a harness; one that can't be read all the same says so in place of a law."""
    try:
        facts = line.facts()
        c = facts["candidate"]
        draft, detail = c["draft"], str(facts["outcome"].get("detail", ""))
        parent, mate = (c[key] and str(c[key]) for key in ("parent", "mate"))
        return Told(str(draft["law"]), str(draft["edit"]), parent, mate, str(c["proposer"]), detail)
    except (ValueError, LookupError, TypeError, AttributeError):
        return Told("", UNREAD, None, None, OFFLINE[0], UNREAD)


def _shortlist(view: RunView, path: Path) -> list[dict[str, Any]]:
    """Laws that were looked at, each with its error on folds and the sentence that says what became of it."""
    if not path.exists():
        return []
    try:
        laws = read_json(read_document(path))["laws"]
        dropped = view.finished.get("passed_over") or {}
        chosen = _listed(view.winner, laws)
        taken = next((law["place"] for law in laws if law["id"] == chosen), None)
        for law in laws:
            law["chosen"] = law["id"] == chosen
            law["verdict"] = _verdict(law, view.winner, taken, dropped)
        seen = {law["id"] for law in laws}
        errors = {p.id: p for p in view.points}
        for id, why in dropped.items():
            if id not in seen and id in errors:
                p = errors[id]
                laws.append({"id": id, "law": p.told.law, "edit": p.told.edit, "n_constants": p.n_constants, "folds": {}, "place": None, "say": 0.0, "chosen": id == view.winner, "verdict": why})  # fmt: skip
        return list(laws)
    except (OSError, ValueError, KeyError, TypeError) as error:
        view.problems.append(f"{path.name}: can't be read as a shortlist ({error})")
        return []


def _listed(winner: str, laws: list[dict[str, Any]]) -> str:
    """The shortlisted law that a winner is, or was before terms that nobody missed were left out of it."""
    return winner if any(law["id"] == winner for law in laws) else winner.partition("l")[0]


def _verdict(law: dict[str, Any], winner: str, taken: int | None, dropped: dict[str, str]) -> str:
    if law["chosen"] and law["place"] == 0:
        return "chosen: a control that the folds put before the best law found, and that keeps every rule"
    if law["chosen"]:
        lighter = (
            "" if law["id"] == winner else "; then made lighter, without what folds and forecast don't miss"
        )
        return f"chosen: the nearest to the forecast, among laws that folds trust, that keeps every rule{lighter}"
    if law["id"] in dropped:
        return str(dropped[law["id"]])
    if law["place"] is None:
        return "no place in the order: says the same as a better law, or is trusted too little"
    ahead = taken is not None and law["place"] > taken
    return "behind the chosen law" if ahead else "in the order of taking"


def _fitting(view: RunView, traces: Traces | None) -> Traces | None:
    """The traces, unless the task has other columns by now than when the run was made."""
    if traces is None or view.spec is None:
        return traces
    now = len(view.spec.features), len(view.spec.targets)
    if (traces.train.X.shape[1:], traces.train.y.shape[1:]) == ((now[0],), (now[1],)):
        return traces
    view.problems.append(
        f"the task {view.task!r} has other columns now than when this run was made: its rows are not drawn"
    )
    return None


def _tried(view: RunView, read: Any, errors: Any) -> Any:
    try:
        return read()
    except errors as error:
        view.problems.append(str(error))
        return None


def _yaml(view: RunView, path: Path) -> dict[str, Any]:
    try:
        return dict(read_yaml(read_document(path, MOST_YAML)) or {})
    except (OSError, ValueError, TypeError) as error:
        view.problems.append(f"{path.name}: can't be read ({' '.join(str(error).split())[:200]})")
        return {}
