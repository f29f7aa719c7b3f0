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
from harness.proposers.formula.naming import Readable, readable
from harness.record.law_file import frozen_text
from harness.record.run_folder import RunFolder, all_runs, write_atomically
from harness.search.candidate import searched_id
from harness.search.selection import Judged
from harness.terminal.edges import Parser, alias, command
from tables.documents import MOST_YAML, read_document, read_yaml
from tables.shown import say
from tasks import resolve

NAME = "discovered_law"
KEPT = "kept "

EPILOG = """examples:
  harness promote runs/bench                       # every task that has a run there
  harness promote runs --task my_table --out mine   # your own table, another folder
  harness promote runs --as law --out mine          # law(input_data, group) with the constants of the run

Each task's best law by validation error becomes <out>/<task>/discovered_law.py with a card beside it. The program needs
NumPy and SciPy alone and runs in any evaluator that knows the two functions.
A law that is there already is replaced by one of lower validation error on the same rows and folds, or with --force.
exit codes: 0 done, 1 a law that was there stayed, 2 wrong usage or input
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
    p.add_argument("--force", action="store_true", help="replace a law that is better, or can't be compared")
    p.add_argument(
        "--as",
        dest="form",
        choices=("program", "law"),
        default="program",
        help="program: fits anew wherever it is scored; law: law(input_data, group) with frozen constants, as law.py",
    )
    return p


@command
def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    task = resolve(args.task) if args.task else None
    kept = 0
    for line in promote(args.runs, args.to, task, args.force, args.form):
        say(line)
        kept += line.startswith(KEPT)
    return 1 if kept else 0


def promote(
    runs: Path, to: Path, task: str | None = None, force: bool = False, form: str = "program"
) -> list[str]:
    """Write the best law of every task, and say so in a line each; a better one that is there stays.

    Args:
        runs: folder of run folders; runs without a law, controls, nested tasks and our own measurements are passed over, and so are
            programs that need more than NumPy and SciPy.
        task: only this one.
        force: replace what is there, better or not.
        form: "program", or "law" for one function with frozen constants.

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
    return [_promote_one(name, found[name], to, force, form) for name in sorted(found)]


def _promote_one(
    task: str, candidates: list[tuple[RunFolder, dict[str, Any]]], to: Path, force: bool, form: str
) -> str:
    cost, folder, summary = min(
        ((_cost(f, s), f, s) for f, s in candidates), key=lambda item: (item[0], item[1].path.name)
    )
    place = to / task / f"{NAME if form == 'program' else 'law'}.py"
    card = _card(summary, len(candidates)) | {"validation": _validation(summary, cost)}
    why = None if force else _stays(place, card)
    if why is not None:
        return f"{KEPT}{place}: {why}; --force replaces it"
    place.parent.mkdir(parents=True, exist_ok=True)
    program = _with_docstring(folder.program(), summary, len(candidates))
    write_atomically(place, program if form == "program" else frozen_text(program, summary))
    text = yaml.safe_dump(card, sort_keys=False, width=110, allow_unicode=True)
    write_atomically(place.with_suffix(".yaml"), text)
    return f"{place}: {_named(summary).text} (run {folder.path.name}, validation R2 {summary['validation']['r2']:.4f})"


def _named(summary: dict[str, Any]) -> Readable:
    """The law with names that mean something."""
    return readable(summary["law"], tuple(summary["units"]))


def _validation(summary: dict[str, Any], cost: float) -> dict[str, Any]:
    """What a later promotion compares itself with: the error that chooses, on which rows and folds."""
    return {
        "error": float(cost),
        "r2": float(summary["validation"]["r2"]),
        "rows": summary["data"]["train_hash"],
        "folds": list(summary["validation"]["folds"]),
    }


def _stays(place: Path, new: dict[str, Any]) -> str | None:
    """Why the law that is there stays; None where nothing is there, or something no better on the same rows and folds."""
    if not place.exists():
        return None
    try:
        card = read_yaml(read_document(place.with_suffix(".yaml"), MOST_YAML))
        old = card["validation"]
        same = (old["rows"], old["folds"]) == (new["validation"]["rows"], new["validation"]["folds"])
        error, r2 = float(old["error"]), float(old["r2"])
    except (OSError, ValueError, KeyError, TypeError):
        return "there is a law whose card tells no validation error to compare with"
    if not same:
        return (
            "there is a law that was chosen on other rows or folds, so their validation errors don't compare"
        )
    if error < new["validation"]["error"]:
        return f"there is a better law, validation R2 {r2:.4f} against {new['validation']['r2']:.4f}: {card.get('law')}"
    return None


def _stands_alone(folder: RunFolder) -> bool:
    """Whether a run's program keeps the contract without `fitting`, which a seed may import."""
    return contract.check(folder.program(), contract.ALLOWED_MODULES) is None


def _cost(folder: RunFolder, summary: dict[str, Any]) -> float:
    with folder.journal(read_only=True) as journal:
        sizes = {c.id: c.draft.size for c, _ in journal.evaluations()}
    size = sizes.get(searched_id(summary["candidate"]), 0)
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
        _named(summary).text,
        "",
        *([f"Features in round units: {units}."] if units else []),
        "Source: `harness bench`, " + _origin(summary, n_runs) + ".",
    ]
    return '"""' + "\n".join(lines) + '\n"""\n' + body


def _card(summary: dict[str, Any], n_runs: int) -> dict[str, Any]:
    constants = next(iter(summary["constants"].values()))
    law = _named(summary)
    names = list(dict.fromkeys(law.constant(name.partition("[")[0]) for name in constants))
    r2 = summary["heldout"]["r2"] if summary["heldout"] else None
    choices = f" ({summary['fit_choices']})" if summary["fit_choices"] else ""
    units = ", ".join(f"{name} in {unit:g}" for name, unit in summary["units"].items())
    heldout = "none" if r2 is None else f"{r2:.4f}"
    return {
        "title": f"{summary['title']}: discovered law",
        "task": summary["task"],
        "law": law.text,
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
