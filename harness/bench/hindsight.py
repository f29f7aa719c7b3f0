"""After a search: what every one of its laws would have scored on the held-out rows.

It shows how well selection works, and nothing is chosen by it: only runs that have ended are looked at.
"""

from __future__ import annotations

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from evaluator import Evaluator, LocalSandbox, Scored, hindsight
from harness.errors import BadRun
from harness.record.run_folder import RunFolder, write_atomically
from harness.search.candidate import searched_id
from harness.search.selection import validation_nmse
from tables.shown import table_writer
from tasks import Task

FILE = "hindsight.csv"
COLUMNS = ("candidate", "n_constants", "validation_nmse", "heldout_r2")


@dataclass(frozen=True, slots=True)
class Seen:
    """One candidate in hindsight.

    Attributes:
        heldout_r2: not clipped; None where it failed on the full training rows.
        chosen: whether it is the run's winner; the file does not say, for a run may be chosen from again.
    """

    candidate: str
    n_constants: int
    validation_nmse: float
    heldout_r2: float | None
    chosen: bool


def has_looked(folder: RunFolder) -> bool:
    """Whether every candidate of this run has been scored in hindsight."""
    return (folder.path / FILE).exists()


def look_back(folder: RunFolder, task: Task, workers: int, weak: bool = False) -> list[Seen]:
    """Score every candidate of a run that has ended, once; the result is kept in the run folder.

    Raises:
        BadRun: the run has not ended.
    """
    path = folder.path / FILE
    summary = folder.summary()
    if summary is None:
        raise BadRun(f"{folder.path}: this run has not ended; resume it first")
    if path.exists():
        return read(folder)
    with folder.journal() as journal:
        found = [(c, o) for c, o in journal.evaluations() if isinstance(o, Scored)]

        def record(event: str, facts: dict) -> None:
            kept = {k: v for k, v in facts.items() if k != "heldout_hash"}
            journal.record("hindsight", {**kept, "programs": len(kept["programs"])})

        with (
            LocalSandbox(workers=workers, allow_weak_sandbox=weak) as sandbox,
            ThreadPoolExecutor(workers) as pool,
        ):
            outcomes = hindsight([c.program for c, _ in found], task, Evaluator(sandbox), record, pool.map)
    seen = [
        Seen(
            c.id,
            o.n_constants,
            validation_nmse(o),
            h.cards["heldout"].r2 if isinstance(h, Scored) else None,
            c.id == searched_id(summary.get("candidate") or ""),
        )
        for (c, o), h in zip(found, outcomes, strict=True)
    ]
    out = io.StringIO()
    writer = table_writer(out)
    writer.writerow(COLUMNS)
    for s in seen:
        r2 = "" if s.heldout_r2 is None else repr(s.heldout_r2)
        writer.writerow([s.candidate, s.n_constants, repr(s.validation_nmse), r2])
    write_atomically(path, out.getvalue())
    return seen


def read(folder: RunFolder) -> list[Seen]:
    """What `look_back` kept."""
    # A winner fitted again, or lightened, is marked at the law that it was made from.
    winner = searched_id((folder.summary() or {}).get("candidate") or "")
    with (folder.path / FILE).open(encoding="utf-8", newline="") as lines:
        return [
            Seen(
                row["candidate"],
                int(row["n_constants"]),
                float(row["validation_nmse"]),
                float(row["heldout_r2"]) if row["heldout_r2"] else None,
                row["candidate"] == winner,
            )
            for row in csv.DictReader(lines)
        ]
