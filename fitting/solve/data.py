"""Rows as a fit sees them: columns, target, weights and groups, checked."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fitting.arrays import Array
from fitting.columns import by_name, check_size, label_index, numbers, renaming
from fitting.errors import BadData, BadLaw, BadOption
from fitting.law.expression import Node, names
from fitting.law.law import Law
from fitting.law.presets import PRESETS, preset
from fitting.law.spelling import plain
from fitting.solve.losses import Loss

TARGETS = ("L", "loss", "y")


@dataclass(frozen=True, slots=True)
class Rows:
    """Checked rows.

    Attributes:
        columns: name -> (n,) of the columns the law uses.
        y: (n,) target.
        target: its name.
        weights: (n,) >= 0, mean 1, or None.
        group: (n,) group index, or None; labels: the groups' names.
    """

    columns: dict[str, np.ndarray]
    y: np.ndarray
    target: str
    weights: np.ndarray | None = None
    group: np.ndarray | None = None
    labels: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        return len(self.y)


def law_for(law: Law | str, data: Mapping[str, Any], target: str | None) -> tuple[Law, str]:
    """The law read against the data's columns, and the name of the target column."""
    have = by_name(data)
    if isinstance(law, str) and law in PRESETS and law not in have:
        law = preset(law)
    elif isinstance(law, str):
        columns = tuple(str(name) for name in have if str(name).isidentifier())
        law = plain(law, columns)
        left = law.split("=")[0].strip() if "=" in law else None
        named = target or left or next((t for t in TARGETS if t in have), None)
        law = Law.parse(law, tuple(v for v in columns if v != named))
        _check_vanished(law)
    elif not isinstance(law, Law):
        raise BadLaw(f"law: expected a text or a Law, got {type(law).__name__}")
    target = target or law.target or next((t for t in TARGETS if t in have), None)
    if target is None:
        raise BadData(
            f"which column is the target? The data have {', '.join(map(str, have))}; pass target='...'{renaming(have, ('L',))}"
        )
    if target not in have:
        raise BadData(f"target: no column {target!r}; the data have {', '.join(map(str, have))}")
    if not law.used:
        known = ", ".join(str(name) for name in have if name != target)
        near = difflib.get_close_matches(law.text.strip(), PRESETS, 1)
        hint = (
            f"; did you mean the preset {near[0]!r}?" if near else renaming(have) or _run_together(law, have)
        )
        raise BadLaw(f"the law {law.text!r} uses no column of the data; columns are {known}{hint}")
    if not law.constants:
        raise BadLaw(f"the law {law.text!r} has no constants to fit")
    return law, target


def _run_together(law: Law, have: Mapping[str, Any]) -> str:
    """A hint on names such as AN that are likely A*N."""
    for name in law.constants:
        for column in map(str, have):
            if name != column and name.endswith(column) and name[: -len(column)].isidentifier():
                return f"; {name} is one name: a product needs its sign, {name[: -len(column)]}*{column}"
    return ""


def _check_vanished(law: Law) -> None:
    """Refuse a text that names a constant its expression does not depend on, as in `E + A - A`."""
    body = unicodedata.normalize("NFKC", law.text.split("=")[-1].split("~")[-1])  # as Python reads names
    called = set(re.findall(r"([A-Za-z_]\w*)\s*\(", body))
    named = dict.fromkeys(re.findall(r"(?<![\w.])[A-Za-z_]\w*", body))
    gone = [n for n in named if n not in called and n not in law.variables and n not in law.constants]
    if gone:
        raise BadLaw(
            f"the law {law.text!r} does not depend on {', '.join(gone)}: the constants cancel; remove them"
        )


def rows_for(law: Law, data: Mapping[str, Any], target: str, loss: Loss, weights: Any, groups: Any) -> Rows:
    """Check the rows against what the law and the loss need.

    Raises:
        BadData: what is wrong, in which row, and what to do.
    """
    have = by_name(data)
    y = _numbers(target, have[target])
    n = len(y)
    if n == 0:
        raise BadData("the data have no rows")
    law.columns_of({name: () for name in have})
    columns = {v: _numbers(v, have[v]) for v in law.used}
    for name, column in columns.items():
        if len(column) != n:
            raise BadData(f"unequal lengths: {name} has {len(column)} rows, {target} has {n}")
    for name, column in (*columns.items(), (target, y)):
        _refuse(name, column, ~np.isfinite(column), "finite", "Drop them before fitting.")
    for name in positive_variables(law.tree):
        why = f"the law takes a log or a free power of {name}"
        _refuse(name, columns[name], columns[name] <= 0, f"> 0 ({why})", "Drop them, or change the law.")
    if loss.log:
        _refuse(
            target, y, y <= 0, f"> 0 for the loss {loss.describe()}", "Use a loss without log, or drop them."
        )
    check_size(target, y)
    if all(np.ptp(c) == 0 for c in columns.values()):
        raise BadData(f"all {n} rows are equal in {', '.join(columns)}: nothing can be fitted; vary them")
    group, labels = _groups(groups, have, n)
    return Rows(columns, y, target, _weights(weights, have, n), group, labels)


def _numbers(name: str, column: Any) -> Array:
    return np.array(numbers(name, column))  # a copy: what the user does to the column later is no matter


def _refuse(name: str, column: np.ndarray, bad: np.ndarray, what: str, todo: str) -> None:
    rows = np.flatnonzero(bad)
    if len(rows):
        where = f"{len(rows)} of {len(column)} rows are not (first: row {rows[0]}, {name}={column[rows[0]]})"
        raise BadData(f"{name} must be {what}: {where}. {todo}")


def positive_variables(node: Node) -> tuple[str, ...]:
    """Variables that stand alone under a log or a power that is not whole, and so must be positive."""
    found: dict[str, None] = {}
    stack = [node]
    while stack:
        item = stack.pop()
        tag = item[0]
        base = None
        if tag == "pow":
            whole = item[2][0] == "num" and item[2][1].is_integer()
            base = None if whole else item[1]
            stack += [item[1], item[2]]
        elif tag == "fn":
            base = item[2] if item[1] in ("log", "log10") else None
            stack.append(item[2])
        elif tag in ("add", "mul"):
            stack += item[1]
        if base is not None:
            parts = base[1] if base[0] == "mul" else (base,)
            for part in parts:
                if part[0] == "var":
                    found.setdefault(part[1])
    return tuple(v for v in names(node, "var") if v in found)


def _weights(weights: Any, have: Mapping[str, Any], n: int) -> Array | None:
    if weights is None:
        return None
    if isinstance(weights, str):
        if weights not in have:
            raise BadData(f"weights: no column {weights!r}; the data have {', '.join(map(str, have))}")
        weights = have[weights]
    w = _numbers("weights", weights)
    if len(w) != n:
        raise BadData(f"unequal lengths: weights has {len(w)} rows, the target has {n}")
    _refuse("weights", w, ~(np.isfinite(w) & (w >= 0)), "finite and >= 0", "A weight of 0 leaves a row out.")
    if not w.any():
        raise BadData("weights: all are zero; leave them out for equal weights")
    shares: Array = w / w.mean()
    return shares


def _groups(groups: Any, have: Mapping[str, Any], n: int) -> tuple[np.ndarray | None, tuple[str, ...]]:
    if groups is None:
        return None, ()
    if isinstance(groups, str):
        if groups not in have:
            raise BadData(f"groups: no column {groups!r}; the data have {', '.join(map(str, have))}")
        groups = have[groups]
    index, texts = label_index("groups", groups, as_text=True)
    if len(index) != n:
        raise BadData(f"unequal lengths: groups has {len(index)} rows, the target has {n}")
    return index, tuple(texts)


def check_free(free: Sequence[str], law: Law, labels: tuple[str, ...]) -> tuple[str, ...]:
    """Names of constants with one value per group."""
    if isinstance(free, str):
        free = law.constants if free == "all" else (free,)
    if free and not labels:
        raise BadOption(
            f"free={tuple(free)!r} names constants of their own per group, but groups is not given"
        )
    law.check_names(free, "free")
    return tuple(c for c in law.constants if c in free)
