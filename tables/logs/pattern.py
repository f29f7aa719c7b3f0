"""Patterns of log lines: what one line of a trainer's console says, by name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

INT = r"\d[\d,]*"
NUM = r"[-+]?(?:\d[\d,]*\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|nan|inf|NaN|Inf)"
WORD = NUM + r"(?:[KMBT](?![A-Za-z]))?"

Row = dict[str, object]


class Reader(Protocol):
    """Reads lines of one trainer. `row` begins a row; `more` adds to the row before; None: not one of mine."""

    @property
    def name(self) -> str: ...

    def row(self, line: str) -> Row | None: ...

    def more(self, line: str) -> Row | None: ...

    def planned(self, line: str) -> float | None: ...


@dataclass(frozen=True)
class Pattern:
    """A trainer by regular expressions.

    Attributes:
        name: the trainer. example: a line of it.
        rows: a line that one of these finds begins a row; named groups are its columns (`total`: the planned end).
        more: a line that one of these finds adds its named groups to the row before.
        pairs: groups `key` and `value`, found all over a line of `rows`; with `block` also in the lines after it.
        block: whether lines after a row belong to it until the next.
        plan: finds the planned end in any line; its first group.
        last_is: what to add to `total` to get the last step (1 where steps count from 0).
    """

    name: str
    example: str
    rows: tuple[str, ...]
    more_rows: tuple[str, ...] = ()
    pairs: str = ""
    block: bool = False
    plan: str = ""
    last_is: int = 0

    @cached_property
    def _rows(self) -> tuple[re.Pattern[str], ...]:
        return tuple(re.compile(r) for r in self.rows)

    @cached_property
    def _more(self) -> tuple[re.Pattern[str], ...]:
        return tuple(re.compile(r) for r in self.more_rows)

    @cached_property
    def _pairs(self) -> re.Pattern[str] | None:
        return re.compile(self.pairs) if self.pairs else None

    @cached_property
    def _plan(self) -> re.Pattern[str] | None:
        return re.compile(self.plan) if self.plan else None

    def row(self, line: str) -> Row | None:
        for pattern in self._rows:
            match = pattern.search(line)
            if match:
                row: Row = {k: v for k, v in match.groupdict().items() if v is not None}
                if self.last_is and "total" in row:
                    row["total"] = float(str(row["total"]).replace(",", "")) + self.last_is
                return self._paired(line) | row
        return None

    def more(self, line: str) -> Row | None:
        for pattern in self._more:
            match = pattern.search(line)
            if match:
                return {k: v for k, v in match.groupdict().items() if v is not None}
        return (self._paired(line) or None) if self.block else None

    def _paired(self, line: str) -> Row:
        if self._pairs is None:
            return {}
        return {m["key"].strip(): m["value"] for m in self._pairs.finditer(line)}

    def planned(self, line: str) -> float | None:
        match = self._plan.search(line) if self._plan else None
        return float(match[1].replace(",", "").replace("_", "")) if match else None
