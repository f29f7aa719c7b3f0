"""The journal of a run: one append-only table in an SQLite file, one writer.

Resume, leaderboards and audits read it. A row is committed before the next candidate is asked
for, so a process killed at any moment loses at most the evaluations in flight. Program texts are
stored once, under their hash, and packed (`packing.py`). `export` writes everything as JSON lines; without times, two runs
of one seed export the same bytes. How the file is opened, checked and kept whole: `database.py`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, TextIO

from evaluator.outcome import Outcome, Scored
from harness.record.database import Database
from harness.record.facts import candidate_facts, candidate_of, dump, outcome_facts, outcome_of, storable
from harness.record.packing import entry_text, packed_entry
from harness.search.candidate import Candidate, program_hash
from harness.search.selection import validation_error
from tables.documents import brief, read_json

CHUNK = 500
"""Entries read at once: a journal of any length needs as much memory."""

RESULTS = "revealed"
"""The event that holds what the sealed room held; left out of exports, since a search's journal knows nothing of it."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How far a search is.

    Attributes:
        evaluations: ended, failures among them. best: error on validation folds; None before the first law.
    """

    evaluations: int
    failed: int
    best: float | None


class Line(NamedTuple):
    """An entry as its columns hold it, for those who show many and look into few.

    Attributes:
        error: on the validation folds; candidate to n_constants are None for events.
        times: JSON; stored: the payload, packed.
    """

    kind: str
    candidate: str | None
    status: str | None
    error: float | None
    n_constants: int | None
    times: str
    stored: str | bytes

    def facts(self) -> dict[str, Any]:
        """What the entry says.

        Raises:
            ValueError: no JSON object, or it can't be unpacked.
        """
        return _facts(entry_text(self.stored))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Journal(Database):
    """Open journal of one run; see `Database` for how it is opened."""

    def append(
        self,
        candidate: Candidate,
        outcome: Outcome,
        elapsed_s: float = 0.0,
        notes: dict[str, Any] | None = None,
    ) -> None:
        """Commit a finished evaluation.

        Args:
            elapsed_s: what the run has searched so far.
            notes: what else a proposer wants to find again.
        """
        text = storable(candidate.program)
        sha = program_hash(text)
        payload = {"candidate": candidate_facts(candidate), "outcome": outcome_facts(outcome)}
        if notes is not None:
            payload["notes"] = notes
        scored = isinstance(outcome, Scored)
        times = {"at": _now(), "elapsed_s": elapsed_s, "seconds": outcome.seconds}
        if scored:
            times |= {"cpu_seconds": outcome.cpu_seconds, "peak_memory_mb": outcome.peak_memory_mb}
        with self.together():
            known = self._db.execute("SELECT 1 FROM programs WHERE sha256 = ?", (sha,)).fetchone()
            if known is None:
                self._db.execute("INSERT INTO programs VALUES (?, ?)", (sha, self._packer.packed(sha, text)))
            self._write(
                (
                    "evaluation",
                    candidate.id,
                    sha,
                    "scored" if isinstance(outcome, Scored) else outcome.failure.value,
                    validation_error(outcome) if isinstance(outcome, Scored) else None,
                    outcome.n_constants if isinstance(outcome, Scored) else None,
                    packed_entry(dump(payload)),
                    dump(times),
                )
            )

    def record(
        self, event: str, facts: dict[str, Any] | None = None, elapsed_s: float = 0.0, **times: float
    ) -> None:
        """Commit an event: started, resumed, interrupted, finished, reveal, request, reply, ...

        Args:
            times: what depends on the clock, by name; left out of exports.
        """
        at = dump({"at": _now(), "elapsed_s": elapsed_s, **times})
        with self.together():
            self._write((event, None, None, None, None, None, dump(facts or {}), at))

    def _read(self, columns: str, where: str = "TRUE", texts: bool = True) -> Iterator[tuple[Any, ...]]:
        """Columns of the intact entries, payloads first and unpacked, in order, each with its program's text last.

        Args:
            texts: also the programs; "" in their place where they are not asked for.

        Raises:
            BadRun: the database can't be read any more.
        """
        table = "entries LEFT JOIN programs ON program = sha256" if texts else "entries"
        for stored, first, *row in self._stored(f"{'text' if texts else 'NULL'}, {columns}", where, table):
            text = self._packer.text(stored) if stored is not None else "" if not texts else None
            yield (entry_text(first), *row, text)

    def _stored(self, columns: str, where: str, table: str = "entries") -> Iterator[tuple[Any, ...]]:
        """Columns of the intact entries in order, as they are stored."""
        query = f"SELECT seq, {columns} FROM {table} WHERE seq > ? AND {where} ORDER BY seq LIMIT {CHUNK}"
        seq = -(2**63)
        while rows := self._db.execute(query, (seq,)).fetchall():
            for seq, *row in rows:
                if seq not in self._broken:
                    yield tuple(row)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Whatever reading what is stored raises says that it is no journal of ours: its hashes may fit all the same."""
        try:
            yield
        except (sqlite3.Error, ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
            raise self._unreadable(error) from error

    def entries(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Everything in order: (kind, facts); an evaluation has candidate, outcome and notes as values."""
        with self._reading():
            for payload, kind, times, text in self._read("payload, kind, times"):
                facts = _facts(payload)
                if kind == "evaluation":
                    facts = {
                        "candidate": candidate_of(facts["candidate"], text),
                        "outcome": outcome_of(facts["outcome"], _facts(times)),
                        "notes": facts.get("notes") or {},
                    }
                yield kind, facts

    def lines(self, after: int = 0) -> Iterator[Line]:
        """Everything in order, for those who only show it: nothing is unpacked before it is asked for.

        Args:
            after: so many entries are known already; of a journal that is whole.
        """
        columns = "kind, candidate, status, validation_error, n_constants, times, payload"
        with self._reading():
            yield from map(Line._make, self._stored(columns, f"seq > {after:d}"))

    def evaluations(self, texts: bool = True) -> Iterator[tuple[Candidate, Outcome]]:
        """Every finished evaluation, in the order in which the search was told.

        Args:
            texts: whether the candidates have their programs, see `program`, and the outcomes their seconds.
        """
        with self._reading():
            for payload, times, text in self._read("payload, times", "kind = 'evaluation'", texts):
                facts, spent = _facts(payload), _facts(times) if texts else {}
                yield candidate_of(facts["candidate"], text), outcome_of(facts["outcome"], spent)

    def counts(self) -> Counts:
        """How far the search is, without reading what was tried."""
        with self._reading():
            row = self._db.execute(
                "SELECT count(*), coalesce(sum(status != 'scored'), 0), min(validation_error) FROM entries WHERE kind = 'evaluation'"
            ).fetchone()
        return Counts(*row)

    def events(self, kind: str | None = None) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
        """(kind, facts, times) of the events, in order."""
        rows = self._read("payload, kind, times", "kind != 'evaluation'", texts=False)
        with self._reading():
            return [(k, _facts(p), _facts(t)) for p, k, t, _ in rows if kind is None or k == kind]

    def program(self, candidate: Candidate | str) -> str:
        """The program of a candidate that was read without, or of its id.

        Raises:
            BadRun: it is missing, or the database can't be read any more.
        """
        one = "SELECT text FROM programs JOIN entries ON program = sha256 WHERE candidate = ?"
        try:
            id = candidate if isinstance(candidate, str) else candidate.id
            (stored,) = self._db.execute(one, (id,)).fetchone()
            return self._packer.text(stored)
        except (sqlite3.Error, ValueError, TypeError) as error:
            raise self._unreadable(error) from error

    def seconds_spent(self) -> float:
        """Wall seconds this run has searched, over all its sessions, as of the last entry."""
        with self._reading():
            (most,) = self._db.execute(
                "SELECT max(json_extract(times, '$.elapsed_s')) FROM entries"
            ).fetchone()
            return float(most or 0.0)

    def seconds_scoring(self) -> float:
        """Wall seconds that the evaluations took, each on its own, over all sessions."""
        one = "SELECT total(json_extract(times, '$.seconds')) FROM entries WHERE kind = 'evaluation'"
        try:
            return float(self._db.execute(one).fetchone()[0])
        except sqlite3.Error as error:
            raise self._unreadable(error) from error

    def export(self, out: TextIO, times: bool = False) -> int:
        """Write meta, programs and entries as JSON lines, without what the sealed room held; returns the number of lines.

        Args:
            times: also what depends on the clock (when, seconds, memory).
        """
        n = 0
        with self._reading():
            for line in self._lines(times):
                out.write(dump(line) + "\n")
                n += 1
        return n

    def _lines(self, times: bool) -> Iterator[dict[str, Any]]:
        yield {"meta": self.meta()}
        used = self._read("payload, program", "program IS NOT NULL", texts=False)
        for sha in sorted({sha for _, sha, _ in used}):
            (stored,) = self._db.execute("SELECT text FROM programs WHERE sha256 = ?", (sha,)).fetchone()
            yield {"program": sha, "text": self._packer.text(stored)}
        columns = "payload, kind, program, status, validation_error, times"
        for payload, kind, sha, status, error, when, _ in self._read(columns, texts=False):
            if kind == RESULTS:
                continue
            line: dict[str, Any] = {"kind": kind, **_facts(payload)}
            if kind == "evaluation":
                line |= {"program": sha, "status": status, "validation_error": error}
            if times:
                line["times"] = _facts(when)
            yield line


def _facts(text: str) -> dict[str, Any]:
    """What an entry says.

    Raises:
        ValueError: no JSON object.
    """
    found = read_json(text)
    if not isinstance(found, dict):
        raise ValueError(f"expected an entry of keys and values, got {brief(found)}")
    return found
