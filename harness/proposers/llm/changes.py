"""Changes written as SEARCH/REPLACE blocks or as a unified diff, in the many ways models write them."""

from __future__ import annotations

import re
from dataclasses import dataclass

_START = re.compile(r"^\s*(?:<{3,}|-{5,})\s*(?:SEARCH|ORIGINAL|OLD|BEFORE|HEAD)\b", re.I)
_MIDDLE = re.compile(r"^\s*={4,}\s*$")
_END = re.compile(r"^\s*(?:>{3,}|\+{5,})\s*(?:REPLACE|UPDATED|NEW|AFTER|END)?\b.*$", re.I)
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_HUNK = re.compile(r"^@@")


@dataclass(frozen=True, slots=True)
class Change:
    """Lines as they are, and as they should be."""

    search: str
    replacement: str


def changes_in(text: str) -> list[Change]:
    """The changes of an answer, in order; empty where it has none."""
    return _blocks(text.split("\n")) or _unified(text.split("\n"))


def _blocks(lines: list[str]) -> list[Change]:
    """SEARCH/REPLACE blocks. A last marker that is missing is where the fence, the next block or the text ends."""
    found: list[Change] = []
    i = 0
    while i < len(lines):
        if not _START.match(lines[i]):
            i += 1
            continue
        search: list[str] = []
        i += 1
        while i < len(lines) and not _MIDDLE.match(lines[i]):
            search.append(lines[i])
            i += 1
        if i == len(lines):
            return found
        i += 1
        replacement: list[str] = []
        while i < len(lines) and not (
            _END.match(lines[i]) or _START.match(lines[i]) or _FENCE.match(lines[i])
        ):
            replacement.append(lines[i])
            i += 1
        if i < len(lines) and not _START.match(lines[i]):
            i += 1
        found.append(Change(_text(search), _text(replacement)))
    return found


def _unified(lines: list[str]) -> list[Change]:
    """Hunks of a unified diff, their line numbers not looked at."""
    found: list[Change] = []
    hunk: list[str] | None = None
    for line in [*lines, "@@ end"]:
        if _HUNK.match(line) or _FENCE.match(line) or line.startswith(("--- ", "+++ ", "diff ")):
            if hunk:
                found.append(_of_hunk(hunk))
            hunk = [] if _HUNK.match(line) else None
        elif hunk is not None:
            hunk.append(line)
    return [c for c in found if c.search != c.replacement]


def _of_hunk(hunk: list[str]) -> Change:
    while hunk and not hunk[-1].strip():
        hunk = hunk[:-1]
    old = [line[1:] for line in hunk if line[:1] in ("-", " ", "")]
    new = [line[1:] for line in hunk if line[:1] in ("+", " ", "")]
    return Change(_text(old), _text(new))


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
