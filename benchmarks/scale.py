"""One long run, measured: what the controller costs at the start and at the end of a search, and what it keeps.

    python benchmarks/scale.py                          # 10,000 candidates
    python benchmarks/scale.py --candidates 100000
    python benchmarks/scale.py --workers 1000 --seconds 2 --candidates 20000

The search, the loop and the journal are the real ones, on the package's own measurements; programs are not run. A
made-up outcome comes after a wait of the length that real evaluations take (or of `--seconds`), so the controller
is driven by as many workers as are asked for. Opens no held-out rows.
"""

from __future__ import annotations

import argparse
import hashlib
import heapq
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from evaluator.outcome import Failed, Failure, Outcome, Scorecard, Scored
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

LATENCY_S = (0.008, 0.012, 0.016, 0.022, 0.035, 0.060, 0.150)
"""Quantiles 0, 0.1, 0.25, 0.5, 0.75, 0.9, 1 of what one real evaluation takes on a free core."""
AT = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
FOLDS = ("outer 11%", "outer 22%", "outer 33%")
RUNS, UNFINISHED, RUN_LENGTH = 200, 20, 1000


def unit(text: str) -> np.ndarray:
    """(32,) numbers in [0, 1) that depend on the text alone."""
    return np.frombuffer(hashlib.sha256(text.encode()).digest(), dtype=np.uint8) / 256


def outcome(candidate: Candidate, seconds: float) -> Outcome:
    """A made-up outcome with as many digits as a real one; three in a hundred fail."""
    u = unit(candidate.draft.key)
    if u[0] < 0.03:
        return Failed(Failure.TIMEOUT, "fold 'outer 11%': fit: over 30 s of processor time", seconds=seconds)
    cards = {}
    for k, name in enumerate(FOLDS):
        error = 0.2 * math.exp(-3 * u[1] * u[2] + 0.3 * u[3 + k]) + u[6 + k] / 3e4
        nmse = error * error / (1 + u[9 + k] / 7)
        parts = (nmse, 1 - nmse, error * 1.03 / (1 + u[12] / 7), 120 * (k + 1), error / (3 + u[13] / 7))
        cards[name] = Scorecard(*parts, {"all_data": Scorecard(*parts)}, error)
    constants = tuple(float(f"{v:.9e}") for v in np.resize(u, len(candidate.draft.constants)) / 7 + 0.1)
    return Scored(cards, {"all_data": constants}, max(len(constants), 1), seconds, seconds * 0.9, 38.6)


class Sleepers(Executor):
    """Synthetic workers: a submitted call is made after its latency, and they sleep meanwhile.

    Args:
        seconds: of one evaluation; None for the measured spread.
    """

    def __init__(self, seconds: float | None) -> None:
        self.busy_s = 0.0
        self._seconds, self._n, self._closed = seconds, 0, False
        self._heap: list[tuple[float, int, Future[Any], Callable[..., Any], tuple[Any, ...]]] = []
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        u = np.random.default_rng(self._n).random()
        seconds = float(np.interp(u, AT, LATENCY_S)) if self._seconds is None else self._seconds * (0.5 + u)
        with self._changed:
            self._n += 1
            self.busy_s += seconds
            heapq.heappush(self._heap, (time.monotonic() + seconds, self._n, future, fn, (*args, seconds)))
            self._changed.notify()
        return future

    def _run(self) -> None:
        while not self._closed:
            with self._changed:
                left = self._heap[0][0] - time.monotonic() if self._heap else 1.0
                if left > 0:
                    self._changed.wait(left)
                    continue
                _, _, future, fn, args = heapq.heappop(self._heap)
            if future.set_running_or_notify_cancel():
                future.set_result(fn(*args))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._closed = True
        with self._changed:
            self._changed.notify()
        self._thread.join()


class Timed:
    """Wraps methods of the search and the journal; keeps every call's seconds of the calling thread's processor."""

    def __init__(self) -> None:
        self.taken: dict[str, list[float]] = {}

    def watch(self, owner: Any, name: str) -> None:
        whole, taken = getattr(owner, name), self.taken.setdefault(name, [])

        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.thread_time()
            try:
                return whole(*args, **kwargs)
            finally:
                taken.append(time.thread_time() - start)

        setattr(owner, name, timed)

    def line(self, name: str) -> str:
        """Medians and means of a call over the first, the middle and the last tenth, in ms."""
        all_s = [1e3 * s for s in self.taken[name]]
        n = max(1, len(all_s) // 10)
        parts = (all_s[:n], all_s[len(all_s) // 2 :][:n], all_s[-n:])
        return " | ".join(f"{statistics.median(p):.2f} ({statistics.fmean(p):.2f})" for p in parts)


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def prepared(seed: int) -> tuple[Search, Assignment]:
    """A fresh search as `harness evolve --source nano` begins it."""
    assignment = Assignment.of(load("finetune_vocab", data_dir="nano"))
    formula = FormulaProposer(assignment.facts, assignment.title)
    return Search(
        formula, assignment.n_constants, formula.starters(), Config().search, seed, keep_all=False
    ), assignment


def long_run(path: Path, candidates: int, workers: int, seconds: float | None) -> None:
    """Search for so many candidates; print what each part took and what was kept."""
    search, _ = prepared(0)
    journal = Journal.create(path, {"task": "finetune_vocab", "train_hash": "made up", "config": {}})
    timed = Timed()
    memory = [(0, resident_mb())]
    for owner, name in ((search, "ask"), (search, "tell"), (journal, "append")):
        timed.watch(owner, name)
    loop = DirectLoop(search, outcome, journal)  # type: ignore[arg-type]  # the executor adds the latency
    pool = Sleepers(seconds)
    spending = Spending(Budget(candidates, None), time.monotonic)

    def progress(candidate: Candidate | None, _: Outcome | None) -> None:
        if search.n_told % max(1, candidates // 10) == 0 and candidate is not None:
            memory.append((search.n_told, resident_mb()))

    start, cpu = time.monotonic(), time.process_time()
    ending = loop.run(Context(pool, workers, spending, progress=progress))
    wall, cpu = time.monotonic() - start, time.process_time() - cpu
    pool.shutdown()
    journal.close()
    n = search.n_told
    print(
        f"\n{n} candidates by {workers} synthetic workers: {ending.value}, {wall:.1f} s, {n / wall:.0f} a second"
    )
    print(f"worker use {pool.busy_s / (workers * wall):.1%}; the controller's processor {cpu / wall:.0%}\n")
    print("| ms of processor a call, median (mean) | first tenth | middle | last tenth |\n|---|---|---|---|")
    for name in timed.taken:
        print(f"| `{name}` | {timed.line(name)} |")
    print(f"\nmemory, MB: {', '.join(f'{mb:.0f} at {at}' for at, mb in memory)}")
    half = memory[len(memory) // 2]
    print(f"in the second half {1e3 * (memory[-1][1] - half[1]) / max(1, n - half[0]):.2f} MB per 1,000")
    print(f"journal: {path.stat().st_size / n / 1e3:.2f} kB a candidate")


def resume(path: Path) -> None:
    """Take in what the journal holds, as a resume does."""
    before = resident_mb()
    start = time.monotonic()
    search, _ = prepared(0)
    begin, cpu = time.monotonic(), time.process_time()
    with Journal(path) as journal:
        opened = time.monotonic()
        DirectLoop(search, outcome, journal).replay()  # type: ignore[arg-type]
        journal.seconds_spent()
    end, cpu = time.monotonic(), time.process_time() - cpu
    print(
        f"resume of {search.n_told}: {end - begin:.2f} s, {cpu:.2f} s of processor (opened and checked in {opened - begin:.2f} s), "
        f"{resident_mb() - before:.0f} MB more; made ready in {begin - start:.2f} s"
    )


def leaderboard(folder: Path) -> None:
    """Boards over many runs, some of them unfinished, as `harness leaderboard --no-programs` collects them."""
    from harness.commands.leaderboard import collect

    journal = folder / "one.sqlite"
    quiet_run(journal, RUN_LENGTH)
    config = Config().as_dict()
    card = {
        "r2": 0.98,
        "nmse": 0.02,
        "nmae": 0.1,
        "mae": 0.05,
        "n_rows": 120,
        "per_group": {},
        "log_error": None,
    }
    for i in range(RUNS):
        run = folder / "runs" / f"finetune_vocab-formula-s{i}"
        run.mkdir(parents=True)
        os.link(journal, run / "journal.sqlite")
        settings = {**config, "evolve": {**config["evolve"], "seed": i, "evaluations": 1000 + i % 5}}
        if i >= RUNS - UNFINISHED:
            continue
        summary = {
            "task": "finetune_vocab",
            "data": {
                "train_hash": "t",
                "heldout_hash": "h",
                "simulated": False,
                "official": False,
                "note": "",
            },
            "config": settings,
            "law": f"c0 + c1*N**-a{i % 9}",
            "heldout": card,
            "forecast": card,
            "validation": {"r2": 0.99, "log_errors": {"law": 0.1}, "folds": {k: card for k in FOLDS}},
            "n_constants": 5,
            "voters": ["c0 + c1*N**-a1"] * 20,
            "notes": ["a note of the length that a note has"] * 300,  # a real summary has 19 kB
            "controls": {f"control {k}": card for k in range(6)},
            "marks": [],
        }
        (run / "summary.json").write_text(json.dumps(summary, indent=2))
    problems: list[str] = []
    taken = []
    for _ in range(5):
        start = time.monotonic()
        boards = collect(None, folder / "runs", {}, problems)
        taken.append(1e3 * (time.monotonic() - start))
    print(
        f"leaderboard over {RUNS} runs of {RUN_LENGTH}, {UNFINISHED} of them unfinished: {taken[0]:.0f} ms at first, "
        f"then {statistics.median(taken):.0f} ms; {len(boards)} board, {len(set(problems))} problems"
    )


def quiet_run(path: Path, candidates: int) -> None:
    """A journal of that length, with no waiting."""
    search, _ = prepared(0)
    config = Config().as_dict()
    with (
        Journal.create(path, {"task": "finetune_vocab", "train_hash": "t", "config": config}) as journal,
        journal.together(),
    ):
        for _ in range(candidates):
            candidate = search.ask()
            assert candidate is not None
            found = outcome(candidate, 0.02)
            journal.append(candidate, found)
            search.tell(candidate, found)


def main() -> int:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--candidates", type=int, default=10_000)
    p.add_argument("--workers", type=int, default=32, help="synthetic workers (default: 32)")
    p.add_argument("--seconds", type=float, help="mean of one evaluation (default: the measured spread)")
    p.add_argument("--only", choices=("run", "leaderboard"), help="one part alone")
    p.add_argument("--resume", type=Path, help="take in this journal, and nothing else")
    args = p.parse_args()
    if args.resume is not None:
        resume(args.resume)
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        if args.only != "leaderboard":
            journal = Path(scratch) / "journal.sqlite"
            long_run(journal, args.candidates, args.workers, args.seconds)
            # In a process of its own: its memory is what a resume begins with.
            sys.stdout.flush()
            subprocess.run([sys.executable, __file__, "--resume", str(journal)], check=True)
        if args.only != "run":
            leaderboard(Path(scratch))
    return 0


if __name__ == "__main__":
    sys.exit(main())
