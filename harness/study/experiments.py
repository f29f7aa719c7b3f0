"""Experiments listed and made: what `harness study` and `harness study run` do once their options are read."""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

from fitting import FittingError
from harness.study.run import run_study
from studies.fitting_methods.registry import MODULES, experiment, experiments
from studies.fitting_methods.tables import IsoflopData
from tables.shown import Screen


def list_command(as_json: bool) -> int:
    found = experiments()
    if as_json:
        rows = [
            {
                "number": e.number,
                "name": e.name,
                "title": e.title,
                "question": e.question,
                "needs_data": e.needs_data,
            }
            for e in found
        ]
        print(json.dumps(rows, indent=2))
        return 0
    for e in found:
        print(f"{e.number:>3}  {e.title}{'  [published rows: --data]' if e.needs_data else ''}")
        print(f"     {e.question}")
    print("\nrun them: harness study run all")
    return 0


def chosen(which: list[str]) -> list[int]:
    if which == ["all"]:
        return sorted(MODULES)
    numbers = []
    for text in which:
        if not (text.isascii() and text.isdigit() and int(text) in MODULES):
            expected = ", ".join(map(str, sorted(MODULES)))
            raise BadChoice(f"run {text}: expected all, or numbers out of {expected}")
        numbers.append(int(text))
    return sorted(set(numbers))


class BadChoice(FittingError, ValueError):
    """An experiment that is not there."""


def data_folder(option: str | None) -> IsoflopData | None:
    """The folder that was asked for, else the one in SLD_ISOFLOP_DIR, else none."""
    folder = option or os.environ.get("SLD_ISOFLOP_DIR")
    return IsoflopData.of(folder) if folder else None


def run_command(args: argparse.Namespace) -> int:
    numbers, data = chosen(args.which), data_folder(args.data)
    console = Screen(stderr=True)
    began = time.monotonic()
    result = run_study([experiment(n) for n in numbers], data, Path(args.out), args.workers, console)
    if args.json:
        print(json.dumps(result.to_dict(), indent=2))
    else:
        for e, findings in result.done:
            console.print(f"{e.number}. {e.title}", style="bold", highlight=False)
            console.print(findings.answer[0], markup=False, highlight=False)
        for e, why in result.missing:
            console.print(
                f"{e.number}. {e.title}: not run, {why}", markup=False, highlight=False, style="yellow"
            )
        told = f" and {result.article.name}" if result.article else ""
        print(
            f"wrote {result.report}{told} ({len(result.done)} experiments, {time.monotonic() - began:.0f} s)"
        )
    return 1 if result.failed else 0
