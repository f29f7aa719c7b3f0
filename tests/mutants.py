"""Whether the tests notice when a rule is changed: `python -m tests.mutants [FILE ...]`, or `make mutants`.

One small change at a time (a mutant) is made to the parsed source of a module, in memory, and the module's own tests run in a
process forked for it. A mutant that no test notices has survived: either a test is missing, or the change means nothing. Our
own runner and not cosmic-ray or mutmut: they write mutants into a copy of the tree and start an interpreter for each, which
here is two seconds of imports a mutant; forked, most cost less than one.

  --most N    mutants a module, drawn by a fixed seed (default: 24; 0 for all)
  --seed N    of the draw
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import importlib.machinery
import os
import random
import resource
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.mutants_that_change_nothing import EQUIVALENT

ROOT = Path(__file__).resolve().parents[1]
LONGEST_S = 40
"""Processor seconds of the tests of one mutant; one that runs longer is caught, for CI would stop it too."""

CHOICE = ("tests/harness/test_choosing_rules.py", "tests/harness/test_choice.py")
STEPS = ("tests/harness/test_choosing_steps.py",)
LAW = ("tests/harness/test_choosing_law.py",)
ROWS = ("tests/harness/test_row_methods.py",)
GUIDE = "tests/harness/test_rules_that_guide.py"
LOOP = (  # the quick ones first: most mutants are caught by them
    GUIDE,
    "tests/harness/test_search_rules.py",
    "tests/harness/test_golden_journals.py",
    "tests/harness/test_search_loop.py",
)
WATCHED: dict[str, tuple[str, ...]] = {
    "harness/search/selection.py": LOOP,
    "harness/search/archive.py": LOOP,
    "harness/search/search.py": LOOP,
    "harness/search/offered.py": (*LAW, *LOOP),
    "harness/search/draws.py": (*LAW, *LOOP),
    "harness/choosing/choice.py": STEPS,
    "harness/choosing/law.py": LAW,
    "harness/choosing/evidence.py": (*LAW, *STEPS),
    "harness/choosing/ground.py": (*LAW, *CHOICE),
    "harness/choosing/shortlist.py": LAW,
    "harness/choosing/refits.py": LAW,
    "harness/choosing/lighter.py": LAW,
    "harness/choosing/forecast.py": CHOICE,
    "harness/choosing/rows/last_levels.py": CHOICE,
    "harness/choosing/rows/kriging.py": ROWS,
    "harness/choosing/order.py": CHOICE,
    "harness/choosing/priors.py": CHOICE,
    "harness/choosing/vote.py": CHOICE,
    "tasks/split.py": ("tests/tasks/test_split.py", GUIDE),
    "evaluator/metric.py": ("tests/evaluator/test_metric.py",),
    "fitting/uncertainty/intervals.py": (
        "tests/fitting/test_fitting_intervals.py",
        "tests/fitting/test_fitting_sandwich.py",
    ),
    "fitting/planning/allocation.py": ("tests/fitting/test_fitting_allocation.py",),
}
"""Module -> its tests: the rules that guide a search, choose a law, score it, and say how sure a fit is."""

QUICK = " and ".join(
    f"not {name}"
    for name in (
        "test_every_preset_fits",
        "bootstrap",
        "on_llama_rows",
        "test_the_laws_that_a_seed",
        "test_sandwich_intervals_hold",
        "no_alarm",
    )
)

TOLERANCE = 1e-5

SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any", "minimum": "maximum", "maximum": "minimum",
         "argmin": "argmax", "argmax": "argmin", "mean": "sum", "floor": "ceil", "ceil": "floor"}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One change: of the `place`-th node of a module, in its `turn`-th way.

    Attributes:
        name: the line it is on, what is changed, and which of several alike on that line.
    """

    place: int
    turn: int
    line: int
    name: str


def ways(node: ast.AST) -> list[tuple[str, ast.AST]]:
    """The changed nodes that can stand for this one, with words."""
    found: list[tuple[str, ast.AST]] = []
    if isinstance(node, ast.Compare):
        for i, op in enumerate(node.ops):
            if type(op) in SWAPS:
                new = copy.deepcopy(node)
                new.ops[i] = SWAPS[type(op)]()  # type: ignore[call-overload]  # an operator for an operator
                found.append(("comparison", new))
    elif (
        isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign)
        and type(node.op) in SWAPS
        and not is_text(node)
    ):
        new = copy.deepcopy(node)
        new.op = SWAPS[type(node.op)]()  # type: ignore[assignment]  # an operator for an operator
        found.append(("operator", new))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        found.append(("sign or not", node.operand))
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        for value in values(node.value):
            found.append(("number", ast.Constant(value)))
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        found.append(("flag", ast.Constant(not node.value)))
    elif isinstance(node, ast.Name) and node.id in NAMES and isinstance(node.ctx, ast.Load):
        found.append(("name", ast.Name(NAMES[node.id], ast.Load())))
    elif isinstance(node, ast.Attribute) and node.attr in NAMES and isinstance(node.ctx, ast.Load):
        found.append(("name", ast.Attribute(node.value, NAMES[node.attr], ast.Load())))
    elif isinstance(node, ast.If | ast.While) and isinstance(node.test, ast.Name | ast.Attribute | ast.Call):
        new = copy.deepcopy(node)
        new.test = ast.UnaryOp(ast.Not(), new.test)
        found.append(("condition", new))
    elif isinstance(node, ast.IfExp):
        found.append(("other branch", ast.IfExp(node.test, node.orelse, node.body)))
    return found


def values(number: float) -> tuple[float, ...]:
    """Other numbers for one: a tolerance is not doubled, for nothing that matters lies that near to it."""
    changed = (1,) if number == 0 else (number + 1,) if abs(number) < TOLERANCE else (number + 1, number * 2)
    return tuple(dict.fromkeys(changed))


def is_text(node: ast.BinOp | ast.BoolOp | ast.AugAssign) -> bool:
    """Whether an operator makes words for people."""
    parts = (
        node.values
        if isinstance(node, ast.BoolOp)
        else [node.value]
        if isinstance(node, ast.AugAssign)
        else [node.left, node.right]
    )
    return any(
        isinstance(p, ast.JoinedStr) or (isinstance(p, ast.Constant) and isinstance(p.value, str))
        for p in parts
    )


def nodes(tree: ast.Module) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """(parent, field, index, node) of all that decides something: no message, type or text of documentation."""
    skipped = {"annotation", "returns", "decorator_list", "type_params"}
    todo: list[ast.AST] = [tree]
    while todo:
        parent = todo.pop()
        for name, value in ast.iter_fields(parent):
            if name in skipped:
                continue
            for i, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if isinstance(child, ast.Raise | ast.Assert | ast.JoinedStr | ast.ImportFrom):
                    continue
                if (
                    isinstance(child, ast.keyword) and child.arg == "strict"
                ):  # an assertion of ours by another name
                    continue
                if isinstance(child, ast.AST):
                    yield parent, name, i, child
                    todo.append(child)


def mutants(source: str) -> list[Mutant]:
    lines, alike = source.splitlines(), Counter[str]()
    found = []
    for place, (_, _, _, node) in enumerate(nodes(ast.parse(source))):
        for turn, (kind, new) in enumerate(ways(node)):
            line = getattr(node, "lineno", 0)
            was, now = (ast.unparse(n).partition("\n")[0] for n in (node, new))
            name = f"{lines[line - 1].strip()}  [{kind}: {was} -> {now}]"
            alike[name] += 1
            found.append(Mutant(place, turn, line, name + (f" #{alike[name]}" if alike[name] > 1 else "")))
    return found


def mutated(source: str, mutant: Mutant) -> ast.Module:
    tree = ast.parse(source)
    for place, (parent, name, i, node) in enumerate(nodes(tree)):
        if place == mutant.place:
            new = ast.copy_location(ways(node)[mutant.turn][1], node)
            if i is None:
                setattr(parent, name, new)
            else:
                getattr(parent, name)[i] = new
            break
    return ast.fix_missing_locations(tree)


class NoSandbox:
    """Tests that need a sandbox are left out: a rule that only whole searches notice is pinned by none of them."""

    def pytest_collection_modifyitems(self, config: Any, items: list[Any]) -> None:
        config.hook.pytest_deselected(items=[item for item in items if "evaluator" in item.fixturenames])
        items[:] = [item for item in items if "evaluator" not in item.fixturenames]


def outcome(path: str, mutant: Mutant | None, tests: tuple[str, ...]) -> int:
    """How pytest ended in a process of its own, or minus the signal that ended it; None runs the module as it is."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status)
    os.setsid()
    resource.setrlimit(resource.RLIMIT_CPU, (LONGEST_S, LONGEST_S))
    with open(os.devnull, "w") as nothing:
        os.dup2(nothing.fileno(), 1)
        os.dup2(nothing.fileno(), 2)
    if mutant is not None:
        source = (ROOT / path).read_text(encoding="utf-8")
        code = compile(mutated(source, mutant), str(ROOT / path), "exec")
        real = importlib.machinery.SourceFileLoader.get_code

        def get_code(self: importlib.machinery.SourceFileLoader, name: str):
            return code if Path(self.path) == ROOT / path else real(self, name)

        importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign]  # the point of it
    import pytest

    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # of a second for each mutant they took the half
    options = ["-x", "-q", "--assert=plain", "-p", "no:cacheprovider", "-p", "pytest_timeout", "-k", QUICK]
    with contextlib.suppress(SystemExit):
        os._exit(int(pytest.main([*options, *tests], plugins=[NoSandbox()])))
    os._exit(3)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("files", nargs="*", help=f"of {', '.join(WATCHED)}")
    parser.add_argument("--most", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    os.chdir(ROOT)
    sys.dont_write_bytecode = False  # a module compiled once is not compiled for each mutant
    for library in (
        "numpy",
        "scipy.stats",
        "scipy.optimize",
        "pandas",
        "hypothesis",
        "pytest",
        "pytest_timeout",
    ):
        __import__(library)  # once, before the forks
    total = caught = 0
    survived: list[str] = []
    sound: set[tuple[str, ...]] = set()
    for path in args.files or WATCHED:
        tests = WATCHED[path]
        if tests not in sound and outcome(path, None, tests) != 0:
            print(f"{path}: its tests fail as they are", flush=True)
            return 1
        sound.add(tests)
        found = mutants((ROOT / path).read_text(encoding="utf-8"))
        nothing = EQUIVALENT.get(path, {})
        if gone := set(nothing) - {m.name for m in found}:
            print(
                f"{path}: EQUIVALENT names what is no mutant any more: {'; '.join(sorted(gone))}", flush=True
            )
            return 1
        found = [m for m in found if m.name not in nothing]
        drawn = random.Random(args.seed).sample(found, args.most) if 0 < args.most < len(found) else found
        before = len(survived)
        for mutant in sorted(drawn, key=lambda m: (m.line, m.name)):
            if outcome(path, mutant, tests) == 0:
                survived.append(f"{path}:{mutant.line}: {mutant.name}")
                print(f"  survived: {survived[-1]}", flush=True)
        n = len(drawn) - (len(survived) - before)
        total, caught = total + len(drawn), caught + n
        share = 100 * n / max(len(drawn), 1)
        print(
            f"{path}: {n} of {len(drawn)} caught, {share:.0f} % ({len(found)} there are, {len(nothing)} more change nothing)",
            flush=True,
        )
    print(f"\n{caught} of {total} caught, {100 * caught / max(total, 1):.0f} %")
    return 0


if __name__ == "__main__":
    sys.exit(main())
