"""A corpus: many tables of scaling experiments in one folder, each with a description of its own.

    <folder>/<name>/table.yaml    features, targets, group, direction of extrapolation, source
    <folder>/<name>/rows.csv      group if any, features, targets, `split` = train or heldout

The choice of laws is developed on a corpus, source by source left out. Its held-out rows are no benchmark.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from tables import Table, TableError, read_table
from tables.documents import MOST_YAML, read_document, read_yaml
from tables.errors import Unreadable
from tasks.errors import BadSpec, BadTable, DataUnavailable
from tasks.rows import Asked, Rows, Sealed, Task
from tasks.spec import Column, Provenance, TaskSpec
from tasks.tables import check_pair, rows_of

FOLDER_VARIABLE = "SLD_CORPUS_DIR"
KEYS = ("name", "features", "targets", "extrapolate_axes", "source")


def corpus_dir(given: str | Path | None = None) -> Path | None:
    """The folder given, or that of `SLD_CORPUS_DIR`; None where neither is."""
    named = given if given is not None else os.environ.get(FOLDER_VARIABLE) or None
    return None if named is None else Path(named).expanduser()


def corpus_names(given: str | Path | None = None) -> list[str]:
    """Names of the tables of a corpus, sorted; empty without a folder."""
    folder = corpus_dir(given)
    if folder is None or not folder.is_dir():
        return []
    return sorted(p.parent.name for p in folder.glob("*/table.yaml") if (p.parent / "rows.csv").is_file())


def need_corpus(given: str | Path | None = None) -> list[str]:
    """Names of the tables of a corpus.

    Raises:
        DataUnavailable: no folder, or no table in it.
    """
    found = corpus_names(given)
    if not found:
        folder = corpus_dir(given)
        where = (
            f"{folder}: expected folders with table.yaml and rows.csv, got none" if folder else "no folder"
        )
        raise DataUnavailable(f"corpus: {where}; name one with --data-dir or {FOLDER_VARIABLE}")
    return found


def corpus_source(name: str, given: str | Path | None = None) -> str:
    """Repository that a table comes from: tables of one source share habits and are left out together."""
    path, tree = _tree(name, given)
    source = tree["source"]
    repository = source.get("repository") if isinstance(source, dict) else source
    if not isinstance(repository, str):
        raise BadSpec(f"{path}: source.repository: expected text, got {repository!r}")
    return repository


def corpus_spec(name: str, given: str | Path | None = None) -> TaskSpec:
    """The question a table asks.

    Raises:
        BadSpec: `table.yaml` can't be used.
    """
    path, tree = _tree(name, given)
    features = _columns(tree["features"], f"{path}: features")
    return TaskSpec(
        name=name,
        title=f"{tree.get('field') or 'corpus'}: {name.replace('_', ' ')}",
        features=features,
        targets=_columns(tree["targets"], f"{path}: targets"),
        group="group" if tree.get("group") else None,
        extrapolate=_axes(tree["extrapolate_axes"], {c.name for c in features}, f"{path}: extrapolate_axes"),
        corner=bool(tree.get("corner", False)),
        split_rule=str(tree.get("split_rule", "")),
        lower_is_better="rises" not in str(tree.get("direction", "")).split(" ")[:1],
        paper=str(tree.get("paper", "")),
    )


def load_corpus(name: str, given: str | Path | None = None) -> Task:
    """A table with its rows, held-out ones sealed; the features of the rows to predict are declared.

    Raises:
        BadSpec, BadTable: a file can't be used.
    """
    spec = corpus_spec(name, given)
    path = _folder(given) / name / "rows.csv"
    table, kinds = _split(path)
    strange = sorted(set(kinds.tolist()) - {"train", "heldout"})
    if strange:
        raise BadTable(f"{path}: split: expected train or heldout, got {strange[0]!r}")
    rows = rows_of(table, spec)
    train, heldout = (rows.take(np.flatnonzero(kinds == k)) for k in ("train", "heldout"))
    check_pair(spec, train, heldout, str(path))
    provenance = Provenance("corpus", str(path), train.digest(), heldout.digest())
    return Task(spec, train, Sealed(heldout), provenance, Asked(heldout.X, heldout.group))


def read_rows(name: str, given: str | Path | None = None) -> tuple[Rows, Rows]:
    """Training and held-out rows in the open, for developing the choice of laws on tables that are no benchmark."""
    spec = corpus_spec(name, given)
    path = _folder(given) / name / "rows.csv"
    table, kinds = _split(path)
    rows = rows_of(table, spec)
    return rows.take(np.flatnonzero(kinds == "train")), rows.take(np.flatnonzero(kinds == "heldout"))


def _split(path: Path) -> tuple[Table, np.ndarray]:
    """The table, and the word of its column `split` for each row."""
    try:
        table = read_table(path)
        return table, np.array([label or "" for label in table.labels("split")])
    except TableError as error:
        raise BadTable(str(error)) from error


def _folder(given: str | Path | None) -> Path:
    folder = corpus_dir(given)
    if folder is None:
        raise DataUnavailable(f"corpus: no folder; name one with --data-dir or {FOLDER_VARIABLE}")
    return folder


def _tree(name: str, given: str | Path | None) -> tuple[Path, dict[str, Any]]:
    path = _folder(given) / name / "table.yaml"
    try:
        text = read_document(path, MOST_YAML)
    except (OSError, Unreadable) as error:
        raise BadSpec(f"{path}: can't be read: {error}") from None
    try:
        tree = read_yaml(text)
    except Unreadable as error:
        raise BadSpec(f"{path}: no readable YAML: {str(error).removeprefix('not YAML: ')}") from None
    if not isinstance(tree, dict):
        raise BadSpec(f"{path}: expected keys with values, got {type(tree).__name__}")
    missing = [key for key in KEYS if key not in tree]
    if missing:
        raise BadSpec(f"{path}: {missing[0]}: expected this key, it is missing")
    return path, tree


def _columns(tree: Any, where: str) -> tuple[Column, ...]:
    if not isinstance(tree, dict) or not tree:
        raise BadSpec(f"{where}: expected names with meanings, got {tree!r}")
    return tuple(Column(str(name), "1", str(meaning)) for name, meaning in tree.items())


def _axes(tree: Any, known: set[str], where: str) -> tuple[str, ...]:
    """Features of the axes; a product such as `params*tokens` stands for its features."""
    if not isinstance(tree, list):
        raise BadSpec(f"{where}: expected a list of features or products of them, got {tree!r}")
    axes: list[str] = []
    for item in map(str, tree):
        axes += [item] if item in known else item.split("*")
    strange = [a for a in axes if a not in known]
    if strange:
        raise BadSpec(f"{where}: {strange[0]!r} is not a feature; features are {', '.join(sorted(known))}")
    return tuple(dict.fromkeys(axes))
