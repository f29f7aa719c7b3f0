"""Standings: every system on a task's rows, over all its runs, failures counted."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evaluator.foreign import Lenient
from harness.boards.scoring import SCORE_VERSION, score_program
from harness.choosing.shares import made_of
from harness.errors import BadRun
from harness.proposers.facts import identifiers
from harness.proposers.formula.naming import readable
from harness.record.database import read_meta
from harness.record.run_folder import RunFolder, all_runs, write_atomically
from harness.run.beginning import SEEDS, read_program
from harness.shipped import shipped
from tables.documents import brief, read_document, read_json
from tables.errors import Unreadable
from tasks import Task

FAILED_R2 = -1.0
"""What a failed run counts as, and the floor of every R2 in a mean: the benchmark's own rule."""

PROGRAMS = shipped("programs")


@dataclass(frozen=True, slots=True)
class Entry:
    """One result: a finished run, or a program scored once.

    Attributes:
        system: what it is a run of.
        kind: "search", "forecast", "program", "seed" or "control".
        law: formula, or "" for a free program.
        heldout: scorecard as plain values, or None for a failure.
        validation_r2: inside train.
        where: run folder or program file.
        why_failed: reason of a failure.
        marks: signs that it brought its answers along, as `evaluator/marks.py` names them.
    """

    system: str
    kind: str
    law: str
    heldout: dict[str, Any] | None
    validation_r2: float | None
    n_constants: int | None
    where: str
    why_failed: str = ""
    marks: tuple[str, ...] = ()


@dataclass(slots=True)
class Standing:
    """One row of a leaderboard: a system with all its entries."""

    system: str
    kind: str
    entries: list[Entry] = field(default_factory=list)
    unfinished: int = 0

    def values(self, metric: str) -> list[float]:
        """A held-out metric of the entries that have it."""
        return [
            e.heldout[metric]
            for e in self.entries
            if e.heldout is not None and e.heldout.get(metric) is not None
        ]

    @property
    def marks(self) -> list[str]:
        """What is said beside the scores of any of its entries."""
        return list(dict.fromkeys(mark for e in self.entries for mark in e.marks))

    @property
    def n_failed(self) -> int:
        return sum(e.heldout is None for e in self.entries)

    @property
    def r2(self) -> tuple[float, float]:
        """Mean and standard deviation of R2 clipped to [-1, 1] over all runs; a failed run is -1."""
        clipped = [
            FAILED_R2
            if e.heldout is None or e.heldout["r2"] is None
            else max(-1.0, min(1.0, e.heldout["r2"]))
            for e in self.entries
        ]
        return mean_sd(clipped)

    def laws(self) -> list[tuple[str, int, float]]:
        """(law, runs that chose it, their mean R2), most frequent first."""
        counts = Counter(e.law or "free program" for e in self.entries if e.heldout is not None)
        rows = []
        for law, n in counts.most_common():
            r2 = [e.heldout["r2"] for e in self.entries if e.heldout and (e.law or "free program") == law]
            rows.append((law, n, mean_sd([v for v in r2 if v is not None])[0]))
        return rows


@dataclass(slots=True)
class Board:
    """Standings on one set of rows; rows from different data never share a board."""

    task: str
    train_hash: str
    heldout_hash: str
    simulated: bool
    note: str
    standings: list[Standing]
    published: list[dict[str, Any]]
    ceiling: float | None


def mean_sd(values: list[float]) -> tuple[float, float]:
    """Mean and sample standard deviation; NaN where there is too little."""
    if not values:
        return math.nan, math.nan
    mean = sum(values) / len(values)
    if len(values) < 2:
        return mean, math.nan
    return mean, math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))


def run_entries(
    root: Path, problems: list[str]
) -> tuple[list[tuple[dict[str, Any], Entry]], Counter[tuple[str, str, str]]]:
    """Finished runs as entries with their summaries, and counts of unfinished ones by (task, train hash, system)."""
    finished: list[tuple[dict[str, Any], Entry]] = []
    unfinished: Counter[tuple[str, str, str]] = Counter()
    for folder in all_runs(root):
        try:
            summary = folder.summary()
            if summary is None:
                meta = read_meta(folder.journal_path)
                unfinished[(meta["task"], meta["train_hash"], system_name(meta["config"]))] += 1
                continue
            found = _entries_of(folder, summary)
        except BadRun as error:
            problems.append(str(error))
            continue
        except (LookupError, TypeError, AttributeError, ValueError) as error:
            said = f"it lacks {error}" if isinstance(error, KeyError) else brief(str(error))
            problems.append(
                f"{folder.path}: left out, its summary is damaged ({said}); delete it and resume the run"
            )
            continue
        finished += [(summary, entry) for entry in found]
    return finished, unfinished


def _entries_of(folder: RunFolder, summary: dict[str, Any]) -> list[Entry]:
    """A run's law and its forecast; whatever a board asks of a summary is asked here, where its lack costs one run alone."""
    data = summary["data"]
    hash(
        (
            summary["task"],
            data["train_hash"],
            data["heldout_hash"],
            data["note"],
            data["official"],
            data["simulated"],
        )
    )
    for card in (summary.get("heldout"), summary.get("forecast"), *(summary.get("controls") or {}).values()):
        float((card or {}).get("r2") or 0.0)
    entry = _run_entry(folder, summary)
    return [entry, _forecast_entry(entry, summary)] if summary.get("forecast") else [entry]


def _run_entry(folder: RunFolder, summary: dict[str, Any]) -> Entry:
    heldout = summary.get("heldout")
    why = "" if heldout else summary.get("heldout_failure", "no candidate kept every rule")
    law = summary["law"] or ""
    return Entry(
        system_name(summary["config"]),
        "search",
        "" if law.startswith("free program") else readable(law, tuple(summary.get("units") or ())).text,
        heldout,
        (summary.get("validation") or {}).get("r2"),
        summary.get("n_constants"),
        str(folder.path),
        why,
        tuple(summary.get("marks") or ()),
    )


def _forecast_entry(entry: Entry, summary: dict[str, Any]) -> Entry:
    """What a run's laws forecast together, beside its law: no program, so neither formula nor constants."""
    errors = summary["validation"].get("log_errors") or {}
    return Entry(
        f"{entry.system}, forecast",
        "forecast",
        made_of(len(summary["voters"]), summary.get("shares") or {}) if errors else "",
        summary["forecast"],
        None,
        None,
        entry.where,
    )


def system_name(config: dict[str, Any]) -> str:
    """Runs that differ by nothing but seed and workers are runs of one system."""
    evolve = {k: v for k, v in config["evolve"].items() if k not in ("seed", "workers", "seed_programs")}
    limits = {k: v for k, v in config["limits"].items() if k not in ("text_numbers", "list_numbers")}
    rest = {"search": config["search"], "limits": limits, "task_seeds": evolve["task_seeds"]}
    digest = hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()[:4]
    parts = [f"{evolve['evaluations']} evaluations" if evolve["evaluations"] else ""]
    parts.append(f"{evolve['minutes']:g} min" if evolve["minutes"] else "")
    return f"{evolve['proposer']} search, {', '.join(p for p in parts if p)} [{digest}]"


def program_files(task: str, root: Path = PROGRAMS, seeds: Path = SEEDS) -> list[Path]:
    """Programs of a task, human laws among them, then the seeds that searches begin with."""
    return [*sorted((root / task).glob("*.py")), *sorted((seeds / task).glob("*.py"))]


def program_entries(
    task: Task,
    evaluator: Lenient,
    cache: Path,
    root: Path = PROGRAMS,
    tell: Callable[[str], None] = lambda what: None,
    seeds: Path = SEEDS,
) -> list[tuple[dict[str, Any], Entry]]:
    """Every program under `programs/<task>/` and every seed, scored once and remembered by its hash and the rows'.

    Args:
        cache: file of scores; where it can't be written, programs are scored again the next time.
        tell: is told of each program before it is scored.
    """
    try:
        known = read_json(read_document(cache))
    except (OSError, Unreadable):
        known = {}
    if not isinstance(known, dict):
        known = {}
    found = []
    changed = False
    for path in program_files(task.name, root, seeds):
        tell(f"{task.name}: {path.stem}")
        text = read_program(path)
        p = task.provenance
        stem = hashlib.sha256(text.encode()).hexdigest()
        key = f"{SCORE_VERSION}:{task.name}:{p.train_hash}:{p.heldout_hash}:{stem}"
        if key not in known:
            known[key] = score_program(text, task, evaluator, folds=True)
            changed = True
        score = known[key]
        broken = "; ".join(f"{r['rule']}: {r['detail']}" for r in score["broken_rules"])
        kind = "seed" if path.parent.parent == seeds else "program"
        entry = Entry(
            f"{kind} {path.stem}",
            kind,
            readable(score["law"], identifiers(task.spec)).text,
            score["heldout"],
            score["validation_r2"],
            score["n_constants"],
            str(path),
            broken,
            tuple(score["marks"]),
        )
        found.append((score, entry))
    if changed:
        with contextlib.suppress(OSError):
            cache.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(cache, json.dumps(known))
    return found


def ranked(standings: list[Standing]) -> list[Standing]:
    """Best mean R2 first."""
    return sorted(standings, key=lambda s: (-s.r2[0] if s.entries else math.inf, s.system))
