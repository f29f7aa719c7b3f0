"""Parsing beside other threads: an upset of the interpreter is not taken for a fault of the program."""

import ast
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
    with pytest.raises(SyntaxError):
        contract.parse("def f(:")


def test_many_threads_parse_the_same_program():
    text = program() + "\n" + "x = " + "+".join(["(1)"] * 400)
    with ThreadPoolExecutor(8) as pool:
        trees = list(pool.map(lambda _: ast.dump(contract.parse(text)), range(64)))
    assert len(set(trees)) == 1
