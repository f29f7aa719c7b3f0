"""Leaderboards as a page shows them: systems over all their runs, and every run's law."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.boards.standings import Entry, Standing, ranked, run_entries


@dataclass(frozen=True, slots=True)
class Shown:
    """One board.

    Attributes:
        train, held: hashes of the rows; rows from different data share no board.
        systems: best mean first, controls among them.
        runs: (name, entry) of every run's law.
    """

    task: str
    train: str
    held: str
    note: str
    systems: list[Standing]
    runs: list[tuple[str, Entry]]


def boards_of(root: Path) -> tuple[list[Shown], list[str], int]:
    """Boards of the runs that have ended, what could not be read, and how many have not ended."""
    problems: list[str] = []
    found, unfinished = run_entries(root, problems)
    boards: dict[tuple[str, str, str], list[tuple[dict[str, Any], Entry]]] = {}
    for summary, entry in found:
        data = summary["data"]
        key = (summary["task"], data["train_hash"], data["heldout_hash"])
        boards.setdefault(key, []).append((summary, entry))
    shown = [
        Shown(
            *key,
            pairs[0][0]["data"]["note"],
            _systems(pairs),
            [(Path(e.where).name, e) for _, e in pairs if e.kind == "search"],
        )
        for key, pairs in sorted(boards.items())
    ]
    return shown, [p.replace(f"{root}/", "") for p in problems], sum(unfinished.values())


def _systems(pairs: list[tuple[dict[str, Any], Entry]]) -> list[Standing]:
    standings: dict[str, Standing] = {}
    for _, entry in pairs:
        standings.setdefault(entry.system, Standing(entry.system, entry.kind)).entries.append(entry)
    for name, card in (pairs[0][0].get("controls") or {}).items():
        standings[name] = Standing(name, "control", [Entry(name, "control", "", card, None, None, "")])
    return ranked(list(standings.values()))
