"""One run from its folder to its summary: prepare, search, choose, then open the sealed room once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from typing import Any

from evaluator import Evaluator, Limits, LocalSandbox, Outcome, Report
from evaluator import reveal as open_heldout
from evaluator.sandbox.turn import Turn
from harness.choosing.choice import Choice
from harness.choosing.choice import choose as choose_law
from harness.choosing.controls import on_the_board
from harness.choosing.ground import Ground
from harness.choosing.shortlist import FILE as SHORTLIST
from harness.choosing.shortlist import VERSION as SHORTLIST_VERSION
from harness.cluster.cluster import Cluster
from harness.cluster.evaluation import Evaluation, own_sandbox, score_candidate
from harness.config import Config
from harness.proposers.assignment import Assignment
from harness.proposers.formula.proposer import free_draft
from harness.proposers.llm.staged import staged_evaluation
from harness.proposers.registry import make_proposers
from harness.record.facts import report_facts, report_of
from harness.record.journal import RESULTS, Journal
from harness.record.run_folder import RunFolder, write_atomically
from harness.record.summary import Finished, build_summary
from harness.run.beginning import check_same_task
from harness.run.budget import Budget, Spending, clock_text
from harness.run.choosing_time import ChoosingTime
from harness.run.context import Context
from harness.run.forecasting import Forecaster, beside, write_forecast
from harness.run.loop import DirectLoop, Loop
from harness.run.traces import write_traces
from harness.run.tracing import gather
from harness.search.candidate import Candidate, program_hash
from harness.search.ending import Ending
from harness.search.search import Search


class Watcher:
    """What a screen implements to follow a run; every method may do nothing."""

    def begin(self, assignment: Assignment, folder: RunFolder, spending: Spending, sandbox: str) -> None: ...

    def progress(self, search: Search, candidate: Candidate | None, outcome: Outcome | None) -> None: ...

    def say(self, text: str) -> None: ...

    def end(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Terms:
    """How a run is watched, stopped and timed.

    Attributes:
        stopping: asked often; when true the search is interrupted.
        clock: seconds, monotonic.
        weak: run programs even where the machine can't keep them away from files.
        repeats: a recorded run whose models' replies are used again, entry by entry, with no network.
        cluster: where candidates are scored; None for this machine. All else is done here.
        in_flight: evaluations beside each other; None for the config's workers here, and on a cluster for as many as
            keep it at work.
    """

    watcher: Watcher = field(default_factory=Watcher)
    stopping: Callable[[], bool] = lambda: False
    clock: Callable[[], float] = time.monotonic
    weak: bool = False
    repeats: RunFolder | None = None
    cluster: Cluster | None = None
    in_flight: int | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended.

    Attributes:
        ending: why the search stopped.
        summary: the final summary, or None where the search was interrupted.
    """

    ending: Ending
    summary: dict[str, Any] | None


@dataclass(slots=True)
class Session:
    """A run that is prepared: what it knows so far, and how it goes on.

    Attributes:
        limits: of one call. turn: of the search in the sandbox; what chooses and reveals asks the sandbox itself.
        loop: has taken in what the journal holds.
        searched: how the search ended in an earlier session, with its choice; None where it goes on.
        forecaster: once the held-out rows were opened; its laws are fitted.
    """

    folder: RunFolder
    config: Config
    assignment: Assignment
    terms: Terms
    journal: Journal
    limits: Limits
    turn: Turn
    loop: Loop
    spending: Spending
    searched: dict[str, Any] | None
    forecaster: Forecaster | None = None

    @property
    def evaluator(self) -> Evaluator:
        return Evaluator(self.turn.sandbox, self.limits)


def run(folder: RunFolder, config: Config, assignment: Assignment, terms: Terms) -> Result:
    """Search in a run folder until its budget is spent, then reveal and write the summary.

    The same call starts a new run and goes on with an old one.

    Raises:
        BadRun: the folder belongs to another task or other rows, or is in use.
    """
    with folder.locked(), folder.journal() as journal:
        check_same_task(folder, journal.meta(), assignment.task)
        earlier = folder.summary()
        if earlier is not None:
            terms.watcher.say(
                "this run has ended and its held-out rows were opened; here is its summary again"
            )
            return Result(Ending(earlier["ending"]), earlier)
        with _sandbox(config, terms) as sandbox:
            session = prepare(folder, config, assignment, terms, journal, sandbox)
            ending = search(session, terms.cluster.level if terms.cluster else sandbox.level)
            if ending is Ending.INTERRUPTED:
                return Result(ending, None)
            choice = choose(session, ending)
            report = reveal(session, choice)
            summary = conclude(session, ending, choice, report, sandbox.level)
            trace(session, choice, summary)
            return Result(ending, summary)


def prepare(
    folder: RunFolder,
    config: Config,
    assignment: Assignment,
    terms: Terms,
    journal: Journal,
    sandbox: LocalSandbox,
) -> Session:
    """A search that has taken in whatever the journal holds; nothing, for a new run."""
    limits = Limits(**config.as_dict()["limits"])
    turn = Turn(sandbox)
    evaluator = Evaluator(turn, limits)
    proposers = make_proposers(config.evolve.proposer, assignment, config.llm, config.limits.fit_cpu_s)
    seeds = [free_draft(p, assignment.facts) for p in folder.seeds()] + proposers.starters
    state = Search(
        proposers.direct,
        assignment.n_constants,
        seeds,
        config.search,
        config.evolve.seed,
        keep_all=proposers.llm is not None,
    )
    loop: Loop
    if proposers.llm is None:
        loop = DirectLoop(state, _evaluation(evaluator, assignment, terms), journal)
    else:
        from harness.run.in_flight.loop import InFlightLoop  # they load the client, which only models need
        from harness.run.in_flight.state import InFlight

        staged = staged_evaluation(evaluator, assignment.task, assignment.folds)
        flying = InFlight(state, journal, proposers.llm, staged, staged.tool)
        loop = InFlightLoop(flying, config.llm, terms.repeats)
    loop.replay()
    budget = Budget(config.evolve.evaluations, config.evolve.minutes, config.evolve.choose_minutes)
    spending = Spending(budget, terms.clock, state.n_told, journal.seconds_spent())
    spending.ledger = proposers.llm.ledger if proposers.llm else None
    finished = journal.events("finished")
    searched = finished[-1][1] if finished else None
    return Session(folder, config, assignment, terms, journal, limits, turn, loop, spending, searched)


def search(session: Session, sandbox: str) -> Ending:
    """Search until the budget is spent; at once where an earlier session did."""
    if session.searched is not None:
        return Ending(session.searched["ending"])
    journal, spending, watcher = session.journal, session.spending, session.terms.watcher
    state, cluster = session.loop.search, session.terms.cluster
    workers = session.terms.in_flight or session.config.evolve.workers
    journal.record("resumed" if state.n_told else "started", {"sandbox": sandbox}, spending.seconds)
    watcher.begin(session.assignment, session.folder, spending, sandbox)
    executor, room = _executor(session.terms, workers)

    def progress(candidate: Candidate | None, outcome: Outcome | None) -> None:
        watcher.progress(state, candidate, outcome)

    try:
        cut = session.turn.end if cluster is None else _nothing
        context = Context(
            executor, workers, spending, session.terms.stopping, progress, watcher.say, cut, room
        )
        ending = session.loop.run(context)
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
        watcher.end()
    if ending is Ending.INTERRUPTED:
        journal.record("interrupted", elapsed_s=spending.seconds)
    return ending


def choose(session: Session, ending: Ending) -> Choice:
    """The law, by every rule on every fold; written down before anything is opened."""
    state, a, budget = session.loop.search, session.assignment, session.spending.budget
    longest = "" if budget.choosing_s is None else f", for {clock_text(budget.choosing_s)} at most"
    session.terms.watcher.say(f"choosing the law: every rule is checked on every fold{longest}")
    with ThreadPoolExecutor(session.config.evolve.workers, thread_name_prefix="choose") as pool:
        time_left = ChoosingTime(
            budget.choosing_s, budget.grace_s, session.terms.clock, pool, session.turn.sandbox.end_calls
        )
        choice = choose_law(state, session.evaluator, a.task, a.folds, time_left.each)
    if time_left.left:
        told = f"choosing was cut at its {clock_text(budget.choosing_s or 0.0)}: {time_left.left} laws were not looked at"
        session.terms.watcher.say(told)
        choice.notes.append(told)
    chosen = {
        "ending": ending.value,
        "winner": choice.winner.member.candidate.id if choice.winner else None,
        "voters": [m.candidate.id for m in choice.voters],
        "evaluations": state.n_told,
        "passed_over": choice.dropped,
    }
    listed = {"version": SHORTLIST_VERSION, "laws": [asdict(s) for s in choice.shortlist]}
    write_atomically(session.folder.path / SHORTLIST, json.dumps(listed) + "\n")
    if session.searched is None:
        session.journal.record("finished", chosen, session.spending.seconds)
    elif session.searched["winner"] != chosen["winner"]:
        # Its rules changed since: a suite may choose again from searches it has stored.
        session.journal.record("chosen again", chosen, session.spending.seconds)
    return choice


def reveal(session: Session, choice: Choice) -> Report | None:
    """Open the held-out rows, once, for the law that was chosen; None where none was."""
    if choice.winner is None:
        return None
    a = session.assignment
    program = choice.winner.member.candidate.program
    forecaster = None
    if choice.panel is not None:
        write_forecast(session.folder, choice.panel, [m.candidate.id for m in choice.voters])
        voters = [m.candidate.program for m in choice.voters]
        ground, each = Ground.of(a.task, a.folds), beside(session.config.evolve.workers)
        forecaster = Forecaster(ground, choice.panel, voters, program, session.evaluator, each)
    session.forecaster = forecaster
    session.folder.write_program(program)
    session.terms.watcher.say("opening the held-out rows, once")

    def record(event: str, facts: dict[str, Any]) -> None:
        # Without the hash of held-out rows: a journal holds nothing of them.
        session.journal.record(event, {k: v for k, v in facts.items() if k != "heldout_hash"})

    digests = [program_hash(p) for p in (program, *(forecaster.programs if forecaster else ()))]
    for _, facts, _ in reversed(session.journal.events(RESULTS)):
        if facts["programs"] == digests and facts["report"]["heldout_hash"] == a.task.provenance.heldout_hash:
            return report_of(facts["report"])
    with session.journal.together():  # the opening and what was seen, or neither
        controls = on_the_board(a.task.train)
        report = open_heldout(program, a.task, session.evaluator, record, forecaster, controls)
        session.journal.record(RESULTS, {"programs": digests, "report": report_facts(report)})
    return report


def conclude(
    session: Session, ending: Ending, choice: Choice, report: Report | None, sandbox: str
) -> dict[str, Any]:
    """The summary, in the folder and as a value."""
    name, seconds = session.folder.path.name, session.spending.seconds
    state = session.loop.search
    summary = build_summary(
        Finished(session.assignment, session.config, name, ending, state, seconds, choice, report, sandbox)
    )
    summary |= session.loop.facts()
    if session.terms.cluster is None:
        summary["sandbox_seconds"] = round(session.journal.seconds_scoring(), 1)
    session.folder.write_summary(summary)
    return summary


def trace(session: Session, choice: Choice, summary: dict[str, Any]) -> None:
    """Keep what the law and the forecast say of the rows, to be drawn."""
    revealed = session.journal.events(RESULTS)
    if session.forecaster is None or not revealed:
        return
    a = session.assignment
    traces = gather(a.task, a.folds, session.forecaster, summary, revealed[-1][1]["report"])
    write_traces(session.folder, traces)


def _nothing() -> None:
    """Where candidates are scored elsewhere, what is in flight ends by its own limits."""


def _sandbox(config: Config, terms: Terms) -> AbstractContextManager[LocalSandbox]:
    """This machine's own; runs that score elsewhere share one here, for choosing."""
    if terms.cluster is not None:
        return nullcontext(own_sandbox(terms.weak))
    return LocalSandbox(workers=config.evolve.workers, allow_weak_sandbox=terms.weak)


def _executor(terms: Terms, workers: int) -> tuple[Executor, Callable[[], int] | None]:
    """What runs evaluations, and how many it is best given where that is its own to say."""
    if terms.cluster is None:
        return ThreadPoolExecutor(workers, thread_name_prefix="evaluate"), None
    from harness.cluster.executor import ClusterExecutor  # loads Dask

    executor = ClusterExecutor(terms.cluster)
    return executor, executor.room if terms.in_flight is None else None


def _evaluation(evaluator: Evaluator, assignment: Assignment, terms: Terms) -> Callable[[Candidate], Outcome]:
    """Scores a candidate: here, or as something that workers can do."""
    if terms.cluster is not None:
        return Evaluation.of(assignment, evaluator.limits, terms.weak)
    task, folds, facts = assignment.task, assignment.folds, assignment.facts
    return lambda candidate: score_candidate(evaluator, task, folds, facts, candidate)
