"""What an experiment is, what it finds, and what it is given to work with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from fitting import BadData
from studies.fitting_methods.headings import headed
from studies.fitting_methods.plots import Picture
from studies.fitting_methods.sampling import Runs
from studies.fitting_methods.tables import IsoflopData


@dataclass(frozen=True)
class Table:
    """A tidy table: written whole to NAME.csv; `shown` (or all of it) is printed on the page under its caption.

    Attributes:
        shown: what the page prints; None prints `rows`, an empty frame prints nothing.
    """

    name: str
    caption: str
    rows: pd.DataFrame
    shown: pd.DataFrame | None = None

    @property
    def printed(self) -> pd.DataFrame:
        """What the page prints, under headings for people."""
        return headed(self.rows if self.shown is None else self.shown)


@dataclass(frozen=True)
class Findings:
    """What an experiment found: an answer in words made from its numbers, tables, pictures."""

    answer: tuple[str, ...]
    tables: tuple[Table, ...]
    pictures: tuple[Picture, ...] = ()


def number(table: pd.DataFrame | pd.Series, row: str, column: str) -> float:
    """One cell of a table of numbers; pandas can't say what kind of thing it holds."""
    cells: Any = table.loc
    return float(cells[row, column])


def in_turn(function: Callable, items: Iterable, label: str = "") -> list:
    """A map without workers or progress display."""
    return [function(item) for item in items]


@dataclass(frozen=True)
class Context:
    """What an experiment may use: published rows, if any, measured planes to take where there are none, and a map
    that spreads work over processes."""

    data: IsoflopData | None = None
    map: Callable[[Callable, Iterable, str], list[Any]] = in_turn
    planes: Mapping[str, Runs] = field(default_factory=dict)

    @property
    def rows(self) -> IsoflopData:
        """The published rows, for an experiment that is only run where there are some."""
        if self.data is None:
            raise BadData(
                "no IsoFLOP rows: give the folder with isoflops.csv by --data-dir or SLD_ISOFLOP_DIR"
            )
        return self.data


@dataclass(frozen=True)
class Experiment:
    """One question about fitting methods, and the function that answers it.

    Attributes:
        name: folder of its output, begins with the number.
        notes: where text and code of the source disagree, and which is followed.
        needs_data: it uses published rows and says so where there are none.
    """

    number: int
    name: str
    title: str
    question: str
    setup: str
    run: Callable[[Context], Findings]
    notes: tuple[str, ...] = field(default=())
    needs_data: bool = False
