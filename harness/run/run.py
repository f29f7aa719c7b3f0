"""One run from its folder to its summary: search, choose, then open the sealed room once."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluator import Evaluator, Limits, LocalSandbox, Outcome, reveal
from harness.choosing.choice import choose
from harness.config import OFFLINE, Config
from harness.proposers.facts import TaskFacts
from harness.proposers.formula.proposer import free_draft
from harness.proposers.formula.render import is_rendered
from harness.proposers.llm.models import Models
from harness.proposers.llm.settings import accesses
from harness.proposers.llm.staged import staged_evaluation
from harness.proposers.registry import make_proposer
from harness.record.journal import Journal
from harness.record.run_folder import RunFolder
from harness.record.summary import build_summary
from harness.run.beginning import check_same_task
from harness.run.budget import Budget, Spending
from harness.run.loop import Ending, replay, run_search
from harness.run.overlap.live import Live
from harness.run.overlap.repetition import Repetition
from harness.run.overlap.state import Overlap
from harness.run.overlap.surroundings import Evaluate, Surroundings
from harness.search.candidate import Candidate
from harness.search.search import Search
from tasks import Task
from tasks.split import Fold, validation_folds


class Watcher:
    """What a screen implements to follow a run; every method may do nothing."""

    def begin(self, task: Task, run: Path, spending: Spending, sandbox: str, facts: TaskFacts) -> None: ...

    def progress(self, search: Search, candidate: Candidate | None, outcome: Outcome | None) -> None: ...

    def say(self, text: str) -> None: ...

    def end(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended.

    Attributes:
        ending: why the search stopped.
        summary: the final summary, or None where the search was interrupted.
    """

    ending: Ending
    summary: dict[str, Any] | None


def run(
    folder: RunFolder,
    config: Config,
    task: Task,
    watcher: Watcher,
    stopping: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
    weak: bool = False,
    repeats: RunFolder | None = None,
) -> Result:
    """Search in a run folder until its budget is spent, then reveal and write the summary.

    The same call starts a new run and goes on with an old one.

    Args:
        weak: run programs even where the machine can't keep them away from files.
        repeats: a recorded run whose models' replies are used again, entry by entry, with no network.

    Raises:
        BadRun: the folder belongs to another task or other rows, or is in use.
    """
    folder.lock()
    try:
        with folder.journal() as journal:
            meta = journal.meta()
            check_same_task(folder, meta, task)
            earlier = folder.summary()
            if earlier is not None:
                watcher.say("this run has ended and its held-out rows were opened; here is its summary again")
                return Result(Ending(earlier["ending"]), earlier)
            facts = TaskFacts.of(task.spec, task.train)
            seeds = [free_draft(p, facts) for p in folder.seeds()]
            proposer = make_proposer(config.evolve.proposer, facts, task, config.llm)
            n_constants = facts.budget_per_target * facts.n_targets
            search = Search(proposer, n_constants, seeds, config.search, config.evolve.seed)
            overlap = None
            if config.evolve.proposer in OFFLINE:
                replay(search, journal)
            else:
                overlap = Overlap(search, journal)
                overlap.rebuild()
            ended = journal.events("finished")
            spending = Spending(
                Budget(config.evolve.evaluations, config.evolve.minutes),
                clock,
                search.n_told,
                journal.seconds_spent(),
            )
            if overlap is not None:
                spending.purse = overlap.llm.ledger
            folds = validation_folds(task.spec, task.train)
            workers = config.evolve.workers
            limits = Limits(**config.as_dict()["limits"])
            with LocalSandbox(workers=workers, allow_weak_sandbox=weak) as sandbox:
                evaluator = Evaluator(sandbox, limits)
                if not ended:
                    journal.record(
                        "resumed" if search.n_told else "started",
                        {"sandbox": sandbox.level},
                        spending.seconds,
                    )
                    watcher.begin(task, folder.path, spending, sandbox.level, facts)
                    try:
                        if overlap is None:
                            ending = _search(
                                search,
                                evaluator,
                                task,
                                facts,
                                folds,
                                journal,
                                spending,
                                workers,
                                stopping,
                                watcher,
                            )
                        else:
                            evaluate = staged_evaluation(evaluator, task, folds)
                            ending = _overlapped(
                                overlap, evaluate, config, spending, stopping, watcher, repeats
                            )
                    finally:
                        watcher.end()
                    if ending is Ending.INTERRUPTED:
                        journal.record("interrupted", elapsed_s=spending.seconds)
                        return Result(ending, None)
                else:
                    ending = Ending(ended[-1][1]["ending"])
                watcher.say("choosing the law: every rule is checked on every fold")
                choice = choose(search, evaluator, task, folds)
                winner = choice.winner
                chosen = {
                    "ending": ending.value,
                    "winner": winner.member.candidate.id if winner else None,
                    "partners": [f.member.candidate.id for f in choice.partners],
                    "evaluations": search.n_told,
                    "passed_over": choice.dropped,
                }
                if not ended:
                    journal.record("finished", chosen, spending.seconds)
                elif ended[-1][1]["winner"] != chosen["winner"]:
                    # Its rules changed since: a suite may choose again from searches it has stored.
                    journal.record("chosen again", chosen, spending.seconds)
                report = None
                if winner is not None:
                    program = winner.member.candidate.program
                    folder.write_program(program)
                    watcher.say("opening the held-out rows, once")
                    partners = [f.member.candidate.program for f in choice.partners]
                    report = reveal(program, task, evaluator, _recorder(journal), partners)
                level = sandbox.level
            summary = build_summary(
                task,
                facts,
                config,
                folder.path.name,
                ending,
                search,
                spending.seconds,
                choice,
                report,
                level,
            )
            if overlap is not None:
                summary["llm"] = overlap.llm.ledger.facts()
            folder.write_summary(summary)
            return Result(ending, summary)
    finally:
        folder.unlock()


def _recorder(journal: Journal) -> Callable[[str, dict[str, Any]], None]:
    """Writes the opening down, without the hash of held-out rows: a journal holds nothing of them."""

    def record(event: str, facts: dict[str, Any]) -> None:
        journal.record(event, {k: v for k, v in facts.items() if k != "heldout_hash"})

    return record


def _search(
    search: Search,
    evaluator: Evaluator,
    task: Task,
    facts: TaskFacts,
    folds: tuple[Fold, ...],
    journal: Journal,
    spending: Spending,
    workers: int,
    stopping: Callable[[], bool],
    watcher: Watcher,
) -> Ending:
    executor = ThreadPoolExecutor(workers, thread_name_prefix="evaluate")
    try:
        return run_search(
            search,
            lambda program: (
                evaluator.validate_together(program, task, folds)
                if is_rendered(program, facts)
                else evaluator.validate(program, task, folds)
            ),
            journal,
            spending,
            executor,
            workers,
            stopping,
            lambda candidate, outcome: watcher.progress(search, candidate, outcome),
        )
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def _overlapped(
    overlap: Overlap,
    evaluate: Evaluate,
    config: Config,
    spending: Spending,
    stopping: Callable[[], bool],
    watcher: Watcher,
    repeats: RunFolder | None,
) -> Ending:
    """A search with proposals that take time: live, or along a recorded run."""
    workers = config.evolve.workers
    executor = ThreadPoolExecutor(workers, thread_name_prefix="evaluate")
    around = Surroundings(
        evaluate,
        executor,
        workers,
        spending,
        stopping,
        lambda candidate, outcome: watcher.progress(overlap.search, candidate, outcome),
        watcher.say,
    )
    try:
        if repeats is not None:
            with repeats.journal(read_only=True) as recorded:
                return Repetition(overlap, recorded, around).run()
        models = Models(accesses(config.llm), config.llm)
        try:
            return Live(overlap, models, around).run()
        finally:
            models.close()
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
