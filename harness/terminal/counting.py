"""How far a command has got: one bar on standard error where that is a terminal, nothing elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tables.shown import Screen, one_line

Tell = Callable[[str, int], None]
"""What is being done now, and how many of all are done."""


@contextmanager
def counting(total: int, console: Console | None = None) -> Iterator[Tell]:
    """A bar for `total` pieces of work, gone when they are done.

    Args:
        console: where; None for standard error.
    """
    screen = console if console is not None else Screen(stderr=True)
    columns = (
        BarColumn(bar_width=20), MofNCompleteColumn(), TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[what]}", markup=False),
    )  # fmt: skip
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        work = bar.add_task("", total=total, what="")
        yield lambda what, done: bar.update(work, completed=done, what=one_line(what))
