"""The benchmark's rows from the public hub: Parquet, cached, checked against pinned digests.

Files are `{endpoint}/datasets/pkuHaowei/sldbench/resolve/{revision}/{config}/{split}-00000-of-00001.parquet`.
The revision names a place; what the rows must be is pinned in `tasks/official.py`, and rows that differ
are refused wherever they come from. Cached files are checked at every load.
"""

from __future__ import annotations

import http.client
import os
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path

from tables import TableError, read_bytes
from tasks.errors import BadTable, DataUnavailable
from tasks.official import DATASET, REVISION, is_official
from tasks.places import cache_dir
from tasks.rows import Rows
from tasks.spec import TaskSpec
from tasks.tables import rows_of

SPLITS = ("train", "test")
CONNECT_S = 4.0
"""No byte for this long counts as no answer."""
TOTAL_S = 30.0
"""One file, retries and all, takes at most this."""
TRIES = 3
MAX_BYTES = 64 * 2**20
PAUSE_S = 0.5

_unreachable: set[str] = set()
"""Endpoints that gave no answer in this process; asked once, not once a task."""


def endpoint() -> str:
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")


def url(spec: TaskSpec, split: str) -> str:
    return f"{endpoint()}/datasets/{DATASET}/resolve/{REVISION}/{spec.official_name}/{split}-00000-of-00001.parquet"


def cached(spec: TaskSpec) -> tuple[Rows, Rows] | None:
    """Rows from the cache, or None where it lacks them or holds something else than the official rows."""
    try:
        train, heldout = (
            _parse((_folder(spec) / f"{s}.parquet").read_bytes(), spec, "cache") for s in SPLITS
        )
    except (OSError, BadTable):
        return None
    return (train, heldout) if is_official(spec.official_name, train, heldout) else None


def download(spec: TaskSpec) -> tuple[Rows, Rows]:
    """Fetch, check, cache.

    Raises:
        DataUnavailable: no answer, an error, or rows that are not the official ones; nothing is cached.
    """
    where = endpoint()
    if where in _unreachable:
        raise DataUnavailable(f"{where} gave no answer a moment ago")
    bodies = {split: _fetch(url(spec, split)) for split in SPLITS}
    try:
        train, heldout = (_parse(bodies[s], spec, url(spec, s)) for s in SPLITS)
    except BadTable as error:
        raise DataUnavailable(f"{where} sent what can't be used: {error}") from error
    if not is_official(spec.official_name, train, heldout):
        raise DataUnavailable(
            f"{where} sent rows that are not the pinned ones (train {train.digest()}, "
            f"held-out {heldout.digest()}); they were thrown away"
        )
    for split, body in bodies.items():
        _store(_folder(spec) / f"{split}.parquet", body)
    return train, heldout


def _folder(spec: TaskSpec) -> Path:
    return cache_dir() / "sldbench" / spec.official_name


def _parse(body: bytes, spec: TaskSpec, where: str) -> Rows:
    try:
        return rows_of(read_bytes(body, where), spec)
    except TableError as error:
        raise BadTable(str(error)) from error


def _fetch(address: str) -> bytes:
    deadline = time.monotonic() + TOTAL_S
    problem = "no try was made"
    for attempt in range(TRIES):
        if attempt:
            time.sleep(min(PAUSE_S * 2**attempt, max(0.0, deadline - time.monotonic())))
        try:
            return _get(address, deadline)
        except urllib.error.HTTPError as error:
            problem = f"HTTP {error.code}"
            error.close()
            if error.code not in (408, 429, 500, 502, 503, 504):
                break
        except (TimeoutError, socket.gaierror, ConnectionRefusedError, urllib.error.URLError) as error:
            reason = getattr(error, "reason", error)
            problem = f"no answer ({reason})"
            if _is_absence(reason):
                _unreachable.add(endpoint())
                break
        except (http.client.HTTPException, OSError) as error:
            problem = f"broken transfer ({error!r})"
        if time.monotonic() >= deadline:
            problem += f", given up after {TOTAL_S:.0f} s"
            break
    raise DataUnavailable(f"{address}: {problem}")


def _is_absence(reason: object) -> bool:
    """Whether there is nobody to ask again, as on a machine without a network."""
    return isinstance(reason, socket.gaierror | ConnectionRefusedError | TimeoutError) or (
        isinstance(reason, OSError) and reason.errno in (101, 113)  # network or host unreachable
    )


def _get(address: str, deadline: float) -> bytes:
    request = urllib.request.Request(address, headers={"User-Agent": "scaling-law-harness"})
    with urllib.request.urlopen(request, timeout=CONNECT_S) as answer:
        promised = answer.headers.get("Content-Length")
        parts: list[bytes] = []
        size = 0
        while True:
            if time.monotonic() > deadline:
                raise TimeoutError(f"more than {TOTAL_S:.0f} s")
            part = answer.read1(1 << 16)
            if not part:
                break
            parts.append(part)
            size += len(part)
            if size > MAX_BYTES:
                raise http.client.HTTPException(f"more than {MAX_BYTES} bytes")
        if promised is not None and size != int(promised):
            raise http.client.IncompleteRead(b"", int(promised) - size)
        return b"".join(parts)


def _store(path: Path, body: bytes) -> None:
    """Write so that a reader sees the whole file or none; a cache that can't be written is no failure."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_name(f".{path.name}.{os.getpid()}.new")
        half.write_bytes(body)
        half.replace(path)
    except OSError:
        return
