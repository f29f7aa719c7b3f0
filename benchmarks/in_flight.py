"""What it costs a search that candidates are on their way: the next one is proposed without knowing how they do.

    python benchmarks/in_flight.py
    python benchmarks/in_flight.py --task moe sft --at-once 2 4 20 --seeds 5 --evaluations 600

The same search with so many in flight throughout, told of in the order in which they were proposed, so that a seed gives one
journal for each number. The figure is the lowest validation error, as a multiple of what the same seed reaches with
the first number. Opens no held-out rows.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from evaluator import Evaluator, Limits, LocalSandbox
from evaluator.outcome import Scored
from harness.cluster.evaluation import score_candidate
from harness.config import Config
from harness.proposers.assignment import Assignment
from harness.proposers.formula.proposer import FormulaProposer
from harness.record.journal import Journal
from harness.run.arrivals import Arrivals
from harness.run.budget import Budget, Spending
from harness.run.context import Context
from harness.run.loop import DirectLoop
from harness.search.search import Search
from harness.search.selection import validation_error
from tasks import load


class InTurn(Arrivals):
    """Futures in the order in which they were made, one at a time."""

    def __init__(self) -> None:
        self._sent: list[Future[Any]] = []

    def expect(self, future: Future[Any]) -> None:
        self._sent.append(future)

    def wait(self, timeout_s: float) -> list[Future[Any]]:
        first = self._sent.pop(0)
        first.exception()
        return [first]


def best_error(assignment: Assignment, evaluator: Evaluator, at_once: int, seed: int, n: int) -> float:
    """The lowest validation error of a law, in a search of n candidates."""
    formula = FormulaProposer(assignment.facts, assignment.title)
    search = Search(
        formula, assignment.n_constants, formula.starters(), Config().search, seed, keep_all=False
    )
    errors: list[float] = []

    def evaluate(candidate: Any) -> Any:
        return score_candidate(evaluator, assignment.task, assignment.folds, assignment.facts, candidate)

    def progress(candidate: Any, outcome: Any) -> None:
        if isinstance(outcome, Scored):
            errors.append(validation_error(outcome))

    with (
        tempfile.TemporaryDirectory() as folder,
        Journal.create(Path(folder) / "j", {}) as journal,
        ThreadPoolExecutor(2) as threads,
    ):
        context = Context(threads, at_once, Spending(Budget(n, None), lambda: 0.0), progress=progress)
        DirectLoop(search, evaluate, journal, InTurn).run(context)
    return min(errors)


def main() -> int:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--task", nargs="+", default=["finetune_vocab", "moe", "sft"])
    p.add_argument("--at-once", type=int, nargs="+", default=[2, 4, 20], help="(default: 2 4 20)")
    p.add_argument("--seeds", type=int, default=5, help="(default: 5)")
    p.add_argument("--evaluations", type=int, default=600, help="of one search (default: 600)")
    args = p.parse_args()
    print("| task | in flight | best error on the folds, a seed each | as a multiple |\n|---|---|---|---|")
    multiples: dict[int, list[float]] = {n: [] for n in args.at_once}
    with LocalSandbox(workers=2) as sandbox:
        evaluator = Evaluator(sandbox, Limits())
        for name in args.task:
            assignment = Assignment.of(load(name, data_dir="nano"))
            found = {
                n: [
                    best_error(assignment, evaluator, n, seed, args.evaluations) for seed in range(args.seeds)
                ]
                for n in args.at_once
            }
            for n, errors in found.items():
                times = np.array(errors) / np.array(found[args.at_once[0]])
                multiples[n] += list(times)
                each = " ".join(f"{e:.4f}" for e in errors)
                print(f"| {name} | {n} | {each} | {np.exp(np.log(times).mean()):.3f} |", flush=True)
    print()
    for n, times in multiples.items():
        logs = np.log(times)
        print(
            f"{n} in flight: {np.exp(logs.mean()):.3f}, sd of one search's {logs.std():.3f}, {len(logs)} searches"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
