"""Tables for `harness fit`: read a file, name and scale columns, keep and hold out rows."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from harness.errors import HarnessError

COMPARE = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
}
COMMON = {
    "params": "N",
    "parameters": "N",
    "tokens": "D",
    "loss": "L",
    "budget": "C",
    "flops": "C",
    "compute": "C",
}


class BadTable(HarnessError):
    """A data file, column or row filter that can't be used."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows to fit and rows held out.

    Attributes:
        path, sha256: the file.
        rows, heldout: data frames; columns by the names a law uses.
        n_read: rows in the file.
        steps: what was done to the rows, one sentence each.
    """

    path: Path
    sha256: str
    rows: pd.DataFrame
    heldout: pd.DataFrame
    n_read: int
    steps: tuple[str, ...]


def read_table(path: str, columns: list[str], where: list[str], holdout: list[str]) -> Table:
    """Read a CSV, TSV, JSON-lines or Parquet file.

    Args:
        columns: "N=params/1e6": a name, the column it stands for, and a number to divide by.
        where: "experiment==llama_3": rows to keep; all must hold. holdout: rows to predict and not to fit.
    """
    file = Path(path)
    if not file.is_file():
        raise BadTable(
            f"{path}: no such file; give a table with a header line (CSV, TSV, JSON lines or Parquet)"
        )
    readers = {".parquet": pd.read_parquet, ".tsv": lambda f: pd.read_csv(f, sep="\t")}
    readers[".jsonl"] = readers[".json"] = lambda f: pd.read_json(f, lines=True)
    try:
        frame = readers.get(file.suffix.lower(), pd.read_csv)(file)
    except (ValueError, OSError, UnicodeError) as error:
        raise BadTable(f"{path}: can't be read as a table ({str(error).splitlines()[0]})") from None
    n_read, steps = len(frame), []
    for text in where:
        keep = _holds(frame, text, "--where")
        steps.append(f"kept {int(keep.sum())} of {len(frame)} rows where {text}")
        frame = frame[keep]
    out = frame.rename(
        columns={c: COMMON[c] for c in frame.columns if c in COMMON and COMMON[c] not in frame.columns}
    )
    for text in columns:
        name, values, said = _column(frame, text)
        out[name] = values
        steps.append(said)
    held = np.zeros(len(out), dtype=bool)
    for text in holdout:
        held |= _holds(out, text, "--holdout")
        steps.append(f"held out {int(held.sum())} rows where {text}")
    if not len(out) or held.all():
        raise BadTable(f"{path}: no rows are left to fit after {'; '.join(steps) or 'reading an empty file'}")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return Table(
        file,
        digest,
        out[~held].reset_index(drop=True),
        out[held].reset_index(drop=True),
        n_read,
        tuple(steps),
    )


def _holds(frame: pd.DataFrame, text: str, option: str) -> np.ndarray:
    match = re.fullmatch(r"\s*([\w.\- ]+?)\s*(==|!=|<=|>=|<|>)\s*(.+?)\s*", text)
    if not match:
        raise BadTable(
            f"{option} {text!r}: expected COLUMN, one of {' '.join(COMPARE)}, and a value, as in 'C<=1e21'"
        )
    name, sign, value = match.groups()
    if name not in frame.columns:
        raise BadTable(
            f"{option} {text!r}: no column {name!r}; the file has {', '.join(map(str, frame.columns))}"
        )
    column = frame[name]
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        try:
            return COMPARE[sign](column.to_numpy(), float(value))
        except ValueError:
            raise BadTable(f"{option} {text!r}: column {name} has numbers, {value!r} is none") from None
    return COMPARE[sign](column.astype(str).to_numpy(dtype=object), value)


def _column(frame: pd.DataFrame, text: str) -> tuple[str, np.ndarray, str]:
    match = re.fullmatch(r"\s*([A-Za-z_]\w*)\s*=\s*([\w.\- ]+?)\s*(?:([/*])\s*([\d.eE+-]+))?\s*", text)
    if not match:
        raise BadTable(f"--column {text!r}: expected NAME=COLUMN or NAME=COLUMN/NUMBER, as in 'N=params/1e6'")
    name, source, sign, number = match.groups()
    if source not in frame.columns:
        raise BadTable(
            f"--column {text!r}: no column {source!r}; the file has {', '.join(map(str, frame.columns))}"
        )
    values = frame[source].to_numpy()
    if sign:
        factor = float(number)
        values = values / factor if sign == "/" else values * factor
    return name, values, f"{name} is {source}" + (f" {sign} {number}" if sign else "")
