"""Turn a user's CSV or Parquet into a task that every command accepts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tables import Reading, Table, TableError
from tables.opening import sha256
from tasks import user
from tasks.axis import parse_axis
from tasks.cutting import check_axes, check_scorable, cut_above, cut_dealt, cut_outer, cut_reach
from tasks.errors import BadSpec, BadTable
from tasks.rows import Rows, Task
from tasks.spec import Column, TaskSpec
from tasks.split import validation_folds
from tasks.tables import check_pair, complete, rows_of


@dataclass(frozen=True, slots=True)
class Wish:
    """What a user asks for.

    Attributes:
        table: the file, of any kind that `tables` reads.
        features, targets, group, extrapolate, corner, budget, group_budgets, falls_with, rises_with, paired: as in TaskSpec.
        name: of the task; None takes the file's.
        heldout: share of each group's rows held out, the outermost along the axis.
        heldout_above: column -> value; rows beyond are held out, in place of a share.
        heldout_file: a table of the held-out rows. split: a column that says which rows those are.
        within: hold out, in every group, the rows within this factor of its largest value along the axis.
        reach: feature -> factor; one will predict at so many times the largest training value.
        interpolate: nothing extrapolates (mixtures): rows are held out at random where no split is given.
        where: conditions of the rows to keep. reading: how the tables are read.
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
    group_budgets: dict[str, int] = field(default_factory=dict)
    name: str | None = None
    heldout: float = 0.2
    heldout_above: dict[str, float] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    lower_is_better: bool = True
    falls_with: tuple[str, ...] = ()
    rises_with: tuple[str, ...] = ()
    paired: tuple[str, ...] = ()
    heldout_file: Path | None = None
    split: str | None = None
    within: float | None = None
    reach: dict[str, float] = field(default_factory=dict)
    interpolate: bool = False
    where: tuple[str, ...] = ()
    reading: Reading = field(default_factory=Reading)


@dataclass(frozen=True, slots=True)
class Added:
    """A task that was added, and what was done to its rows, one sentence each."""

    task: Task
    notes: tuple[str, ...]


TRAIN = ("train", "training", "fit", "in", "train/in")
HELDOUT = (
    "heldout",
    "held-out",
    "held_out",
    "held out",
    "test",
    "holdout",
    "hold-out",
    "eval",
    "evaluation",
    "out",
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A wish made rows, checked, and stored nowhere yet.

    Attributes:
        made_from, sha256: name and hash of the table, for the reader of the spec.
        notes: what was done to the rows, one sentence each.
    """

    spec: TaskSpec
    train: Rows
    heldout: Rows
    made_from: str
    sha256: str
    notes: tuple[str, ...]


def add(wish: Wish, taken: tuple[str, ...], force: bool = False) -> Added:
    """Check the table, hold rows out, store the task.

    Args:
        taken: names that belong to the tasks that come along.
        force: replace a task of that name.

    Raises:
        BadSpec, BadTable, DataUnavailable: what is wrong with the wish, the table or the folder.
    """
    return store(prepare(wish, taken), force)


def prepare(wish: Wish, taken: tuple[str, ...], given: Table | None = None) -> Prepared:
    """Check the table and hold rows out.

    Args:
        given: the table itself, where it is no file; `wish.table` is then only what it is called.

    Raises:
        BadSpec, BadTable: what is wrong with the wish or the table.
    """
    spec = _spec(user.check_name(wish.name or _name_of(wish.table), taken), wish)
    table = complete(given if given is not None else wish.table, spec, wish.reading, wish.where)
    rows = rows_of(table, spec)
    notes = list(table.notes)
    if wish.heldout_file is not None:
        other = complete(wish.heldout_file, spec, wish.reading, wish.where)
        train, heldout = rows, rows_of(other, spec)
        notes += [f"{wish.heldout_file.name}: {note}" for note in other.notes]
    else:
        held = _split(wish, table) if wish.split else _cut(wish, spec, rows)
        train, heldout = rows.take(~held), rows.take(held)
    strange = [g for g, _ in spec.group_budgets if g not in rows.groups()]
    if strange:
        shown = ", ".join(map(str, list(rows.groups())[:8]))
        raise BadSpec(
            f"--budget names the group {strange[0]!r}, which the table does not have; it has {shown}"
        )
    check_axes(spec, train)
    check_pair(spec, train, heldout, str(wish.heldout_file or wish.table))
    check_scorable(spec, heldout)
    validation_folds(spec, train)  # a table too small for folds is refused now, not when a search begins
    digest = rows.digest() if given is not None else sha256(wish.table)
    return Prepared(spec, train, heldout, wish.table.name, digest, tuple(dict.fromkeys(notes)))


def store(prepared: Prepared, force: bool = False) -> Added:
    """The task in the user's folder, where every command finds it.

    Raises:
        BadSpec: a task of that name is there, and `force` is not given.
        DataUnavailable: the folder can't be written.
    """
    p = prepared
    user.write_user(p.spec, p.train, p.heldout, p.made_from, p.sha256, force)
    return Added(user.load_user(p.spec.name), p.notes)


def _cut(wish: Wish, spec: TaskSpec, rows: Rows) -> np.ndarray:
    """Mask of the rows that a rule holds out."""
    if wish.interpolate:
        return cut_dealt(rows, wish.heldout)
    check_axes(spec, rows)
    if wish.within is not None:
        return cut_reach(spec, rows, wish.within)
    if wish.heldout_above:
        return cut_above(spec, rows, wish.heldout_above)
    return cut_outer(spec, rows, wish.heldout)


def _split(wish: Wish, table: Table) -> np.ndarray:
    """Mask of the rows that the user's own column holds out."""
    try:
        labels = [(label or "").lower() for label in table.labels(str(wish.split))]
    except TableError as error:
        raise BadTable(str(error)) from error
    strange = next((i for i, label in enumerate(labels) if label not in (*TRAIN, *HELDOUT)), None)
    if strange is not None:
        raise BadTable(
            f"{table.source}: --split {wish.split}: {table.place(strange)} says {labels[strange]!r}; expected "
            f"{TRAIN[0]} or {HELDOUT[0]} (also {', '.join((*TRAIN[1:3], *HELDOUT[4:7]))}); --where leaves rows out"
        )
    held = np.array([label in HELDOUT for label in labels])
    if not held.any() or held.all():
        raise BadTable(
            f"{table.source}: --split {wish.split}: every row is {labels[0]!r}; some must be of the other kind"
        )
    return held


def _name_of(table: Path) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", table.name.partition(".")[0]).strip("_-") or "table"


def _spec(name: str, wish: Wish) -> TaskSpec:
    columns = (*wish.features, *wish.targets)
    unknown = [c for c in wish.units if c not in columns]
    if unknown:
        raise BadSpec(f"--units names {unknown[0]!r}, which is neither a feature nor a target")
    beyond = [c for c in wish.heldout_above if c not in wish.features]
    if beyond:
        raise BadSpec(f"--heldout-above names {beyond[0]!r}, which is not a feature")
    axes = wish.extrapolate or tuple(wish.heldout_above)
    if wish.interpolate and axes:
        raise BadSpec(
            "--interpolate says that nothing extrapolates; leave out --extrapolate and --heldout-above"
        )
    if not axes and not wish.interpolate:
        raise BadSpec(
            f"which way does the task extrapolate? Name a feature with --extrapolate: {', '.join(wish.features)}; "
            f"or say --interpolate where nothing does"
        )
    if wish.within is not None and len(axes) != 1:
        raise BadSpec(f"--heldout-within asks for one axis, got {', '.join(axes) or 'none'}")
    for axis in axes:
        parse_axis(axis, wish.features)
    if wish.heldout_file is not None:
        rule = f"held out: the rows of {wish.heldout_file.name}"
    elif wish.split:
        rule = f"held out: as the column {wish.split} says"
    elif wish.interpolate:
        rule = f"held out: {100 * wish.heldout:.0f}% of the rows, at random"
    elif wish.within is not None:
        rule = f"held out: the rows of each group within a factor {wish.within:g} of its largest {axes[0]}"
    elif wish.heldout_above:
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
        group_budgets=tuple(wish.group_budgets.items()),
        extrapolate=axes,
        corner=wish.corner,
        split_rule=rule,
        lower_is_better=wish.lower_is_better,
        falls_with=wish.falls_with,
        rises_with=wish.rises_with,
        paired=wish.paired,
        reach=tuple(wish.reach.items()),
    )


def counts(rows: Rows) -> str:
    """`36 rows in 2 groups`, for messages."""
    n = len(rows.groups())
    return f"{len(rows)} rows in {n} group{'s' if n != 1 else ''}"
