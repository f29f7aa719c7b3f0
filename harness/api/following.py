"""A search followed to its end, or to the interrupt that stops it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from harness.api.progress import watcher_for
from harness.config import Config
from harness.proposers.assignment import Assignment
from harness.record.run_folder import RunFolder
from harness.run.run import Terms, Watcher, run
from harness.search.ending import Ending
from harness.terminal.interrupt import ctrl_c


def follow(
    folder: RunFolder, config: Config, assignment: Assignment, progress: bool | Watcher, weak: bool
) -> bool:
    """Search in a folder; whether it ended, and was not stopped.

    Raises:
        BadRun: the folder belongs to another task or other rows, or is in use.
    """
    with _stopping() as stop:
        terms = Terms(watcher_for(progress), stop.is_set, weak=weak)
        return run(folder, config, assignment, terms).ending is not Ending.INTERRUPTED


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """An event set by Ctrl-C while the search runs; only the main thread may take the signal, and it gives it back."""
    if threading.current_thread() is threading.main_thread():
        with ctrl_c() as event:
            yield event
    else:
        yield threading.Event()
