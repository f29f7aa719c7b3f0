"""Runs as a list shows them: counted in the journal's columns, read again only where a file has changed."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.errors import BadRun
from harness.proposers.formula.naming import readable
from harness.record.packing import entry_text
from harness.record.places import JOURNAL, SUMMARY, is_held
from tables.documents import MOST_YAML, read_document, read_json, read_yaml

FUNCTIONS = ("exp", "log", "tanh")
"""Of the grammar of formulas."""
NAMES = re.compile(r"[A-Za-z_]\w*", re.ASCII)
NAME = re.compile(r"[A-Za-z0-9_][\w.+-]{0,200}", re.ASCII)

_COUNTS = "SELECT count(*), coalesce(sum(status != 'scored'), 0), min(validation_error), (SELECT max(seq) FROM entries) FROM entries WHERE kind = 'evaluation'"
_BEST = (
    "SELECT payload FROM entries WHERE validation_error IS NOT NULL ORDER BY validation_error, seq LIMIT 1"
)
_LAST = "SELECT times FROM entries WHERE kind = 'evaluation' ORDER BY seq DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class Line:
    """One run in a list.

    Attributes:
        state: finished, no law, running, unfinished or damaged.
        seq: of the last entry: it grows as the run does.
        share: of the budget that is spent, 0 to 1; None where there is no budget.
        error: the best validation error; r2, forecast_r2: held-out, once revealed.
    """

    name: str
    task: str
    state: str
    seq: int = 0
    evaluations: int = 0
    failed: int = 0
    seconds: float = 0.0
    share: float | None = None
    error: float | None = None
    r2: float | None = None
    forecast_r2: float | None = None
    law: str = ""
    started: float = 0.0

    def facts(self) -> dict[str, Any]:
        return asdict(self)


class Listing:
    """The runs of one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: dict[Path, tuple[tuple[int, ...], Line]] = {}

    def folder(self, name: str) -> Path:
        """The folder of a run by its name: one of the runs folder's own, wherever the name tries to lead.

        Raises:
            BadRun: there is none.
        """
        path = self.root / name
        if (
            not NAME.fullmatch(name)
            or not (path / JOURNAL).is_file()
            or path.resolve().parent != self.root.resolve()
        ):
            raise BadRun(f"no run {name[:80]!r} here")
        return path

    def lines(self) -> list[Line]:
        """Every run, the newest first."""
        found = [self.line(p.parent) for p in self.root.glob(f"*/{JOURNAL}") if NAME.fullmatch(p.parent.name)]
        return sorted(found, key=lambda line: (-line.started, line.name))

    def line(self, path: Path) -> Line:
        """One run, as of now."""
        held = is_held(path)
        stamp = (*_stamps(path), int(held))
        known = self._known.get(path)
        if known is None or known[0] != stamp:
            known = (stamp, _read(path, held))
            self._known[path] = known
        return known[1]


def _stamps(path: Path) -> list[int]:
    stamps = []
    for name in (JOURNAL, f"{JOURNAL}-wal", SUMMARY):
        try:
            s = (path / name).stat()
            # SQLite makes an empty log when it reads: nothing has changed.
            stamps += [s.st_mtime_ns, s.st_size] if s.st_size else [0, 0]
        except OSError:
            stamps += [0, 0]
    return stamps


def _read(path: Path, held: bool) -> Line:
    started = _born(path)
    try:
        summary = _summary(path)
        with closing(sqlite3.connect(f"{(path / JOURNAL).resolve().as_uri()}?mode=ro", uri=True, timeout=5)) as db:  # fmt: skip
            n, failed, error, seq = db.execute(_COUNTS).fetchone()
            best = db.execute(_BEST).fetchone()
            last = db.execute(_LAST).fetchone() or ("{}",)
            (task,) = db.execute("SELECT value FROM meta WHERE key = 'task'").fetchone()
        law = _named(summary) if summary.get("law") else _law(best[0]) if best else ""
        seconds = float(read_json(last[0]).get("elapsed_s") or 0.0)
        state = "running" if held else "unfinished"
        if summary:
            state = "finished" if summary.get("law") is not None else "no law"
        card, forecast = summary.get("heldout") or {}, summary.get("forecast") or {}
        return Line(
            path.name, str(read_json(task)), state, int(seq or 0), int(n), int(failed), seconds,
            1.0 if summary else _share(path, n, seconds), error, card.get("r2"), forecast.get("r2"), law, started,
        )  # fmt: skip
    except (sqlite3.Error, OSError, ValueError, TypeError, KeyError, AttributeError):
        return Line(path.name, "", "damaged", started=started)


def _summary(path: Path) -> dict[str, Any]:
    file = path / SUMMARY
    return dict(read_json(read_document(file))) if file.exists() else {}


def _named(summary: dict[str, Any]) -> str:
    law = str(summary["law"])
    return law if law.startswith("free program") else readable(law, tuple(summary.get("units") or ())).text


def _law(payload: str | bytes) -> str:
    c = read_json(entry_text(payload))["candidate"]
    law, constants = str(c["draft"]["law"] or ""), {*c["draft"]["constants"], *FUNCTIONS}
    # What is no constant and no function is a column: a list has no time to ask the task.
    return readable(law, tuple({*NAMES.findall(law)} - constants)).text if law else str(c["id"])


def _share(path: Path, n: int, seconds: float) -> float | None:
    """How much of the budget is spent, by whichever of its limits is nearer."""
    try:
        budget = (read_yaml(read_document(path / "config.yaml", MOST_YAML)) or {}).get("evolve", {})
        parts = [n / budget["evaluations"]] if budget.get("evaluations") else []
        parts += [seconds / 60 / budget["minutes"]] if budget.get("minutes") else []
        return min(max(parts), 1.0) if parts else None
    except (OSError, ValueError, AttributeError, TypeError, ZeroDivisionError):
        return None


def _born(path: Path) -> float:
    try:
        return (path / "config.yaml").stat().st_mtime
    except OSError:
        return 0.0
