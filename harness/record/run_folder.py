"""One folder a run: config, journal, best program, summary. The edge that does file I/O."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

import yaml

from harness.config import Config, load_config
from harness.errors import BadRun
from harness.record.damage import Sound
from harness.record.journal import Journal
from harness.record.places import JOURNAL, LOCK, PROGRAM, SUMMARY
from tables.documents import read_document, read_json
from tables.errors import Unreadable


def write_atomically(path: Path, text: str) -> None:
    """Write so that a reader, or a kill at any moment, sees the old file or the new one."""
    write_bytes_atomically(path, text.encode("utf-8"))


def write_bytes_atomically(path: Path, data: bytes) -> None:
    """The same for what is no text.

    Raises:
        OSError: with the file's name, whatever the system refused; the old file is there as it was.
    """
    half = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with half.open("wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        half.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            half.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error


@dataclass(slots=True)
class RunFolder:
    """A run on disk.

    Attributes:
        path: the folder.
    """

    path: Path
    _lock: TextIO | None = None

    @classmethod
    def create(cls, root: Path, task: str, config: Config, name: str | None = None) -> RunFolder:
        """A new folder of that name, or one named after task, proposer, seed and the time."""
        stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
        base = name or f"{task}-{config.evolve.proposer}-s{config.evolve.seed}-{stamp}"
        for n in range(1000):
            path = root / (base if n == 0 else f"{base}-{n}")
            try:
                path.mkdir(parents=True)
            except FileExistsError:
                continue
            except OSError as error:
                raise BadRun(
                    f"{path}: can't make the run folder ({error}); choose another with --out"
                ) from error
            folder = cls(path)
            write_atomically(path / "config.yaml", yaml.safe_dump(config.as_dict(), sort_keys=False))
            return folder
        raise BadRun(
            f"{root / base}: a thousand runs of this name exist already; choose another folder with --out"
        )

    @classmethod
    def find(cls, name: str, root: Path) -> RunFolder:
        """A run by path, by its name under `root`, or `latest`."""
        if name == "latest":
            runs = sorted(root.glob(f"*/{JOURNAL}"), key=lambda p: p.stat().st_mtime)
            if not runs:
                raise BadRun(f"{root}: no run there to resume")
            return cls(runs[-1].parent)
        for path in (Path(name), root / name):
            if (path / JOURNAL).exists():
                return cls(path)
            if path.is_dir():
                raise BadRun(
                    f"{path}: expected a run folder with {JOURNAL}, found none; start a new run instead"
                )
        raise BadRun(f"no run {name!r}: looked at {Path(name)} and {root / name}")

    @property
    def journal_path(self) -> Path:
        return self.path / JOURNAL

    def config(self) -> Config:
        return load_config(self.path / "config.yaml")

    def lock(self) -> None:
        """Hold the run for this process; the lock goes with the process, however it ends.

        Raises:
            BadRun: another process is at work in this folder.
        """
        try:
            self._lock = (self.path / LOCK).open("w")
        except OSError as error:
            raise BadRun(
                f"{self.path}: can't be written to ({error.strerror}); make it writable, or copy it"
            ) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            self._lock = None
            raise BadRun(
                f"{self.path}: another process is working on this run; wait for it or stop it"
            ) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run for a while; see `lock`."""
        self.lock()
        try:
            yield
        finally:
            self.unlock()

    def unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def journal(self, read_only: bool = False, damaged: bool = False, known: Sound | None = None) -> Journal:
        return Journal(self.journal_path, read_only, damaged, known)

    def write_seeds(self, programs: list[str]) -> None:
        """Keep the seed programs with the run, so that a resume begins with the same."""
        (self.path / "seeds").mkdir(exist_ok=True)
        for i, text in enumerate(programs):
            write_atomically(self.path / "seeds" / f"{i:02d}.py", text)

    def seeds(self) -> list[str]:
        return [self._text(p) for p in sorted((self.path / "seeds").glob("*.py"))]

    def write_program(self, text: str) -> None:
        write_atomically(self.path / PROGRAM, text)

    def program(self) -> str:
        """The winner's text."""
        return self._text(self.path / PROGRAM)

    @staticmethod
    def _text(path: Path) -> str:
        try:
            return read_document(path)
        except (OSError, Unreadable) as error:
            raise BadRun(f"{path}: can't be read ({error})") from error

    def write_summary(self, summary: dict[str, Any]) -> None:
        write_atomically(self.path / SUMMARY, json.dumps(summary, indent=2) + "\n")

    def summary(self) -> dict[str, Any] | None:
        """The final summary, or None while the run has none."""
        path = self.path / SUMMARY
        if not path.exists():
            return None
        try:
            found = read_json(read_document(path))
        except (OSError, Unreadable) as error:
            raise BadRun(f"{path}: not readable as JSON ({error}); delete it and resume the run") from error
        if not isinstance(found, dict):
            raise BadRun(f"{path}: not the summary of a run; delete it and resume the run")
        return found


def all_runs(root: Path) -> list[RunFolder]:
    """Every run folder under `root`, oldest name first."""
    return [RunFolder(p.parent) for p in sorted(root.glob(f"*/{JOURNAL}"))]
