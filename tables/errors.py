"""Errors of the tables package.

TableError        a table or log that can't be read as asked; the message has file, line, column and what was expected
├── BadTable      the file, its shape, a row or a cell
├── Ambiguous     a cell with two readings; the message names both and the option that decides
├── SeveralRuns   a log of several runs was read without saying which; `runs` has their names
└── Unreadable    a document (text, YAML, JSON) that can't be read as one; a ValueError too, as parsers raise
"""

from __future__ import annotations

MOST = 2000
"""Characters of a message."""


class TableError(Exception):
    """Base class: what was expected, what came, where, what to do; on one line, whatever names a table has."""

    def __init__(self, message: str) -> None:
        line = "".join([c if c.isprintable() else c.encode("unicode_escape").decode() for c in message])
        super().__init__(line if len(line) <= MOST else f"{line[: MOST // 2]} ... {line[-MOST // 2 :]}")


class BadTable(TableError):
    """A file, a row or a cell that can't be read."""


class Ambiguous(TableError):
    """A cell with two readings."""


class SeveralRuns(TableError):
    """Several runs, and none was chosen."""

    def __init__(self, message: str, runs: list[str]) -> None:
        super().__init__(message)
        self.runs = runs


class Unreadable(TableError, ValueError):
    """A document that is no text, no YAML or no JSON, or that is too large."""
