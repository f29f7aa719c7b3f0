"""Leaderboards of everything found: `harness leaderboard [--task T]`."""

from __future__ import annotations

import io
import itertools
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console
from rich.live import Live
from rich.text import Text

from evaluator import LocalSandbox
from evaluator.foreign import Lenient
from harness.boards.standings import (
    Board,
    Entry,
    Standing,
    mean_sd,
    program_entries,
    program_files,
    ranked,
    run_entries,
)
from harness.errors import BadRun
from harness.record.run_folder import SUMMARY, all_runs
from harness.record.summary import plain
from harness.terminal.counting import counting
from harness.terminal.edges import Parser, command
from harness.terminal.options import add_data_options, add_sandbox_option, positive
from harness.terminal.printing import NO_PUBLISHED, best_published, number, score_table
from harness.terminal.screen import duration
from harness.terminal.shown import Screen, shown, table_writer
from tasks import DataUnavailable, Task, TaskError, load, names, resolve, spec
from tasks.sources import SOURCES

EPILOG = """examples:
  harness leaderboard
  harness leaderboard --task finetune_vocab --all
  harness leaderboard --csv > board.csv
  harness leaderboard --watch --no-programs

Every row is the mean over ALL runs of a system, never the best of several. R2 is clipped to [-1, 1] and
a failed run counts as -1, as the benchmark does. Rows marked "published" were reported by others and are
never ranked. Programs are scored once and remembered under the runs folder.
"""


def parser() -> Parser:
    p = Parser(
        prog="harness leaderboard",
        description="Rank everything found under runs/ and programs/, task by task.",
        epilog=EPILOG,
    )
    p.add_argument(
        "--task",
        nargs="+",
        action="extend",
        metavar="T",
        help="task name or alias, or several (default: all)",
    )
    p.add_argument("--out", default="runs", metavar="DIR", help="where run folders lie (default: runs)")
    add_data_options(p, ", to score programs")
    p.add_argument("--no-programs", action="store_true", help="runs only; nothing is evaluated")
    p.add_argument("--all", action="store_true", help="every law found and every published score")
    add_sandbox_option(p)
    form = p.add_mutually_exclusive_group()
    form.add_argument(
        "--watch",
        nargs="?",
        const=5.0,
        type=positive,
        metavar="S",
        help="show the boards again every S seconds (default: 5), running searches above them; Ctrl-C ends",
    )
    form.add_argument("--json", action="store_true", help="print the boards as JSON, every entry included")
    form.add_argument("--csv", action="store_true", help="print the rows as CSV")
    return p


@command
def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    human = Screen(stderr=args.json or args.csv)
    problems: list[str] = []
    given = [t for one in args.task or [] for t in one.split(",")]
    wanted = [resolve(t) for t in given] if given and "all" not in given else None
    root = Path(args.out)
    programs = (
        {}
        if args.no_programs
        else scored_programs(wanted, root, args.data_dir, args.allow_weak_sandbox, problems)
    )
    if args.watch:
        watch(wanted, root, programs, args.watch, args.all)
    boards = collect(wanted, root, programs, problems)
    for problem in problems:
        print(shown(f"note: {problem}"), file=sys.stderr)
    if args.json:
        print(json.dumps([board_facts(b) for b in boards], indent=2))
    elif args.csv:
        write_csv(boards, sys.stdout)
    else:
        print_boards(boards, human, args.all)
    return 0


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


def scored_programs(
    wanted: list[str] | None, root: Path, data_dir: str | None, weak: bool, problems: list[str]
) -> dict[Rows, Found]:
    """Scores of the programs of the wanted tasks on all rows that can be had; remembered under `root`."""
    tasks = []
    for name in wanted or names():
        if not program_files(name):
            continue
        try:
            tasks.append(load(name, data_dir=data_dir))
        except DataUnavailable as error:
            problems.append(f"programs of {name} are not scored: {error}")
    tasks += _other_rows(tasks, wanted or names(), root)
    if not tasks:
        return {}
    scored, done = {}, itertools.count()
    total = sum(len(program_files(task.name)) for task in tasks)
    with LocalSandbox(workers=1, allow_weak_sandbox=weak) as sandbox, counting(total) as tell:
        evaluator = Lenient(sandbox)
        for task in tasks:
            p = task.provenance
            entries = program_entries(
                task, evaluator, root / ".program_scores.json", tell=lambda what: tell(what, next(done))
            )
            scored[(task.name, p.train_hash, p.heldout_hash)] = entries
    return scored


def _other_rows(tasks: list[Task], wanted: Iterable[str], root: Path) -> list[Task]:
    """The tasks on rows that finished runs under `root` have and `tasks` have not, where another source has them."""

    def rows_of(task: Task) -> Rows:
        return task.name, task.provenance.train_hash, task.provenance.heldout_hash

    have = {rows_of(task) for task in tasks}
    runs = {
        (summary["task"], summary["data"]["train_hash"], summary["data"]["heldout_hash"])
        for summary, _ in run_entries(root, [])[0]
    } - have
    asked = set(wanted)
    found = []
    for name in sorted({task for task, _, _ in runs if task in asked and program_files(task)}):
        for source in SOURCES:
            try:
                task = load(name, data_dir=source)
            except (DataUnavailable, TaskError):
                continue
            if rows_of(task) in runs:
                runs.remove(rows_of(task))
                found.append(task)
    return found


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


def watch(
    wanted: list[str] | None, root: Path, programs: dict[Rows, Found], every_s: float, everything: bool
) -> NoReturn:
    """Running searches and boards, shown again and again until Ctrl-C; on a terminal in one place, else one below the other."""
    screen = Screen()
    with Live(
        console=screen, auto_refresh=False, screen=screen.is_terminal, vertical_overflow="crop"
    ) as live:
        while True:
            problems: list[str] = []
            boards = collect(wanted, root, programs, problems)
            page = Screen(width=screen.width, file=io.StringIO(), force_terminal=screen.is_terminal,
                          no_color=screen.no_color)  # fmt: skip
            print_running(root, wanted, page)
            print_boards(boards, page, everything)
            text = Text.from_ansi(page.file.getvalue())  # type: ignore[attr-defined]
            if screen.is_terminal:
                live.update(text, refresh=True)
            else:
                screen.print(text)
            time.sleep(every_s)


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


def write_csv(boards: list[Board], out: Any) -> None:
    """One line a system; published rows have kind "published" and no rank."""
    columns = "task,train_hash,heldout_hash,simulated,rank,system,kind,runs,failed,unfinished,r2_mean,r2_sd,r2_min,r2_max,nmse_mean,nmae_mean,laws"
    writer = table_writer(out)
    writer.writerow(columns.split(","))
    for board in boards:
        head = [board.task, board.train_hash, board.heldout_hash, board.simulated]
        for place, row in enumerate(board_facts(board)["standings"], start=1):
            numbers = [
                row[k]
                for k in (
                    "runs",
                    "failed",
                    "unfinished",
                    "r2_mean",
                    "r2_sd",
                    "r2_min",
                    "r2_max",
                    "nmse_mean",
                    "nmae_mean",
                )
            ]
            writer.writerow(
                [*head, place, row["system"], row["kind"], *numbers, "; ".join(x["law"] for x in row["laws"])]
            )
        for p in board.published:
            writer.writerow(
                [*head, "", p["system"], "published", "", "", "", p["r2"], "", "", "", "", "", p["note"]]
            )
