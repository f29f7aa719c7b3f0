"""Turn a user's CSV or Parquet into a task that every command accepts."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

from tasks import user
from tasks.cutting import check_axes, cut_above, cut_outer
from tasks.errors import BadSpec, BadTable
from tasks.rows import Rows, Task
from tasks.spec import Column, TaskSpec
from tasks.split import validation_folds
from tasks.tables import read_frame, rows_of


@dataclass(frozen=True, slots=True)
class Wish:
    """What a user asks for.

    Attributes:
        table: CSV or Parquet file.
        features, targets, group, extrapolate, corner, budget, falls_with, rises_with, paired: as in TaskSpec.
        name: of the task; None takes the file's.
        heldout: share of each group's rows held out, the outermost along the axis.
        heldout_above: column -> value; rows beyond are held out, in place of a share.
        units: column -> unit.
        lower_is_better: whether targets are losses.
    """

    table: Path
    features: tuple[str, ...]
    targets: tuple[str, ...]
    group: str | None = None
    extrapolate: tuple[str, ...] = ()
    corner: bool = False
    budget: int | None = None
    name: str | None = None
    heldout: float = 0.2
    heldout_above: dict[str, float] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    lower_is_better: bool = True
    falls_with: tuple[str, ...] = ()
    rises_with: tuple[str, ...] = ()
    paired: tuple[str, ...] = ()


def add(wish: Wish, taken: tuple[str, ...], force: bool = False) -> Task:
    """Check the table, hold rows out, store the task.

    Args:
        taken: names that belong to the tasks that come along.
        force: replace a task of that name.

    Raises:
        BadSpec, BadTable, DataUnavailable: what is wrong with the wish, the table or the folder.
    """
    name = user.check_name(wish.name or _name_of(wish.table), taken)
    spec = _spec(name, wish)
    if not wish.table.is_file():
        raise BadTable(f"{wish.table}: no such file")
    rows = rows_of(read_frame(wish.table), spec, str(wish.table))
    check_axes(spec, rows)
    held = (
        cut_above(spec, rows, wish.heldout_above)
        if wish.heldout_above
        else cut_outer(spec, rows, wish.heldout)
    )
    train = rows.take(~held)
    validation_folds(spec, train)  # a table too small for folds is refused now, not when a search begins
    digest = hashlib.sha256(wish.table.read_bytes()).hexdigest()
    user.write_user(spec, train, rows.take(held), wish.table.name, digest, force)
    return user.load_user(name)


def _name_of(table: Path) -> str:
    return re.sub(r"[^a-z0-9_-]+", "_", table.stem.lower()).strip("_-") or "table"


def _spec(name: str, wish: Wish) -> TaskSpec:
    columns = (*wish.features, *wish.targets)
    unknown = [c for c in wish.units if c not in columns]
    if unknown:
        raise BadSpec(f"--units names {unknown[0]!r}, which is neither a feature nor a target")
    beyond = [c for c in wish.heldout_above if c not in wish.features]
    if beyond:
        raise BadSpec(f"--heldout-above names {beyond[0]!r}, which is not a feature")
    axes = wish.extrapolate or tuple(wish.heldout_above)
    if not axes:
        raise BadSpec(
            f"which way does the task extrapolate? Name a feature with --extrapolate: {', '.join(wish.features)}"
        )
    if wish.heldout_above:
        joined = (" and " if wish.corner else " or ").join(
            f"{c} > {v:g}" for c, v in wish.heldout_above.items()
        )
        rule = f"held out: {joined}"
    else:
        rule = (
            f"held out: the outermost {100 * wish.heldout:.0f}% of each group's rows along {', '.join(axes)}"
        )
    return TaskSpec(
        name=name,
        title=f"{', '.join(wish.targets)} from {', '.join(wish.features)}",
        features=tuple(Column(c, wish.units.get(c, "1")) for c in wish.features),
        targets=tuple(Column(c, wish.units.get(c, "1")) for c in wish.targets),
        group=wish.group,
        constants_budget=wish.budget,
        extrapolate=axes,
        corner=wish.corner,
        split_rule=rule,
        lower_is_better=wish.lower_is_better,
        falls_with=wish.falls_with,
        rises_with=wish.rises_with,
        paired=wish.paired,
    )


def counts(rows: Rows) -> str:
    """`36 rows in 2 groups`, for messages."""
    n = len(rows.groups())
    return f"{len(rows)} rows in {n} group{'s' if n != 1 else ''}"
