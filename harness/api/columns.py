"""Rows as people hold them in Python: data frames, columns by name, files; made the one kind of table that all of us read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from harness.errors import BadOption
from tables import Table, TableError, read_table
from tables.column import Column
from tasks import BadTable, TaskSpec
from tasks.tables import groups_of, numbers_of

Rows = pd.DataFrame | Mapping[str, Any] | str | Path
"""A data frame, columns (or single numbers) by name, or a file that `tables` reads."""


def as_frame(rows: Rows) -> pd.DataFrame:
    """The rows as a data frame.

    Raises:
        BadOption: nothing that is rows, or columns of unequal length.
        TableError: a file that can't be read.
    """
    if isinstance(rows, pd.DataFrame):
        return rows
    if isinstance(rows, str | Path):
        return read_table(Path(rows)).frame()
    if isinstance(rows, Mapping):
        columns = {str(k): np.atleast_1d(np.asarray(v)) for k, v in rows.items()}
        longest = max((len(c) for c in columns.values()), default=0)
        uneven = [k for k, c in columns.items() if c.ndim != 1 or len(c) not in (1, longest)]
        if uneven or not columns:
            raise BadOption(
                f"expected columns of one length by name, got {uneven[0]!r} of another" if uneven
                else "expected columns by name, got none"
            )  # fmt: skip
        return pd.DataFrame({k: np.broadcast_to(c, longest) for k, c in columns.items()})
    raise BadOption(
        f"expected a data frame, columns by name or the path of a table, got {type(rows).__name__}"
    )


def as_table(rows: Rows, source: str = "the table") -> Table:
    """The rows as the strict reader's table: numbers as they are, everything else cell by cell."""
    if isinstance(rows, str | Path):
        return read_table(Path(rows))
    frame = as_frame(rows)
    repeated = frame.columns[frame.columns.duplicated()]
    if len(repeated):
        raise BadOption(f"{source}: column {repeated[0]!r} is there twice; name each column once")
    columns = {str(name): Column([_cells(frame[name])]) for name in frame.columns}
    return Table(source, columns, np.arange(len(frame)), "row", n_read=len(frame))


def _cells(column: pd.Series) -> np.ndarray | list[object]:
    numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    if numeric and not pd.api.types.is_complex_dtype(column):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    return [None if missing else cell for cell, missing in zip(column.tolist(), column.isna(), strict=True)]


def features_and_groups(
    rows: Rows, spec: TaskSpec, group: str | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Features (m, F) and labels (m,) of rows to predict; labels are None where the task has one group.

    Args:
        group: of all rows; None where a column tells it.

    Raises:
        BadTable: a feature or the group is missing.
    """
    table = as_table(rows, "the rows to predict")
    X = numbers_of(table, spec.feature_names)
    if spec.group is None:
        return X, None
    if group is not None:
        return X, np.full(len(X), str(group))
    if spec.group not in table.names:
        return X, None
    return X, groups_of(table, spec)


def as_python(error: Exception) -> Exception:
    """The same error with options of the command line as Python writes them: heldout_above= for --heldout-above."""
    text = re.sub(r"--([a-z][a-z-]*)", lambda m: m[1].replace("-", "_") + "=", str(error))
    return type(error)(text)


def refuse(error: TableError) -> NoReturn:
    """An error of the reader as one of a task's table."""
    raise BadTable(str(as_python(error))) from None
