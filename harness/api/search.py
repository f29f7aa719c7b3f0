"""`evolve` from Python: a table or a task in, a run out; an interrupt leaves a run that goes on."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.api.columns import Rows
from harness.api.question import Names, Question, known, task_of
from harness.api.result import Run, ended
from harness.config import Config, find_config, load_config, parse_config
from harness.proposers.assignment import Assignment
from harness.proposers.llm.settings import with_model
from harness.run.asking import check_models
from harness.run.beginning import start_run
from harness.run.run import Watcher
from tasks import Task


class Settings(Question, total=False):
    """What else may be said of a search, beside the question to a table.

    Attributes:
        evaluations: programs evaluated at most (1000). minutes: of searching at most (4).
        workers: evaluations beside each other (2). seed: of the search (0).
        proposer: "formula" (offline), "random", "llm" or "mixed". model: the one to ask.
        max_tokens, max_cost: most that models may take.
        config: YAML file, or the name of one that comes along.
        seed_programs: program files to begin with.
        data_dir: folder with a task's rows, "nano" or "official".
        allow_weak_sandbox: run programs even where this machine can't keep them away from your files.
    """

    evaluations: int
    minutes: float
    workers: int
    seed: int
    proposer: str
    model: str
    max_tokens: int
    max_cost: float
    config: str | Path
    seed_programs: Sequence[str | Path]
    data_dir: str | Path
    allow_weak_sandbox: bool


def evolve(
    data: Rows | Task,
    features: Names | None = None,
    target: Names | None = None,
    extrapolate: Names | None = None,
    *,
    out: str | Path = "runs",
    progress: bool | Watcher = True,
    **more: Any,
) -> Run:
    """Search for a law of a table, and open its held-out rows once, when the search has ended.

    Args:
        data: a data frame, columns by name, the path of a table, or a task (its name, or what `add_task` gave).
        features: columns that a law may use. target: column(s) to predict. extrapolate: feature(s) to go beyond the
            rows in. All three for a table, none for a task.
        out: where run folders are made.
        progress: a bar in a notebook, a live screen in a terminal, lines elsewhere; False for silence.
        more: the rest of the question (`group`, `heldout`, `constants`, ...: see `Question`) and of the search
            (`evaluations`, `minutes`, `workers`, `seed`, ...: see `Settings`).

    Returns:
        The run: `.law`, `.latex()`, `.forecast(rows)`, `.plot()`, `.to_frame()`.

    Raises:
        Interrupted: Ctrl-C, or the kernel's interrupt; it holds the run, which goes on with `.resume()`.
        BadOption, BadConfig, BadSpec, BadTable, DataUnavailable: what is wrong, and what to do.

    Example:
        >>> run = evolve(df, features=["N", "D"], target="loss", extrapolate="N")  # doctest: +SKIP
    """
    known(more, Settings, "evolve")
    searching = {k: more.pop(k) for k in list(more) if k not in Question.__annotations__}
    config = _config(searching)
    asked = {"features": features, "target": target, "extrapolate": extrapolate, **more}
    task = task_of(data, config.data_dir, asked)
    assignment = Assignment.of(task)
    folder = start_run(config.replaced(tasks=(task.name,)), assignment, Path(out))
    return ended(folder, config, assignment, progress, bool(searching.get("allow_weak_sandbox")))


def _config(given: Mapping[str, Any]) -> Config:
    """Options laid over a config file, or over the defaults."""
    base = load_config(find_config(str(given["config"]))) if given.get("config") else Config()
    files = given.get("seed_programs")
    config = base.with_options(
        "evolve",
        **{k: given.get(k) for k in ("proposer", "evaluations", "minutes", "workers", "seed")},
        seed_programs=tuple(str(f) for f in files) if files else None,
    ).with_options("llm", max_cost=given.get("max_cost"), max_tokens=given.get("max_tokens"))
    config = config.replaced(llm=with_model(config.llm, given.get("model")))
    if given.get("data_dir") is not None:
        config = config.replaced(data_dir=str(given["data_dir"]))
    asked = {k: given.get(k) for k in ("model", "max_cost", "max_tokens")}
    check_models(argparse.Namespace(**asked), config)
    parse_config(config.as_dict(), "evolve()")  # every value checked as one from a file is
    return config
