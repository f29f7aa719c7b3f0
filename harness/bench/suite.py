"""A suite: every task with every seed and proposer, one run each, resumable at any moment."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from harness.bench.beside import in_processes, in_threads
from harness.bench.hindsight import FILE as HINDSIGHT
from harness.bench.hindsight import has_looked, look_back
from harness.bench.progress import SuiteProgress
from harness.cluster.cluster import Cluster
from harness.config import Config
from harness.errors import BadRun
from harness.proposers.assignment import Assignment
from harness.record.places import JOURNAL
from harness.record.run_folder import RunFolder
from harness.run.beginning import start_run
from harness.run.run import Terms, Watcher, run
from harness.search.ending import Ending
from tasks import Task


@dataclass(frozen=True, slots=True)
class Cell:
    """One run of a suite."""

    task: str
    proposer: str
    seed: int

    @property
    def name(self) -> str:
        """Name of its run folder."""
        return f"{self.task}-{self.proposer}-s{self.seed}"


def cells(tasks: list[str], proposers: tuple[str, ...], seeds: int) -> list[Cell]:
    """All runs of a suite. Seeds are the outermost loop, so a suite cut short has whole rounds of tasks."""
    return [Cell(t, p, s) for s in range(seeds) for p in proposers for t in tasks]


@dataclass(frozen=True, slots=True)
class Suite:
    """What all runs of a suite share.

    Attributes:
        tasks: by name.
        config: of every run; task, proposer and seed are set for each.
        out: folder of the run folders.
        hindsight: score every law of a run of the search on the held-out rows once it has ended.
        weak: run programs even where the machine can't keep them away from files.
        cluster: where candidates are scored; None for this machine.
    """

    tasks: dict[str, Task]
    config: Config
    out: Path
    hindsight: bool = False
    weak: bool = False
    cluster: Cluster | None = None


def run_suite(
    wanted: list[Cell],
    suite: Suite,
    stopping: Callable[[], bool],
    say: Callable[[str], None],
    jobs: int = 1,
) -> bool:
    """Carry out every run that has not ended yet.

    Args:
        stopping: asked often; when true the runs in hand are left resumable.
        say: gets a line for every run.
        jobs: runs beside each other, each in a process of its own, or with a cluster in a thread.

    Returns:
        Whether all have ended.

    Raises:
        BadRun: a folder of the suite was begun with another config or other rows.
    """
    # Folders are made, and those of another config refused, before anything runs.
    left = []
    for cell in wanted:
        config = suite.config.replaced(tasks=(cell.task,)).with_options(
            "evolve", proposer=cell.proposer, seed=cell.seed
        )
        folder = open_run(cell, config, suite.tasks[cell.task], suite.out)
        if folder.summary() is None or (_looks_back(cell, suite) and not has_looked(folder)):
            left.append((cell, config))
    if suite.cluster is not None or jobs > 1:
        progress = SuiteProgress(len(left), say)
        begun = [(cell, config, suite) for cell, config in left]
        if suite.cluster is None:
            in_processes(begun, carry_out, jobs, stopping, progress.ended)
        else:
            in_threads(begun, partial(carry_out, watcher=progress.watcher()), jobs, stopping, progress.ended)
        return progress.n_ended == len(left)
    for n, (cell, config) in enumerate(left, start=1):
        line = carry_out(cell, config, suite, stopping)
        if line is None:
            return False
        say(f"[{n}/{len(left)}] {line}")
    return True


def carry_out(
    cell: Cell,
    config: Config,
    suite: Suite,
    stopping: Callable[[], bool],
    watcher: Watcher | None = None,
) -> str | None:
    """One run to its end, and a line on it; None where it was interrupted."""
    folder, task = RunFolder(suite.out / cell.name), suite.tasks[cell.task]
    summary = folder.summary()
    if summary is None:
        terms = Terms(
            watcher or Watcher(),
            stopping,
            weak=suite.weak,
            cluster=suite.cluster,
            in_flight=config.evolve.workers,
        )
        result = run(folder, config, Assignment.of(task), terms)
        if result.ending is Ending.INTERRUPTED or result.summary is None:
            return None
        summary = result.summary
    if _looks_back(cell, suite):
        look_back(folder, task, config.evolve.workers, suite.weak)
    return _line(cell, summary)


def _looks_back(cell: Cell, suite: Suite) -> bool:
    return suite.hindsight and cell.proposer != "random"


def open_run(cell: Cell, config: Config, task: Task, out: Path) -> RunFolder:
    """The folder of a run: the one that was begun, or a new one.

    Raises:
        BadRun: it was begun with another config.
    """
    path = out / cell.name
    if not (path / JOURNAL).exists():
        return start_run(config, Assignment.of(task), out, cell.name)
    folder = RunFolder(path)
    begun, asked = folder.config().as_dict(), config.as_dict()
    for settings in (begun, asked):
        settings.pop("data_dir")
        settings["evolve"].pop("workers")
    if begun != asked:
        raise BadRun(
            f"{path}: this run was begun with another config; give the same options, or another folder with --out"
        )
    return folder


def copy_searches(wanted: list[Cell], source: Path, out: Path) -> None:
    """Copy ended searches without what was chosen from them, so that today's rules choose again.

    Args:
        source: folder of run folders; they are only read.

    Raises:
        BadRun: one of the runs is missing there or has not ended, or both folders are one.
    """
    if source.resolve() == out.resolve():
        raise BadRun(f"{source}: --choose-again and --out are the same folder; name another with --out")
    for cell in wanted:
        old = RunFolder(source / cell.name)
        if not old.journal_path.exists() or old.summary() is None:
            raise BadRun(f"{old.path}: expected a run that has ended; give its suite's command again first")
    for cell in wanted:
        begun, new = source / cell.name, out / cell.name
        if new.exists():
            continue
        half = out / f".{cell.name}.half"  # renamed when whole: a kill leaves no half-copied run
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(parents=True)
        for name in ("config.yaml", HINDSIGHT):
            if (begun / name).exists():
                shutil.copy(begun / name, half / name)
        shutil.copytree(begun / "seeds", half / "seeds")
        with RunFolder(begun).journal(read_only=True) as journal:
            journal.copy(half / JOURNAL)
        half.replace(new)


def summaries(wanted: list[Cell], out: Path) -> Iterator[tuple[Cell, dict[str, Any]]]:
    """The runs that have ended, with their summaries."""
    for cell in wanted:
        if (out / cell.name / JOURNAL).exists():
            summary = RunFolder(out / cell.name).summary()
            if summary is not None:
                yield cell, summary


def _line(cell: Cell, summary: dict[str, Any]) -> str:
    """One line on a run that has ended; held-out scores wait for the report card."""
    head = f"{cell.name}: {summary['evaluations']} evaluations, {summary['seconds']:.0f} s"
    if summary["law"] is None:
        return f"{head}, no law kept every rule"
    return f"{head}, validation R2 {summary['validation']['r2']:.4f}: {summary['law']}"
