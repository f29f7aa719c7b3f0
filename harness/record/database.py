"""The file of a journal: an SQLite database with one writer, whose rows hang on one another by hashes.

Whatever is wrong with it is one error that names it: no such file, damaged, full, of a later version. Rows hang on one
another by hashes (`chain.py`), which are checked whenever a file is opened; a file of an earlier version is brought up to
this one when it is next written to.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Self

from harness.errors import BadRun
from harness.record.chain import damaged_log, first_link, link
from harness.record.damage import COLUMNS, Sound, find_damage
from harness.record.facts import dump
from harness.record.packing import ProgramPacker
from tables.documents import read_json

VERSION = 3
"""1: without hashes; 2: no text is packed. What an earlier version wrote stays as it is when the journal is brought up."""

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE programs (sha256 TEXT PRIMARY KEY, text NOT NULL) WITHOUT ROWID;  -- text, or bytes where packed
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,             -- 'evaluation', or the name of an event
    candidate TEXT UNIQUE,          -- the rest is null for events
    program TEXT REFERENCES programs (sha256),
    status TEXT,                    -- 'scored' or the name of a failure
    validation_error REAL,
    n_constants INTEGER,
    payload NOT NULL,               -- JSON, packed where it is an evaluation's: lineage and outcome, or the event's facts
    times TEXT NOT NULL,            -- JSON: when, and seconds and memory used; left out of exports
    hash TEXT                       -- of this row and the hash before it
);
CREATE INDEX entries_error ON entries (validation_error);
"""

HEAD = (
    "CREATE TABLE head (id INTEGER PRIMARY KEY CHECK (id = 0), entries INTEGER NOT NULL, hash TEXT NOT NULL)"
)


_REFUSED = ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHM", "SQLITE_READONLY", "SQLITE_CANTOPEN")
"""Beginnings of the names of SQLite's errors when the machine, not the file, is at fault."""


class Database:
    """Open file of one journal.

    Args:
        path: the SQLite file.
        read_only: for leaderboards and exports beside a running writer.
        damaged: read what is intact of a damaged journal, and leave out what is not.
        known: how far an earlier look found it sound; from there on it is looked at alone.

    Attributes:
        damage: a line for everything that does not hold; empty unless `damaged`.
        sound: how far it is, for a later look; nothing where it is damaged.

    Raises:
        BadRun: no such file, not a journal, damaged, or written by a later version.
    """

    def __init__(
        self, path: Path, read_only: bool = False, damaged: bool = False, known: Sound | None = None
    ) -> None:
        self.path = path
        self.damage: list[str] = []
        self.sound = Sound()
        self._broken: set[int] = set()
        self._depth = 0
        if not path.exists():
            raise BadRun(f"{path}: no journal there. Give a run folder that holds journal.sqlite.")
        log = None if read_only and not damaged else damaged_log(path)
        uri = f"{path.resolve().as_uri()}?mode={'ro' if read_only else 'rw'}"
        if (
            read_only
            and not path.with_name(f"{path.name}-wal").exists()
            and not os.access(path.parent, os.W_OK)
        ):
            uri += "&immutable=1"  # SQLite would make a file beside it, which a read-only folder refuses
        try:
            self._db = sqlite3.connect(
                uri, uri=True, timeout=30.0, check_same_thread=False, isolation_level=None
            )
        except sqlite3.Error as error:
            raise self._unreadable(error) from error
        self._db.text_factory = _any_text
        try:
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version not in range(1, VERSION + 1):
                what = "was never finished being created" if version == 0 else f"has version {version}"
                raise BadRun(f"{path}: expected a journal of version {VERSION}, this one {what}")
            self._hashed = version > 1
            self._packer = ProgramPacker(self._base, self._bases)
            if not read_only:
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=NORMAL")
                if version < VERSION:
                    self._migrate()
            self._check(log, known)
            if self.damage and not damaged:
                raise BadRun(
                    f"{path}: damaged: {'; '.join(self.damage[:3])}{'; ...' if len(self.damage) > 3 else ''}. "
                    "Restore it from a copy, or save what is intact: harness verify RUN --save FILE"
                )
        except (sqlite3.Error, ValueError, TypeError) as error:  # names of its columns may be damaged too
            self._db.close()
            if not read_only and getattr(error, "sqlite_errorname", "").startswith(_REFUSED):
                raise _unwritable(path, error) from error
            raise self._unreadable(error) from error
        except BadRun:
            self._db.close()
            raise

    def _unreadable(self, error: Exception) -> BadRun:
        return _unreadable(self.path, error)

    def _check(self, log: str | None, known: Sound | None) -> None:
        """Follow the hashes from the settings to the head, and find each program under its own hash."""
        if log is not None:
            self.damage.append(log)
        if not self._hashed:
            return
        self._db.execute("BEGIN")  # rows and head of one moment, beside a writer
        try:
            self._db.text_factory = (
                str  # what SQLite decodes itself is there sooner; kept where all of it is text
            )
            found, self._broken, self.sound = find_damage(self._db, known)
        except (sqlite3.OperationalError, UnicodeError):
            self._db.text_factory = _any_text
            found, self._broken, self.sound = find_damage(self._db, known)
        finally:
            self._db.execute("COMMIT")
        self.damage += found

    def _base(self, head: str) -> str | bytes:
        """A program as stored, by the head of its hash."""
        found = self._db.execute("SELECT text FROM programs WHERE sha256 BETWEEN ? AND ?", (head, head + "g"))
        row = found.fetchone()
        if row is None:
            raise ValueError(f"program {head} is missing")
        stored: str | bytes = row[0]
        return stored

    def _bases(self) -> list[str]:
        alone = "SELECT substr(sha256, 1, 16) FROM programs WHERE typeof(text) = 'blob' AND substr(text, 5, 8) = zeroblob(8)"
        return [head for (head,) in self._db.execute(alone)]

    def _migrate(self) -> None:
        """Bring a journal of an earlier version up to this one: all of it, or nothing."""
        with self.together():
            if not self._hashed:
                self._add_hashes()
            self._db.execute(f"PRAGMA user_version={VERSION}")
        self._hashed = True

    def _add_hashes(self) -> None:
        self._db.execute("ALTER TABLE entries ADD COLUMN hash TEXT")
        self._db.execute(HEAD)
        before = first_link(self._db.execute("SELECT key, value FROM meta"))
        rows = self._db.execute(f"SELECT {COLUMNS} FROM entries ORDER BY seq").fetchall()
        for row in rows:
            before = link(before, row)
            self._db.execute("UPDATE entries SET hash = ? WHERE seq = ?", (before, row[0]))
        self._db.execute("INSERT INTO head VALUES (0, ?, ?)", (len(rows), before))

    @classmethod
    def create(cls, path: Path, meta: dict[str, Any]) -> Self:
        """A new journal with its settings, complete or not there at all.

        Raises:
            BadRun: the file exists, or can't be written.
        """
        if path.exists():
            raise BadRun(f"{path}: there is a journal already; resume it or choose another folder")
        half = path.with_suffix(".new")
        rows = [(k, dump(v)) for k, v in meta.items()]
        try:
            half.unlink(missing_ok=True)
            with closing(sqlite3.connect(half)) as db, db:
                db.executescript(SCHEMA)
                db.executemany("INSERT INTO meta VALUES (?, ?)", rows)
                db.execute(HEAD)
                db.execute("INSERT INTO head VALUES (0, 0, ?)", (first_link(rows),))
                db.execute(f"PRAGMA user_version={VERSION}")
            half.replace(path)
        except (OSError, sqlite3.Error) as error:
            raise _unwritable(path, error) from error
        return cls(path)

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is written inside is written all at once at the end, or not at all.

        Raises:
            BadRun: it can't be written. What was written before is whole.
        """
        try:
            if self._depth == 0:
                self._db.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                if self._depth == 1:
                    self._roll_back()
                raise
            else:
                if self._depth == 1:
                    self._db.execute("COMMIT")
            finally:
                self._depth -= 1
        except sqlite3.Error as error:
            if self._depth == 0:
                self._roll_back()
            raise _unwritable(self.path, error) from error

    def _roll_back(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
        self._packer = ProgramPacker(self._base, self._bases)  # it may know programs that are gone now

    def _write(self, row: tuple[Any, ...]) -> None:
        """Add a row behind the last one, and move the head there."""
        n, before = self._db.execute("SELECT entries, hash FROM head").fetchone()
        (seq,) = self._db.execute("SELECT coalesce(max(seq), 0) + 1 FROM entries").fetchone()
        row = (seq, *row)
        after = link(before, row)
        self._db.execute(f"INSERT INTO entries ({COLUMNS}, hash) VALUES (?,?,?,?,?,?,?,?,?,?)", (*row, after))
        self._db.execute("UPDATE head SET entries = ?, hash = ?", (n + 1, after))

    def whole(self) -> list[str]:
        """Everything that does not hold, the database's own structure included: slower than what opening checks."""
        try:
            said = [line for (line,) in self._db.execute("PRAGMA integrity_check(20)")]
        except sqlite3.Error as error:
            said = [str(error)]
        return self.damage + [f"the database: {' '.join(line.split())}" for line in said if line != "ok"]

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def copy(self, path: Path) -> None:
        """Write all of it to a new file, whoever else is reading or writing."""
        try:
            with closing(sqlite3.connect(path)) as other:
                self._db.backup(other)
        except sqlite3.Error as error:
            raise _unwritable(path, error) from error

    def meta(self) -> dict[str, Any]:
        """Settings the run was made with."""
        try:
            rows = self._db.execute("SELECT key, value FROM meta ORDER BY key").fetchall()
            return {k: read_json(v) for k, v in rows}
        except (sqlite3.Error, ValueError, TypeError) as error:
            raise self._unreadable(error) from error


def _any_text(data: bytes) -> str:
    """Bytes that are no text can still be hashed, and so be told from what was written."""
    return data.decode("utf-8", "surrogateescape")


def read_meta(path: Path) -> dict[str, Any]:
    """Settings of a run, without a look at whether the rest of its journal is whole: for lists of many runs.

    Raises:
        BadRun: no journal there, or an unreadable one.
    """
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=30.0)) as db:
            return {k: read_json(v) for k, v in db.execute("SELECT key, value FROM meta ORDER BY key")}
    except (sqlite3.Error, ValueError, TypeError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> BadRun:
    said = f"an entry lacks {error}" if isinstance(error, KeyError) else str(error)
    return BadRun(f"{path}: not a readable journal ({' '.join(said.split())[:200]}). Restore it from a copy.")


def _unwritable(path: Path, error: Exception) -> BadRun:
    return BadRun(
        f"{path}: can't be written ({error}); nothing that was written before is lost. Make room, or make the folder "
        "writable, and resume the run"
    )
