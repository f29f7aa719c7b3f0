"""Runs killed at random moments of every stage, and resumed: is each final summary as if nothing had happened?

    python benchmarks/kills.py                 # 100 kills: 10 runs, each killed 5 times in its search, 3 times in its choice, in reveal and summary
    python benchmarks/kills.py --kills 10

Every session is a process of its own that is ended by SIGKILL: while candidates are scored, while the law is chosen, while
the held-out rows are open, and between their results and the end. Sessions are forked from one parent that has everything
loaded and share its warm sandbox, which serves the next one when its user has died. A run that was never killed says what
each summary should be; its name and its seconds may differ. Rows are made up; no benchmark's held-out rows are opened.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import select
import signal
import sys
import tempfile
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import harness.run.run as stages
from evaluator import LocalSandbox
from evaluator.outcome import Outcome
from harness.config import Config, EvolveConfig
from harness.proposers.assignment import Assignment
from harness.record.facts import outcome_text
from harness.record.journal import RESULTS
from harness.record.run_folder import RunFolder
from harness.run.beginning import start_run
from harness.search.candidate import Candidate
from harness.search.search import Search
from tasks.rows import Rows, Sealed, Task
from tasks.spec import Column, Provenance, TaskSpec

STAGES = ("search", "choice", "reveal", "summary")
MARKS = {"choosing the law": "choice", "opening the held-out": "reveal"}
EVALUATIONS = 10
KILLS = (*["search"] * 5, *["choice"] * 3, "reveal", "summary")
"""Of one run, in order; those of late stages cost a whole choice each."""


def made_up_task(seed: int) -> Task:
    """36 rows of a power law with noise, the largest held out."""
    rng = np.random.default_rng(seed)
    N, D = (np.exp(rng.uniform(np.log(1e6), np.log(1e9), 36)) for _ in range(2))
    y = 1.7 + 60 * N**-0.3 + 200 * D**-0.35 + 1e-3 * rng.normal(size=36)
    rows = Rows(np.column_stack([N, D]), y[:, None], np.array(["all"] * 36))
    order = np.argsort(N)
    inner, outer = rows.take(order[:28]), rows.take(order[28:])
    features, targets = (Column("N"), Column("D")), (Column("loss"),)
    spec = TaskSpec(
        "made_up",
        "rows for kills",
        features,
        targets,
        constants_budget=6,
        extrapolate=("N",),
        falls_with=("N", "D"),
    )
    return Task(spec, inner, Sealed(outer), Provenance("user", "made up", inner.digest(), outer.digest()))


class Marks(stages.Watcher):
    """Tells the parent, one line at a time, where the run is."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe

    def mark(self, stage: str) -> None:
        os.write(self._pipe, f"{stage}\n".encode())

    def progress(self, search: Search, candidate: Candidate | None, outcome: Outcome | None) -> None:
        if candidate is not None:
            self.mark("search")

    def say(self, text: str) -> None:
        for begins, stage in MARKS.items():
            if text.startswith(begins):
                self.mark(stage)


@dataclass(slots=True)
class Session:
    """One process at work on a run.

    Attributes:
        entered: stage -> when it was entered, and "end".
    """

    pid: int
    pipe: int
    entered: dict[str, float]

    @classmethod
    def begin(cls, folder: RunFolder, assignment: Assignment, box: LocalSandbox) -> Session:
        ours, theirs = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(ours)
            try:
                _work(folder, assignment, box, Marks(theirs))
                os._exit(0)
            finally:
                os._exit(1)
        os.close(theirs)
        return cls(pid, ours, {"begin": time.monotonic()})

    def until(self, stage: str) -> bool:
        """Wait until the stage is entered (a search: until a candidate was scored); False when it ended before."""
        while stage not in self.entered:
            data = os.read(self.pipe, 4096)
            if not data:
                return False
            for mark in data.decode().split():
                self.entered.setdefault(mark, time.monotonic())
        return True

    def kill_after(self, seconds: float) -> bool:
        """Kill it after a while; False when it has ended by itself."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.pipe], [], [], left)[0] and not os.read(self.pipe, 4096):
                break
        os.kill(self.pid, signal.SIGKILL)
        return self.over() == -signal.SIGKILL

    def over(self) -> int:
        """Wait for its end; its exit code."""
        _, status = os.waitpid(self.pid, 0)
        os.close(self.pipe)
        self.entered["end"] = time.monotonic()
        return os.waitstatus_to_exitcode(status)


def _work(folder: RunFolder, assignment: Assignment, box: LocalSandbox, marks: Marks) -> None:
    """In the child: the run itself, as `harness evolve` makes and resumes it."""
    conclude = stages.conclude

    def concluded(*given: Any) -> dict[str, Any]:
        marks.mark("summary")
        return conclude(*given)

    stages.conclude = concluded
    stages._sandbox = lambda config, terms: nullcontext(box)
    stages.run(folder, folder.config(), assignment, stages.Terms(marks))


def begun(root: Path, name: str, seed: int) -> tuple[RunFolder, Assignment]:
    assignment = Assignment.of(made_up_task(seed))
    evolve = EvolveConfig(evaluations=EVALUATIONS, minutes=None, workers=1, seed=seed, task_seeds=False)
    return start_run(Config(tasks=("made_up",), evolve=evolve), assignment, root, name, []), assignment


def facts_of(folder: RunFolder) -> dict[str, Any]:
    """What must not depend on how often a run was killed: its summary and journal, without name and times."""
    summary = folder.summary() or {}
    with folder.journal(read_only=True) as journal:
        kinds = [kind for kind, _, _ in journal.events()]
        tried = [(c.id, c.program, outcome_text(o)) for c, o in journal.evaluations()]
        damage = journal.whole()
    once = {kind: kinds.count(kind) for kind in ("finished", "reveal", RESULTS)}
    kept = {k: v for k, v in summary.items() if k not in ("run", "seconds", "sandbox_seconds")}
    return {"summary": kept, "tried": tried, "events": once, "damage": damage}


def undisturbed(root: Path, seed: int, box: LocalSandbox) -> tuple[dict[str, Any], dict[str, float]]:
    """Facts of a run that nobody killed, and seconds of each stage."""
    folder, assignment = begun(root, f"whole-{seed}", seed)
    session = Session.begin(folder, assignment, box)
    for stage in STAGES:
        session.until(stage)
    if session.over() != 0:
        raise SystemExit(f"{folder.path}: a run that nobody killed did not end well")
    at = session.entered
    ends = [*STAGES[1:], "end"]
    return facts_of(folder), {s: at[e] - at[s] for s, e in zip(STAGES, ends, strict=True)}


def kill_all_stages(
    root: Path, name: str, seed: int, seconds: dict[str, float], box: LocalSandbox, rng: random.Random
) -> tuple[dict[str, Any], dict[str, int]]:
    """Facts of a run that was killed in each stage, and the kills that came in time by stage."""
    folder, assignment = begun(root, name, seed)
    killed = dict.fromkeys(STAGES, 0)
    for stage in KILLS:
        session = Session.begin(folder, assignment, box)
        share = rng.random()
        if stage == "search":
            began, wait = session.until(stage), share * seconds[stage] / EVALUATIONS
        else:
            began, wait = session.until(stage), share * seconds[stage]
        if began:
            killed[stage] += session.kill_after(wait)
        else:
            session.over()
    last = Session.begin(folder, assignment, box)
    if last.over() != 0:
        raise SystemExit(f"{folder.path}: not to be resumed after its kills")
    return facts_of(folder), killed


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100, help="about so many (default: 100)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: 0)")
    args = parser.parse_args(argv)
    rng = random.Random(args.seed)
    killed = dict.fromkeys(STAGES, 0)
    different, runs, known = [], 0, {}
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as place, LocalSandbox(workers=1) as box:
        root = Path(place)
        while sum(killed.values()) < args.kills:
            seed = runs % 5
            if seed not in known:
                known[seed] = undisturbed(root, seed, box)
            whole, seconds = known[seed]
            found, these = kill_all_stages(root, f"run-{runs}", seed, seconds, box, rng)
            killed = {stage: killed[stage] + these[stage] for stage in STAGES}
            runs += 1
            if json.dumps(found) != json.dumps(whole):
                different.append(next(k for k in whole if json.dumps(found[k]) != json.dumps(whole[k])))
            print(
                f"run {runs}: {sum(killed.values())} kills so far, {len(different)} runs differ", flush=True
            )
    by_stage = ", ".join(f"{stage} {n}" for stage, n in killed.items())
    print(f"{sum(killed.values())} kills ({by_stage}) in {runs} runs and {time.monotonic() - began:.0f} s")
    print(
        f"{runs - len(different)} of {runs} ended with the summary, candidates and events of a run that nobody killed"
    )
    for what in different:
        print(f"differs: {what}")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
