"""Boards of everything found, and a board as plain values."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.boards.standings import Board, Entry, Standing, mean_sd, ranked, run_entries
from harness.record.summary import plain
from tasks import TaskError, spec

Rows = tuple[str, str, str]
"""Task and hashes of train and held-out rows: what a board is of."""
Found = list[tuple[dict[str, Any], Entry]]
"""Entries with the summary or score they were read from."""


def collect(
    wanted: list[str] | None, root: Path, programs: dict[Rows, Found], problems: list[str]
) -> list[Board]:
    """Boards of the wanted tasks (None: every task), one for each set of rows.

    Args:
        programs: scored programs, to stand beside the runs under `root`.
        problems: gets a line for everything that could not be read.
    """
    finished, unfinished = run_entries(root, problems)
    found: dict[Rows, Found] = {}
    for summary, entry in finished:
        data = summary["data"]
        found.setdefault((summary["task"], data["train_hash"], data["heldout_hash"]), []).append(
            (summary, entry)
        )
    for rows, scored in programs.items():
        found.setdefault(rows, []).extend(scored)
    return [_board(k, found[k], unfinished) for k in sorted(found) if wanted is None or k[0] in wanted]


def _board(key: Rows, found: Found, unfinished: Counter[tuple[str, str, str]]) -> Board:
    standings: dict[str, Standing] = {}
    for _, entry in found:
        standings.setdefault(entry.system, Standing(entry.system, entry.kind)).entries.append(entry)
    for (task, train, system), n in unfinished.items():
        if (task, train) == key[:2]:
            standings.setdefault(system, Standing(system, "search")).unfinished += n
    facts = found[0][0]
    for name, card in (facts.get("controls") or {}).items():
        why = "" if card else "failed"
        standings[name] = Standing(name, "control", [Entry(name, "control", "", card, None, None, "", why)])
    data = facts.get("data", facts)
    try:
        published = [asdict(s) for s in spec(key[0]).published]
    except TaskError:
        published = []
    return Board(
        *key,
        simulated=data["simulated"],
        note=data["note"],
        standings=ranked(list(standings.values())),
        published=published if data["official"] else [],
        ceiling=facts.get("noise_ceiling_r2"),
    )


def board_facts(board: Board) -> dict[str, Any]:
    """A board as plain JSON values, every entry included."""
    rows = []
    for s in board.standings:
        mean, sd = s.r2 if s.entries else (None, None)
        rows.append(
            {
                "system": s.system,
                "kind": s.kind,
                "runs": len(s.entries),
                "failed": s.n_failed,
                "unfinished": s.unfinished,
                "marks": s.marks,
                "r2_mean": mean,
                "r2_sd": sd,
                "r2_min": min(s.values("r2"), default=None),
                "r2_max": max(s.values("r2"), default=None),
                "nmse_mean": mean_sd(s.values("nmse"))[0],
                "nmae_mean": mean_sd(s.values("nmae"))[0],
                "log_error_mean": mean_sd(s.values("log_error"))[0],
                "relative_error_mean": mean_sd(s.values("relative_error"))[0],
                "laws": [{"law": law, "runs": n, "r2_mean": r2} for law, n, r2 in s.laws()],
                "entries": [asdict(e) for e in s.entries],
            }
        )
    facts = {
        "task": board.task,
        "train_hash": board.train_hash,
        "heldout_hash": board.heldout_hash,
        "simulated": board.simulated,
        "note": board.note,
        "noise_ceiling_r2": board.ceiling,
        "standings": rows,
        "published": board.published,
    }
    return plain(facts)
