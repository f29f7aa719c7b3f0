"""Rows of a task out of a table, checked before anything is fitted to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tables import Reading, Table, TableError, kept, read_table
from tables.names import find
from tasks.errors import BadTable
from tasks.rows import Rows
from tasks.spec import TaskSpec

SUFFIXES = (".csv", ".parquet", ".tsv", ".jsonl", ".json", ".csv.gz", ".csv.zst")
"""Endings of the files that a folder of rows may hold; what they are is found by their content."""
ONE_GROUP = "all_data"
"""Label of every row where a task has no group column."""


def rows_in(path: Path, spec: TaskSpec) -> Rows:
    """The rows of a file.

    Raises:
        BadTable: it can't be read, or lacks what the task needs.
    """
    try:
        return rows_of(read_table(path), spec)
    except TableError as error:
        raise BadTable(str(error)) from error


def columns_of(table: Table, spec: TaskSpec) -> tuple[list[str], str | None]:
    """The columns of features and targets, and of the group, as the table has them.

    Raises:
        BadTable: one is missing; the message has the nearest name.
    """
    try:
        wanted = [find(n, table.names, table.source) for n in (*spec.feature_names, *spec.target_names)]
        return wanted, None if spec.group is None else find(spec.group, table.names, table.source)
    except TableError as error:
        raise BadTable(str(error)) from error


def rows_of(table: Table, spec: TaskSpec) -> Rows:
    """The rows a task is made of.

    Args:
        table: at least the task's columns; others are left out.

    Raises:
        BadTable: a column is missing, or holds what is not a finite number or a group label.
    """
    X, y = (numbers_of(table, names) for names in (spec.feature_names, spec.target_names))
    return Rows(X, y, groups_of(table, spec))


def features_in(path: Path, spec: TaskSpec) -> tuple[np.ndarray, np.ndarray]:
    """Features (m, F) and group labels (m,) of rows whose targets nobody knows yet.

    Raises:
        BadTable: it can't be read, or lacks a feature or the group.
    """
    try:
        table = read_table(path)
    except TableError as error:
        raise BadTable(str(error)) from error
    return numbers_of(table, spec.feature_names), groups_of(table, spec)


def groups_of(table: Table, spec: TaskSpec) -> np.ndarray:
    """(n,) group labels; one and the same where the task has no group column.

    Raises:
        BadTable: no such column, or a row without a label.
    """
    if spec.group is None:
        return np.full(len(table), ONE_GROUP)
    try:
        labels = table.labels(find(spec.group, table.names, table.source))
    except TableError as error:
        raise BadTable(str(error)) from error
    missing = next((i for i, label in enumerate(labels) if label is None), None)
    if missing is not None:
        raise BadTable(f"{table.source}: {table.place(missing)} has no {spec.group}; every row needs a group")
    return np.array([str(label) for label in labels])


def numbers_of(table: Table, names: tuple[str, ...]) -> np.ndarray:
    """(n, len(names)) of columns by name."""
    try:
        return np.column_stack([table.numbers(find(n, table.names, table.source)) for n in names])
    except TableError as error:
        raise BadTable(str(error)) from error


def complete(given: Table | Path, spec: TaskSpec, reading: Reading, where: tuple[str, ...]) -> Table:
    """A table with the rows that are asked for: conditions first, then rows without a number where that is an option.

    Raises:
        BadTable: it can't be read, or no row is left.
    """
    try:
        table = given if isinstance(given, Table) else read_table(given, reading)
        table = kept(table, list(where))
        wanted, _ = columns_of(table, spec)
        table = table.complete(wanted, reading.drop_missing, reading.drop_bad)
    except TableError as error:
        raise BadTable(str(error)) from error
    if not len(table):
        raise BadTable(f"{table.source}: no rows are left after {'; '.join(table.notes) or 'reading'}")
    return table


def check_pair(spec: TaskSpec, train: Rows, heldout: Rows, where: str) -> None:
    """Held-out rows can be scored only in groups that training rows fit.

    Raises:
        BadTable: a held-out group without training rows.
    """
    orphans = [g for g in heldout.groups() if g not in set(train.groups())]
    if orphans:
        raise BadTable(
            f"{where}: task {spec.name!r}: held-out group {orphans[0]!r} has no training rows; "
            f"{len(orphans)} such groups can't be scored"
        )
