"""One long run, measured: what the controller costs at the start and at the end of a search, and what it keeps.

    python benchmarks/scale.py                          # 10,000 candidates
    python benchmarks/scale.py --candidates 100000
    python benchmarks/scale.py --workers 1000 --seconds 2 --candidates 20000

The search, the loop and the journal are the real ones, on the package's own measurements; programs are not run. A
made-up outcome comes after as long as real evaluations take (or `--seconds`) on a clock that counts the controller's own
processor time, so it is driven by as many workers as are asked for. Ctrl-C ends it early, with the figures so far. Opens no
held-out rows.
"""

from __future__ import annotations

import argparse
import hashlib
import heapq
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
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
PIECE = "a fixed piece of work"
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


class Workers(Executor):
    """Synthetic workers on a clock of their own, and what tells the loop of their outcomes.

    The clock counts the processor time of the loop's thread, and leaps to the next outcome when the loop waits for one: a
    thousand workers need no machine, and other work on this one costs them nothing but slower arithmetic.

    Args:
        workers: evaluations beside each other.
        seconds: mean of one evaluation, between half and one and a half of it; None for the measured spread.
        message_s: what sending a candidate and taking in its outcome costs the loop's process beside its own work.

    Attributes:
        speed: seconds of this clock for each of the processor's.
    """

    def __init__(self, workers: int, seconds: float | None, message_s: float) -> None:
        self.workers, self.busy_s, self.idle_s = workers, 0.0, 0.0
        self._seconds, self._message_s, self._n = seconds, message_s, 0
        self.speed, self._now, self._last = 1.0, 0.0, time.thread_time()
        self._heap: list[tuple[float, int, Future[Any], Callable[..., Any], tuple[Any, ...]]] = []
        self._free = deque([0.0] * workers)

    def now(self) -> float:
        used = time.thread_time()
        self._now += (used - self._last) * self.speed
        self._last = used
        return self._now

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self._now += self._message_s
        u = np.random.default_rng(self._n).random()
        seconds = float(np.interp(u, AT, LATENCY_S)) if self._seconds is None else self._seconds * (0.5 + u)
        self._n += 1
        self.busy_s += seconds
        self.idle_s += self.now() - self._free.popleft()
        heapq.heappush(self._heap, (self.now() + seconds, self._n, future, fn, (*args, seconds)))
        return future

    def expect(self, future: Future[Any]) -> None:
        """All are told of."""

    def wait(self, timeout_s: float) -> list[Future[Any]]:
        """As `Arrivals.wait`; what a worker does costs the loop nothing."""
        come = []
        if self._heap:
            self._now = max(self.now(), self._heap[0][0])
        now = self.now()
        while self._heap and self._heap[0][0] <= now:
            at, _, future, fn, args = heapq.heappop(self._heap)
            self._free.append(at)
            future.set_result(fn(*args))
            come.append(future)
        self._last = time.thread_time()
        return come

    def leave_out(self, call: Callable[[], Any]) -> None:
        """Have something done that the clock does not count."""
        self.now()
        call()
        self._last = time.thread_time()


class Timed:
    """Wraps methods of the search and the journal; keeps every call's seconds of the calling thread's processor."""

    def __init__(self) -> None:
        self.taken: dict[str, list[float]] = {}

    def watch(self, owner: Any, name: str) -> None:
        setattr(owner, name, self.watched(name, getattr(owner, name)))

    def watched(self, name: str, whole: Callable[..., Any]) -> Callable[..., Any]:
        taken = self.taken.setdefault(name, [])

        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.thread_time()
            try:
                return whole(*args, **kwargs)
            finally:
                taken.append(time.thread_time() - start)

        return timed

    def line(self, name: str) -> str:
        """Medians and means of a call over the first, the middle and the last tenth, in ms."""
        all_s = [1e3 * s for s in self.taken[name]]
        n = max(1, len(all_s) // 10)
        parts = (all_s[:n], all_s[len(all_s) // 2 :][:n], all_s[-n:])
        return " | ".join(f"{statistics.median(p):.2f} ({statistics.fmean(p):.2f})" for p in parts)


def fixed_work() -> int:
    """The same arithmetic each time, of about as long as a call of the search."""
    return sum(hash((k, k)) & 1 for k in range(5_000))


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def prepared(seed: int) -> tuple[Search, Assignment]:
    """A fresh search as `harness evolve --source nano` begins it."""
    assignment = Assignment.of(load("finetune_vocab", data_dir="nano"))
    formula = FormulaProposer(assignment.facts, assignment.title)
    return Search(
        formula, assignment.n_constants, formula.starters(), Config().search, seed, keep_all=False
    ), assignment


def long_run(path: Path, candidates: int, pool: Workers, piece_ms: float | None) -> None:
    """Search for so many candidates; print what each part took and what was kept.

    Args:
        piece_ms: the clock goes as on a processor that does the fixed piece of work in this time; None: as on this one.
    """
    search, _ = prepared(0)
    journal = Journal.create(path, {"task": "finetune_vocab", "train_hash": "made up", "config": {}})
    timed = Timed()
    memory = [(0, resident_mb())]
    for owner, name in ((search, "ask"), (search, "tell"), (journal, "append")):
        timed.watch(owner, name)
    timed.watch(pool, "submit")
    yardstick = timed.watched(PIECE, fixed_work)
    loop = DirectLoop(search, outcome, journal, lambda: pool)  # type: ignore
    spending = Spending(Budget(candidates, None), pool.now)

    def progress(candidate: Candidate | None, _: Outcome | None) -> None:
        if candidate is None:
            return
        if search.n_told % 50 == 0:
            pool.leave_out(yardstick)
            if piece_ms is not None:
                pool.speed = piece_ms / (1e3 * statistics.median(timed.taken[PIECE][-15:]))
        if search.n_told % max(1, candidates // 10) == 0:
            memory.append((search.n_told, resident_mb()))
            took = time.process_time() - cpu
            print(f"{search.n_told} told, {took:.0f} s of processor", file=sys.stderr, flush=True)

    cpu = time.process_time()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    ending = loop.run(Context(pool, pool.workers, spending, stop.is_set, progress))
    wall, cpu = pool.now(), time.process_time() - cpu
    journal.close()
    n = search.n_told
    print(
        f"\n{n} candidates by {pool.workers} synthetic workers: {ending.value}, {wall:.1f} s on their clock, {n / wall:.0f} a "
        f"second; {cpu:.0f} s of processor\n"
        f"worker use until the last candidate was given out: {pool.busy_s / (pool.busy_s + pool.idle_s):.1%}\n"
    )
    print("| ms of processor a call, median (mean) | first tenth | middle | last tenth |\n|---|---|---|---|")
    for name in timed.taken:
        print(f"| {name} | {timed.line(name)} |")
    print(
        "\nThe fixed piece of work says how fast the processor was, beside all else that the machine was at."
    )
    whole = 1e3 * cpu / n
    print(
        f"\nin all {whole:.2f} ms a candidate: no more than {1e3 / whole:.0f} a second, whatever the workers"
    )
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
    from harness.boards.collected import collect

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
    taken, cpu = [], time.process_time()
    for _ in range(5):
        start = time.monotonic()
        boards = collect(None, folder / "runs", {}, problems)
        taken.append(1e3 * (time.monotonic() - start))
    cpu = 1e3 * (time.process_time() - cpu) / len(taken)
    print(
        f"leaderboard over {RUNS} runs of {RUN_LENGTH}, {UNFINISHED} of them unfinished: {taken[0]:.0f} ms at first, "
        f"then {statistics.median(taken):.0f} ms, {cpu:.0f} ms of processor; {len(boards)} board, {len(set(problems))} problems"
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
    p.add_argument(
        "--message-ms", type=float, default=0.0, help="cost of one evaluation's messages in this process"
    )
    p.add_argument(
        "--piece",
        type=float,
        metavar="MS",
        help="the clock goes as on a processor that does the fixed piece of work in MS (default: as on this one)",
    )
    p.add_argument("--only", choices=("run", "leaderboard"), help="one part alone")
    p.add_argument("--resume", type=Path, help="take in this journal, and nothing else")
    args = p.parse_args()
    if args.resume is not None:
        resume(args.resume)
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        if args.only != "leaderboard":
            journal = Path(scratch) / "journal.sqlite"
            pool = Workers(args.workers, args.seconds, 1e-3 * args.message_ms)
            long_run(journal, args.candidates, pool, args.piece)
            # In a process of its own: its memory is what a resume begins with.
            sys.stdout.flush()
            subprocess.run([sys.executable, __file__, "--resume", str(journal)], check=True)
        if args.only != "run":
            leaderboard(Path(scratch))
    return 0


if __name__ == "__main__":
    sys.exit(main())
