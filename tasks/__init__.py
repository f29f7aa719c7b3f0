"""What is asked, and on which rows."""

from __future__ import annotations

import difflib
from pathlib import Path

from tasks import corpus, simulated, user
from tasks.errors import BadSpec, BadTable, DataUnavailable, TaskError, UnknownTask
from tasks.rows import Rows, Sealed, Task
from tasks.sldbench import SPECS
from tasks.sources import load_official, offline_asked
from tasks.spec import Column, Provenance, PublishedScore, TaskSpec

__all__ = [
    "BadSpec",
    "BadTable",
    "Column",
    "DataUnavailable",
    "Provenance",
    "PublishedScore",
    "Rows",
    "Sealed",
    "Task",
    "TaskError",
    "TaskSpec",
    "UnknownTask",
    "load",
    "names",
    "resolve",
    "spec",
    "user_names",
]

_BY_NAME = {s.name: s for s in SPECS}
_ALIASES = {alias: s.name for s in SPECS for alias in s.aliases}


def names() -> list[str]:
    """The benchmark's tasks, in the order of the catalogue."""
    return list(_BY_NAME)


def user_names() -> list[str]:
    """Tasks added on this machine."""
    return user.user_names()


def resolve(name: str) -> str:
    """The short name behind a name or alias.

    Raises:
        UnknownTask: with the nearest name.
    """
    if name in _BY_NAME:
        return name
    if name in _ALIASES:
        return _ALIASES[name]
    added = user_names()
    if name in added or name in simulated.SIMULATIONS or name in corpus.corpus_names():
        return name
    known = [*_BY_NAME, *_ALIASES, *added]
    near = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"tasks are {', '.join([*_BY_NAME, *added])}"
    raise UnknownTask(f"no task {name!r}; {hint} (harness tasks list shows them all)")


def spec(name: str) -> TaskSpec:
    """What a task asks, without its rows."""
    short = resolve(name)
    if short in _BY_NAME:
        return _BY_NAME[short]
    if short in simulated.SIMULATIONS:
        return simulated.simulated_spec(short)
    return user.user_spec(short) if short in user_names() else corpus.corpus_spec(short)


def load(name: str, data_dir: str | Path | None = None, offline: bool | None = None) -> Task:
    """A task with its rows, held-out ones sealed.

    Args:
        name: name or alias.
        data_dir: folder with the benchmark's rows; a task added on this machine has its own.
        offline: leave the public hub out (default: as `SLD_OFFLINE` says).

    Raises:
        UnknownTask, BadSpec, BadTable, DataUnavailable: as their names say.
    """
    short = resolve(name)
    if short not in _BY_NAME:
        if short in simulated.SIMULATIONS:
            return simulated.load_simulated(short)
        return user.load_user(short) if short in user_names() else corpus.load_corpus(short)
    return load_official(_BY_NAME[short], data_dir, offline_asked() if offline is None else offline)


RESERVED_NAMES = (*_BY_NAME, *_ALIASES, *simulated.SIMULATIONS, "all", "corpus", "simulated")
"""Names that an added task can't take."""
