"""How a text table parts its fields: the delimiter that gives most rows as many fields as the header."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator

from tables.numbers import MISSING, understand

DELIMITERS = (",", "\t", ";", "|")
BLANKS = " "
"""The dialect of runs of blanks and tabs."""
SAMPLE = 200
"""Lines looked at."""


def sniff(lines: list[str]) -> str:
    """The delimiter of a text table.

    Args:
        lines: the first lines that are not empty and no comments, header first.
    """
    best, best_score = ",", (0.0, 0.0, 0)
    for delimiter in DELIMITERS:
        rows = _rows(lines, delimiter)
        width = len(rows[0]) if rows else 0
        if width < 2:
            continue
        score = _score(rows, width)
        if score > best_score:
            best, best_score = delimiter, score
    if best_score[2]:
        return best
    rows = _rows(lines, BLANKS)
    body = rows[1:]
    if rows and len(rows[0]) > 1 and body:
        same = sum(len(r) == len(rows[0]) for r in body) / len(body)
        alone = _rows(lines, "\0")[1:]
        numeric = sum(_is_number(c) for r in body for c in r) / max(1, sum(map(len, body)))
        if same > 0.5 and numeric > 0.3 and not all(_is_number(r[0]) for r in alone):
            return BLANKS
    return ","


def _score(rows: list[list[str]], width: int) -> tuple[float, float, int]:
    body = rows[1:]
    if not body:
        return 0.0, 0.0, width
    same = sum(len(r) == width or (len(r) > width and not any(r[width:])) for r in body) / len(body)
    cells = [c for r in body[:50] for c in r]
    numeric = sum(_is_number(c) for c in cells) / max(1, len(cells))
    return round(same, 1), round(numeric, 2), width


def _rows(lines: list[str], delimiter: str) -> list[list[str]]:
    try:
        found = [[c.strip() for c in row] for row in split(lines, delimiter) if row]
    except csv.Error:
        return []
    return found


def split(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    """Fields of each row; blanks after a delimiter are no part of a field.

    Raises:
        csv.Error: a quote that is not closed, or a field of more than 128 KiB.
    """
    if delimiter == BLANKS:
        lines = (re.sub(r"[ \t\u00a0]+", " ", line.strip(" \t\r\n\u00a0")) + "\n" for line in lines)
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)


def _is_number(cell: str) -> bool:
    if cell.lower() in MISSING:
        return False
    found = understand([cell])
    return bool(found.readings) or not found.bad


def all_numbers(row: list[str]) -> bool:
    """Whether a row can't be a header: every field is a number."""
    return bool(row) and all(_is_number(c) for c in row)
