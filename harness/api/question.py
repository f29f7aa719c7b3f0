"""What is asked of a table: `add_task(df, features=["N", "D"], target="loss", extrapolate="N")`, and the same inside `evolve`."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict, Unpack

import tasks
from harness.api.columns import Rows, as_python, as_table
from harness.errors import BadOption
from tables import Reading, TableError
from tasks import Task, TaskError
from tasks.adding import Prepared, Wish, prepare, store
from tasks.user import load_user, user_names, user_spec

Names = str | Sequence[str]


class Question(TypedDict, total=False):
    """What else may be said of a table.

    Attributes:
        name: of the task; without one it is made from the target and a hash of rows and question.
        group: column whose groups are fitted one by one.
        heldout: share of each group's rows held out, the outermost (0.2), or the path of a table of the held-out rows.
        heldout_above: column -> value; rows beyond are held out, in place of a share.
        split: column that says train or heldout for each row.
        constants: most constants of a law per group (no limit).
        units: column -> unit, for people.
        falls_with, rises_with: features that the target never rises (falls) with.
        corner: with several axes, beyond in all of them.
        interpolate: nothing extrapolates; rows are held out at random.
        higher_is_better: the target is a score, not a loss.
        drop_missing: leave out rows without a value where one is needed.
    """

    name: str
    group: str
    heldout: float | str | Path
    heldout_above: Mapping[str, float]
    split: str
    constants: int
    units: Mapping[str, str]
    falls_with: Names
    rises_with: Names
    corner: bool
    interpolate: bool
    higher_is_better: bool
    drop_missing: bool


def add_task(
    data: Rows,
    features: Names,
    target: Names,
    extrapolate: Names = (),
    *,
    replace: bool = False,
    **more: Unpack[Question],
) -> Task:
    """Turn a table into a task that every function and command takes by its name.

    Rows are held out and sealed once, here. The same table with the same question is the same task.

    Args:
        data: a data frame, columns by name, or the path of a table.
        features: columns that a law may use.
        target: column(s) to predict.
        extrapolate: feature(s) to extrapolate along, or a product as "params*tokens".
        replace: replace a task of that name.
        more: see `Question`.

    Raises:
        BadOption, BadSpec, BadTable: what is wrong with the question or the table.

    Example:
        >>> task = add_task(df, ["N", "D"], "loss", "N", name="my_runs")  # doctest: +SKIP
        >>> run = evolve(task)  # doctest: +SKIP
    """
    known(more, Question, "add_task")
    try:
        prepared = _prepared(data, _names(features), _names(target), _names(extrapolate), more)
        return _stored(prepared, replace)
    except (TaskError, TableError) as error:
        raise as_python(error) from None


def task_of(data: Rows | Task, data_dir: str | None, asked: Mapping[str, Any]) -> Task:
    """The task that `evolve` and relatives are given: by name, as it is, or as a table with its question.

    Args:
        asked: features, target, extrapolate and what `Question` has; empty for a task.
    """
    if isinstance(data, Task) or _is_name(data):
        given = [k for k, v in asked.items() if v is not None]
        if given:
            raise BadOption(f"{given[0]}= is a question to a table; a task has its own, so leave it out")
        return tasks.load(data.name if isinstance(data, Task) else str(data), data_dir=data_dir)
    asked = {k: v for k, v in asked.items() if v is not None}
    for name in ("features", "target"):
        if name not in asked:
            raise BadOption(
                f"{name}= is missing: a table needs features= and target=, and extrapolate= or interpolate="
            )
    assert not isinstance(data, Task)
    return add_task(data, asked.pop("features"), asked.pop("target"), asked.pop("extrapolate", ()), **asked)


def known(given: Iterable[str], kinds: type, who: str) -> None:
    """Refuse keywords that a function doesn't have, as Python does, with what was meant.

    Raises:
        TypeError: the first of them.
    """
    have = list(kinds.__annotations__)
    for name in given:
        if name not in have:
            near = difflib.get_close_matches(name, have, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"it takes {', '.join(have)}"
            raise TypeError(f"{who}() got an unexpected keyword {name!r}; {hint}")


def _is_name(data: object) -> bool:
    """Whether text names a task: no path of a file, and no suffix that only files have."""
    return isinstance(data, str) and "\n" not in data and not Path(data).suffix and not Path(data).is_file()


def _names(given: Names) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(str(n) for n in given)


def _prepared(
    data: Rows, features: tuple[str, ...], targets: tuple[str, ...], axes: tuple[str, ...], more: Question
) -> Prepared:
    """The table cut as asked, under its own name or one made from what it holds."""
    is_file = isinstance(data, str | Path)
    heldout = more.get("heldout", 0.2)
    if isinstance(heldout, int | float) and not 0 < heldout < 1:
        raise BadOption(
            f"heldout=: expected a share between 0 and 1, or the path of a table, got {heldout!r}"
        )
    wish = Wish(
        table=Path(str(data)) if is_file else Path("data frame"),
        features=features,
        targets=targets,
        group=more.get("group"),
        extrapolate=axes,
        corner=more.get("corner", False),
        budget=more.get("constants"),
        name=more.get("name") or "unnamed",
        heldout=float(heldout) if isinstance(heldout, int | float) else 0.2,
        heldout_above=dict(more.get("heldout_above", {})),
        heldout_file=None if isinstance(heldout, int | float) else Path(heldout),
        split=more.get("split"),
        units=dict(more.get("units", {})),
        lower_is_better=not more.get("higher_is_better", False),
        falls_with=_names(more.get("falls_with", ())),
        rises_with=_names(more.get("rises_with", ())),
        interpolate=more.get("interpolate", False),
        reading=Reading(drop_missing=more.get("drop_missing", False)),
    )
    prepared = prepare(wish, tasks.RESERVED_NAMES, None if is_file else as_table(data))
    if "name" in more:
        return prepared
    content = f"{prepared.spec!r} {prepared.train.digest()} {prepared.heldout.digest()}"
    stem = "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in targets[0]).strip("_-")[
        :40
    ]
    name = f"{stem or 'table'}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"
    return replace(prepared, spec=replace(prepared.spec, name=name))


def _stored(prepared: Prepared, again: bool) -> Task:
    """The task in the user's folder; one that is there with the same rows and question is taken as it is."""
    name = prepared.spec.name
    if name in user_names() and not again:
        there = load_user(name)
        same_rows = (there.provenance.train_hash, there.provenance.heldout_hash) == (
            prepared.train.digest(),
            prepared.heldout.digest(),
        )
        if same_rows and user_spec(name) == prepared.spec:
            return there
        raise BadOption(
            f"task {name!r} is there with other rows or another question; give another name=, or add_task(..., replace=True)"
        )
    return store(prepared, force=again).task
