"""Tables from disk, checked row by row before anything is fitted to them."""

from __future__ import annotations

import difflib
from pathlib import Path

import numpy as np
import pandas as pd

from tasks.errors import BadTable
from tasks.rows import Rows
from tasks.spec import TaskSpec

SUFFIXES = (".csv", ".parquet")
ONE_GROUP = "all_data"
"""Label of every row where a task has no group column."""


def read_frame(path: Path) -> pd.DataFrame:
    """A CSV or Parquet file as a frame.

    Raises:
        BadTable: unreadable, neither format, or without rows.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise BadTable(f"{path}: expected a .csv or .parquet file")
    try:
        if path.suffix.lower() == ".csv":
            # Blank cells alone are missing: a group may be called NA.
            frame = pd.read_csv(path, encoding="utf-8", keep_default_na=False, na_values=[""])
        else:
            frame = pd.read_parquet(path)
    except Exception as error:  # pandas and pyarrow raise dozens of kinds; all mean the same to a user
        raise BadTable(
            f"{path}: can't be read as {path.suffix[1:]} ({' '.join(str(error).split())[:200]})"
        ) from error
    if frame.empty:
        raise BadTable(f"{path}: expected rows, the table has none")
    return frame


def need_columns(frame: pd.DataFrame, wanted: tuple[str, ...], where: str) -> None:
    """Check that columns are there, once each.

    Raises:
        BadTable: with the nearest header.
    """
    headers = [str(c) for c in frame.columns]
    for name in wanted:
        if headers.count(name) > 1:
            raise BadTable(f"{where}: column {name!r} stands there {headers.count(name)} times; rename one")
        if name not in headers:
            near = difflib.get_close_matches(name, headers, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"columns are {', '.join(headers)}"
            raise BadTable(f"{where}: no column {name!r}; {hint}")


def numbers(frame: pd.DataFrame, name: str, where: str) -> np.ndarray:
    """A column as finite float64.

    Raises:
        BadTable: text, or a missing or infinite value; the first such row is named by its line in
            the file (the header is line 1).
    """
    column = frame[name]
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        first = int(bad[0])
        raise BadTable(
            f"{where}: {name} must be a finite number: {len(bad)} of {len(values)} rows are not "
            f"(first: line {first + 2}, {name}={column.iloc[first]}). Drop or repair them"
        )
    return values


def rows_of(frame: pd.DataFrame, spec: TaskSpec, where: str) -> Rows:
    """The rows a task is made of.

    Args:
        frame: table with at least the task's columns; others are left out.
        where: path or address for messages.

    Raises:
        BadTable: a column is missing, or holds what is not a finite number or a group label.
    """
    wanted = (*spec.feature_names, *spec.target_names, *((spec.group,) if spec.group else ()))
    need_columns(frame, wanted, where)
    X = np.column_stack([numbers(frame, name, where) for name in spec.feature_names])
    y = np.column_stack([numbers(frame, name, where) for name in spec.target_names])
    if spec.group is None:
        group = np.full(len(frame), ONE_GROUP)
    else:
        labels = frame[spec.group]
        missing = np.flatnonzero(labels.isna().to_numpy())
        if len(missing):
            raise BadTable(
                f"{where}: line {int(missing[0]) + 2} has no {spec.group}; every row needs a group"
            )
        group = labels.astype(str).to_numpy(dtype=str)
    return Rows(np.ascontiguousarray(X), np.ascontiguousarray(y), group)


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
