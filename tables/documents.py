"""Documents (text, YAML, JSON) that people, models and programs write: read to a limit, and whatever is wrong is one error.

A parser of foreign text raises more than its manual says: RecursionError for a thousand brackets, ValueError for 5,000
digits, MemoryError, KeyError and IndexError for odd tags. And a text of a hundred bytes can stand for a hundred million
values by aliases, which no parser minds and the first thing that prints or copies them does.
"""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from typing import Any

import yaml

from tables.errors import Unreadable

MOST_BYTES = 64 << 20
"""Of a document that a program of ours wrote."""
MOST_YAML = 1 << 20
"""Bytes of a YAML text: people write these."""
MOST_DEEP = 100
MOST_VALUES = 100_000
"""Of a YAML text, each alias counted by what it stands for."""
MOST_DIGITS = 300
"""Of an integer: a larger one is no float, and one of thousands of digits can't even be printed."""
_DIGITS = re.compile(r"[-+0-9:._]+")


def read_document(path: Path, most: int = MOST_BYTES) -> str:
    """The text of a file.

    Raises:
        Unreadable: no plain file, larger than `most` bytes, not UTF-8, or the system refuses; the message has no path.
        FileNotFoundError: there is none.
    """
    try:
        # Whoever opens a pipe that nobody writes to waits for ever, unless told not to.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise Unreadable(f"expected a file, this is {_kind(mode)}")
            data = file.read(most + 1)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:  # a null byte in the name
        if isinstance(error, Unreadable):
            raise
        raise Unreadable(getattr(error, "strerror", None) or str(error)) from None
    if len(data) > most:
        raise Unreadable(f"larger than {most} bytes, and no more are read")
    try:
        return data.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise Unreadable(f"not UTF-8: byte {error.start} is {data[error.start]:#04x}") from None


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISFIFO(mode):
        return "a pipe"
    return "a device" if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) else "no plain file"


def read_yaml(text: str) -> Any:
    """The value of a YAML text, of plain values alone.

    Raises:
        Unreadable: not YAML, or too large for what a person writes by hand, aliases unfolded.
    """
    if len(text) > MOST_YAML:
        raise Unreadable(f"{len(text)} characters of YAML; at most {MOST_YAML} are read")
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _unfolded(yaml.parse(text, Loader=loader))
        value = yaml.load(text, Loader=loader)
        _small_numbers(value)
    except Unreadable:
        raise
    except Exception as error:  # odd tags and numbers raise whatever they meet; the text alone is read here
        raise Unreadable(f"not YAML: {_one_line(error)}") from None
    return value


def _unfolded(events: Any) -> None:
    """Look over a text without building anything.

    Raises:
        Unreadable: too deep or too large, each alias counted by what it stands for.
    """
    sizes: dict[str, int] = {}
    open_: list[tuple[str | None, int]] = []
    total = 0
    for event in events:
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                raise Unreadable(f"not YAML: the alias {event.anchor!r} is not known yet, or holds itself")
            total += sizes[event.anchor]
        elif isinstance(event, yaml.CollectionStartEvent):
            open_.append((event.anchor, total))
            total += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_.pop()
            if anchor is not None:
                sizes[anchor] = total - before
        elif isinstance(event, yaml.ScalarEvent):
            total += 1
            if len(event.value) > MOST_DIGITS and _DIGITS.fullmatch(event.value):
                raise Unreadable(f"a number of more than {MOST_DIGITS} digits")
            if event.anchor is not None:
                sizes[event.anchor] = 1
        if len(open_) > MOST_DEEP:
            raise Unreadable(f"YAML nested more than {MOST_DEEP} deep")
        if total > MOST_VALUES:
            raise Unreadable(f"more than {MOST_VALUES} values of YAML, aliases unfolded")


def read_json(text: str | bytes) -> Any:
    """The value of a JSON text.

    Raises:
        Unreadable: not JSON, nested too deeply, or with an integer that can't be used.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode(json.detect_encoding(text), "surrogatepass")
        return (_COUNTED if _has_long_number(text) else _JSON).decode(text)
    except Unreadable:
        raise
    except (RecursionError, MemoryError):
        raise Unreadable("JSON nested too deeply") from None
    except ValueError as error:
        raise Unreadable(f"not JSON: {_one_line(error)}") from None


def _has_long_number(text: str) -> bool:
    return bool(_MAYBE_LONG.search(text[::_STRIDE]) and _LONG.search(text))


def _integer(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise Unreadable(f"an integer of more than {MOST_DIGITS} digits")
    return int(text)


_LONG = re.compile(rf"\d{{{MOST_DIGITS + 1}}}")
_STRIDE = 30
_MAYBE_LONG = re.compile(rf"\d{{{(MOST_DIGITS + 1) // _STRIDE}}}")
"""Of every thirtieth character, so many in a row lie inside a long number: a look that takes a hundredth of the whole one."""
_JSON, _COUNTED = json.JSONDecoder(), json.JSONDecoder(parse_int=_integer)
"""Made once: a journal holds a hundred thousand texts. Integers are counted where so many digits stand in a row at all."""


def _small_numbers(value: Any) -> None:
    """
    Raises:
        Unreadable: an integer among the values of a tree has too many digits.
    """
    if isinstance(value, int) and abs(value) >= 10**MOST_DIGITS:
        raise Unreadable(f"an integer of more than {MOST_DIGITS} digits")
    if isinstance(value, dict):
        for key, item in value.items():
            _small_numbers(key)
            _small_numbers(item)
    elif isinstance(value, list | tuple | set):
        for item in value:
            _small_numbers(item)


def _one_line(error: BaseException) -> str:
    return " ".join(f"{error or type(error).__name__}".split())[:200]


def brief(value: object, most: int = 120) -> str:
    """A foreign value for a message: on one line and never long."""
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}... ({len(text)} characters)"
