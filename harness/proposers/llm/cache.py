"""Answers identical requests of later runs at no cost: one SQLite file.

The key is all that decides a reply: model, place, messages, parameters, and how often this run has
already asked the same, so that a run which wants two samples of one prompt gets two.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.errors import BadRun
from harness.proposers.llm.reply import Reply


def request_key(place: str, model: str, messages: list[dict[str, str]], parameters: dict[str, Any]) -> str:
    """Digest of a request."""
    text = json.dumps([place, model, messages, parameters], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", errors="replace")).hexdigest()


class Cache:
    """Replies by request.

    Args:
        path: the file; made where it is not there.

    Raises:
        BadRun: it can't be opened as a cache.
    """

    def __init__(self, path: Path) -> None:
        self._asked: dict[str, int] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=30.0)
            with self._db:
                self._db.execute(
                    "CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, reply TEXT NOT NULL)"
                )
        except (OSError, sqlite3.Error) as error:
            raise BadRun(
                f"{path}: can't be used as a cache of replies ({error}); choose another file"
            ) from error

    def key(self, digest: str) -> str:
        """The digest with the number of this asking; call once per request."""
        n = self._asked.get(digest, 0)
        self._asked[digest] = n + 1
        return f"{digest}-{n}"

    def get(self, key: str) -> Reply | None:
        row = self._db.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone()
        return replace(Reply.of(json.loads(row[0])), cached=True, refused=()) if row else None

    def put(self, key: str, reply: Reply) -> None:
        """Keep a good reply; bad ones are asked again."""
        if reply.ok and not reply.cached:
            with self._db:
                self._db.execute(
                    "INSERT OR REPLACE INTO replies VALUES (?, ?)", (key, json.dumps(reply.facts()))
                )

    def close(self) -> None:
        self._db.close()
