"""Names of columns: exact first, aliases after."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from tables.errors import BadTable

ALIASES: dict[str, tuple[str, ...]] = {
    "N": ("params", "parameters", "num_params", "n_params"),
    "D": ("tokens", "num_tokens", "n_tokens"),
    "L": ("loss",),
    "C": ("budget", "flops", "compute"),
}
"""A letter of the papers, and the names of columns that it may stand for."""
COUNTING = (
    "step",
    "_step",
    "global_step",
    "iter",
    "iteration",
    "batch",
    "epoch",
    "update",
    "updates",
    "step_idx",
)
"""Columns in which 100/6000 is a count of a total."""


def counts(name: str) -> bool:
    """Whether a column counts something that has a planned total."""
    return name.lower().replace("-", "_").rpartition("/")[2].rpartition(".")[2].strip() in COUNTING


def find(wanted: str, have: Sequence[str], where: str, aliases: Iterable[str] = ()) -> str:
    """The column that `wanted` names: exactly, but for blanks around it; else the first alias there is.

    Raises:
        BadTable: no such column, with the nearest name.
    """
    for name in (wanted, wanted.strip(), *aliases):
        if name in have:
            return name
    raise BadTable(f"{where}: no column {wanted!r}; {hint(wanted, have)}")


def hint(wanted: str, have: Sequence[str]) -> str:
    """`did you mean ...?`, or the columns there are."""
    folded = {h.lower(): h for h in have}
    near = [folded[wanted.strip().lower()]] if wanted.strip().lower() in folded else []
    near = near or difflib.get_close_matches(wanted, have, 1)
    if near:
        return f"did you mean {near[0]!r}?"
    shown = ", ".join(printable(h) for h in have[:12]) + (", ..." if len(have) > 12 else "")
    return f"columns are {shown}" if have else "it has no columns"


def alias_of(letter: str, have: Sequence[str]) -> str | None:
    """The column a letter stands for where no column has that name; in any case of letters, exact case first."""
    names = ALIASES.get(letter, ())
    for name in names:
        if name in have:
            return name
    folded = {h.lower(): h for h in reversed(have)}
    return next((folded[n] for n in names if n in folded), None)


def printable(name: str) -> str:
    return "".join(c for c in name if c.isprintable())[:40]
