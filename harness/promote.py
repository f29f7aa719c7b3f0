"""Keep the best law of finished runs as a program with a card: `harness promote runs/bench`.

The best is the one of lowest validation error, with the price of its size: what selection inside a run goes by.
Held-out scores are written on the card and choose nothing.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import yaml

from evaluator import contract
from harness.errors import HarnessError
from harness.record.run_folder import RunFolder, all_runs, write_atomically
from harness.search.selection import Judged
from harness.terminal.edges import Parser, alias, command
from tasks import resolve

NAME = "discovered_law"

EPILOG = """examples:
  harness promote runs/bench                       # every task that has a run there
  harness promote runs --task my_table --out mine   # your own table, another folder

Each task's best law by validation error becomes <out>/<task>/discovered_law.py with a card beside it. The program needs
NumPy and SciPy alone and runs in any evaluator that knows the two functions.
exit codes: 0 done, 2 wrong usage or input
"""


def parser() -> Parser:
    p = Parser(
        prog="harness promote",
        description="Keep the best law of finished runs as a program with a card.",
        epilog=EPILOG,
    )
    p.add_argument("runs", type=Path, help="folder of run folders")
    p.add_argument("--task", help="only this task")
    to = p.add_argument(
        "--out",
        dest="to",
        type=Path,
        default=Path("programs"),
        metavar="DIR",
        help="where to (default: programs)",
    )
    alias(p, "--to", to)
    return p


@command
def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    task = resolve(args.task) if args.task else None
    for line in promote(args.runs, args.to, task):
        print(line)
    return 0


def promote(runs: Path, to: Path, task: str | None = None) -> list[str]:
    """Write the best law of every task, and say so in a line each.

    Args:
        runs: folder of run folders; runs without a law, controls, nested tasks and our own measurements are passed over, and so are
            programs that need more than NumPy and SciPy.
        task: only this one.

    Raises:
        HarnessError: no run there has a law to promote.
    """
    found: dict[str, list[tuple[RunFolder, dict[str, Any]]]] = {}
    for folder in all_runs(runs):
        summary = folder.summary()
        if summary is None or summary["law"] is None or summary["proposer"] == "random":
            continue
        if summary["data"]["kind"] in ("nested", "nano"):
            continue
        if task is None or summary["task"] == task:
            found.setdefault(summary["task"], []).append((folder, summary))
    found = {
        name: alone for name, runs in found.items() if (alone := [r for r in runs if _stands_alone(r[0])])
    }
    if not found:
        of_task = f" of task {task!r}" if task else ""
        raise HarnessError(
            f"{runs}: expected run folders with a finished run{of_task}, found none (nested runs, runs on our own measurements, "
            "controls and programs that need more than NumPy and SciPy are not promoted)"
        )
    return [_promote_one(name, found[name], to) for name in sorted(found)]


def _promote_one(task: str, candidates: list[tuple[RunFolder, dict[str, Any]]], to: Path) -> str:
    folder, summary = min(candidates, key=lambda item: (_cost(*item), item[0].path.name))
    text = folder.program()
    place = to / task / f"{NAME}.py"
    place.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(place, _with_docstring(text, summary, len(candidates)))
    card = yaml.safe_dump(_card(summary, len(candidates)), sort_keys=False, width=110, allow_unicode=True)
    write_atomically(place.with_suffix(".yaml"), card)
    return (
        f"{place}: {summary['law']} (run {folder.path.name}, validation R2 {summary['validation']['r2']:.4f})"
    )


def _stands_alone(folder: RunFolder) -> bool:
    """Whether a run's program keeps the contract without `fitting`, which a seed may import."""
    return contract.check(folder.program(), contract.ALLOWED_MODULES) is None


def _cost(folder: RunFolder, summary: dict[str, Any]) -> float:
    with folder.journal(read_only=True) as journal:
        sizes = {c.id: c.draft.size for c, _ in journal.evaluations()}
    size = sizes.get(summary["candidate"], 0)
    return Judged("", summary["validation"]["nmse"], summary["n_constants"], size).cost


def _with_docstring(text: str, summary: dict[str, Any], n_runs: int) -> str:
    """The program with a docstring that says what it is; its code is not touched."""
    tree = ast.parse(text)
    body = text
    if ast.get_docstring(tree) is not None:
        body = "".join(text.splitlines(keepends=True)[tree.body[0].end_lineno :])
    units = "; ".join(f"{name} in {unit:g}" for name, unit in summary["units"].items())
    lines = [
        f"{summary['title']}: law found by the formula search.",
        "",
        summary["law"],
        "",
        *([f"Features in round units: {units}."] if units else []),
        "Source: `harness bench`, " + _origin(summary, n_runs) + ".",
    ]
    return '"""' + "\n".join(lines) + '\n"""\n' + body


def _card(summary: dict[str, Any], n_runs: int) -> dict[str, Any]:
    constants = next(iter(summary["constants"].values()))
    names = list(dict.fromkeys(name.partition("[")[0] for name in constants))
    r2 = summary["heldout"]["r2"] if summary["heldout"] else None
    choices = f" ({summary['fit_choices']})" if summary["fit_choices"] else ""
    units = ", ".join(f"{name} in {unit:g}" for name, unit in summary["units"].items())
    heldout = "none" if r2 is None else f"{r2:.4f}"
    return {
        "title": f"{summary['title']}: discovered law",
        "task": summary["task"],
        "law": summary["law"],
        "constants": {"count": summary["n_constants"], "names": names},
        "source": f"found by the formula search, {_origin(summary, n_runs)}",
        "fitted_by": f"variable projection and Levenberg-Marquardt from several starts{choices}",
        "notes": (
            f"{'Units: ' + units + '. ' if units else ''}Validation R2 {summary['validation']['r2']:.4f}, by which it was "
            f"chosen; held-out R2 {heldout}, which chose nothing. Rows: train {summary['data']['train_hash']}, held-out "
            f"{summary['data']['heldout_hash']}."
        ),
    }


def _origin(summary: dict[str, Any], n_runs: int) -> str:
    return (
        f"seed {summary['seed']}, {summary['evaluations']} evaluations; of {n_runs} runs the one of lowest "
        "validation error"
    )


if __name__ == "__main__":
    sys.exit(main())
