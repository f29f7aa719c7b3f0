"""What a worker process of `local:N` does first: Ctrl-C in their terminal is meant for the command that started it."""

from __future__ import annotations

import contextlib
import signal
from typing import Any


def dask_setup(worker: Any) -> None:
    """Called by Dask in the worker; the command lets its workers finish or ends them."""
    with contextlib.suppress(ValueError):  # not in the main thread: then no signal comes here
        signal.signal(signal.SIGINT, signal.SIG_IGN)
