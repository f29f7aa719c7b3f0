"""Boards and running searches as a terminal shows them."""

from __future__ import annotations

import time
from pathlib import Path

from rich.console import Console
from rich.text import Text

from harness.boards.standings import Board, Standing, mean_sd
from harness.errors import BadRun
from harness.record.run_folder import SUMMARY, all_runs
from harness.terminal.printing import NO_PUBLISHED, best_published, number, score_table
from harness.terminal.screen import duration


def print_running(root: Path, wanted: list[str] | None, console: Console) -> None:
    """Runs that have not ended: how far they are, and the best error on validation folds."""
    table = score_table(
        "not ended", "evaluations", "failed", "best error", "seen", title=f"runs under {root}"
    )
    for folder in all_runs(root):
        if (folder.path / SUMMARY).exists():
            continue
        try:
            with folder.journal(read_only=True) as journal:
                meta, state = journal.meta(), journal.counts()
        except BadRun:
            continue
        if wanted is None or meta["task"] in wanted:
            age = max(0.0, time.time() - folder.journal_path.stat().st_mtime)
            seen = "now" if age < 15 else f"{duration(age)} ago"
            table.add_row(
                folder.path.name, str(state.evaluations), str(state.failed), number(state.best, 5), seen
            )
    console.print(table if table.row_count else Text(f"no search is under way in {root}", style="dim"))


def print_boards(boards: list[Board], console: Console, everything: bool) -> None:
    if not boards:
        console.print("nothing to rank yet: run harness evolve first", highlight=False)
    for board in boards:
        print_board(board, console, everything)


def print_board(board: Board, console: Console, everything: bool) -> None:
    """One board: ranked systems, reference rows, then the laws they found and why runs failed."""
    console.print(
        Text(f"\n{board.task}", style="bold") + Text(f"  rows {board.train_hash} / {board.heldout_hash}")
    )
    if board.note:
        console.print(Text(board.note, style="yellow"))
    title = "held-out scores, mean over all runs; valid. is R2 inside train"
    table = score_table("system", "runs", "R2", "sd", "NMAE", "log err.", "valid.", title=title)
    for place, s in enumerate(board.standings, start=1):
        row = _cells(s)
        table.add_row(f"{place}. {row[0]}", *row[1:], style="dim" if s.kind == "control" else "")
    if board.ceiling is not None and board.ceiling < 1:
        table.add_row("noise ceiling of these rows", "", number(board.ceiling), style="dim")
    shown, more = (board.published, 0) if everything else best_published(board.published)
    for p in shown:
        table.add_row(f"published: {p['system']}", "", number(p["r2"]), style="italic")
    console.print(table)
    if not board.published:
        console.print(Text(NO_PUBLISHED, style="dim"))
    if more:
        console.print(
            Text(f"{more} more published scores: --all, or harness tasks show {board.task}", style="dim")
        )
    for s in board.standings:
        _print_laws(s, console, everything)


def _print_laws(s: Standing, console: Console, everything: bool) -> None:
    laws = [row for row in s.laws() if row[0] != "free program"]
    if laws:
        console.print(Text(f"laws of {s.system}", style="bold"))
    for law, n, r2 in laws if everything else laws[:3]:
        console.print(Text(f"  {n} of {len(s.entries)} runs, R2 {number(r2)}: ") + Text(law, style="cyan"))
    if len(laws) > 3 and not everything:
        console.print(Text(f"  and {len(laws) - 3} more: --all", style="dim"))
    for mark in s.marks:
        console.print(Text(f"marked: {s.system}: {mark}", style="yellow"))
    for e in s.entries:
        if e.heldout is None and e.why_failed:
            console.print(Text(f"{s.system} failed: {e.why_failed}", style="red"))


def _cells(s: Standing) -> list[str]:
    mean, sd = s.r2 if s.entries else (None, None)
    valid = [e.validation_r2 for e in s.entries if e.validation_r2 is not None]
    extras = [f"{n} {what}" for n, what in ((s.n_failed, "failed"), (s.unfinished, "unfinished")) if n]
    return [
        s.system + (f" ({', '.join(extras)})" if extras else "") + (" [marked]" if s.marks else ""),
        str(len(s.entries)),
        _or_dash(mean),
        _or_dash(sd),
        _or_dash(mean_sd(s.values("nmae"))[0]),
        _or_dash(mean_sd(s.values("log_error"))[0]),
        _or_dash(mean_sd(valid)[0]),
    ]


def _or_dash(value: float | None) -> str:
    return "-" if value is None or value != value else number(value)
