"""`task`: make a curve set a task that `evolve`, `score` and every other command accept.

Rows are a run's points, groups are runs: a law is fitted to each run's prefix and asked for its end. The rows between
the prefix and the end are in neither room.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Sequence
from pathlib import Path

from curves import Curve
from harness.curves.tables import curve_options, curves_of, parser
from harness.errors import BadHistory
from harness.terminal.options import amount, share
from tasks import RESERVED_NAMES, TaskError
from tasks.adding import Wish, add
from tasks.rows import Task

LEAST = 8
"""Points a run's prefix must have: validation cuts it again."""


def make_task(
    curves: Sequence[Curve], name: str, prefix: float, warmup: float = 0.02, force: bool = False
) -> Task:
    """Store "the end of each run from its points up to `prefix`" as a task of the user's.

    Args:
        curves: completed runs with fewer than LEAST points in warmup <= progress <= prefix are left out, and so are
            runs that aren't completed. warmup: points before this progress are left out.
        force: replace a task of that name.

    Raises:
        BadHistory: no run is left, or a share is out of range. TaskError: the task can't be stored.
    """
    if not 0 < prefix < 1 or not 0 < warmup < prefix:
        raise BadHistory(
            f"task: expected 0 < warmup < prefix < 1, got warmup {warmup:g} and prefix {prefix:g}"
        )
    rows, runs = [], 0
    for curve in curves:
        seen = (curve.progress >= warmup) & (curve.progress <= prefix)
        if not curve.complete or seen.sum() < LEAST:
            continue
        runs += 1
        rows += [(curve.run, t, y) for t, y in zip(curve.progress[seen], curve.loss[seen], strict=True)]
        rows.append((curve.run, float(curve.progress[-1]), curve.final))
    if not runs:
        raise BadHistory(
            f"task: none of {len(curves)} runs is completed with {LEAST} points or more in progress {warmup:g} to "
            f"{prefix:g}; take a later --prefix"
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["run", "progress", "loss"])
            writer.writerows((run, repr(float(t)), repr(float(y))) for run, t, y in rows)
        wish = Wish(
            path,
            ("progress",),
            ("loss",),
            group="run",
            name=name,
            heldout_above={"progress": prefix},
            units={"loss": "nats per token"},
            falls_with=("progress",),
        )
        return add(wish, RESERVED_NAMES, force).task


def main(argv: list[str]) -> int:
    p = parser(
        "task",
        "Make a curve set a task: predict the end of each run from its points up to a prefix, runs as groups.",
        "  harness curves task --name delphi_50 --prefix 0.5\n  harness evolve --task delphi_50",
    )
    curve_options(p)
    p.add_argument("--name", dest="task", required=True, metavar="NAME", help="name of the new task")
    p.add_argument(
        "--prefix", type=share, default=0.5, metavar="P", help="share of a run that is seen (default: 0.5)"
    )
    p.add_argument(
        "--warmup",
        type=amount,
        default=0.02,
        metavar="TAU",
        help="leave out progress below this (default: 0.02)",
    )
    p.add_argument("--force", action="store_true", help="replace a task of that name")

    args = p.parse_args(argv)
    try:
        made = make_task(curves_of(args), args.task, args.prefix, args.warmup, args.force)
    except TaskError as error:
        raise BadHistory(str(error)) from None
    groups = len(set(made.train.group.tolist()))
    print(
        f"task {args.task}: {len(made.train.y)} rows of {groups} runs to progress {args.prefix:g}; their ends are held out"
    )
    print(f"next: harness evolve --task {args.task}")
    return 0
