"""Where rows come from: a chain of sources, tried in order, each with its reason when it fails."""

from __future__ import annotations

import os
from pathlib import Path

from tasks import hub, nano
from tasks.errors import DataUnavailable
from tasks.official import is_official
from tasks.places import cache_dir
from tasks.rows import Rows, Sealed, Task
from tasks.spec import Provenance, TaskSpec
from tasks.tables import SUFFIXES, check_pair, rows_in

OFFICIAL = "official"
SOURCES = (nano.SOURCE, OFFICIAL)
"""What `--source` takes: our own measurements, or the benchmark's rows and nothing in their place."""
OFFLINE_WORDS = ("1", "true", "yes")


def offline_asked() -> bool:
    """Whether `SLD_OFFLINE` forbids the network."""
    return os.environ.get("SLD_OFFLINE", "").lower() in OFFLINE_WORDS


def load_official(spec: TaskSpec, data_dir: str | Path | None, offline: bool) -> Task:
    """Rows of a benchmark task from the first source that has them.

    Args:
        data_dir: folder given by the user, or one of `SOURCES`; nothing else is tried then.
        offline: leave the hub out.

    Raises:
        DataUnavailable: with every source tried and why it failed.
        BadTable: a source has the files, and they can't be used.
    """
    if data_dir == nano.SOURCE:
        return nano.load_nano(spec)
    if data_dir is not None and data_dir != OFFICIAL:
        found = _from_folder(spec, Path(data_dir).expanduser())
        if isinstance(found, Task):
            return found
        raise DataUnavailable(f"task {spec.name!r}: {found}")
    tried = []
    given = os.environ.get("SLD_DATA_DIR")
    if given:
        found = _from_folder(spec, Path(given).expanduser())
        if isinstance(found, Task):
            return found
        tried.append(f"SLD_DATA_DIR: {found}")
    else:
        tried.append("SLD_DATA_DIR: not set")
    pair = hub.cached(spec)
    if pair is not None:
        return _task(spec, *pair, "cache", str(cache_dir()))
    tried.append(f"cache {cache_dir()}: no rows that match")
    if offline:
        tried.append("hub: not asked, because SLD_OFFLINE is set or the command does without")
    else:
        try:
            return _task(spec, *hub.download(spec), "hub", hub.endpoint())
        except DataUnavailable as error:
            tried.append(f"hub: {error}")
    if data_dir is None:
        try:
            return nano.load_nano(spec)
        except DataUnavailable as error:
            tried.append(f"nano: {str(error).partition(': ')[2]}")
    raise DataUnavailable(
        f"task {spec.name!r}: no source has its rows: {'; '.join(tried)}. Give a folder that holds "
        f"{spec.official_name}/train.csv and test.csv with --data-dir or SLD_DATA_DIR"
    )


def _from_folder(spec: TaskSpec, root: Path) -> Task | str:
    """The task from a folder, or the reason why not."""
    if not root.is_dir():
        return f"{root} is not a folder"
    for place in (root / spec.official_name, root / spec.name, root):
        files = {
            s: [place / f"{s}{end}" for end in SUFFIXES if (place / f"{s}{end}").exists()] for s in hub.SPLITS
        }
        if place == root and root.name not in (spec.official_name, spec.name):
            continue
        if files["train"] and files["test"]:
            train, heldout = (rows_in(files[s][0], spec) for s in hub.SPLITS)
            return _task(spec, train, heldout, "folder", str(place))
        if files["train"] or files["test"]:
            return f"{place} holds only one of train and test"
    looked = f"{root / spec.official_name}, {root / spec.name}"
    return f"no train and test (.csv, .parquet and relatives) under {looked}"


def _task(spec: TaskSpec, train: Rows, heldout: Rows, kind: str, where: str) -> Task:
    check_pair(spec, train, heldout, where)
    official = is_official(spec.official_name, train, heldout)
    note = "" if official else "These rows differ from the benchmark's official ones."
    provenance = Provenance(kind, where, train.digest(), heldout.digest(), note=note, official=official)
    return Task(spec, train, Sealed(heldout), provenance)
