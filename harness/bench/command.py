"""The report card: `harness bench --suite sldbench --seeds 5`."""

from __future__ import annotations

import argparse
import platform
import threading
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
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
from harness.terminal.edges import Parser, alias, command
from harness.terminal.interrupt import ctrl_c
from harness.terminal.options import (
    add_cluster_option,
    add_data_options,
    add_sandbox_option,
    amount,
    count,
    positive,
    share,
)
from tables.shown import Screen
from tasks import Task, load, names, resolve
from tasks.corpus import load_corpus, need_corpus
from tasks.nested import nested
from tasks.simulated import load_simulated, simulated_names

SEARCHERS = ("formula", "llm", "mixed")
DEFAULT_WORKERS = Config().evolve.workers

EPILOG = """examples:
  harness bench --task sldbench --seeds 5
  harness bench --task moe lr_bsz --seeds 2 --minutes 1
  harness bench --task sldbench --seeds 5 --jobs 2 --workers 1    # a core for each run
  harness bench --task parallel --proposer llm --model NAME --max-tokens 300000 --seeds 3
  harness bench --task sldbench --nested 0.25     # training rows alone: to develop selection

Every task gets the same settings. The command can be stopped at any moment and goes on where it was when it is given
again. Held-out scores are printed when every run has ended. With --nested they are not touched at all: the outer part
of the training rows plays their part.
exit codes: 0 done, 1 some run found no law, 2 wrong usage or input, 130 stopped by Ctrl-C
"""


def parser() -> Parser:
    p = Parser(
        prog="harness bench",
        description="Run a suite of tasks with several seeds and write its report card.",
        epilog=EPILOG,
    )
    suite = p.add_argument(
        "--task",
        dest="suite",
        nargs="+",
        default=["sldbench"],
        metavar="T",
        help="sldbench (all eight), corpus (a folder of tables), simulated (rows of published laws), or tasks",
    )
    alias(p, "--suite", suite)
    p.add_argument(
        "--seeds", type=count, default=5, metavar="N", help="runs of every task, seeds 0 to N-1 (default: 5)"
    )
    p.add_argument(
        "--minutes", type=positive, default=10.0, metavar="M", help="minutes a run at most (default: 10)"
    )
    p.add_argument(
        "--evaluations", type=count, default=2000, metavar="N", help="programs a run at most (default: 2000)"
    )
    p.add_argument(
        "--workers",
        type=count,
        metavar="N",
        help=f"evaluations beside each other in a run (default: {DEFAULT_WORKERS}; 1 with --cluster: the same journal "
        "wherever it is scored)",
    )
    p.add_argument(
        "--jobs",
        type=count,
        metavar="N",
        help="runs beside each other, each with its own workers (default: 1, or two for each thread of a cluster)",
    )
    p.add_argument("--proposer", choices=SEARCHERS, help="who makes candidates (default: that of the config)")
    p.add_argument("--model", metavar="NAME", help="model to ask, for the proposers llm and mixed")
    p.add_argument("--max-cost", type=amount, metavar="MONEY", help="spent on models in one run at most")
    p.add_argument("--max-tokens", type=count, metavar="N", help="tokens of models in one run at most")
    p.add_argument(
        "--config", metavar="FILE", help="YAML file with the other settings (default: the defaults)"
    )
    add_data_options(p)
    p.add_argument(
        "--out",
        type=Path,
        default=Path("runs/bench"),
        metavar="DIR",
        help="run folders (default: runs/bench)",
    )
    p.add_argument(
        "--report", type=Path, metavar="DIR", help="where the card is written (default: the folder of --out)"
    )
    p.add_argument(
        "--nested",
        type=share,
        metavar="SHARE",
        help="hide this outer share of train in place of held-out rows",
    )
    p.add_argument(
        "--choose-again",
        type=Path,
        metavar="DIR",
        help="search nothing: copy the ended searches of this folder to --out and choose from them by today's rules",
    )
    p.add_argument(
        "--no-random", action="store_true", help="leave out the control of independent random laws"
    )
    p.add_argument("--only-random", action="store_true", help="run that control alone")
    p.add_argument("--no-hindsight", action="store_true", help="leave out the plot of every law tried")
    add_sandbox_option(p)
    add_cluster_option(p)
    return p


@command
def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    human = Screen(stderr=True)
    args.workers = args.workers or (1 if args.cluster else DEFAULT_WORKERS)
    with (
        ctrl_c() as stop,
        Cluster(args.cluster, args.allow_weak_sandbox) if args.cluster else nullcontext() as cluster,
    ):
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
        tasks = {name: nested(task, args.nested) for name, task in tasks.items()}
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
