"""Rows by conditions such as `C<=1e21` or `State==finished`: numbers are compared as numbers, words as words, never across."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from tables.errors import BadTable
from tables.names import hint
from tables.numbers import understand
from tables.table import Table

COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
SIGNS = (*COMPARE, "=")


def parse(text: str, names: list[str], option: str, where: str) -> tuple[str, str, str]:
    """(column, sign, value) of a condition; a column is known by its exact name first, whatever signs that has in it.

    Raises:
        BadTable: no such column, or no condition.
    """
    for name in sorted(names, key=len, reverse=True):
        if text.strip().startswith(name):
            rest = text.strip()[len(name) :].lstrip()
            sign = next((s for s in SIGNS if rest.startswith(s)), None)
            if sign and rest[len(sign) :].strip():
                return name, "==" if sign == "=" else sign, rest[len(sign) :].strip()
    match = re.fullmatch(r"\s*(.+?)\s*(==|!=|<=|>=|<|>|=)\s*(.+?)\s*", text)
    if not match:
        raise BadTable(
            f"{option} {text!r}: expected COLUMN, one of {' '.join(COMPARE)}, and a value, as in 'C<=1e21'"
        )
    raise BadTable(f"{option} {text!r}: no column {match[1]!r} in {where}; {hint(match[1], names)}")


def holds(
    table: Table, text: str, option: str = "--where", aliases: dict[str, str] | None = None
) -> np.ndarray:
    """(n,) true where the condition holds; a row without a value holds nothing but `!=`.

    Args:
        aliases: other names of columns; used where no column has that name.

    Raises:
        BadTable: no such column, a number compared with words, or words by size.
    """
    others = {a: c for a, c in (aliases or {}).items() if a not in table.columns}
    name, sign, value = parse(text, [*table.names, *others], option, table.source)
    name = others.get(name, name)
    wanted = understand([value], table.decimal)
    number = None if wanted.bad or wanted.missing or wanted.readings else float(wanted.values[0])
    found = table.understood(name)
    words = len(found.bad) == 0 and len(found.missing) == len(table)
    if not found.bad and not words:
        if number is None:
            raise BadTable(f"{option} {text!r}: column {name} has numbers, {value!r} is none")
        same = np.isclose(found.values, number, rtol=1e-12, atol=0.0)
        if sign in ("==", "!="):
            return np.asarray(same if sign == "==" else ~same)
        with np.errstate(invalid="ignore"):
            return np.asarray(COMPARE[sign](found.values, number) & ~np.isnan(found.values))
    if sign not in ("==", "!="):
        first = found.bad[0] if found.bad else 0
        cell = table.labels(name)[first] if len(table) else None
        raise BadTable(
            f"{option} {text!r}: column {name} has words ({table.place(first) if len(table) else 'no rows'}: {cell!r}), which "
            f"{sign} can't compare; == and != can"
        )
    labels = table.labels(name)
    if value.lower() in ("true", "false"):
        equal = np.array([(x or "").lower() == value.lower() for x in labels], dtype=bool)
    else:
        equal = np.array([x == value for x in labels], dtype=bool)
        if number is not None:  # 5 and 5.0 are one label of a column that has words too
            equal |= found.values == number
    return equal if sign == "==" else ~equal


def kept(
    table: Table, conditions: list[str], option: str = "--where", aliases: dict[str, str] | None = None
) -> Table:
    """The rows for which every condition holds, with a note on each."""
    for text in conditions:
        mask = holds(table, text, option, aliases)
        before = len(table)
        table = table.keep(mask)
        table.notes.append(f"kept {len(table)} of {before} rows where {text}")
    return table
