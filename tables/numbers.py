"""Numbers as people write them: `1,000`, `70M`, `2.4e19`, `31.3%`, `2,4`, `100/6000`, `−0.5`, `1.5×10^9`.

A column is read as a whole. A comma is a decimal mark or a mark of thousands, never one in one row and the other in the next;
where the column does not say which, the rest of the file may (`Marks`), and where nothing does, both readings are named
and nothing is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

MISSING = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none", "-", "--", "—", "missing", "nil", "?"})
"""Words that stand for no value, in lower case."""

SCALES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "mn": 1e6, "million": 1e6, "b": 1e9, "bn": 1e9, "g": 1e9, "billion": 1e9,
          "t": 1e12, "trillion": 1e12, "p": 1e15}  # fmt: skip
_BODY = r"(?:\d[\d.,'’  \u00a0\u202f\u2009]*|[.,]\d+)"
_CELL = re.compile(
    rf"(?P<sign>[+-]?)(?P<body>{_BODY})(?P<exp>[eE][+-]?\d+|\s?[x×·*]\s?10(?:\^|\*\*)[+-]?\d+)?\s*"
    rf"(?P<unit>%|[kKmMbBgGtTP]|bn|Bn|mn|Mn|(?i:thousand|million|billion|trillion))?"
    rf"(?:\s*/\s*(?P<total>{_BODY}))?"
)
_INFINITE = re.compile(r"([+-]?)(?:inf|infinity|∞)", re.IGNORECASE)
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+")
_DOTS = re.compile(r"\d{1,3}(?:\.\d{3})+")
_BLANKS = re.compile(r"\d{1,3}(?:['’ \u00a0\u202f\u2009]\d{3})+(?:[.,]\d+)?")
_MINUS = str.maketrans({"−": "-", "–": "-", "﹣": "-"})


@dataclass(frozen=True, slots=True)
class Marks:
    """What a file shows about its decimal mark.

    Attributes:
        dot, comma: an example of a number that can only be read with that decimal mark; None: none was seen.
    """

    dot: str | None = None
    comma: str | None = None

    @property
    def decimal(self) -> str | None:
        """The mark, where all examples agree."""
        return "." if self.dot and not self.comma else "," if self.comma and not self.dot else None


@dataclass(slots=True)
class Understood:
    """A column read as numbers.

    Attributes:
        values: (n,) float64; NaN where a cell is missing or bad.
        missing: rows without a value. bad: rows whose cell is no number.
        notes: what was understood beyond plain numbers, one sentence each.
        total: the one number right of `/` in every cell, as in 100/6000.
        readings: where the column can be read in two ways: both, in words; `values` is then of no use.
    """

    values: np.ndarray
    missing: list[int] = field(default_factory=list)
    bad: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    total: float | None = None
    readings: str = ""


def marks(columns: Iterable[Sequence[object]]) -> Marks:
    """What the text cells of a file show about its decimal mark."""
    dot = comma = None
    for cells in columns:
        for cell in cells:
            if not isinstance(cell, str) or ("." not in cell and "," not in cell):
                continue
            text = cell.strip().translate(_MINUS).lstrip("+-")
            kind = _mark(text)
            if kind == ".":
                dot = dot or cell
            elif kind == ",":
                comma = comma or cell
            if dot and comma:
                return Marks(dot, comma)
    return Marks(dot, comma)


def _mark(text: str) -> str | None:
    """The decimal mark that alone can stand in `text`; None: no mark, either, or no number."""
    found = _CELL.fullmatch(text)
    if not found or not found["body"]:
        return None
    body = found["body"].strip()
    dots, commas = body.count("."), body.count(",")
    if dots and commas:
        return "." if body.rindex(".") > body.rindex(",") else ","
    if commas == 1 and not _grouped(body, _THOUSANDS):
        return ","
    if dots == 1 and not _grouped(body, _DOTS):
        return "."
    if commas > 1 and _THOUSANDS.fullmatch(body):
        return "."
    if dots > 1 and _DOTS.fullmatch(body):
        return ","
    return None


def _grouped(body: str, groups: re.Pattern[str]) -> bool:
    return bool(groups.fullmatch(body)) and not body.startswith("0")


def plain_numbers(cells: Sequence[object]) -> np.ndarray | None:
    """(n,) float64 where every cell is a number as programs write it; None otherwise. No cell is misread for speed."""
    try:
        values = np.array(cells, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return None
    kinds = set(map(type, cells))
    if not kinds <= {str, float, int}:
        return None  # booleans are no numbers, None is missing
    if str in kinds and any("_" in c for c in cells if isinstance(c, str)):
        return None  # Python reads 1_0 as 10
    return values


def understand(cells: Sequence[object], decimal: str | None = None, seen: Marks | None = None) -> Understood:
    """Read a column.

    Args:
        decimal: the decimal mark, "." or ",", where the user says it.
        seen: what the whole file shows.
    """
    mark = decimal or (seen.decimal if seen else None)
    values = plain_numbers(cells)
    if values is not None and (mark != "," or not any(isinstance(c, str) and "." in c for c in cells)):
        out = Understood(values)
        out.missing = np.flatnonzero(np.isnan(values)).tolist()
        return out
    texts: dict[str, list[int]] = {}
    out = Understood(np.full(len(cells), np.nan))
    for i, cell in enumerate(cells):
        if cell is None:
            out.missing.append(i)
        elif isinstance(cell, bool):
            out.bad.append(i)
        elif isinstance(cell, (int, float)):
            out.values[i] = _float(cell)
            if out.values[i] != out.values[i]:
                out.missing.append(i)
        else:
            texts.setdefault(str(cell), []).append(i)
    _texts(texts, out, decimal, seen or Marks())
    out.missing.sort()
    out.bad.sort()
    return out


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def _texts(texts: dict[str, list[int]], out: Understood, decimal: str | None, seen: Marks) -> None:
    parsed: dict[str, re.Match[str]] = {}
    for text, rows in texts.items():
        bare = re.sub(r"^10(?:\^|\*\*)", "1*10^", text.strip().translate(_MINUS))
        if bare.lower() in MISSING:
            out.missing += rows
            continue
        infinite = _INFINITE.fullmatch(bare)
        match = _CELL.fullmatch(bare)
        if infinite:
            out.values[rows] = -np.inf if infinite[1] == "-" else np.inf
        elif match:
            parsed[text] = match
        else:
            out.bad += rows
    mark, readings = _decimal([m["body"].strip() for m in parsed.values()], decimal, seen)
    if readings:
        out.readings = readings
        return
    percents = sum(m["unit"] == "%" for m in parsed.values())
    slashed = {m["total"] for m in parsed.values()}
    if 0 < percents < len(parsed):
        some = next(t for t, m in parsed.items() if m["unit"] == "%")
        other = next(t for t, m in parsed.items() if m["unit"] != "%")
        out.readings = f"{some.strip()!r} beside {other.strip()!r}: a percentage beside a plain number"
        return
    told: dict[str, str] = {}
    totals = set()
    for text, match in parsed.items():
        value = _value(match["body"], mark)
        total = _value(match["total"], mark) if match["total"] else None
        if value is None or (match["total"] and total is None) or len(slashed) > 2:
            out.bad += texts[text]
            continue
        if match["sign"] == "-":
            value = -value
        if match["exp"]:
            exponent = match["exp"].strip()
            value *= 10.0 ** int(re.sub(r".*(?:\^|\*\*)", "", exponent)) if exponent[0] not in "eE" else 1.0
            if exponent[0] in "eE":
                value = (
                    float(f"{value!r}{exponent}")
                    if "e" not in repr(value)
                    else value * 10.0 ** int(exponent[1:])
                )
            else:
                told.setdefault("power", f"{text.strip()} as {value:g}")
        unit = match["unit"]
        if unit == "%":
            value = float(f"{value!r}e-2") if "e" not in repr(value) else value / 100
            told.setdefault("percent", f"{text.strip()} as {value:g}")
        elif unit:
            value *= SCALES[unit.lower()]
            told.setdefault("unit", f"{text.strip()} as {value:g}")
        elif "," in match["body"]:
            told.setdefault("comma", f"{text.strip()} as {value:.12g}")
        elif (mark == "," and "." in match["body"]) or re.search(
            r"['’ \u00a0\u202f\u2009]", match["body"].strip()
        ):
            told.setdefault("group", f"{text.strip()} as {value:.12g}")
        elif len(match["body"]) > 18 and match["body"].isdigit():
            told.setdefault("wide", f"integers beyond 64 bits as {value:g}")
        if total is not None:
            totals.add(total)
            told.setdefault("total", f"{text.strip()} as {value:.12g} of {total:.12g}")
        out.values[texts[text]] = value
    if totals:
        top = max(totals)
        counts = out.values[np.isfinite(out.values)]
        whole = bool((counts == np.round(counts)).all() and (counts >= 0).all() and (counts <= top).all())
        if len(totals) > 1 or len(slashed) > 1 or not whole:
            shown = next(t for t, m in parsed.items() if m["total"]).strip()
            out.readings = f"{shown!r}: a count of a total, or a fraction (say which with --fractions)"
            return
        out.total = totals.pop()
    if told:
        out.notes.append("read " + ", ".join(told.values()))


def _decimal(bodies: list[str], asked: str | None, seen: Marks) -> tuple[str, str]:
    """The decimal mark of a column, and both readings in words where it can't be told."""
    if asked:
        return asked, ""
    own = {_mark(b): b for b in bodies}
    if "." in own and "," in own:
        return (
            ".",
            f"{own['.']!r} beside {own[',']!r}: the decimal mark is a dot in one and a comma in the other",
        )
    for mark in (".", ","):
        if mark in own:
            return mark, ""
    commas = [b for b in bodies if _grouped(b, _THOUSANDS)]
    dots = [b for b in bodies if _DOTS.fullmatch(b)]
    if commas:
        if seen.decimal is None:
            as_thousands = commas[0].replace(",", "")
            return ".", f"{commas[0]!r} may be {as_thousands} or {commas[0].replace(',', '.')}"
        return seen.decimal, ""
    if dots and seen.decimal == ",":
        if any(b.isdigit() and len(b) > 3 for b in bodies) or any(
            "." in b and not _grouped(b, _DOTS) for b in bodies
        ):
            return ".", f"{dots[0]!r} may be {dots[0].replace('.', '')} or {dots[0]}"
        return ",", ""
    return ".", ""


def _value(body: str, decimal: str) -> float | None:
    """The number of digits and marks alone; None where they can't be one."""
    body = body.strip() or "1"
    if _BLANKS.fullmatch(body):
        body = re.sub(r"['’ \u00a0\u202f\u2009]", "", body)
    thousands = "," if decimal == "." else "."
    whole, point, rest = body.partition(decimal)
    if thousands in rest or decimal in rest:
        return None
    if thousands in whole:
        if not re.fullmatch(rf"\d{{1,3}}(?:{re.escape(thousands)}\d{{3}})+", whole):
            if decimal == "," and not point and whole.count(".") == 1:
                rest, whole = "", whole  # a dot as programs write it, in a file of decimal commas
                try:
                    return float(whole)
                except ValueError:
                    return None
            return None
        whole = whole.replace(thousands, "")
    try:
        return float(f"{whole or '0'}.{rest}" if point else whole)
    except ValueError:
        return None
