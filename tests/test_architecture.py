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
    "measure": set(),
}
ROOMS = {  # folders inside a package, lowest first: a room imports rooms before it, and the package's base modules
    "fitting": ("law", "solve", "vpnls", "uncertainty", "planning"),
    "evaluator": ("child", "sandbox"),
    "harness": (
        "search", "proposers", "choosing", "record", "cluster", "run", "boards", "terminal", "pages", "bench", "curves", "fit", "study",
        "web", "commands", "api",
    ),
}  # fmt: skip
BASE = {
    "fitting": {"arrays", "columns", "errors", "status"},
    "evaluator": {"errors", "outcome", "contract"},
    "harness": {"errors", "config", "shipped"},
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


def dotted(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def our_modules():
    """Dotted name -> path; what a sandboxed child loads by path knows no packages."""
    paths = [p for package in MAY_IMPORT for p in modules(package)]
    return {dotted(p): p for p in paths if ROOT / "evaluator" / "child" not in p.parents}


def imports_of(path, known):
    """Our modules that a module imports, wherever in it the import stands; those for type checkers alone don't count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    hints = {
        n
        for test in ast.walk(tree)
        if isinstance(test, ast.If) and "TYPE_CHECKING" in ast.unparse(test.test)
        for n in ast.walk(test)
    }
    for node in ast.walk(tree):
        if node in hints:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield from [inner] if inner in known else [node.module] if node.module in known else []


def circles(arrows):
    """Sets of nodes that reach each other."""
    reach = {a: set(b) for a, b in arrows.items()}
    for middle in reach:
        for a in reach:
            if middle in reach[a]:
                reach[a] |= reach[middle]
    return {frozenset(b for b in reach if b in reach[a] and a in reach.get(b, ())) for a in reach} - {
        frozenset()
    }


def test_no_module_imports_itself_by_a_detour():
    known = our_modules()
    arrows = {name: set(imports_of(path, known)) - {name} for name, path in known.items()}
    assert circles(arrows) == set()


def test_a_detour_would_be_seen():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == {frozenset("abc")}


@pytest.mark.parametrize("package", ROOMS)
def test_rooms_import_the_rooms_below_them(package):
    known, order = our_modules(), ROOMS[package]
    found = {p.name for p in (ROOT / package).iterdir() if list(p.glob("*.py"))}
    assert found == set(order), "every folder has its place in ROOMS"
    wrong = set()
    for name, path in known.items():
        parts = name.split(".")
        if parts[0] != package or len(parts) < 2 or parts[1] not in order:
            continue
        for other in imports_of(path, known):
            there = other.split(".")
            if there[0] != package:
                continue
            place = there[1] if len(there) > 1 else ""
            lower = place in order and order.index(place) <= order.index(parts[1])
            if not lower and place not in BASE[package]:
                wrong.add(f"{name} imports {other}")
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


MOST_PARAMETERS = 7
MOST_LINES_OF_A_STEP = 40
MOST_LINES = 360
LONG = {
    "evaluator/sandbox/call.py",
}  # one noun each, and longer than one reads in one go


def functions(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def parameters(function):
    a = function.args
    named = [x.arg for x in (*a.posonlyargs, *a.args, *a.kwonlyargs, a.vararg, a.kwarg) if x is not None]
    return [name for name in named if name not in ("self", "cls")]


def test_no_function_of_the_harness_takes_more_than_seven_parameters():
    """Beyond that nobody sees at a call what goes where: what belongs together travels as one value."""
    wrong = {
        f"{path.relative_to(ROOT)}:{f.lineno}: {f.name} takes {len(parameters(f))}"
        for path in modules("harness")
        for f in functions(path)
        if len(parameters(f)) > MOST_PARAMETERS
    }
    assert not wrong


def test_a_run_and_each_of_its_steps_is_read_in_a_minute():
    """The way through a run is what a reader meets first: prepare, search, choose, reveal."""
    length = {f.name: f.end_lineno - f.lineno + 1 for f in functions(ROOT / "harness" / "run" / "run.py")}
    steps = ("run", "prepare", "search", "choose", "reveal")
    assert {name: length[name] for name in steps if length[name] > MOST_LINES_OF_A_STEP} == {}


def test_modules_are_of_a_length_that_one_reads():
    long = {
        path.relative_to(ROOT).as_posix()
        for package in MAY_IMPORT
        for path in modules(package)
        if path.read_text(encoding="utf-8").count("\n") > MOST_LINES
    }
    assert long <= LONG


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


OUR_MEASUREMENTS = {"tasks/nano/runs.csv", "tasks/nano/curves.csv"}


def test_no_data_file_but_our_own_measurements_is_part_of_the_project():
    kept = [
        p for p in ROOT.glob("*/**/*") if p.suffix in {".csv", ".parquet", ".npz"} and ".venv" not in p.parts
    ]
    kept = [p for p in kept if p.relative_to(ROOT).parts[0] != "runs" and "site-packages" not in p.parts]
    large = {p.relative_to(ROOT).as_posix() for p in kept if p.stat().st_size > 20_000}
    assert large <= OUR_MEASUREMENTS
    assert sum((ROOT / name).stat().st_size for name in OUR_MEASUREMENTS) < 2_000_000
