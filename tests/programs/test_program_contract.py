"""Every seed and program keeps the contract, read from its text alone."""

import ast

import pytest
import yaml
from program_cases import FOUND, PROGRAMS, ROOT, SHAPES, task_of, text_of

ALLOWED = {"numpy", "scipy", "math"}
CARD_FIELDS = {"title", "task", "law", "constants", "source", "fitted_by", "notes"}
CARDED = [*(p for p in PROGRAMS if p.startswith("programs/")), *FOUND]


def test_every_task_has_its_seeds_and_its_published_law():
    expected = {f"seeds/{t}/{name}.py" for t in SHAPES for name in ("vpnls", "power_law")}
    expected |= {f"programs/{t}/human_law.py" for t in SHAPES} | {"programs/finetune_vocab/additive_power.py"}
    assert set(PROGRAMS) >= expected


@pytest.mark.parametrize("program", [*PROGRAMS, *FOUND])
def test_text_has_one_evolve_block_with_the_two_functions(program):
    lines = text_of(program).splitlines()
    start, end = lines.index("# EVOLVE-BLOCK-START"), lines.index("# EVOLVE-BLOCK-END")
    assert lines.count("# EVOLVE-BLOCK-START") == lines.count("# EVOLVE-BLOCK-END") == 1
    block = ast.parse("\n".join(lines[start:end]))
    arguments = {
        node.name: [a.arg for a in node.args.args] for node in block.body if isinstance(node, ast.FunctionDef)
    }
    assert arguments["scaling_law_func"] == ["data_points", "params"]
    assert arguments["fit_scaling_law"] == ["data_points", "loss_values"]


@pytest.mark.parametrize("program", [*PROGRAMS, *FOUND])
def test_text_imports_numpy_scipy_and_math_only_and_a_seed_the_fitting_library(program):
    allowed = ALLOWED | {"fitting"} if program.startswith("seeds/") else ALLOWED
    for node in ast.walk(ast.parse(text_of(program))):
        if isinstance(node, ast.Import):
            assert {alias.name.split(".")[0] for alias in node.names} <= allowed
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            assert node.module.split(".")[0] in allowed


@pytest.mark.parametrize("program", PROGRAMS)
def test_text_draws_no_random_numbers_and_reads_no_clock_or_file(program):
    tree = ast.parse(text_of(program))
    words = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    words |= {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    assert not words & {"random", "default_rng", "time", "open", "print", "exec", "eval"}


@pytest.mark.parametrize("program", [*PROGRAMS, *FOUND])
def test_text_says_what_it_is_and_where_it_comes_from(program):
    doc = ast.get_docstring(ast.parse(text_of(program)))
    assert doc.splitlines()[0].endswith(".")
    assert "power_law" in program.split("/")[-1] or "Source:" in doc


@pytest.mark.parametrize("program", CARDED)
def test_card_describes_its_program(program):
    card = yaml.safe_load((ROOT / program).with_suffix(".yaml").read_text(encoding="utf-8"))
    assert set(card) - {"validation"} == CARD_FIELDS, "promote adds what it was chosen by"
    assert card["task"] == task_of(program)
    assert "\n" not in card["law"].strip()
    assert all(card[field] for field in CARD_FIELDS)
    count, names = card["constants"]["count"], card["constants"]["names"]
    assert count == len(names) * (5 if card["task"] == "domain_mixture" else 1)
    budget = SHAPES[card["task"]].budget
    assert budget is None or count <= budget
