"""The user's own tasks: one folder each, `<name>/` with `spec.yaml`, `train.csv` and `test.csv`."""

from __future__ import annotations

import csv
import io
import os
import re
import secrets
import shutil
from pathlib import Path

from tables.documents import MOST_YAML, read_document, read_yaml
from tables.errors import Unreadable
from tasks.errors import BadSpec, DataUnavailable, UnknownTask
from tasks.places import user_tasks_dir
from tasks.rows import Asked, Rows, Sealed, Task
from tasks.spec import Provenance, TaskSpec
from tasks.tables import check_pair, rows_in
from tasks.user_spec import spec_from, spec_text

FILES = ("spec.yaml", "train.csv", "test.csv")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def check_name(name: str, taken: tuple[str, ...]) -> str:
    """`name`, when it can name a task of the user's.

    Args:
        taken: names and aliases of the tasks that come along, and words with a meaning.

    Raises:
        BadSpec: it can't.
    """
    if not NAME.fullmatch(name):
        raise BadSpec(
            f"{name!r} can't name a task: expected letters, digits, _ and -, at most 64, beginning "
            f"with a letter or digit; give another with --name"
        )
    if name.lower() in taken:
        raise BadSpec(f"{name!r} is the name of a task that comes along; give another with --name")
    return name


def user_names() -> list[str]:
    """Names of the complete task folders, sorted. Folders that lack a file are no tasks."""
    return [path.name for path in _folders() if not _missing(path)]


def _folders() -> list[Path]:
    try:
        entries = sorted(user_tasks_dir().iterdir())
    except OSError:
        return []
    return [path for path in entries if NAME.fullmatch(path.name) and path.is_dir()]


def _missing(folder: Path) -> list[str]:
    return [file for file in FILES if not (folder / file).is_file()]


def user_spec(name: str) -> TaskSpec:
    """The spec of a user's task.

    Raises:
        BadSpec: `spec.yaml` can't be used; the message has the path of the wrong key.
    """
    path = user_tasks_dir() / name / "spec.yaml"
    try:
        text = read_document(path, MOST_YAML)
    except (OSError, Unreadable) as error:
        raise BadSpec(f"{path}: can't be read: {error}") from None
    try:
        tree = read_yaml(text)
    except Unreadable as error:
        raise BadSpec(f"{path}: no readable YAML: {str(error).removeprefix('not YAML: ')}") from None
    spec = spec_from(tree, str(path))
    if spec.name != name:
        raise BadSpec(f"{path}: name: expected {name!r} as the folder, got {spec.name!r}")
    return spec


def load_user(name: str) -> Task:
    """A user's task with its rows.

    Raises:
        BadSpec, BadTable: the spec or a table can't be used.
    """
    spec = user_spec(name)
    folder = user_tasks_dir() / name
    train, heldout = (rows_in(folder / f, spec) for f in FILES[1:])
    check_pair(spec, train, heldout, str(folder / "test.csv"))
    provenance = Provenance("user", str(folder), train.digest(), heldout.digest())
    return Task(spec, train, Sealed(heldout), provenance, Asked(heldout.X, heldout.group))


def write_user(
    spec: TaskSpec, train: Rows, heldout: Rows, made_from: str, sha256: str, force: bool = False
) -> Path:
    """Store a task as a folder that is complete or not there.

    Args:
        spec: its name is the folder's.
        made_from, sha256: name and hash of the table, for the reader of the spec.
        force: replace a folder of that name.

    Returns:
        The folder.

    Raises:
        BadSpec: the folder is there and `force` is not given.
        DataUnavailable: the folder can't be written.
    """
    texts = (spec_text(spec, made_from, sha256), rows_text(train, spec), rows_text(heldout, spec))
    target = user_tasks_dir() / spec.name
    if target.exists() and not force:
        raise BadSpec(f"{target} exists; give another --name, or --force to replace it")
    part = target.parent / f".part-{spec.name}-{secrets.token_hex(4)}"
    old = target.parent / f".old-{spec.name}-{secrets.token_hex(4)}"
    try:
        part.mkdir(parents=True)
        for file, text in zip(FILES, texts, strict=True):
            with open(part / file, "w", encoding="utf-8", newline="\n") as f:
                f.write(text)
                f.flush()
                os.fsync(f.fileno())
        if target.exists():
            os.replace(target, old)
        os.replace(part, target)
    except OSError as error:
        if old.exists() and not target.exists():
            os.replace(old, target)
        raise DataUnavailable(
            f"{target}: can't be written: {error.strerror or error}; set SLD_TASKS_DIR"
        ) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
    return target


def remove_user(name: str) -> Path:
    """Delete a user's task, complete or not.

    Raises:
        UnknownTask: there is no such folder.
        DataUnavailable: it can't be deleted.
    """
    folder = user_tasks_dir() / name
    if folder not in _folders():
        known = user_names()
        raise UnknownTask(
            f"no task of yours is named {name!r} under {user_tasks_dir()}; "
            + (f"yours are {', '.join(known)}" if known else "you have none")
        )
    gone = folder.parent / f".old-{name}-{secrets.token_hex(4)}"
    try:
        os.replace(folder, gone)
        shutil.rmtree(gone)
    except OSError as error:
        raise DataUnavailable(f"{folder}: can't be removed: {error.strerror or error}") from None
    return folder


def rows_text(rows: Rows, spec: TaskSpec) -> str:
    """CSV text of rows; numbers in the shortest form that reads back to the same bits."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    header = [*spec.feature_names, *spec.target_names]
    writer.writerow([*([spec.group] if spec.group else []), *header])
    for label, x, y in zip(rows.group.tolist(), rows.X.tolist(), rows.y.tolist(), strict=True):
        writer.writerow([*([label] if spec.group else []), *map(repr, x), *map(repr, y)])
    return out.getvalue()
