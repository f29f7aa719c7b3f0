"""What does not hold in an open journal: entries whose hash does not fit, programs that are not as they were written."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

from harness.record.chain import broken_links, first_link, text_hash
from harness.record.packing import base_of, intact

COLUMNS = "seq, kind, candidate, program, status, validation_error, n_constants, payload, times"
"""Of an entry, in the order in which they are hashed."""


@dataclass(frozen=True, slots=True)
class Sound:
    """How far a journal was found whole, for a later look at the same file.

    Attributes:
        entries, seq: how many, and the number of the last one.
        hash: of the last one.
        bases: heads of the hashes of the programs that others are packed by.
        since: so many entries were found sound by an earlier look alone.
    """

    entries: int = 0
    seq: int = -(2**63)
    hash: str = ""
    bases: frozenset[str] = frozenset()
    since: int = 0


def find_damage(db: sqlite3.Connection, known: Sound | None = None) -> tuple[list[str], set[int], Sound]:
    """A line for everything that does not hold, the numbers of the entries that can't be used, and how far all is sound.

    Args:
        db: inside a transaction, so that rows and head are of one moment.
        known: of an earlier look; what is behind it is looked at alone, where it leads up to there.
    """
    damage: list[str] = []
    known = known if known and _leads_to(db, known) else Sound()
    head = db.execute("SELECT entries, hash FROM head").fetchone() or (0, "")
    first = known.hash or first_link(db.execute("SELECT key, value FROM meta"))
    rows = db.execute(f"SELECT {COLUMNS}, hash FROM entries WHERE seq > ? ORDER BY seq", (known.seq,))
    places, last, n = broken_links(first, ((row[-1], row[:-1]) for row in rows))
    broken = set()
    for place in (known.entries + k for k in places):
        one = "SELECT seq, kind, candidate FROM entries ORDER BY seq LIMIT 1 OFFSET ?"
        seq, kind, candidate = db.execute(one, (place,)).fetchone()
        name = f"{kind!r}" + (f" of candidate {candidate!r}" if candidate else "")
        which = "the settings, or entry" if place == 0 else "entry"
        damage.append(f"{which} {seq} ({name[:80]}): its hash does not fit")
        broken.add(seq)
    bad, bases = _bad_programs(db, known)
    if bad:
        used = set()
        for seq, candidate, sha in db.execute("SELECT seq, candidate, program FROM entries ORDER BY seq"):
            if sha in bad:
                used.add(sha)
                damage.append(f"entry {seq} (candidate {candidate}): its program's text is damaged")
                broken.add(seq)
        damage += [f"program {sha[:12]}: its text is damaged" for sha in sorted(map(str, bad - used))]
    n += known.entries
    if (n, last) != head:
        damage.append(f"it ends after {n} entries, and should after {head[0]}, or its head is damaged")
    (seq,) = db.execute("SELECT max(seq) FROM entries").fetchone()
    return damage, broken, Sound(n, seq, last, bases, known.entries) if n and not damage else Sound()


def _leads_to(db: sqlite3.Connection, known: Sound) -> bool:
    return db.execute("SELECT hash FROM entries WHERE seq = ?", (known.seq,)).fetchone() == (known.hash,)


def _bad_programs(db: sqlite3.Connection, known: Sound) -> tuple[set[Any], frozenset[str]]:
    """Hashes of programs that are missing, not as they were written, or packed by one of these; heads of all bases."""
    bad, packed_by = set(), {}
    new = "WHERE sha256 IN (SELECT program FROM entries WHERE seq > ?)" if known.entries else ""
    for sha, stored in db.execute(f"SELECT sha256, text FROM programs {new}", (known.seq,) if new else ()):
        if isinstance(stored, bytes):
            packed_by[sha] = base_of(stored)
            sound = intact(str(sha), stored)
        else:
            sound = text_hash(stored) == sha
        if not sound:
            bad.add(sha)
    bases = {str(sha)[:16] for sha, base in packed_by.items() if base is None} - {
        str(sha)[:16] for sha in bad
    } | known.bases
    bad |= {sha for sha, base in packed_by.items() if base is not None and base not in bases}
    named = (
        "SELECT program FROM entries WHERE seq > ? AND program IS NOT NULL "
        "AND NOT EXISTS (SELECT 1 FROM programs WHERE sha256 = program)"
    )
    return bad | {sha for (sha,) in db.execute(named, (known.seq,))}, frozenset(bases)
