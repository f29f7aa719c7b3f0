"""Rows for `harness fit`: name and scale columns, keep, leave out and hold out rows of a table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fitting.law.presets import PRESETS
from fitting.law.spelling import plain
from fitting.solve.data import law_for
from harness.errors import BadOption
from tables import Reading, Table, holds, read_table
from tables.column import Column
from tables.names import ALIASES, alias_of, hint
from tables.opening import sha256


@dataclass(frozen=True, slots=True)
class FitRows:
    """Rows to fit and rows held out.

    Attributes:
        name, sha256: the file.
        rows, heldout: data frames; columns by the names a law uses, and by the file's own.
        n_read: rows in the file.
        steps: what was done to the rows, one sentence each. notes: what the reader understood or left out.
    """

    name: str
    sha256: str
    rows: pd.DataFrame
    heldout: pd.DataFrame
    n_read: int
    steps: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def stem(self) -> str:
        return Path(self.name).name.partition(".")[0] or "table"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the options say about the rows.

    Attributes:
        law, target: as given. columns: "N=params/1e6", a name, the column it stands for, and a number to divide by.
        where: conditions that rows to keep fulfil, all of them. holdout: of rows to predict and not to fit, any of them.
        weights: column of weights, or None.
    """

    law: str
    target: str | None = None
    columns: Sequence[str] = ()
    where: Sequence[str] = ()
    holdout: Sequence[str] = ()
    weights: str | None = None


def rows_for_fit(path: str, asked: Asked, reading: Reading) -> FitRows:
    """Read a table and make the rows of a fit.

    Raises:
        TableError, FittingError, BadOption: what is wrong, where, and what to do.
    """
    table, steps = read_table(path, reading), []
    aliases = {
        letter: name
        for letter in ALIASES
        if letter not in table.columns and (name := alias_of(letter, table.names))
    }
    for text in asked.where:
        keep = holds(table, text, "--where", aliases)
        steps.append(f"kept {int(keep.sum())} of {len(table)} rows where {text}")
        table = table.keep(keep)
    for text in asked.columns:
        steps.append(_define(table, text))
        aliases.pop(text.partition("=")[0].strip(), None)
    aliases = _meant(asked, table.names, aliases)
    named = {letter: table.columns[name] for letter, name in aliases.items()}
    needed = _needed(asked, [*table.names, *named])
    of = {n: aliases.get(n, n) for n in needed}
    before = len(table)
    table = table.complete(list(dict.fromkeys(of.values())), reading.drop_missing, reading.drop_bad)
    if len(table) < before:
        steps.append(table.notes.pop())
    held = np.zeros(len(table), dtype=bool)
    for text in asked.holdout:
        held |= holds(table, text, "--holdout", aliases)
        steps.append(f"held out {int(held.sum())} rows where {text}")
    if not len(table) or held.all():
        raise BadOption(f"{path}: no rows are left to fit after {'; '.join(steps) or 'reading'}")
    for name in dict.fromkeys(of.values()):
        table.numbers(name)
    frame = table.frame()
    for letter, name in aliases.items():
        frame[letter] = frame[name]
    meant = [(letter, name) for letter, name in aliases.items() if letter in needed]
    notes = [f"{', '.join(a for a, _ in meant)}: taken for {', '.join(n for _, n in meant)}"] if meant else []
    digest = sha256(path)
    rows, out = (frame[mask].reset_index(drop=True) for mask in (~held, held))
    return FitRows(
        table.source,
        digest,
        rows,
        out,
        table.n_read,
        tuple(steps),
        tuple(dict.fromkeys([*table.notes, *notes])),
    )


def _meant(asked: Asked, names: list[str], aliases: dict[str, str]) -> dict[str, str]:
    """The aliases that the law means: none inside a law written in the file's own names, where C may be a constant.

    Raises:
        BadOption: N or D beside the file's own name of another column.
    """
    if asked.law in PRESETS:
        return aliases
    body = plain(asked.law, tuple(names)).rpartition("=")[2]
    words = set(re.findall(r"[A-Za-z_]\w*", body))
    own = [n for n in names if n in words and n != asked.target]
    if not own:
        return aliases
    mixed = next((letter for letter in ("N", "D") if letter in words and letter in aliases), None)
    if mixed is not None and aliases[mixed] not in words:
        raise BadOption(
            f"--law: {mixed} beside {own[0]}: no column is called {mixed}; write {aliases[mixed]}, as the file has it"
        )
    return {letter: name for letter, name in aliases.items() if letter not in words}


def _needed(asked: Asked, names: list[str]) -> list[str]:
    """Columns that the law, the target and the weights need."""
    law, target = law_for(asked.law, dict.fromkeys(names, ()), asked.target)
    law.columns_of(dict.fromkeys(names, ()))
    weights = [asked.weights] if asked.weights in names else []
    return list(dict.fromkeys([*law.used, target, *weights]))


def _define(table: Table, text: str) -> str:
    """Add the column of one --column to the table; what was done, in words."""
    name, sign, source = (part.strip() for part in text.partition("="))
    if not sign or not source or not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise BadOption(
            f"--column {text!r}: expected NAME=COLUMN or NAME=COLUMN/NUMBER, as in 'N=params/1e6'"
        )
    factor, how = 1.0, ""
    if source not in table.columns:
        match = re.fullmatch(r"(.+?)\s*([/*])\s*(\d[\d.eE+-]*|\.\d[\d.eE+-]*)", source)
        if not match or match[1] not in table.columns:
            bare = match[1] if match else source
            raise BadOption(
                f"--column {text!r}: no column {bare!r} in {table.source}; {hint(bare, table.names)}"
            )
        source, how = match[1], f" {match[2]} {match[3]}"
        try:
            factor = float(match[3]) if match[2] == "*" else 1 / float(match[3])
        except (ValueError, ZeroDivisionError):
            raise BadOption(
                f"--column {text!r}: expected a number after {match[2]}, got {match[3]!r}"
            ) from None
        found = table.understood(source)
        if found.bad:
            table.numbers(source)  # says which line
        values = found.values / float(match[3]) if match[2] == "/" else found.values * factor
        table.add(name, Column([values]))
    elif name != source:
        table.add(name, table.columns[source])
    return f"{name} is {source}{how}"
