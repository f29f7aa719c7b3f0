"""Parsing beside other threads: an upset of the interpreter is not taken for a fault of the program."""

import ast
import tokenize
from concurrent.futures import ThreadPoolExecutor

import pytest
from evaluator_cases import program

from evaluator import contract


def test_a_stumble_of_the_interpreter_is_asked_again(monkeypatch):
    real, stumbles = ast.parse, [SystemError("AST constructor recursion depth mismatch")] * 3

    def stumbling(*args, **kwargs):
        if stumbles:
            raise stumbles.pop()
        return real(*args, **kwargs)

    monkeypatch.setattr(ast, "parse", stumbling)
    assert isinstance(contract.parse(program()), ast.Module)
    assert not stumbles


def test_what_does_not_parse_is_said_at_once():
    with pytest.raises(contract.Unparsable) as error:
        contract.parse("x = 1\ndef f(:")
    assert error.value.line == 2


BAD = {
    "brackets": "x = " + "(" * 3000 + ")" * 3000,
    "lists": "x = " + "[" * 150 + "0" + "]" * 150 + "[0" * 190,
    "minus signs": "x = " + "-" * 100_000 + "1",
    "a long sum": "x = " + "+".join(["1"] * 60_000),
    "attributes": "x = a" + ".b" * 60_000,
    "calls": "x = f" + "()" * 60_000,
    "a long else-if": "if 0: pass\n" + "elif 0: pass\n" * 15_000,
    "lambdas": "x = " + "lambda: " * 20_000 + "0",
    "a number of 5,000 digits": "x = " + "9" * 5000,
    "a null byte": "x = 1\0",
    "a lone surrogate": "x = '\ud800'",
    "an open string": "x = '" + "''",
    "tabs and spaces": "if 1:\n        x = 1\n\ty = 2",
    "far indented": "\n".join(" " * i + "if 1:" for i in range(150)),
    "an unknown encoding": "# -*- coding: nonsense -*-\nx = 1\0",
    "too long": "x = 1\n" * 100_000,
}


@pytest.mark.parametrize("name", BAD)
def test_whatever_the_parser_raises_is_one_failure_of_the_program(name):
    text = BAD[name]
    failed = contract.check("# EVOLVE-BLOCK-START\n" + text + "\n# EVOLVE-BLOCK-END\n")
    assert failed is not None
    assert "\n" not in failed.detail
    assert len(failed.detail) < 400
    assert contract.imported_modules(text) == frozenset()


def test_a_tree_that_parses_and_cannot_be_printed():
    deep = "+".join(["1"] * 900)
    text = program().replace("data_points, loss_values", f"data_points, loss_values, other=({deep}), *, more")
    failed = contract.check(text)
    assert failed is not None
    assert "\n" not in failed.detail


@pytest.mark.parametrize(
    "raised",
    [RecursionError("x"), MemoryError(), OverflowError("x"), tokenize.TokenError("EOF in string", (1, 1))],
)
def test_one_name_for_all_that_reading_raises(raised):
    with pytest.raises(contract.Unparsable), contract.reading():
        raise raised


def test_many_threads_parse_the_same_program():
    text = program() + "\n" + "x = " + "+".join(["(1)"] * 400)
    with ThreadPoolExecutor(8) as pool:
        trees = list(pool.map(lambda _: ast.dump(contract.parse(text)), range(64)))
    assert len(set(trees)) == 1
