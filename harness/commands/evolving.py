"""Carries out what `harness evolve` was asked: a new run, a run that goes on, a run repeated from its replies."""

from __future__ import annotations

import argparse
import json
import threading
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from harness.cluster.cluster import Cluster
from harness.config import Config, find_config, load_config
from harness.errors import BadRun, HarnessError
from harness.pages.making import end_page
from harness.proposers.assignment import Assignment
from harness.proposers.llm.settings import with_model
from harness.proposers.names import OFFLINE
from harness.record.run_folder import RunFolder
from harness.run.asking import check_models
from harness.run.beginning import check_same_task, start_run
from harness.run.run import Terms, Watcher, run
from harness.search.ending import Ending
from harness.terminal.printing import print_summary
from harness.terminal.screen import LiveScreen, PlainScreen
from tables.shown import Screen
from tasks import load, names, resolve


@dataclass(frozen=True, slots=True)
class Asked:
    """One evolve command: what was typed, where people read, and whether they have had enough."""

    args: argparse.Namespace
    human: Console
    stop: threading.Event
    cluster: Cluster | None = None


def carry_out(args: argparse.Namespace, stop: threading.Event) -> int:
    """The exit code of an evolve command.

    Raises:
        HarnessError, TaskError, EvaluatorError: what was asked can't be done.
    """
    if args.resume and args.replay:
        raise HarnessError("give either --resume or --replay, not both")
    with Cluster(args.cluster, args.allow_weak_sandbox) if args.cluster else nullcontext() as cluster:
        asked = Asked(args, Screen(stderr=args.json, soft_wrap=False), stop, cluster)
        if args.replay:
            return _replay(asked)
        return _resume(asked) if args.resume else _evolve(asked)


def configure(args: argparse.Namespace, base: Config) -> Config:
    """Command-line options laid over a config."""
    config = base.with_options(
        "evolve",
        proposer=args.proposer,
        evaluations=args.evaluations,
        minutes=args.minutes,
        workers=args.workers,
        seed=args.seed,
        seed_programs=tuple(args.seed_program) if args.seed_program else None,
    ).with_options("llm", max_cost=args.max_cost, max_tokens=args.max_tokens)
    config = config.replaced(llm=with_model(config.llm, args.model))
    changes: dict[str, object] = {}
    if args.task:
        changes["tasks"] = tuple(args.task)
    if args.data_dir:
        changes["data_dir"] = args.data_dir
    return config.replaced(**changes)


def _evolve(asked: Asked) -> int:
    args = asked.args
    base = load_config(find_config(args.config)) if args.config else Config()
    config = configure(args, base)
    check_models(args, config)
    wanted = names() if "all" in config.tasks else [resolve(t) for t in config.tasks]
    tasks = [load(name, data_dir=config.data_dir) for name in wanted]
    code = 0
    summaries: list[dict[str, Any]] = []
    for task in tasks:
        assignment = Assignment.of(task)
        folder = start_run(config.replaced(tasks=(task.name,)), assignment, Path(args.out))
        code = max(code, _follow(folder, config, assignment, asked, summaries))
        if asked.stop.is_set():
            break
    return _finish(code, args.json, summaries, many=len(tasks) > 1)


def _replay(asked: Asked) -> int:
    args = asked.args
    recorded = RunFolder.find(args.replay, Path(args.out))
    for option in ("proposer", "seed", "config", "seed_program", "model", "evaluations", "minutes", "task"):
        if getattr(args, option) is not None:
            raise HarnessError(
                f"--{option.replace('_', '-')} is as in the recorded run; leave it out of --replay"
            )
    config = configure(args, recorded.config())
    if config.evolve.proposer in OFFLINE:
        raise BadRun(f"{recorded.path}: this run asked no model; start it again with the same seed instead")
    with recorded.journal(read_only=True) as journal:
        name = journal.meta()["task"]
        task = load(name, data_dir=config.data_dir)
        check_same_task(recorded, journal.meta(), task)
    assignment = Assignment.of(task)
    folder = start_run(config, assignment, Path(args.out), programs=recorded.seeds())
    summaries: list[dict] = []
    code = _follow(folder, config, assignment, asked, summaries, recorded)
    return _finish(code, args.json, summaries, many=False)


def _resume(asked: Asked) -> int:
    args = asked.args
    folder = RunFolder.find(args.resume, Path(args.out))
    stored = folder.config()
    config = configure(args, stored)
    with folder.journal(read_only=True) as journal:
        name = journal.meta()["task"]
    if args.task and resolve(args.task[0]) != name:
        raise BadRun(
            f"{folder.path}: this run is of task {name!r}, not of {args.task[0]!r}; leave --task out"
        )
    for option in ("proposer", "seed", "config", "seed_program", "model"):
        if getattr(args, option) is not None:
            raise HarnessError(
                f"--{option.replace('_', '-')} can't be changed in a run that has begun; leave it out of --resume, "
                f"or start a new run"
            )
    if folder.summary() is None:
        check_models(args, config)
    task = load(name, data_dir=config.data_dir)
    summaries: list[dict[str, Any]] = []
    code = _follow(folder, config, Assignment.of(task), asked, summaries)
    return _finish(code, args.json, summaries, many=False)


def _follow(
    folder: RunFolder,
    config: Config,
    assignment: Assignment,
    asked: Asked,
    summaries: list[dict[str, Any]],
    repeats: RunFolder | None = None,
) -> int:
    args, human = asked.args, asked.human
    cluster = asked.cluster
    terms = Terms(
        _watcher(human),
        asked.stop.is_set,
        weak=args.allow_weak_sandbox,
        repeats=repeats,
        cluster=cluster,
        in_flight=args.workers,
    )
    result = run(folder, config, assignment, terms)
    if result.ending is Ending.INTERRUPTED or result.summary is None:
        human.print(
            f"\nstopped; nothing finished is lost. Go on with:\n  harness evolve --resume {folder.path}",
            markup=False,
            highlight=False,
        )
        return 130
    said = end_page(folder)
    summaries.append({**result.summary, "path": str(folder.path)})
    if not args.json:
        print_summary(result.summary, human, str(folder.path))
    human.print(said, markup=False, highlight=False, soft_wrap=True)
    return 0 if result.summary["law"] is not None else 1


def _finish(code: int, as_json: bool, summaries: list[dict[str, Any]], many: bool) -> int:
    if as_json and summaries:
        print(json.dumps(summaries if many else summaries[0], indent=2))
    return code


def _watcher(human: Console) -> Watcher:
    if human.is_terminal:
        return LiveScreen(human)
    return PlainScreen(lambda line: human.print(line, markup=False, highlight=False, soft_wrap=True))
