"""What Dask costs: the same search by two threads of this machine and by two workers of a local cluster, in turns.

    python benchmarks/scale_cluster.py
    python benchmarks/scale_cluster.py --candidates 300 --rounds 3

Each round searches from the start, so every candidate is the same program wherever it is scored. Beside the wall clock stands
processor time, which other work on the machine disturbs less: of the programs themselves, and of all that brings them there
(this process, Dask's scheduler in it, and the workers). What the cluster spends in as much time when it does nothing, which on
a loaded machine is much of a long wall, is told apart. Opens no held-out rows.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from evaluator import Evaluator, Limits, LocalSandbox
from evaluator.outcome import Outcome
from harness.cluster.cluster import Cluster
from harness.cluster.evaluation import Evaluation, score_candidate
from harness.cluster.executor import ClusterExecutor
from harness.config import Config
from harness.proposers.assignment import Assignment
from harness.proposers.formula.proposer import FormulaProposer
from harness.record.journal import Journal
from harness.run.budget import Budget, Spending
from harness.run.context import Context
from harness.run.loop import DirectLoop
from harness.search.candidate import Candidate
from harness.search.search import Search
from tasks import load


@dataclass(slots=True)
class Cost:
    """Of some searches: seconds on the wall, of the programs' processor, and of the processor that brought them there."""

    n: int = 0
    wall: float = 0.0
    programs: float = 0.0
    around: float = 0.0

    def line(self, name: str) -> str:
        n = self.n
        return (
            f"| {name} | {n / self.wall:.1f} | {1e3 * self.wall / n:.1f} | {1e3 * self.programs / n:.1f} "
            f"| {1e3 * self.around / n:.1f} |"
        )


def search_once(evaluate: object, executor: Executor, n: int, cost: Cost) -> None:
    """One search of n candidates; its cost is added, without the processor time of other processes."""
    room = executor.room if isinstance(executor, ClusterExecutor) else None
    assignment = Assignment.of(load("finetune_vocab", data_dir="nano"))
    formula = FormulaProposer(assignment.facts, assignment.title)
    search = Search(formula, assignment.n_constants, formula.starters(), Config().search, 0, keep_all=False)

    def progress(candidate: Candidate | None, outcome: Outcome | None) -> None:
        if outcome is not None:
            cost.programs += outcome.cpu_seconds

    with tempfile.TemporaryDirectory() as folder, Journal.create(Path(folder) / "j", {}) as journal:
        wall, around = time.monotonic(), time.process_time()
        spending = Spending(Budget(n, None), time.monotonic)
        DirectLoop(search, evaluate, journal).run(  # type: ignore[arg-type]
            Context(executor, 2, spending, progress=progress, room=room)
        )
        cost.wall += time.monotonic() - wall
        cost.around += time.process_time() - around
        cost.n += n


def workers_processor(cluster: Cluster) -> float:
    """Processor seconds of the workers so far, without the programs that they ran."""
    return float(sum(cluster.client.run(time.process_time).values()))


def main() -> int:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--candidates", type=int, default=100, help="of one search (default: 100)")
    p.add_argument("--rounds", type=int, default=2, help="searches here and there, in turns (default: 2)")
    p.add_argument("--idle", type=float, default=10, help="seconds to look at the idle cluster (default: 10)")
    args = p.parse_args()
    assignment = Assignment.of(load("finetune_vocab", data_dir="nano"))
    task, folds, facts = assignment.task, assignment.folds, assignment.facts
    here, there = Cost(), Cost()
    with LocalSandbox(workers=2) as sandbox, ThreadPoolExecutor(2) as threads, Cluster("local:2") as cluster:
        evaluator = Evaluator(sandbox, Limits())
        sent = Evaluation.of(assignment, Limits(), weak=False)
        executor = ClusterExecutor(cluster)

        def evaluate(candidate: Candidate) -> Outcome:
            return score_candidate(evaluator, task, folds, facts, candidate)

        for warm in (evaluate, sent):  # zygotes of both kinds, and the rows at the workers
            pool: Executor = threads if warm is evaluate else executor
            search_once(warm, pool, 6, Cost())
        ours, theirs, start = time.process_time(), workers_processor(cluster), time.monotonic()
        time.sleep(args.idle)
        start = time.monotonic() - start
        ours, theirs = (time.process_time() - ours) / start, (workers_processor(cluster) - theirs) / start
        for _ in range(args.rounds):
            search_once(evaluate, threads, args.candidates, here)
            before = workers_processor(cluster)
            search_once(sent, executor, args.candidates, there)
            there.around += workers_processor(cluster) - before
        executor.shutdown(wait=False, cancel_futures=True)
    print("| | a second | ms of wall | ms of processor: programs | around them |\n|---|---|---|---|---|")
    print(here.line("two threads"))
    print(there.line("two workers of a cluster"))
    here.around -= ours * here.wall  # Dask's scheduler is in this process all the time
    there.around -= (ours + theirs) * there.wall
    print(here.line("two threads, less what an idle cluster takes"))
    print(there.line("two workers, less that"))
    print(
        f"\nthe cluster doing nothing takes {ours:.1%} of a processor in this process and {theirs:.1%} in its workers"
    )
    more = 1e3 * (there.around / there.n - here.around / here.n)
    whole = here.programs / here.n + here.around / here.n
    print(
        f"\nthroughput of the cluster {here.wall / there.wall:.0%} of the threads' by the wall; processor time over theirs "
        f"{more:.1f} ms an evaluation, {whole / (whole + more / 1e3):.0%} by that"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
