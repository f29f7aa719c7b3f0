"""Foreign text made fit for a screen, a page or a spreadsheet: what can't be seen is shown as what it is."""

from __future__ import annotations

import csv
import re
import sys
import unicodedata
from collections.abc import Iterable
from typing import Any, TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

# Control characters but line breaks and tabs; marks that turn the writing direction; and what no font shows.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def shown(text: str) -> str:
    """Text with every control character written as its escape: no title, colour or clipboard changes by printing it."""
    return _INVISIBLE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def one_line(text: str) -> str:
    """The same on one line."""
    return shown(" ".join(text.split()))


def cell(value: object) -> object:
    """A value for a table that a spreadsheet may open: text that reads as a formula begins with an apostrophe."""
    if not isinstance(value, str):
        return value
    text = shown(value)
    begins = unicodedata.normalize("NFKC", text[:1])
    return "'" + text if begins in _FORMULA and begins and not _is_number(text) else text


class TableWriter:
    """Writes rows as CSV that any spreadsheet may open; made by `table_writer`."""

    def __init__(self, out: TextIO, **options: Any) -> None:
        self._writer = csv.writer(out, **options)

    def writerow(self, row: Iterable[object]) -> None:
        self._writer.writerow([cell(value) for value in row])

    def writerows(self, rows: Iterable[Iterable[object]]) -> None:
        for row in rows:
            self.writerow(row)


def table_writer(out: TextIO, **options: Any) -> TableWriter:
    """As `csv.writer`, and every cell of text is made fit to be seen."""
    return TableWriter(out, **options)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def say(text: object, *, err: bool = False) -> None:
    """`print` for text that may be foreign: on standard output, or on standard error."""
    print(shown(str(text)), file=sys.stderr if err else sys.stdout, flush=True)


class Screen(Console):
    """The one way to a screen: text is shown as it is, never taken for markup, and never commands the terminal.

    Colours come from styles alone; a string is text.
    """

    def __init__(self, *, file: TextIO | None = None, stderr: bool = False, **options: Any) -> None:
        super().__init__(file=file, stderr=stderr, **{"markup": False, "emoji": False, **options})

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            if segment.control or not _INVISIBLE.search(segment.text):
                yield segment
            else:
                yield Segment(shown(segment.text), segment.style)
