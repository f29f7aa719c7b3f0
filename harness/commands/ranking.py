"""Everything found, ranked and shown: what `harness leaderboard` does once its options are read."""

from __future__ import annotations

import argparse
import io
import itertools
import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from rich.live import Live
from rich.text import Text

from evaluator import LocalSandbox
from evaluator.foreign import Lenient
from harness.boards.collected import Found, Rows, board_facts, collect
from harness.boards.standings import Board, program_entries, program_files, run_entries
from harness.terminal.boards import print_boards, print_running
from harness.terminal.counting import counting
from tables.shown import Screen, shown, table_writer
from tasks import DataUnavailable, Task, TaskError, load, names, resolve
from tasks.sources import SOURCES


def carry_out(args: argparse.Namespace) -> int:
    """Print the boards asked for. Returns the exit code."""
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
