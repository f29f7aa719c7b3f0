"""Tables in JSON: lines of objects under any name, a list of records, an object of columns, a trainer's state."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from tables.column import Column, packed
from tables.delimited import CHUNK, Parts
from tables.errors import BadTable

LISTS = ("log_history", "history", "logs", "data", "rows", "records", "metrics")
PLANNED = ("max_steps", "total_steps", "final_step")


class Builder:
    """Records turned into columns, a chunk at a time; what a record lacks is empty."""

    def __init__(self, wanted: Callable[[str], bool] | None = None) -> None:
        self.columns: dict[str, Column] = {}
        self.wanted = wanted
        self.n = 0
        self.places = array("q")
        self.rows: list[dict[str, object]] = []

    def add(self, row: dict[str, object], place: int) -> None:
        self.rows.append(row)
        self.places.append(place)
        if len(self.rows) >= CHUNK:
            self.flush()

    def flush(self) -> None:
        names = dict.fromkeys(k for row in self.rows for k in row)
        for name in names:
            if name not in self.columns and (self.wanted is None or self.wanted(name)):
                self.columns[name] = Column([[None] * self.n] if self.n else [])
        for name, column in self.columns.items():
            cells = [row.get(name) for row in self.rows]
            column.add(packed(cells) if self.n + len(cells) > CHUNK else cells)
        self.n += len(self.rows)
        self.rows = []

    def parts(self, unit: str) -> Parts:
        self.flush()
        return Parts(self.columns, np.array(self.places, dtype=np.int64), unit)


def flat(row: dict[str, Any], prefix: str = "") -> dict[str, object]:
    """{"eval": {"loss": 2}} -> {"eval.loss": 2}; a name that is there already stays."""
    out: dict[str, object] = {}
    for key, value in row.items():
        if isinstance(value, dict):
            out |= {k: v for k, v in flat(value, f"{prefix}{key}.").items() if k not in out}
        elif isinstance(value, (list, tuple)):
            out[prefix + str(key)] = json.dumps(value)
        else:
            out[prefix + str(key).strip()] = value
    return out


def read_json(
    name: str,
    lines: Iterator[str],
    drop_bad: bool,
    live: bool,
    tick: Callable[[], None],
    wanted: Callable[[str], bool] | None,
) -> Parts:
    """Rows of a JSON text; see `read_delimited` for the arguments.

    Raises:
        BadTable: broken JSON, with its line; JSON of another shape.
    """
    first = next((line for line in lines if line.strip()), "")
    second = next((line for line in lines if line.strip()), "")
    ahead: list[str] = [first, second] if second else [first]
    if _whole(first) and (not second or second.lstrip()[:1] == "{" or not first.lstrip().startswith("{")):
        if second.lstrip()[:1] == "{" or (not second and not _holds_columns(first)):
            return _from_lines(name, _chained(ahead, lines), drop_bad, live, tick, wanted)
    elif _whole(first) and second:
        return _from_lines(name, _chained(ahead, lines), drop_bad, live, tick, wanted)
    text = "".join(_chained(ahead, lines))
    tick()
    return _from_whole(name, text, wanted)


def _chained(ahead: list[str], lines: Iterable[str]) -> Iterator[str]:
    yield from ahead
    yield from lines


def _whole(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _holds_columns(line: str) -> bool:
    data = json.loads(line)
    return any(isinstance(v, (list, dict)) for v in data.values())


def _from_lines(
    name: str,
    lines: Iterator[str],
    drop_bad: bool,
    live: bool,
    tick: Callable[[], None],
    wanted: Callable[[str], bool] | None,
) -> Parts:
    built, bad, half = Builder(wanted), 0, False
    for number, line in enumerate(lines, 1):
        if number % CHUNK == 0:
            tick()
        if not line.strip():
            continue
        whole = line.endswith(("\n", "\r"))
        if not whole and live:
            half = True
            continue
        try:
            row = json.loads(line, object_pairs_hook=_once) if number < 1000 else json.loads(line)
        except ValueError as error:
            row = None
            if not drop_bad and not live:
                said = str(error).split(":")[0]
                ending = "; half written?" if not whole else ""
                raise BadTable(
                    f"{name}: line {number}: expected a JSON object, got {line.strip()[:40]!r} ({said}){ending}. "
                    f"Repair it, or leave such lines out with --drop-bad"
                ) from None
        if isinstance(row, dict):
            built.add(flat(row), number)
        else:
            bad += 1
            if not drop_bad and not live:
                raise BadTable(f"{name}: line {number}: expected a JSON object, got {line.strip()[:40]!r}")
    parts = built.parts("line")
    if bad:
        parts.notes.append(f"{bad} lines that are not JSON objects were left out")
    if half:
        parts.notes.append("the last line has no line break yet and was left out")
    return parts


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) < len(pairs):
        names = [k for k, _ in pairs]
        again = next(k for k in names if names.count(k) > 1)
        raise ValueError(f"{again!r} stands there twice")
    return out


def _from_whole(name: str, text: str, wanted: Callable[[str], bool] | None) -> Parts:
    try:
        data = json.loads(text, object_pairs_hook=_once)
    except RecursionError:
        raise BadTable(f"{name}: JSON nested too deeply; expected a list of records") from None
    except ValueError as error:
        data = _several(text)
        if data is None:
            where = f"line {error.lineno}: " if isinstance(error, json.JSONDecodeError) else ""
            said = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            raise BadTable(
                f"{name}: {where}not whole JSON ({said}); a file that is being written should be JSON lines"
            ) from None
    planned = None
    if isinstance(data, dict):
        numbers = [data[k] for k in PLANNED if isinstance(data.get(k), (int, float))]
        planned = float(numbers[0]) if numbers and numbers[0] > 0 else None
        data = _records(name, data)
    if not isinstance(data, list) or not all(isinstance(r, dict) for r in data):
        kind = type(data[0]).__name__ if isinstance(data, list) and data else type(data).__name__
        raise BadTable(
            f"{name}: JSON of another shape (a list of {kind}); expected a list of records, an object of columns, "
            f"or an object with {', '.join(LISTS[:2])}"
        )
    built = Builder(wanted)
    for i, row in enumerate(data, 1):
        built.add(flat(row), i)
    parts = built.parts("record")
    parts.planned = planned
    return parts


def _several(text: str) -> list[Any] | None:
    """Objects one after another, each over several lines."""
    decoder, at, found = json.JSONDecoder(), 0, []
    text = text.strip()
    try:
        while at < len(text):
            value, end = decoder.raw_decode(text, at)
            found.append(value)
            at = end
            while at < len(text) and text[at] in " \t\r\n,":
                at += 1
    except (ValueError, RecursionError):
        return None
    return found if len(found) > 1 and all(isinstance(v, dict) for v in found) else None


def _records(name: str, data: dict[str, Any]) -> Any:
    """Rows of an object: a list under a known name, columns as lists or as index -> value, pandas' split form, or one row."""
    if isinstance(data.get("columns"), list) and isinstance(data.get("data"), list):
        heads = [str(c) for c in data["columns"]]
        if all(isinstance(r, list) and len(r) == len(heads) for r in data["data"]) and len(set(heads)) == len(
            heads
        ):
            return [dict(zip(heads, r, strict=True)) for r in data["data"]]
    for key in LISTS:
        inner = data.get(key)
        if isinstance(inner, list) and inner and all(isinstance(r, dict) for r in inner):
            return inner
        if isinstance(inner, dict) and inner and all(isinstance(v, list) for v in inner.values()):
            return _records(name, inner)
    values = list(data.values())
    if values and all(isinstance(v, list) for v in values):
        lengths = {k: len(v) for k, v in data.items()}
        if len(set(lengths.values())) != 1:
            short = min(lengths, key=lambda k: lengths[k])
            raise BadTable(
                f"{name}: columns of unequal lengths: {short} has {lengths[short]}, others {max(lengths.values())}"
            )
        return [dict(zip(data, cells, strict=True)) for cells in zip(*values, strict=True)]
    if values and all(isinstance(v, dict) for v in values):
        keys = list(values[0])
        if keys and all(list(v) == keys for v in values):
            if all(k.isdigit() for k in keys):  # pandas: column -> index -> value
                return [{c: data[c][k] for c in data} for k in keys]
            return [{"name": k, **v} for k, v in data.items()]
    return [data]
