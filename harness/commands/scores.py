"""Scores of hand-written programs, made and shown: what `harness score` does once its options are read."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from evaluator import Limits, LocalSandbox, contract
from evaluator.foreign import Lenient
from harness.boards.scoring import score_program
from harness.config import LimitsConfig
from harness.run.beginning import read_program
from harness.terminal.counting import counting
from harness.terminal.printing import SCORES, number, score_row, score_table
from tables.shown import Screen
from tasks import load, names, resolve


def carry_out(args: argparse.Namespace) -> int:
    """Score a program on the tasks asked for. Returns the exit code."""
    program = read_program(args.program)
    asked = [name for given in args.task for name in given.split(",")]
    wanted = names() if "all" in asked else list(dict.fromkeys(resolve(t) for t in asked))
    tasks = [load(name, data_dir=args.data_dir) for name in wanted]
    usual = LimitsConfig()
    limits = Limits(
        fit_cpu_s=args.fit_seconds or usual.fit_cpu_s, memory_mb=args.memory_mb or usual.memory_mb
    )
    modules = (*contract.EXTRA_MODULES, *args.allow_import)
    weak = args.allow_weak_sandbox
    scores: list[dict[str, Any]] = []
    with (
        LocalSandbox(workers=1, extra_modules=modules, allow_weak_sandbox=weak) as sandbox,
        counting(len(tasks)) as tell,
    ):
        evaluator = Lenient(sandbox, limits)
        for task in tasks:
            done = len(scores)

            def say(doing: str, done: int = done) -> None:
                tell(doing, done)

            scores.append(score_program(program, task, evaluator, args.folds, say))
    if args.json:
        print(json.dumps({"program": str(args.program), "scores": scores}, indent=2))
    else:
        print_scores(args.program, scores, args.groups, Screen())
    return 1 if any(s["broken_rules"] for s in scores) else 0


def print_scores(program: Path, scores: list[dict[str, Any]], groups: bool, console: Console) -> None:
    """The table, then what else is known of each score, and every broken rule with its detail."""
    table = score_table("task", *SCORES, title=f"{program}: held-out scores")
    table.add_column("rules", no_wrap=True)
    for s in scores:
        card = s["heldout"]
        cells = score_row(s["task"], card) if card else (s["task"], "-", "-", "-", "-")
        table.add_row(*cells, _rules(s), style="bold" if s["controls"] else "")
        if groups and card:
            for label, g in card["per_group"].items():
                table.add_row(*score_row(f"  {label}", g), f"{g['n_rows']} rows", style="dim")
        for label, control in s["controls"].items():
            table.add_row(*score_row(f"  {label}", control), "control", style="dim")
    console.print(table)
    for s in scores:
        console.print(Text(f"{s['task']}: {_known(s)}"))
    note = (
        "log err.: root mean square error in logs; rel. err.: mean relative error; validation R2 is on folds inside train "
        "(--folds)"
    )
    console.print(Text(note, style="dim"))
    for s in scores:
        for rule in s["broken_rules"]:
            console.print(Text(f"{s['task']}: {rule['rule']}: {rule['detail']}", style="red"))
            if rule["traceback"]:
                console.print(Text(rule["traceback"], style="dim"))
        for mark in s["marks"]:
            console.print(Text(f"{s['task']}: marked: {mark}", style="yellow"))
        if s["note"]:
            console.print(Text(f"{s['task']}: {s['note']}", style="yellow"))


def _rules(s: dict[str, Any]) -> Text:
    """Whether every rule was kept; with several fits, how far their scores spread."""
    if s["broken_rules"]:
        return Text("broken", style="bold red")
    if s["r2_sd"] is not None:
        return Text(f"R2 +- {number(s['r2_sd'])}", style="yellow")
    return Text("kept", style="green")


def _known(s: dict[str, Any]) -> str:
    """Validation, size and time of one score, in words."""
    used, budget = s["n_constants"], s["budget"]
    limit = "no limit" if budget is None else f"at most {budget}"
    return ", ".join(
        (
            f"validation R2 {number(s['validation_r2'])}",
            f"{'-' if used is None else used} constants ({limit})",
            f"{s['text_numbers']} numbers in the text, {s['longest_list']} in its longest list",
            f"{s['seconds']:.2f} s",
        )
    )
