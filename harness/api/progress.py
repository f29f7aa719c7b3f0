"""What a person sees while a function of the Python interface works: a bar in a notebook, the live screen in a terminal, lines elsewhere."""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

from evaluator import Outcome
from harness.proposers.assignment import Assignment
from harness.proposers.formula.naming import readable
from harness.record.run_folder import RunFolder
from harness.run.budget import Spending
from harness.run.run import Watcher
from harness.search.candidate import Candidate
from harness.search.search import Search
from harness.terminal.screen import LiveScreen, PlainScreen, duration
from tables.shown import Screen

EVERY_S = 0.5
"""A notebook's bar is drawn at most so often: every drawing travels to the browser."""


def in_notebook() -> bool:
    """Whether a Jupyter kernel shows what we display."""
    shell = sys.modules.get("IPython")
    found = shell.get_ipython() if shell is not None else None
    return found is not None and hasattr(found, "kernel")


def watcher_for(progress: bool | Watcher) -> Watcher:
    """The watcher that suits the place, or the one that was given; False for silence."""
    if isinstance(progress, Watcher):
        return progress
    if not progress:
        return Watcher()
    if in_notebook():
        return NotebookScreen(Board())
    screen = Screen(stderr=True)
    if screen.is_terminal:
        return LiveScreen(screen)
    return PlainScreen(lambda line: screen.print(line, highlight=False, soft_wrap=True))


class Board:
    """One place of a notebook's output that is written again and again."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, text: str) -> None:
        """Put HTML there."""
        shown: Any = import_module("IPython.display")  # there in every kernel, and untyped
        if self._handle is None:
            self._handle = shown.display(shown.HTML(text), display_id=True)
        else:
            self._handle.update(shown.HTML(text))


class NotebookScreen(Watcher):
    """A bar, the budget and the best law so far.

    Args:
        board: takes HTML. clock: seconds.
    """

    def __init__(self, board: Board, clock: Callable[[], float] = time.monotonic) -> None:
        self._board, self._clock = board, clock
        self._last = -EVERY_S
        self._search: Search | None = None
        self._note = ""

    def begin(self, assignment: Assignment, folder: RunFolder, spending: Spending, sandbox: str) -> None:
        self._assignment, self._folder, self._spending = assignment, folder, spending
        self._draw()

    def progress(self, search: Search, candidate: Candidate | None, outcome: Outcome | None) -> None:
        self._search = search
        if self._clock() - self._last >= EVERY_S:
            self._draw()

    def say(self, text: str) -> None:
        self._note = text
        if hasattr(self, "_spending"):
            self._draw()

    def end(self) -> None:
        self._draw()

    def _draw(self) -> None:
        self._last = self._clock()
        s, best = self._spending, self._search.best if self._search else None
        facts = [
            f"{s.evaluations} evaluations, {s.rate():.1f} a second, about {duration(s.seconds_left())} left"
        ]
        if best is not None:
            law = readable(best.candidate.law, self._assignment.facts.names).text or best.candidate.id
            facts.append(
                f"best so far, error {best.error:.5g} beyond the fitted rows: <code>{html.escape(law)}</code>"
            )
        if self._note:
            facts.append(html.escape(self._note))
        title = html.escape(f"{self._assignment.title}, in {self._folder.path}")
        self._board.show(
            f'<div role="status"><b>{title}</b><br>'
            f'<progress max="1" value="{s.share():.3f}" style="width:100%" aria-label="budget used"></progress><br>'
            f"{'<br>'.join(facts)}</div>"
        )
