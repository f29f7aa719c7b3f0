"""A small table of the training rows, for a prompt."""

from __future__ import annotations

import re

import numpy as np

from harness.proposers.facts import TaskFacts
from tasks.rows import Rows
from tasks.spec import TaskSpec

MOST_ROWS = 24
MOST_TEXT = 1500
MOST_COLUMNS = 8


def data_table(spec: TaskSpec, rows: Rows, most_text: int = MOST_TEXT) -> str:
    """Means of the targets on the grid of two axes where rows lie on one, else rows spread over the table."""
    text = _grid(spec, rows)
    if text and len(text) <= most_text:
        return text
    return _within(spec, rows, most_text)


def _axes(spec: TaskSpec, rows: Rows) -> list[int]:
    """The two features a grid is drawn over: those extrapolated along first, then those with most levels."""
    levels = [len(np.unique(rows.X[:, j])) for j in range(rows.X.shape[1])]
    outer = [spec.feature_names.index(a) for a in spec.extrapolate]
    rest = sorted((j for j in range(len(levels)) if j not in outer), key=lambda j: -levels[j])
    return [j for j in (*outer, *rest) if levels[j] > 1][:2]


def _grid(spec: TaskSpec, rows: Rows) -> str:
    axes = _axes(spec, rows)
    if len(axes) < 2 or len(spec.targets) > 1:
        return ""
    a, b = axes
    left, top = np.unique(rows.X[:, a]), np.unique(rows.X[:, b])
    if len(left) < len(top):
        a, b, left, top = b, a, top, left
    if len(top) > MOST_COLUMNS or len(left) > MOST_ROWS:
        return ""
    cells = [[rows.y[(rows.X[:, a] == x) & (rows.X[:, b] == z), 0] for z in top] for x in left]
    if sum(len(c) == 0 for row in cells for c in row) > 0.4 * len(left) * len(top):
        return ""
    names = spec.feature_names
    lines = [f"Mean {spec.target_names[0]} by {names[a]} (down) and {names[b]} (across), all else pooled:"]
    lines.append("| | " + " | ".join(f"{z:.4g}" for z in top) + " |")
    for x, row in zip(left, cells, strict=True):
        lines.append(f"| {x:.4g} | " + " | ".join(f"{c.mean():.4g}" if len(c) else "" for c in row) + " |")
    return "\n".join(lines)


def _within(spec: TaskSpec, rows: Rows, most_text: int) -> str:
    for n in range(min(MOST_ROWS, len(rows)), 2, -1):
        text = listed(spec, rows, n)
        if len(text) <= most_text:
            return text
    return listed(spec, rows, 2)[:most_text]


def listed(spec: TaskSpec, rows: Rows, most: int = MOST_ROWS) -> str:
    """Rows one by one; of many, some spread over the first axis."""
    order = np.lexsort([rows.X[:, j] for j in reversed(_axes(spec, rows) or [0])])
    shown = order[np.unique(np.linspace(0, len(order) - 1, min(most, len(order))).round().astype(int))]
    groups = len(np.unique(rows.group)) > 1
    head = [*spec.feature_names, *spec.target_names, *(["group"] if groups else [])]
    lines = [f"{len(shown)} of {len(rows)} rows:", ",".join(head)]
    for i in shown:
        cells = [f"{v:.4g}" for v in (*rows.X[i], *rows.y[i])]
        lines.append(",".join([*cells, *([str(rows.group[i])] if groups else [])]))
    return "\n".join(lines)


_CONDITION = re.compile(r"^\s*(\w+)\s*(<=|>=|==|=|<|>)\s*(\S+)\s*$")


def where(spec: TaskSpec, facts: TaskFacts, rows: Rows, text: str) -> Rows | str:
    """Rows that meet conditions such as "P >= 4, group = stack", or what is wrong with them."""
    mask = np.ones(len(rows), dtype=bool)
    for part in filter(str.strip, re.split(r",| and |&", text)):
        found = _CONDITION.match(part)
        if not found:
            return f"expected conditions such as {spec.feature_names[0]} >= 1, got {part.strip()!r}"
        name, sign, value = found.groups()
        if name == "group":
            mask &= rows.group.astype(str) == value.strip("'\"")
            continue
        names = [*spec.feature_names, *spec.target_names]
        if name not in names and name in facts.names:
            name = spec.feature_names[facts.names.index(name)]
        if name not in names:
            return f"no column {name!r}; columns are {', '.join(names)}, group"
        try:
            number = float(value)
        except ValueError:
            return f"expected a number in {part.strip()!r}"
        column = np.column_stack([rows.X, rows.y])[:, names.index(name)]
        mask &= {
            "<": column < number, "<=": column <= number, ">": column > number, ">=": column >= number,
        }.get(sign, np.isclose(column, number, rtol=1e-6, atol=0.0))  # fmt: skip
    return rows.take(np.flatnonzero(mask))
