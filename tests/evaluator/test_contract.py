"""What a program's text must look like, and what it hears when it does not."""

from __future__ import annotations

import subprocess
import sys

import pytest
from evaluator_cases import program

from evaluator import Failure, contract
from evaluator.contract import MAX_PROGRAM_BYTES, check, imported_modules, named_modules
from evaluator.sandbox.host import Profile

GOOD = program()


def test_a_good_program_passes():
    assert check(GOOD) is None


@pytest.mark.parametrize(
    ("lines", "profile"),
    [
        ("import numpy as np", Profile.NUMPY),
        ("from numpy import linalg\nimport math", Profile.NUMPY),
        ("from scipy.optimize import nnls", Profile.OPTIMIZE),
        ("import scipy.optimize as so\nfrom scipy import linalg", Profile.OPTIMIZE),
        ("import scipy", Profile.SCIPY),
        ("from scipy import optimize, stats", Profile.SCIPY),
        ("from scipy import *", Profile.SCIPY),
        ("def f():\n    from scipy.interpolate import interp1d", Profile.SCIPY),
        ("import fitting.law.law", Profile.FITTING),
        ("x = = 1", Profile.NUMPY),
    ],
)
def test_what_a_program_imports_says_what_is_loaded_for_it(lines, profile):
    assert Profile.of(imported_modules(lines)) is profile


@pytest.mark.parametrize(
    ("text", "failure", "said"),
    [
        ("", Failure.NO_EVOLVE_BLOCK, "found neither line"),
        (GOOD.replace("# EVOLVE-BLOCK-END", ""), Failure.NO_EVOLVE_BLOCK, "ends on lines []"),
        (GOOD + "\n" + GOOD, Failure.NO_EVOLVE_BLOCK, "starts on lines [2, 10]"),
        (
            GOOD.replace("BLOCK-START", "BLOCK-X")
            .replace("BLOCK-END", "BLOCK-START")
            .replace("BLOCK-X", "BLOCK-END"),
            Failure.NO_EVOLVE_BLOCK,
            "starts on lines [8], ends on lines [2]",
        ),
        (GOOD + "\nx = = 1", Failure.SYNTAX, "program line 9: invalid syntax"),
        (GOOD + "\nx = '\x00'", Failure.SYNTAX, "null bytes"),
        (GOOD + "\nx = '\ud800'", Failure.SYNTAX, "expected UTF-8"),
        (GOOD + "\n#" + "x" * MAX_PROGRAM_BYTES, Failure.FORBIDDEN, f"at most {MAX_PROGRAM_BYTES}"),
        (GOOD.replace("def scaling_law_func", "def law"), Failure.MISSING_FUNCTION, "found none"),
        (
            GOOD.replace("(data_points, params)", "(data_points)"),
            Failure.MISSING_FUNCTION,
            "expected scaling_law_func(data_points, params), got scaling_law_func(data_points)",
        ),
        (
            GOOD.replace("(data_points, params)", "(a, b, c)"),
            Failure.MISSING_FUNCTION,
            "got scaling_law_func(a, b, c)",
        ),
        (GOOD.replace("(data_points, params)", "(a, b, *, c)"), Failure.MISSING_FUNCTION, "(a, b, *, c)"),
        (
            GOOD + "\nimport os",
            Failure.FORBIDDEN,
            "program line 9: may not import 'os'; allowed are collections",
        ),
        (
            GOOD + "\ndef f():\n    from os.path import join",
            Failure.FORBIDDEN,
            "line 10: may not import 'os.path'",
        ),
        (GOOD + "\nfrom . import tasks", Failure.FORBIDDEN, "may not import '.'"),
        (GOOD + "\nt = np.datetime64('now')", Failure.FORBIDDEN, "may not read the clock"),
    ],
)
def test_each_broken_rule_is_named(text, failure, said):
    failed = check(text)
    assert failed is not None
    assert failed.failure is failure
    assert said in failed.detail
    assert "\n" not in failed.detail


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("(data_points, params)", "(X, p, scale=2.0, *, eps=1e-9)"),
        GOOD.replace("(data_points, params):", "(*args):\n    data_points, params = args"),
        GOOD
        + "\nimport scipy.optimize as so, math\nfrom collections import deque\nfrom __future__ import annotations",
        GOOD + "\nscaling_law_func = np.vectorize(scaling_law_func)",
        GOOD.replace(
            "def scaling_law_func(data_points, params):", "scaling_law_func = lambda data_points, params: ("
        )
        .replace("    return params[0]", "    params[0]")
        .replace(".sum(axis=1)", ".sum(axis=1))"),
    ],
)
def test_other_ways_to_write_a_program_pass(text):
    assert check(text) is None


def test_fitting_is_imported_only_where_allowed():
    text = GOOD + "\nimport fitting"
    assert check(text, ("numpy",)).failure is Failure.FORBIDDEN
    assert check(text, ("numpy", "fitting")) is None


NASTY = [
    "'-' * 90_000 + '1'",
    "'(' * 90_000 + ')' * 90_000",
    "'not ' * 40_000 + '1'",
    "'x' + '.x' * 90_000",
    "'1' + '+1' * 90_000",
    "'lambda:' * 20_000 + '1'",
    "'f(' * 150 + ')' * 150",
    "'[' * 90_000",
    "'9' * 90_000",
    "'if 1:' * 1000",
    "'x' + '[0]' * 60_000",
    "'1 if 1 else ' * 15_000 + '1'",
]


def test_text_made_to_crash_a_parser_leaves_the_host_alive():
    # In a process of its own, so that a crash is seen as one; the last line printed names the culprit.
    code = """
from evaluator.contract import check, imported_modules
for expression in NASTY:
    print(expression, flush=True)
    text = "# EVOLVE-BLOCK-START\\n" + eval(expression) + "\\n# EVOLVE-BLOCK-END\\n"
    assert check(text) is not None
    imported_modules(text)
"""
    done = subprocess.run(
        [sys.executable, "-c", f"NASTY = {NASTY!r}{code}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-200:] + done.stderr[-500:]
    assert len(done.stdout.splitlines()) == len(NASTY)


def test_a_text_is_parsed_once_for_all_that_is_asked_of_it(monkeypatch):
    whole, parsed = contract.parse, []
    monkeypatch.setattr(contract, "parse", lambda text: parsed.append(text) or whole(text))
    text = f"{GOOD}\n# read once\n"
    assert check(text) is None
    assert "numpy" in imported_modules(text)
    assert "numpy" in named_modules(text)
    assert parsed == [text]
