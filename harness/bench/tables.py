"""The runs of a suite as CSV: one row a run, controls among them, and one a group of each run of the search."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

from harness.bench.suite import Cell
from tables.shown import table_writer

RUNS = (
    "task", "proposer", "seed", "heldout_r2", "forecast_r2", "validation_r2", "constants",
    "evaluations", "failed", "minutes", "train_hash", "heldout_hash", "tokens_in", "tokens_out",
    "money", "law",
)  # fmt: skip

GROUPS = ("task", "seed", "group", "rows", "heldout_r2", "heldout_nmae", "heldout_mae")

Found = Iterable[tuple[Cell, dict[str, Any]]]


def runs_table(found: Found) -> str:
    """Every run, scores not clipped; those of a run that found no law are empty."""
    return _csv(RUNS, (_run(cell, summary) for cell, summary in found))


def groups_table(found: Found) -> str:
    """Held-out scores inside each group, for every run of the search; empty where a group's held-out rows do not vary."""
    searched = (item for item in found if item[0].proposer != "random")
    return _csv(GROUPS, (row for cell, summary in searched for row in _groups(cell, summary)))


def _run(cell: Cell, summary: dict[str, Any]) -> list[Any]:
    data = summary["data"]
    return [
        cell.task, cell.proposer, cell.seed,
        *(_r2(summary.get(part)) for part in ("heldout", "forecast", "validation")),
        summary.get("n_constants") or "", summary["evaluations"], summary["failed_evaluations"],
        f"{summary['seconds'] / 60:.2f}", data["train_hash"], data["heldout_hash"],
        *(summary.get("llm", {}).get(k, "") for k in ("tokens_in", "tokens_out", "cost")), summary["law"] or "",
    ]  # fmt: skip


def _groups(cell: Cell, summary: dict[str, Any]) -> Iterable[list[Any]]:
    for label, card in ((summary.get("heldout") or {}).get("per_group") or {}).items():
        yield [
            cell.task,
            cell.seed,
            label,
            card["n_rows"],
            _r2(card),
            _short(card["nmae"]),
            _short(card["mae"]),
        ]


def _r2(card: dict[str, Any] | None) -> str:
    return _short(card["r2"]) if card else ""


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _csv(columns: tuple[str, ...], rows: Iterable[list[Any]]) -> str:
    out = io.StringIO()
    writer = table_writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()
