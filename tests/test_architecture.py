"""The house rules that a reader can't see at a glance: arrows of import, sealed room, size of modules."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAY_IMPORT = {
    "fitting": set(),
    "tables": set(),
    "tasks": {"tables"},
    "evaluator": {"tasks"},
    "curves": {"fitting", "tables"},
    "harness": {"evaluator", "tasks", "tables", "fitting", "curves", "studies"},
    "studies": {"fitting", "tables"},
}
OURS = {*MAY_IMPORT, "seeds", "programs", "runs", "configs", "benchmarks", "tests"}


def modules(package):
    return sorted((ROOT / package).rglob("*.py"))


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_point_one_way(package):
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(package)
        for name in imported(path)
        if name in OURS and name != package and name not in MAY_IMPORT[package]
    }
    assert not wrong


@pytest.mark.parametrize(("package", "ours"), [("seeds", {"fitting"}), ("programs", set())])
def test_programs_stand_alone_and_seeds_need_the_fitting_library_at_most(package, ours):
    found = modules(package)
    assert found
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in found
        for name in imported(path)
        if name not in {"numpy", "scipy", "math", "itertools", "functools", "__future__", *ours}
    }
    assert not wrong


def test_one_module_opens_the_sealed_room():
    """`Sealed.open` is called in `evaluator/reveal.py` alone, and nobody reaches behind the door."""
    callers = set()
    for package in ("tasks", "evaluator", "harness"):  # the others can't import tasks at all
        for path in modules(package):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Attribute) and (
                    node.attr == "_rows" or (node.attr == "open" and "heldout" in ast.unparse(node.value))
                ):
                    callers.add(path.relative_to(ROOT).as_posix())
    assert callers == {"evaluator/reveal.py", "tasks/rows.py"}


def test_no_data_file_is_part_of_the_project():
    kept = [
        p for p in ROOT.glob("*/**/*") if p.suffix in {".csv", ".parquet", ".npz"} and ".venv" not in p.parts
    ]
    kept = [p for p in kept if p.relative_to(ROOT).parts[0] != "runs" and "site-packages" not in p.parts]
    assert [p for p in kept if p.stat().st_size > 20_000] == []
