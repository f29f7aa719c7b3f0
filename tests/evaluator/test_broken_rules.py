"""A program that breaks several rules is told all of them."""

from dataclasses import replace

import numpy as np
import pytest

from evaluator import Evaluator, Failure, LocalSandbox
from tasks.rows import Rows
from tasks.spec import Column, TaskSpec

SPEC = TaskSpec("toy", "toy", (Column("N"),), (Column("L"),), None, constants_budget=2)
ROWS = Rows(np.arange(1.0, 9.0)[:, None], np.arange(8.0)[:, None], np.full(8, "all"))
HEAD = "import numpy as np\n# EVOLVE-BLOCK-START\n"
TAIL = "\n# EVOLVE-BLOCK-END\n"
GOOD_FIT = "def fit_scaling_law(data_points, loss_values):\n    return np.array([1.0, 2.0])\n"
GOOD_LAW = "def scaling_law_func(data_points, params):\n    return data_points[:, 0] * params[0]\n"
LONG_FIT = GOOD_FIT.replace("[1.0, 2.0]", "[1.0, 2.0, 3.0]")
LOOSE_FIT = GOOD_FIT.replace(
    "[1.0, 2.0]", "[1.0, 2.0, id(object()) % 977 + np.random.default_rng().random()]"
)
BATCH_LAW = GOOD_LAW.replace("* params[0]", "- data_points[:, 0].mean()")


@pytest.fixture(scope="module")
def evaluator():
    with LocalSandbox(workers=1) as sandbox:
        yield Evaluator(sandbox)


@pytest.mark.parametrize(
    ("program", "rules"),
    [
        (GOOD_FIT + GOOD_LAW, []),
        (LONG_FIT + GOOD_LAW, [Failure.CONSTANTS_BUDGET]),
        (LONG_FIT + BATCH_LAW, [Failure.CONSTANTS_BUDGET, Failure.ROW_DEPENDENCE]),
        (LOOSE_FIT + BATCH_LAW, [Failure.CONSTANTS_BUDGET, Failure.ROW_DEPENDENCE, Failure.NOT_REPEATABLE]),
        (GOOD_FIT, [Failure.MISSING_FUNCTION]),
    ],
    ids=["none", "budget", "budget+rows", "all three", "missing"],
)
def test_every_broken_rule_is_named(evaluator, program, rules):
    found = evaluator.broken_rules(HEAD + program + TAIL, SPEC, ROWS, ROWS.X, ROWS.group)
    assert [f.failure for f in found] == rules


def test_a_group_has_a_budget_of_its_own(evaluator):
    rows = Rows(np.tile(ROWS.X, (2, 1)), np.tile(ROWS.y, (2, 1)), np.repeat(["small", "large"], 8))
    spec = replace(SPEC, group="g", constants_budget=3, group_budgets=(("small", 2),))
    found = evaluator.broken_rules(HEAD + LONG_FIT + GOOD_LAW + TAIL, spec, rows, rows.X, rows.group)
    assert [f.failure for f in found] == [Failure.CONSTANTS_BUDGET] and "group 'small'" in found[0].detail
    by_group = LONG_FIT.replace(
        "return", "n = 3 if loss_values[0] == 0 and len(data_points) == 9 else 2\n    return"
    ).replace("])", "][:n])")
    assert evaluator.broken_rules(HEAD + by_group + GOOD_LAW + TAIL, spec, rows, rows.X, rows.group) == []
    cuts = [(rows, rows.X, rows.group)] * 2
    together = evaluator.predict_cuts(HEAD + LONG_FIT + GOOD_LAW + TAIL, spec, cuts, together=True)
    assert together.failure is Failure.CONSTANTS_BUDGET and "small" in together.detail
