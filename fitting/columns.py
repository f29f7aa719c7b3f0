"""Columns as they come from users: what is no plain column of numbers is refused, never quietly turned into one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fitting.arrays import Array
from fitting.errors import BadData, BadOption, FitError

USUAL = {  # what people call the columns of the usual laws
    "N": ("n", "params", "parameters", "n_params", "num_params", "model_size", "size"),
    "D": ("d", "tokens", "n_tokens", "num_tokens", "train_tokens", "data"),
    "L": ("l", "loss", "val_loss", "test_loss", "final_loss"),
    "C": ("c", "flops", "compute", "budget"),
}


def finite_number(where: str, name: str, value: Any) -> float:
    """The value of one constant.

    Raises:
        BadOption: it is no finite number.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not np.isfinite(number):
        raise BadOption(f"{where}: {name} must be a finite number, got {value!r}")
    return number


LEAST, MOST = 1e-100, 1e100  # sizes of a target whose squares and their products stay within floating point


def numbers(name: str, column: Any) -> Array:
    """A column as flat floats; see `array_of`."""
    flat: Array = array_of(name, column).ravel()
    return flat


def array_of(name: str, column: Any) -> Array:
    """Numbers in the shape they come in.

    Raises:
        BadData: masked values, units, truth values, complex numbers, dates, texts that are no numbers.
    """
    if type(column) is np.ndarray and column.dtype == np.float64:
        return column
    if isinstance(column, np.ma.MaskedArray):
        masked = np.flatnonzero(np.ma.getmaskarray(column).ravel())
        if len(masked):
            where = f"{len(masked)} of {column.size} rows are masked (first: row {masked[0]})"
            raise BadData(f"{name}: {where}. Drop them before fitting: what lies under a mask is not data")
        column = column.data
    unit = getattr(column, "unit", None) or getattr(column, "units", None)
    if unit is not None and str(unit) in ("", "dimensionless"):
        column = getattr(column, "magnitude", getattr(column, "value", column))
    elif unit is not None:
        raise BadData(
            f"{name} carries a unit ({unit}): pass its plain numbers, such as its .value or .magnitude"
        )
    try:
        raw = np.asarray(column)
    except (TypeError, ValueError) as error:
        raise BadData(f"{name}: expected numbers ({error})") from None
    what = {"b": "truth values", "c": "complex numbers", "M": "dates", "m": "time spans"}.get(raw.dtype.kind)
    if raw.dtype == object and any(isinstance(value, bool | np.bool_) for value in raw.ravel()[:1000]):
        what = "truth values"
    if what:
        raise BadData(f"{name}: expected numbers, got {what}")
    try:
        return np.array(raw, dtype=float)
    except (TypeError, ValueError) as error:
        raise BadData(f"{name}: expected numbers ({error})") from None


def label_index(name: str, column: Any, as_text: bool = False) -> tuple[np.ndarray, list[str]]:
    """Labels of rows as 0, 1, ... in their order (that of their texts where asked for), and their texts.

    Raises:
        BadData: rows without a label.
    """
    if isinstance(column, np.ma.MaskedArray):
        column = np.ma.filled(column.astype(object), None)
    given = np.asarray(column).ravel()
    # what is missing is not equal to itself, or can't say whether it is (NaN, NaT, NA)
    empty = [i for i, g in enumerate(given.tolist()) if g is None or type(g).__name__ == "NAType" or g != g]
    if empty:
        raise BadData(
            f"{name}: {len(empty)} of {len(given)} rows have no label (first: row {empty[0]}). Drop them, or name the group"
        )
    try:
        found, index = np.unique(np.array([str(g) for g in given]) if as_text else given, return_inverse=True)
    except TypeError:  # numbers and texts have no order
        found, index = np.unique([str(g) for g in given], return_inverse=True)
    return index.ravel(), [str(g) for g in found.tolist()]


def check_size(name: str, column: Array) -> None:
    """Refuse a target whose squares are beyond floating point."""
    size = max(float(column.max()), -float(column.min()))
    if size and not LEAST < size < MOST:
        raise BadData(f"{name} is of size {size:.1e}: its squares are beyond floating point; rescale it")


def by_name(data: Any) -> Mapping[str, Any]:
    """Columns by name of a dict, a data frame (pandas, polars), an Arrow table or a structured array."""
    if isinstance(data, Mapping):
        return data
    kind = type(data).__name__
    if hasattr(data, "collect") and not hasattr(data, "__array__"):
        raise BadData(f"data: a {kind} holds no rows yet; pass data.collect()")
    if hasattr(data, "column_names") and hasattr(data, "column"):  # an Arrow table
        return {str(name): np.asarray(data.column(name)) for name in data.column_names}
    if hasattr(data, "columns"):
        return {str(name): np.asarray(data[name]) for name in data.columns}
    if getattr(getattr(data, "dtype", None), "names", None):
        return {name: data[name] for name in data.dtype.names}
    raise BadData(f"data: expected columns by name (a dict or a data frame), got {kind}")


def renaming(have: Mapping[str, Any], wanted: tuple[str, ...] = ("N", "D", "L", "C")) -> str:
    """A hint on columns that go by another name, or nothing."""
    pairs = [
        (name, w) for w in wanted if w not in have for name in have if str(name).lower() in USUAL.get(w, ())
    ]
    found = ", ".join(f"{name} to {w}" for name, w in pairs)
    return f"; rename {found}" if found else ""


def frame(columns: Mapping[str, Any]) -> Any:
    """A pandas data frame; pandas is asked for here alone."""
    try:
        import pandas
    except ImportError:
        raise FitError("to_frame needs pandas: pip install pandas") from None
    return pandas.DataFrame(dict(columns))
