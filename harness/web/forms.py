"""What people type into forms, checked and turned into the commands that do it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from harness.errors import HarnessError

SUFFIXES = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".parquet", ".xlsx")
MOST_PROGRAM = 200_000


class BadForm(HarnessError):
    """A field of a form can't be used."""


def text_of(form: Mapping[str, object], name: str, most: int = 2000) -> str:
    """A field's text, "" where it is empty.

    Raises:
        BadForm: longer than `most`, or no text.
    """
    value = form.get(name, "")
    if not isinstance(value, str):
        raise BadForm(f"{name}: expected text, got a file")
    if len(value) > most:
        raise BadForm(f"{name}: expected at most {most} characters, got {len(value)}")
    return value.strip() if most <= 2000 else value


def task_names() -> list[str]:
    """Every task that there is."""
    from tasks import names, user_names  # they load what reads tables, which a start need not wait for

    return [*names(), *user_names()]


def task_of(form: Mapping[str, object]) -> str:
    task, known = text_of(form, "task"), task_names()
    if task not in known:
        raise BadForm(f"task: no task {task[:80]!r}; choose one of the list")
    return task


def number_of(form: Mapping[str, object], name: str, least: float, most: float, whole: bool = False) -> str:
    """A number's text, "" where the field is empty.

    Raises:
        BadForm: no number, or out of its range.
    """
    text = text_of(form, name, 40)
    if not text:
        return ""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not least <= value <= most or (whole and value != int(value)):
        what = "an integer" if whole else "a number"
        raise BadForm(f"{name}: expected {what} from {least:g} to {most:g}, got {text!r}")
    return str(int(value)) if whole else f"{value:g}"


def file_name(given: str | None) -> str:
    """A name of our own for an upload, with the ending that says how it is read.

    Raises:
        BadForm: no file, or of a kind that is no table.
    """
    suffix = Path(given or "").suffix.lower()
    if not given:
        raise BadForm("file: choose a table")
    if suffix not in SUFFIXES:
        raise BadForm(f"file: expected one of {', '.join(SUFFIXES)}, got {suffix or 'no ending'!r}")
    stem = re.sub(r"[^A-Za-z0-9_]+", "_", Path(given).stem)[:40].strip("_").lower() or "table"
    return f"{stem}{suffix}"


def evolve_argv(form: Mapping[str, object], root: Path) -> list[str]:
    minutes, evaluations = number_of(form, "minutes", 0.1, 1440), number_of(form, "evaluations", 1, 1e6, True)
    argv = ["evolve", f"--task={task_of(form)}", f"--out={root}"]
    argv += [f"--minutes={minutes}"] if minutes else []
    argv += [f"--evaluations={evaluations}"] if evaluations else []
    seed, workers = number_of(form, "seed", 0, 2**31, True), number_of(form, "workers", 1, 64, True)
    return [*argv, f"--seed={seed or 0}", f"--workers={workers or 1}"]


COLUMNS = ("features", "target", "group", "extrapolate", "name")
"""Fields of a table that becomes a task."""


def add_argv(form: Mapping[str, object], table: Path) -> list[str]:
    argv = ["tasks", "add", str(table)]
    for name in COLUMNS:
        value = text_of(form, name)
        argv += [f"--{name}={value}"] if value else []
    for name in ("features", "target"):
        if not text_of(form, name):
            raise BadForm(f"{name}: name a column of the table")
    return [*argv, "--force"] if text_of(form, "force") else argv


def fit_argv(form: Mapping[str, object], table: Path) -> list[str]:
    argv = ["fit", str(table), f"--out={table.parent / 'fit'}"]
    for name in ("law", "target", "loss", "where"):
        value = text_of(form, name)
        argv += [f"--{name}={value}"] if value else []
    bootstrap = number_of(form, "bootstrap", 0, 5000, True)
    return argv + ([f"--bootstrap={bootstrap}"] if bootstrap and bootstrap != "0" else [])
