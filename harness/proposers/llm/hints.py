"""A person's hint to the models of a run: a text file in its folder."""

from __future__ import annotations

from pathlib import Path

from harness.errors import BadRun
from tables.documents import read_document
from tables.errors import Unreadable

HINT = "hint.txt"
MOST_HINT = 2000


def read_hint(folder: Path) -> str:
    """The hint in force, or "" for none; a file that can't be read says nothing."""
    try:
        text = read_document(folder / HINT, 8 * MOST_HINT)
    except (OSError, Unreadable):
        return ""
    return text.strip()[:MOST_HINT]


def write_hint(folder: Path, text: str) -> None:
    """Put a hint into force; an empty one takes it back.

    Raises:
        BadRun: it is too long, or the folder can't be written to.
    """
    text = text.strip()
    if len(text) > MOST_HINT:
        raise BadRun(
            f"hint: expected at most {MOST_HINT} characters, got {len(text)}; every prompt carries it"
        )
    half = folder / f".{HINT}.new"
    try:
        half.write_text(f"{text}\n" if text else "", encoding="utf-8")
        half.replace(folder / HINT)
    except OSError as error:
        raise BadRun(f"{folder / HINT}: can't be written ({error})") from error
