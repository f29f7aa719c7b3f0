"""Gathering: evidence on every law of every ended run, once; the long part, resumable."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.selection.origin import Origin
from benchmarks.selection.table import away, chosen, voting
from evaluator import Evaluator, LocalSandbox, Scored
from harness.choosing.control_laws import control_law
from harness.choosing.controls import CONTROLS
from harness.choosing.evidence import Evidence, Law, gather
from harness.choosing.forecast import seat
from harness.choosing.ground import Ground
from harness.choosing.lighter import lightened
from harness.choosing.refits import refits
from harness.choosing.store import FILE, write_evidence
from harness.choosing.weights import shipped
from harness.proposers.facts import TaskFacts
from harness.proposers.formula.render import is_rendered
from harness.record.run_folder import RunFolder, all_runs
from harness.search.archive import Member
from harness.search.selection import validation_error

LOOKED_AT = 45
"""Laws of a run that are fitted on the folds again; all others are fitted once, for the best in reach."""

REFITTED = 15


def gather_all(root: Path, origin: Origin, workers: int) -> None:
    """Evidence on every law of every ended run that lacks it."""
    for folder in all_runs(root):
        path = folder.path / FILE
        if not path.exists() and folder.summary() is not None:
            n = gather_run(folder, path, origin, workers)
            print(f"{folder.path.name}: evidence on {n} laws", file=sys.stderr, flush=True)


def _lightened(
    evidence: list[Evidence],
    members: dict[str, Member],
    ground: Ground,
    on: Callable[[list[Member], tuple], list[Evidence]],
    laws: tuple[TaskFacts, str],
) -> list[Evidence]:
    """The law that the shipped rule chooses, without what its evidence can't tell; nothing where nothing may go."""
    first, band = chosen(evidence, ground)

    def look(these: Sequence[Member]) -> list[Evidence | None]:
        known = {e.id: e for e in on(list(these), ground.standard) if not away(e, ground)}
        return [known.get(m.candidate.id) for m in these]

    member = members[evidence[first].id]
    light, seen = lightened(member, evidence[first], ground, band, look, laws)
    return [] if light is member else [seen]


def gather_run(folder: RunFolder, path: Path, origin: Origin, workers: int) -> int:
    with folder.journal(read_only=True) as journal:
        name = journal.meta()["task"]
        found = [(c, o) for c, o in journal.evaluations() if isinstance(o, Scored)]
    task, _, _ = origin.problem(name)
    ground, facts = Ground.of(task), TaskFacts.of(task.spec, task.train)
    found.sort(key=lambda pair: (validation_error(pair[1]), pair[0].id))
    members = [Member(c, validation_error(o), o.n_constants, ()) for c, o in found]
    with LocalSandbox(workers=workers) as sandbox, ThreadPoolExecutor(workers) as pool:
        evaluator = Evaluator(sandbox)

        def on(these: list[Member], folds: tuple) -> list[Evidence]:
            laws = [
                Law(
                    m.candidate.id,
                    m.candidate.program,
                    is_rendered(m.candidate.program, facts),
                    m.n_constants,
                    m.candidate.draft.size,
                )
                for m in these
            ]
            answers = gather(laws, ground, folds, evaluator, pool.map)
            return [e for e in answers if not isinstance(e, str)]

        evidence = on(members[:LOOKED_AT], ground.standard) + on(members[LOOKED_AT:], ())
        by_id = {m.candidate.id: m for m in members}
        voters = seat(evidence, ground, voting(evidence, ground), shipped()).voters
        best = [by_id[evidence[i].id] for i in voters[:REFITTED]]
        leaning = refits(best, facts, task.name)
        evidence += on(leaning, ground.standard)
        by_id |= {m.candidate.id: m for m in leaning}
        evidence += _lightened(evidence, by_id, ground, on, (facts, task.name))
        controls = [control_law(name, task, facts, task.name) for name in CONTROLS]
        evidence += on([m for m in controls if m is not None], ground.standard)
    write_evidence(path, evidence, task.provenance.train_hash)
    return len(evidence)
