"""A suite: every task with every seed and proposer, one run each, resumable at any moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.config import Config
from harness.errors import BadRun
from harness.loop import Ending
from harness.run import Watcher, run, start_run
from harness.run_folder import JOURNAL, RunFolder
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


def run_suite(
    wanted: list[Cell],
    tasks: dict[str, Task],
    config: Config,
    out: Path,
    stopping: Callable[[], bool],
    say: Callable[[str], None],
    weak: bool = False,
) -> bool:
    """Carry out every run that has not ended yet.

    Args:
        tasks: by name.
        config: of every run; task, proposer and seed are set for each.
        out: folder of the run folders.
        stopping: asked often; when true the run in hand is left resumable.
        say: gets a line for every run.

    Returns:
        Whether all have ended.

    Raises:
        BadRun: a folder of the suite was begun with another config or other rows.
    """
    for n, cell in enumerate(wanted, start=1):
        task = tasks[cell.task]
        mine = config.replaced(tasks=(cell.task,)).with_options(
            "evolve", proposer=cell.proposer, seed=cell.seed
        )
        folder = open_run(cell, mine, task, out)
        if folder.summary() is not None:
            continue
        result = run(folder, mine, task, Watcher(), stopping, weak=weak)
        if result.ending is Ending.INTERRUPTED or result.summary is None:
            return False
        say(f"[{n}/{len(wanted)}] {_line(cell, result.summary)}")
    return True


def open_run(cell: Cell, config: Config, task: Task, out: Path) -> RunFolder:
    """The folder of a run: the one that was begun, or a new one.

    Raises:
        BadRun: it was begun with another config.
    """
    path = out / cell.name
    if not (path / JOURNAL).exists():
        return start_run(config, task, out, cell.name)
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
