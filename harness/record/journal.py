"""The journal of a run: one append-only table in an SQLite file, one writer.

Resume, leaderboards and audits read it. A row is committed before the next candidate is asked
for, so a process killed at any moment loses at most the evaluations in flight. Program texts are
stored once, under their hash. `export` writes everything as JSON lines; without times, two runs
of one seed export the same bytes.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from evaluator.outcome import Failed, Failure, Outcome, Scorecard, Scored
from harness.errors import BadRun
from harness.search.candidate import Candidate, Draft, program_hash
from harness.search.selection import validation_error

VERSION = 1

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE programs (sha256 TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,             -- 'evaluation', or the name of an event
    candidate TEXT UNIQUE,          -- the rest is null for events
    program TEXT REFERENCES programs (sha256),
    status TEXT,                    -- 'scored' or the name of a failure
    validation_error REAL,
    n_constants INTEGER,
    payload TEXT NOT NULL,          -- JSON: lineage and outcome, or the event's facts
    times TEXT NOT NULL             -- JSON: when, and seconds and memory used; left out of exports
);
CREATE INDEX entries_error ON entries (validation_error);
"""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Journal:
    """Open journal of one run.

    Args:
        path: the SQLite file.
        read_only: for leaderboards and exports beside a running writer.

    Raises:
        BadRun: no such file, not a journal, or written by a later version.
    """

    def __init__(self, path: Path, read_only: bool = False) -> None:
        self.path = path
        if not path.exists():
            raise BadRun(f"{path}: no journal there. Give a run folder that holds journal.sqlite.")
        uri = f"{path.resolve().as_uri()}?mode={'ro' if read_only else 'rw'}"
        self._db = sqlite3.connect(uri, uri=True, timeout=30.0, check_same_thread=False)
        try:
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if not read_only:
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=NORMAL")
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise BadRun(f"{path}: not a readable journal ({error}). Restore it from a copy.") from error
        if version != VERSION:
            self._db.close()
            what = "was never finished being created" if version == 0 else f"has version {version}"
            raise BadRun(f"{path}: expected a journal of version {VERSION}, this one {what}")

    @classmethod
    def create(cls, path: Path, meta: dict[str, Any]) -> Journal:
        """A new journal with its settings, complete or not there at all.

        Raises:
            BadRun: the file exists.
        """
        if path.exists():
            raise BadRun(f"{path}: there is a journal already; resume it or choose another folder")
        half = path.with_suffix(".new")
        half.unlink(missing_ok=True)
        db = sqlite3.connect(half)
        with db:
            db.executescript(SCHEMA)
            db.executemany("INSERT INTO meta VALUES (?, ?)", [(k, _dump(v)) for k, v in meta.items()])
            db.execute(f"PRAGMA user_version={VERSION}")
        db.close()
        half.replace(path)
        return cls(path)

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def copy(self, path: Path) -> None:
        """Write all of it to a new file, whoever else is reading or writing."""
        with closing(sqlite3.connect(path)) as other:
            self._db.backup(other)

    def meta(self) -> dict[str, Any]:
        """Settings the run was made with."""
        return {k: json.loads(v) for k, v in self._db.execute("SELECT key, value FROM meta ORDER BY key")}

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
        sha = program_hash(candidate.program)
        payload = {"candidate": _candidate_facts(candidate), "outcome": _outcome_facts(outcome)}
        if notes is not None:
            payload["notes"] = notes
        scored = isinstance(outcome, Scored)
        times = {"at": _now(), "elapsed_s": elapsed_s, "seconds": outcome.seconds}
        if scored:
            times |= {"cpu_seconds": outcome.cpu_seconds, "peak_memory_mb": outcome.peak_memory_mb}
        with self._db:
            self._db.execute("INSERT OR IGNORE INTO programs VALUES (?, ?)", (sha, candidate.program))
            self._db.execute(
                "INSERT INTO entries (kind, candidate, program, status, validation_error, n_constants, payload, times)"
                " VALUES ('evaluation', ?, ?, ?, ?, ?, ?, ?)",
                (
                    candidate.id,
                    sha,
                    "scored" if scored else outcome.failure.value,
                    validation_error(outcome) if scored else None,
                    outcome.n_constants if scored else None,
                    _dump(payload),
                    _dump(times),
                ),
            )

    def record(
        self, event: str, facts: dict[str, Any] | None = None, elapsed_s: float = 0.0, **times: float
    ) -> None:
        """Commit an event: started, resumed, interrupted, finished, reveal, request, reply, ...

        Args:
            times: what depends on the clock, by name; left out of exports.
        """
        with self._db:
            self._db.execute(
                "INSERT INTO entries (kind, payload, times) VALUES (?, ?, ?)",
                (event, _dump(facts or {}), _dump({"at": _now(), "elapsed_s": elapsed_s, **times})),
            )

    def entries(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Everything in order: (kind, facts); an evaluation has candidate, outcome and notes as values."""
        rows = self._db.execute(
            "SELECT kind, payload, times, text FROM entries LEFT JOIN programs ON program = sha256 ORDER BY seq"
        )
        for kind, payload, times, text in rows.fetchall():
            facts = json.loads(payload)
            if kind == "evaluation":
                facts = {
                    "candidate": _candidate(facts["candidate"], text),
                    "outcome": _outcome(facts["outcome"], json.loads(times)),
                    "notes": facts.get("notes") or {},
                }
            yield kind, facts

    def evaluations(self) -> Iterator[tuple[Candidate, Outcome]]:
        """Every finished evaluation, in the order in which the search was told."""
        rows = self._db.execute(
            "SELECT payload, times, text FROM entries JOIN programs ON program = sha256"
            " WHERE kind = 'evaluation' ORDER BY seq"
        )
        for payload, times, text in rows:
            facts = json.loads(payload)
            yield _candidate(facts["candidate"], text), _outcome(facts["outcome"], json.loads(times))

    def events(self, kind: str | None = None) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
        """(kind, facts, times) of the events, in order."""
        rows = self._db.execute(
            "SELECT kind, payload, times FROM entries WHERE kind != 'evaluation' ORDER BY seq"
        )
        return [(k, json.loads(p), json.loads(t)) for k, p, t in rows if kind is None or k == kind]

    def seconds_spent(self) -> float:
        """Wall seconds this run has searched, over all its sessions, as of the last entry."""
        rows = self._db.execute("SELECT times FROM entries")
        return max((json.loads(t).get("elapsed_s", 0.0) for (t,) in rows), default=0.0)

    def export(self, out: TextIO, times: bool = False) -> int:
        """Write meta, programs and entries as JSON lines; returns the number of lines.

        Args:
            times: also what depends on the clock (when, seconds, memory).
        """
        lines: list[dict[str, Any]] = [{"meta": self.meta()}]
        for sha, text in self._db.execute("SELECT sha256, text FROM programs ORDER BY sha256"):
            lines.append({"program": sha, "text": text})
        query = "SELECT kind, program, status, validation_error, payload, times FROM entries ORDER BY seq"
        for kind, sha, status, error, payload, when in self._db.execute(query):
            line: dict[str, Any] = {"kind": kind, **json.loads(payload)}
            if kind == "evaluation":
                line |= {"program": sha, "status": status, "validation_error": error}
            if times:
                line["times"] = json.loads(when)
            lines.append(line)
        for line in lines:
            out.write(_dump(line) + "\n")
        return len(lines)


def _dump(value: Any) -> str:
    return json.dumps(
        _plain(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )


def _plain(value: Any) -> Any:
    """JSON has no NaN or infinity: they travel as strings that float() reads back."""
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value


def _candidate_facts(c: Candidate) -> dict[str, Any]:
    d = c.draft
    return {
        "id": c.id,
        "parent": c.parent,
        "mate": c.mate,
        "niche": c.niche,
        "generation": c.generation,
        "proposer": c.proposer,
        "draft": {
            "key": d.key,
            "law": d.law,
            "shape": d.shape,
            "edit": d.edit,
            "constants": list(d.constants),
        },
    }


def _candidate(facts: dict[str, Any], program: str) -> Candidate:
    facts = dict(facts)
    d = dict(facts.pop("draft"))
    d["constants"] = tuple(d["constants"])
    if "island" in facts:  # the name in journals of version 0.1
        facts["niche"] = facts.pop("island")
    return Candidate(program=program, draft=Draft(program=program, **d), **facts)


def _outcome_facts(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Failed):
        return {"failure": outcome.failure.value, "detail": outcome.detail, "traceback": outcome.traceback}
    return {
        "cards": {name: asdict(card) for name, card in outcome.cards.items()},
        "constants": {k: list(v) for k, v in outcome.constants.items()},
        "n_constants": outcome.n_constants,
    }


def outcome_text(outcome: Outcome) -> str:
    """An outcome without times as the journal writes it, to compare two of them: NaN is not equal to itself."""
    return _dump(_outcome_facts(outcome))


def _outcome(facts: dict[str, Any], times: dict[str, Any]) -> Outcome:
    if "failure" in facts:
        return Failed(
            Failure(facts["failure"]), facts["detail"], facts["traceback"], times.get("seconds", 0.0)
        )
    return Scored(
        {name: card_of(card) for name, card in facts["cards"].items()},
        {k: tuple(map(float, v)) for k, v in facts["constants"].items()},
        facts["n_constants"],
        times.get("seconds", 0.0),
        times.get("cpu_seconds", 0.0),
        times.get("peak_memory_mb", 0.0),
    )


def card_of(facts: dict[str, Any]) -> Scorecard:
    """A scorecard from its JSON form."""
    numbers = {k: float(facts[k]) for k in ("nmse", "r2", "nmae", "mae")}
    groups = {name: card_of(card) for name, card in facts.get("per_group", {}).items()}
    log_error = facts.get("log_error")
    numbers["log_error"] = math.nan if log_error is None else float(log_error)
    return Scorecard(n_rows=int(facts["n_rows"]), per_group=groups, **numbers)
