"""Beginning a run: its seed programs, its folder, and whether an old one goes on with these rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evaluator import contract
from harness.config import Config
from harness.errors import BadProgram, BadRun
from harness.proposers.assignment import Assignment
from harness.proposers.formula.proposer import free_draft
from harness.record.journal import Journal
from harness.record.run_folder import RunFolder
from harness.search.candidate import Draft
from harness.shipped import shipped
from tables.documents import read_document
from tables.errors import Unreadable
from tasks import Task

SEEDS = shipped("seeds")


def journal_meta(config: Config, task: Task, seeds: list[Draft]) -> dict[str, Any]:
    """What a journal says of its run: all that decides the search, and nothing held out."""
    settings = config.as_dict()
    settings.pop("data_dir")
    settings["evolve"].pop("seed_programs")
    return {
        "task": task.name,
        "train_hash": task.provenance.train_hash,
        "simulated": task.provenance.simulated,
        "config": settings,
        "seeds": [d.key for d in seeds],
    }


def seed_programs(task: Task, files: tuple[str, ...], with_task_seeds: bool) -> list[str]:
    """Texts of the given program files, then of the task's own seed programs.

    Raises:
        BadProgram: a file that can't be read as text.
    """
    paths = [Path(f) for f in files]
    if with_task_seeds:
        paths += sorted((SEEDS / task.name).glob("*.py"))
    return [read_program(p) for p in paths]


def read_program(path: Path) -> str:
    """A program's text.

    Raises:
        BadProgram: no such file, no plain file (a pipe, a device), much too large, or not UTF-8.
    """
    try:
        return read_document(
            path, 8 * contract.MAX_PROGRAM_BYTES
        )  # what is a little too large, the contract says
    except (OSError, Unreadable) as error:
        raise BadProgram(f"{path}: can't be read as a program ({error})") from error


def start_run(
    config: Config,
    assignment: Assignment,
    root: Path,
    name: str | None = None,
    programs: list[str] | None = None,
) -> RunFolder:
    """Make the folder of a new run, its journal and a copy of the seed programs it begins with.

    Args:
        name: of the folder; None for one made from task, proposer, seed and the time.
        programs: seed programs; None for those of the config and the task.
    """
    task = assignment.task
    given = () if programs is not None else config.evolve.seed_programs
    if programs is None:
        programs = seed_programs(task, config.evolve.seed_programs, config.evolve.task_seeds)
    for path, text in zip(given, programs, strict=False):
        broken = contract.check(text)
        if broken is not None:
            raise BadProgram(f"{path}: {broken.failure.value}: {broken.detail}")
    seeds = [free_draft(p, assignment.facts) for p in programs]
    folder = RunFolder.create(root, task.name, config, name)
    folder.write_seeds(programs)
    Journal.create(folder.journal_path, journal_meta(config, task, seeds)).close()
    return folder


def check_same_task(folder: RunFolder, meta: dict[str, Any], task: Task) -> None:
    """A run goes on only with the task and rows that it began with."""
    if meta["task"] != task.name:
        raise BadRun(
            f"{folder.path}: this run is of task {meta['task']!r}, not of {task.name!r}; start a new run"
        )
    if meta["train_hash"] != task.provenance.train_hash:
        raise BadRun(
            f"{folder.path}: this run began on training rows {meta['train_hash']}, "
            f"{task.provenance.where} holds {task.provenance.train_hash}; give the same rows with --data-dir"
        )
