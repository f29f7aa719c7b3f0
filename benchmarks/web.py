"""The local web app and the page of a run, timed on made-up runs: start, leaderboard, a long run, a report.

    python benchmarks/web.py              # all of it
    python benchmarks/web.py board        # one part: start, board, run or report

A real server in a process of its own, asked over loopback. Wall time says what a person waits on an idle machine; processor
time of the server says what it costs, and is the one to compare where other work shares the machine. No search is made and no
held-out row is opened.
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from evaluator.outcome import Outcome
from tests.harness.run_folders import begun, candidate, ended, outcome, user_task

PARTS = ("start", "board", "run", "report")
RUNS, OF_EACH, LONG, REPORT = 100, 1000, 10_000, 2000
TICK = os.sysconf("SC_CLK_TCK")


class Server:
    """`harness serve` on a folder, and what it has used so far."""

    def __init__(self, root: Path) -> None:
        argv = [sys.executable, "-m", "harness", "serve", "--out", str(root), "--port", "0", "--allow-weak-sandbox"]  # fmt: skip
        start = time.monotonic()
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline().strip().rstrip("/").rpartition(":")[2])
        self.get("/")
        # Of the thread that starts and answers: what it loads beside the first pages is no part of the start.
        self.start = time.monotonic() - start, self._used(f"task/{self.process.pid}/stat")

    @property
    def cpu(self) -> float:
        """Processor seconds of the server."""
        return self._used("stat")

    def _used(self, name: str) -> float:
        fields = Path(f"/proc/{self.process.pid}/{name}").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def get(self, path: str) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read().decode()
        assert answer.status == 200, (path, answer.status)
        connection.close()
        return text

    def timed(self, path: str, times: int = 1) -> tuple[float, float, int]:
        """Median wall seconds, mean processor seconds, and length of a page."""
        wall, before, text = [], self.cpu, ""
        for _ in range(times):
            start = time.monotonic()
            text = self.get(path)
            wall.append(time.monotonic() - start)
        return statistics.median(wall), (self.cpu - before) / times, len(text.encode())

    def settle(self) -> None:
        """Wait until what it loads after its start has been loaded."""
        before = -1.0
        while self.cpu > before:
            before = self.cpu
            time.sleep(4)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(30)


@contextmanager
def serving(root: Path) -> Iterator[Server]:
    server = Server(root)
    try:
        yield server
    finally:
        server.close()


def told(what: str, wall: float, cpu: float, size: int | None = None) -> None:
    more = "" if size is None else f", {size / 1e6:.2f} MB"
    print(f"{what}: {1e3 * wall:.0f} ms of wall, {1e3 * cpu:.0f} ms of processor{more}", flush=True)


def start(root: Path) -> None:
    """From the command to the first page answered, on a folder with one run; the middle of three."""
    ended(root / "few", name="one")
    found = []
    for _ in range(3):
        with serving(root / "few") as server:
            found.append(server.start)
    told("start, until the list of runs is answered", *(statistics.median(part) for part in zip(*found, strict=True)))  # fmt: skip


def board(root: Path) -> None:
    """The leaderboard and the list over many runs, cold and warm."""
    first = ended(root / "many", n=OF_EACH, name="run000")
    for k in range(1, RUNS):
        shutil.copytree(first.path, root / "many" / f"run{k:03d}")
    with serving(root / "many") as server:
        server.settle()
        for path, name in (("/leaderboard", "leaderboard"), ("/", "list of runs")):
            what = f"{name}, {RUNS} runs of {OF_EACH}"
            told(f"{what}, first", *server.timed(path))
            told(f"{what}, again", *server.timed(path, 5))


def tried(i: int) -> Outcome:
    """An outcome that gets better slowly, with most laws worse than the best, as in a search."""
    return outcome(int(60 * (1 + i / LONG) * random.Random(i).random()) * 7 + i % 7)


def run(root: Path) -> None:
    """The page of a long run: its frame, its drawn part, again, and after one more evaluation."""
    folder = begun(root / "long", n=0, name="long")
    with folder.journal() as journal:
        for i in range(LONG):
            journal.append(candidate(i), tried(i), float(i))
    with serving(root / "long") as server:
        server.settle()
        what = f"run of {LONG} candidates"
        told(f"{what}, page", *server.timed("/runs/long", 3))
        told(f"{what}, its drawn part, first", *server.timed("/runs/long/body"))
        told(f"{what}, its drawn part, again", *server.timed("/runs/long/body", 3))
        for more in range(3):
            with folder.journal() as journal:
                journal.append(candidate(LONG + more), tried(LONG + more), float(LONG + more))
            told(f"{what}, its drawn part, one evaluation later", *server.timed("/runs/long/body"))


def report(root: Path) -> None:
    """`harness report` on an ended run, in a process of its own, and the part of it that builds the page."""
    folder = ended(root / "report", n=REPORT, name="report")
    before, start = os.times(), time.monotonic()
    subprocess.run([sys.executable, "-m", "harness", "report", str(folder.path)], check=True, stdout=subprocess.DEVNULL)  # fmt: skip
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    size = (folder.path / "report.html").stat().st_size
    told(f"report of {REPORT} candidates, the whole command", time.monotonic() - start, cpu, size)
    from harness.pages.page import run_page
    from harness.pages.view import view_of

    for again in ("", ", again"):  # what is loaded and typeset once counts for the first alone
        wall, used = time.monotonic(), time.process_time()
        run_page(view_of(folder.path))
        told(f"report of {REPORT} candidates, the page alone{again}", time.monotonic() - wall, time.process_time() - used)  # fmt: skip


def main() -> int:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("part", nargs="?", choices=PARTS, help="default: all")
    part = p.parse_args().part
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        user_task(Path(folder), patch)
        for name, measure in zip(PARTS, (start, board, run, report), strict=True):
            if part in (None, name):
                measure(Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
