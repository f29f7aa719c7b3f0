"""Scores of programs, and leaderboards, as data frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from evaluator import LocalSandbox
from evaluator.foreign import Lenient
from harness.boards.collected import board_facts, collect
from harness.boards.scoring import score_program
from harness.commands.ranking import scored_programs
from harness.run.beginning import read_program
from tasks import Task, load, names, resolve

if TYPE_CHECKING:
    from harness.api.result import Run

SCORES = ("r2", "nmse", "nmae", "log_error", "relative_error")


def score(
    program: str | Path | Run,
    task: str | Sequence[str] | Task,
    data_dir: str | None = None,
    allow_weak_sandbox: bool = False,
) -> pd.DataFrame:
    """Fit a program on a task's training rows and score it on the held-out rows, every rule checked.

    Args:
        program: path of a file, the program's own text, or a run.
        task: name, several, "all", or what `add_task` gave.
        data_dir: folder with the rows, "nano" or "official".

    Returns:
        One row a task: r2, nmse, nmae, log_error, relative_error (held-out; missing where a rule was broken), validation_r2, n_constants, seconds,
        broken (rules, with their detail). `.attrs["scores"]` holds everything, controls and groups too.

    Raises:
        BadProgram: no such file. UnknownTask, DataUnavailable: as their names say.
    """
    text = _text(program)
    given = [task.name] if isinstance(task, Task) else [task] if isinstance(task, str) else list(task)
    wanted = names() if "all" in given else [resolve(t) for t in given]
    asked = [load(name, data_dir=data_dir) for name in wanted]
    with LocalSandbox(workers=1, allow_weak_sandbox=allow_weak_sandbox) as sandbox:
        evaluator = Lenient(sandbox)
        found = [score_program(text, one, evaluator, folds=True) for one in asked]
    frame = pd.DataFrame([_row(s) for s in found]).set_index("task")
    frame.attrs["scores"] = found
    return frame


def leaderboard(
    task: str | Sequence[str] | None = None,
    out: str | Path = "runs",
    *,
    programs: bool = True,
    data_dir: str | None = None,
    allow_weak_sandbox: bool = False,
) -> pd.DataFrame:
    """Everything found, ranked: the mean over all runs of a system, never the best of several.

    Args:
        task: name, several, or None for every task that has a result.
        out: where run folders lie.
        programs: score the programs that come along too (once; remembered beside the runs where that folder can be written).

    Returns:
        One row a system and set of rows, best first. `.attrs["notes"]` says what could not be read, and
        `.attrs["boards"]` holds everything.
    """
    given = [task] if isinstance(task, str) else list(task or ())
    wanted = [resolve(t) for t in given] or None
    notes: list[str] = []
    scored = scored_programs(wanted, Path(out), data_dir, allow_weak_sandbox, notes) if programs else {}
    boards = [board_facts(b) for b in collect(wanted, Path(out), scored, notes)]
    rows = [
        {"task": b["task"], "rows": b["train_hash"], "rank": place, **{k: row[k] for k in _COLUMNS}}
        for b in boards
        for place, row in enumerate(b["standings"], start=1)
    ]
    frame = pd.DataFrame(rows, columns=["task", "rows", "rank", *_COLUMNS])
    frame.attrs.update(notes=notes, boards=boards)
    return frame


_COLUMNS = ("system", "kind", "runs", "failed", "unfinished", "r2_mean", "r2_sd", "nmse_mean", "nmae_mean")


def _text(program: str | Path | Run) -> str:
    if isinstance(program, Path) or (isinstance(program, str) and "\n" not in program):
        return read_program(Path(program))
    return program if isinstance(program, str) else program.program


def _row(s: dict[str, Any]) -> dict[str, Any]:
    card = s["heldout"] or dict.fromkeys(SCORES)
    return {
        "task": s["task"],
        **{k: card.get(k) for k in SCORES},
        "validation_r2": s["validation_r2"],
        "n_constants": s["n_constants"],
        "seconds": s["seconds"],
        "broken": "; ".join(f"{r['rule']}: {r['detail']}" for r in s["broken_rules"]),
    }
