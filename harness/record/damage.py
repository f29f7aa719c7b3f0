"""What does not hold in an open journal: entries whose hash does not fit, programs that are not as they were written."""

from __future__ import annotations

import sqlite3
from typing import Any

from harness.record.chain import broken_links, first_link, text_hash
from harness.record.packing import base_of, intact

COLUMNS = "seq, kind, candidate, program, status, validation_error, n_constants, payload, times"
"""Of an entry, in the order in which they are hashed."""


def find_damage(db: sqlite3.Connection) -> tuple[list[str], set[int]]:
    """A line for everything that does not hold, and the numbers of the entries that can't be used.

    Args:
        db: inside a transaction, so that rows and head are of one moment.
    """
    damage: list[str] = []
    head = db.execute("SELECT entries, hash FROM head").fetchone() or (0, "")
    first = first_link(db.execute("SELECT key, value FROM meta"))
    rows = db.execute(f"SELECT {COLUMNS}, hash FROM entries ORDER BY seq")
    places, last, n = broken_links(first, ((row[-1], row[:-1]) for row in rows))
    broken = set()
    for place in places:
        one = "SELECT seq, kind, candidate FROM entries ORDER BY seq LIMIT 1 OFFSET ?"
        seq, kind, candidate = db.execute(one, (place,)).fetchone()
        name = f"{kind!r}" + (f" of candidate {candidate!r}" if candidate else "")
        which = "the settings, or entry" if place == 0 else "entry"
        damage.append(f"{which} {seq} ({name[:80]}): its hash does not fit")
        broken.add(seq)
    bad = _bad_programs(db)
    if bad:
        used = set()
        for seq, candidate, sha in db.execute("SELECT seq, candidate, program FROM entries ORDER BY seq"):
            if sha in bad:
                used.add(sha)
                damage.append(f"entry {seq} (candidate {candidate}): its program's text is damaged")
                broken.add(seq)
        damage += [f"program {sha[:12]}: its text is damaged" for sha in sorted(map(str, bad - used))]
    if (n, last) != head:
        damage.append(f"it ends after {n} entries, and should after {head[0]}, or its head is damaged")
    return damage, broken


def _bad_programs(db: sqlite3.Connection) -> set[Any]:
    """Hashes of programs that are missing, not as they were written, or packed by one of these."""
    bad, packed_by = set(), {}
    for sha, stored in db.execute("SELECT sha256, text FROM programs"):
        if isinstance(stored, bytes):
            packed_by[sha] = base_of(stored)
            sound = intact(str(sha), stored)
        else:
            sound = text_hash(stored) == sha
        if not sound:
            bad.add(sha)
    bases = {str(sha)[:16] for sha, base in packed_by.items() if base is None} - {
        str(sha)[:16] for sha in bad
    }
    bad |= {sha for sha, base in packed_by.items() if base is not None and base not in bases}
    named = "SELECT program FROM entries WHERE program IS NOT NULL EXCEPT SELECT sha256 FROM programs"
    return bad | {sha for (sha,) in db.execute(named)}
