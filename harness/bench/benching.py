"""A suite run, looked back on and written down: what `harness bench` does once its options are read."""

from __future__ import annotations

import argparse
import platform
import threading
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any

import numpy as np
import scipy
import yaml
from rich.console import Console

from harness.bench.card import gather, markdown, screen_table
from harness.bench.hindsight import read
from harness.bench.page import FILE as PAGE
from harness.bench.page import card_page
from harness.bench.plots import plot_hindsight
from harness.bench.suite import Cell, Suite, cells, copy_searches, run_suite, summaries
from harness.bench.tables import groups_table, runs_table
from harness.cluster.cluster import Cluster
from harness.config import Config, find_config, load_config
from harness.proposers.llm.settings import with_model
from harness.record.run_folder import RunFolder, write_atomically
from harness.run.asking import check_models
from tables.shown import Screen
from tasks import BadTable, Task, TaskError, load, names, resolve
from tasks.corpus import load_corpus, need_corpus
from tasks.nested import nested
from tasks.simulated import load_simulated, simulated_names

DEFAULT_WORKERS = Config().evolve.workers


def carry_out(args: argparse.Namespace, stop: threading.Event) -> int:
    """The suite asked for, here or on a cluster. Returns the exit code."""
    human = Screen(stderr=True)
    args.workers = args.workers or (1 if args.cluster else DEFAULT_WORKERS)
    with Cluster(args.cluster, args.allow_weak_sandbox) if args.cluster else nullcontext() as cluster:
        args.jobs = args.jobs or (2 * cluster.threads if cluster else 1)
        return bench(args, human, stop, cluster)


def bench(
    args: argparse.Namespace, human: Console, stop: threading.Event, cluster: Cluster | None = None
) -> int:
    """Run the suite, look back, write the card. Returns the exit code."""

    def say(line: str) -> None:
        human.print(line, markup=False, highlight=False, soft_wrap=True)

    base = load_config(find_config(args.config)) if args.config else Config()
    config = base.with_options(
        "evolve",
        proposer=args.proposer,
        minutes=args.minutes,
        evaluations=args.evaluations,
        workers=args.workers,
    ).with_options("llm", max_cost=args.max_cost, max_tokens=args.max_tokens)
    config = config.replaced(llm=with_model(config.llm, args.model))
    if args.choose_again is None:
        check_models(args, config)
    tasks = suite_tasks(args.suite, args.data_dir or config.data_dir)
    if args.nested is not None:
        tasks, left_out = nested_tasks(tasks, args.nested)
        for line in left_out:
            say(line)
    proposers: tuple[str, ...] = () if args.only_random else (config.evolve.proposer,)
    proposers += () if args.no_random else ("random",)
    wanted = cells(list(tasks), proposers, args.seeds)
    if args.choose_again is not None:
        copy_searches(wanted, args.choose_again, args.out)
    suite = Suite(tasks, config, args.out, not args.no_hindsight, args.allow_weak_sandbox, cluster)
    if not run_suite(wanted, suite, stop.is_set, say, args.jobs):
        say("stopped; nothing finished is lost. Give the same command again to go on.")
        return 130
    found = list(summaries(wanted, args.out))
    lines = gather(found, tasks)
    if not args.no_hindsight:
        by_task = {line.task: line for line in lines}
        for cell, _ in found:
            if cell.proposer != "random":
                by_task[cell.task].seen.append(read(RunFolder(args.out / cell.name)))
    report = args.report or args.out
    report.mkdir(parents=True, exist_ok=True)
    made = about(args, config, tasks, wanted)
    write_atomically(report / "README.md", markdown(lines, made) + "\n")
    write_atomically(report / PAGE, card_page(lines, made))
    write_atomically(report / "runs.csv", runs_table(found))
    write_atomically(report / "groups.csv", groups_table(found))
    write_atomically(report / "config.yaml", yaml.safe_dump(settings(args, config, tasks), sort_keys=False))
    plot_hindsight(lines, report / "hindsight.png")
    human.print(screen_table(lines))
    say(f"the card: {report / 'README.md'}, and as a page: {report / PAGE}")
    return 0 if all(summary["law"] is not None for _, summary in found) else 1


def suite_tasks(suite: list[str], data_dir: str | None) -> dict[str, Task]:
    """The tasks of a suite by name: a suite's own, or those named one by one."""
    if suite == ["corpus"]:
        return {name: load_corpus(name, data_dir) for name in need_corpus(data_dir)}
    if suite == ["simulated"]:
        return {name: load_simulated(name) for name in simulated_names()}
    wanted = names() if "sldbench" in suite else [resolve(t) for t in suite]
    return {name: load(name, data_dir=data_dir) for name in wanted}


def nested_tasks(tasks: dict[str, Task], share: float) -> tuple[dict[str, Task], list[str]]:
    """The tasks with the outer part of their training rows hidden, and a line on each that is too small for that.

    Raises:
        TaskError: all of them are.
    """
    found, left_out = {}, []
    for name, task in tasks.items():
        try:
            found[name] = nested(task, share)
        except TaskError as error:
            if len(tasks) == 1:
                raise
            left_out.append(f"left out: {error}")
    if not found:
        raise BadTable(f"--nested {share:g}: no task has rows enough; {left_out[0]}")
    return found, left_out


def settings(args: argparse.Namespace, config: Config, tasks: dict[str, Task]) -> dict[str, Any]:
    """What the runs of the card shared, rows and all; where the rows lie on this machine is left out."""
    shared = config.as_dict()
    shared["evolve"].pop("seed")
    return shared | {
        "tasks": {
            name: {"train": task.provenance.train_hash, "heldout": task.provenance.heldout_hash}
            for name, task in tasks.items()
        },
        "seeds": args.seeds,
        "jobs": args.jobs,
        "nested": args.nested,
        "random_laws": not args.no_random,
        "chosen_again": args.choose_again is not None,
        "data_dir": None,
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
        },
    }


def about(args: argparse.Namespace, config: Config, tasks: dict[str, Task], wanted: list[Cell]) -> list[str]:
    """How the card was made, for its first lines."""
    options = f"--suite {' '.join(args.suite)} --seeds {args.seeds} --minutes {args.minutes:g} --evaluations {args.evaluations}"
    if args.choose_again is not None:
        options += " --choose-again DIR"
    rows = "held-out rows"
    if config.evolve.proposer != "formula":
        options += f" --proposer {config.evolve.proposer}"
        options += f" --model {config.llm.models[0].model}" if len(config.llm.models) == 1 else ""
    if args.jobs > 1 or config.evolve.workers != DEFAULT_WORKERS:
        options += f" --jobs {args.jobs} --workers {config.evolve.workers}"
    if args.nested is not None:
        options += f" --nested {args.nested:g}"
        rows = "the outer part of the training rows, in place of the held-out rows"
    search = ", ".join(f"{k} {v}" for k, v in asdict(config.search).items())
    lines = [
        f"Made by `harness bench {options}`: {len(wanted)} runs, every one counted, the same settings for every task "
        f"({search}; a run has at most {args.minutes:g} minutes and {args.evaluations} evaluations).",
        "",
        f"Scores are on {rows}. Selection sees validation folds inside the training rows alone; budgets of constants are enforced.",
    ]
    if not args.no_hindsight:
        lines += ["", "![validation against held-out error of every law](hindsight.png)"]
    for note in sorted({task.provenance.note for task in tasks.values() if task.provenance.note}):
        lines += ["", f"**{note}**"]
    return lines
