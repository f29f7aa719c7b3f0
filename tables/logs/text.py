"""Console logs as rows: lines cleaned of colours, ranks and overwritten bars, read by the trainer that knows most of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from copy import copy

from tables.delimited import Parts
from tables.json_rows import Builder
from tables.logs.pattern import Reader, Row
from tables.logs.registry import TRAINERS

LOOKED_AT = 3000
"""Lines by which the trainer is told."""
_COLOURS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07")
_RANK = re.compile(
    r"^\s*(?:\[(?:default|rank|Rank )?(\d+)\]:?|(?:rank|Rank)[ _=:]?(\d+)[:\]|]?|\((?:\w+ )?pid=\d+(?:, ip=[\d.]+)?\)|(\d+):)\s*"
)


def cleaned(line: str) -> list[tuple[str | None, str]]:
    """(rank, text) of the states a line went through: a bar is overwritten with carriage returns."""
    out = []
    for state in line.rstrip("\r\n").split("\r"):
        text = _COLOURS.sub("", state) if "\x1b" in state else state
        rank = None
        match = _RANK.match(text)
        if match and match.end() < len(text):
            rank = next((g for g in match.groups() if g is not None), None)
            text = text[match.end() :]
        if text.strip():
            out.append((rank, text))
    return out


def trainer_of(lines: Iterable[str]) -> Reader | None:
    """The trainer that makes most rows with a loss out of these lines; the particular before the general."""
    states = [text for line in lines for _, text in cleaned(line)]
    best, most = None, 0
    for reader in TRAINERS:
        found = sum(any("loss" in k.lower() for k in row) for row in _rows(copy(reader), states))
        if found > most * 1.2:
            best, most = reader, found
    return best


def _rows(reader: Reader, states: Iterable[str]) -> Iterator[Row]:
    row: Row | None = None
    for text in states:
        new = reader.row(text)
        if new is not None:
            if row is not None:
                yield row
            row = dict(new)
        elif row is not None:
            row |= reader.more(text) or {}
    if row is not None:
        yield row


def read_log(
    reader: Reader,
    lines: Iterable[str],
    live: bool,
    tick: Callable[[], None],
    wanted: Callable[[str], bool] | None,
) -> Parts:
    """Rows of a console log.

    A last line without its line break is left out where the log is live: it may be half a number.
    """
    reader = copy(reader)
    built = Builder(None if wanted is None else lambda n: wanted(n) or n in ("final_step", "_rank"))
    row: Row | None = None
    place = begun = passed = 0
    planned: float | None = None
    ranks: Counter[str] = Counter()
    half = False
    for line in lines:
        place += 1
        if place % 20_000 == 0:
            tick()
        if live and not line.endswith(("\n", "\r")):
            half = bool(line.strip())
            break
        for rank, text in cleaned(line):
            planned = reader.planned(text) or planned
            new = reader.row(text)
            if new is None:
                more = reader.more(text) if row is not None else None
                if more and row is not None:
                    row |= more
                else:
                    passed += 1
                continue
            if row is not None:
                built.add(row, begun)
            row, begun = dict(new), place
            if "total" in row:
                row["final_step"] = row.pop("total")
            if rank is not None:
                row["_rank"] = rank
                ranks[rank] += 1
    if row is not None:
        built.add(row, begun)
    parts = built.parts("line")
    parts.planned = planned
    parts.notes.append(f"a log of {reader.name}")
    if passed:
        parts.notes.append(f"{passed} other lines were passed over")
    if half:
        parts.notes.append("the last line has no line break yet and was left out")
    return parts
