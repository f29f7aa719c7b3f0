"""Constants are rounded before they predict; numbers in a text are counted; constants that do nothing are seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from evaluator_cases import QUICK, make_folds, make_task, program

from evaluator import Evaluator, Scored, reveal
from evaluator.literals import Literals, literals
from evaluator.marks import IDLE, marks
from evaluator.trial import rounded

PACKED = """
    scale = 1e5
    ints = np.round((loss_values[:18] - loss_values.min()) / np.ptp(loss_values) * 9e4).astype(int)
    return [float(ints[i]) + float(ints[i + 1]) / scale + float(ints[i + 2]) / scale**2 for i in range(0, 18, 3)]
"""


def test_constants_reach_predictions_by_ten_digits():
    values = rounded({"g": np.array([1 / 3, -2e300 / 3, 0.0, 12345678901234.0])})["g"]
    assert values.tolist() == [0.3333333333, -6.666666667e299, 0.0, 12345678900000.0]


def test_what_is_scored_is_what_was_rounded(evaluator):
    outcome = evaluator.validate(program(), make_task(), make_folds(make_task())[:1])
    assert isinstance(outcome, Scored)
    for values in outcome.constants.values():
        assert all(float(f"{c:.9e}") == c for c in values)


def test_three_values_in_one_constant_do_not_come_out_again(evaluator):
    law = "a = np.floor(params)\nb = np.floor((params - a) * 1e5)\nc = ((params - a) * 1e5 - b) * 1e5\nreturn np.full(len(data_points), c[0])"
    task = make_task(budget=6)
    outcome = evaluator.validate(program(PACKED, law), task, make_folds(task)[:1])
    assert isinstance(outcome, Scored)
    first = outcome.constants["g0"][0]
    third = ((first % 1) * 1e5 % 1) * 1e5
    assert abs(third - round(third)) > 1e-3 or third < 1, "the third value is gone"


def test_numbers_are_counted_wherever_they_stand():
    assert literals("x = 1") == Literals(1, 0)
    assert literals("x = [1, -2.5, (3, {4: 5j})]") == Literals(5, 5)
    assert literals('"""1 2 3"""\nx = True\ny = "short"') == Literals(0, 0)
    assert literals("x = " + "9" * 170).count == 10
    assert literals(f"x = {'1.5 2.5 ' * 100!r}.split()").count == 100
    assert literals(f"x = {bytes(800)!r}").count == 100
    assert literals("x = (") == Literals(0, 0)
    table = literals(f"T = {[[float(i), i / 7] for i in range(60)]}")
    assert table == Literals(120, 120)
    assert table.mark(200, 50) == "120 numbers in its text, 120 in one list"
    assert table.mark(200, 200) is None


def test_a_table_in_the_text_is_marked_and_still_scored(evaluator):
    task = make_task()
    rows = {tuple(x): float(y) for x, y in zip(task.train.X.tolist(), task.train.y[:, 0], strict=True)}
    law = "return np.array([TABLE.get(tuple(x), params[0]) for x in data_points.tolist()])"
    text = program("return [float(loss_values.mean())]", law, f"import numpy as np\nTABLE = {rows!r}")
    report = reveal(text, task, evaluator, lambda event, facts: None)
    assert isinstance(report.outcome, Scored)
    n = 3 * len(rows)
    assert any(
        mark.startswith(f"{n + 1} numbers") and mark.endswith(f"{n} in one list") for mark in report.marks
    )
    wide = Evaluator(evaluator.sandbox, replace(QUICK, text_numbers=1000, list_numbers=1000))
    assert not [m for m in marks(text, task, wide, report.outcome) if "numbers" in m]


@pytest.mark.parametrize(
    ("law", "expected"),
    [
        ("return 3.0 - 0.1 * np.log(data_points).sum(axis=1)", (IDLE,)),
        ("return params[0] + (np.log(data_points) * params[1:]).sum(axis=1)", ()),
        ("return 3.0 - 0.1 * np.log(data_points).sum(axis=1) + 0.0 * params[0]", (IDLE,)),
        ("assert params[0] < 3.5\nreturn np.full(len(data_points), 3.0)", ()),
    ],
)
def test_constants_that_change_nothing_are_marked(evaluator, law, expected):
    task = make_task()
    report = reveal(program(law=law), task, evaluator, lambda event, facts: None)
    assert isinstance(report.outcome, Scored)
    assert report.marks == expected
