"""Names of a run's files, and whether somebody is at work on them: light, for those who only look."""

from __future__ import annotations

import fcntl
from pathlib import Path

JOURNAL = "journal.sqlite"
SUMMARY = "summary.json"
PROGRAM = "best_program.py"
LOCK = ".lock"


def is_held(path: Path) -> bool:
    """Whether a process is at work in this run's folder."""
    try:
        with (path / LOCK).open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
