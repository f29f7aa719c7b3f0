"""Laws that searches found: every task has one, it stands alone, and it fits its task's rows."""

import numpy as np
import pytest
from program_cases import FOUND, SHAPES, drawn, fitted, groups, predicted, task_of, text_of


def test_every_task_has_a_discovered_law():
    assert [task_of(program) for program in FOUND] == sorted(SHAPES)


@pytest.mark.parametrize("program", FOUND)
def test_random_numbers_are_seeded_and_nothing_is_read(program):
    text = text_of(program)
    assert text.count("random") == text.count("np.random.default_rng(FIT_SEED)") + text.count("rng.random(")
    assert not any(word in text for word in ("open(", "import time", "import os", "eval(", "exec("))


@pytest.mark.parametrize("program", FOUND)
def test_training_rows_are_fitted_within_the_budget_and_better_than_by_their_means(program, capfd):
    rows, budget = groups(task_of(program)), SHAPES[task_of(program)].budget
    squares = means = 0.0
    for X, y in rows.values():
        constants = fitted(program, X, y)
        assert np.isfinite(constants).all() and (budget is None or len(constants) <= budget)
        squares += ((predicted(program, X, constants, y.shape[1]) - y) ** 2).sum()
        means += ((y - y.mean(axis=0)) ** 2).sum()
        far = drawn(task_of(program), 20, stretch=1.3)
        assert np.isfinite(predicted(program, far, constants, y.shape[1])).all()
    assert squares < 0.5 * means
    printed = capfd.readouterr()
    assert printed.out == printed.err == ""


@pytest.mark.parametrize("program", FOUND)
def test_a_row_is_predicted_from_itself_alone_and_a_fit_repeats(program):
    X, y = next(iter(groups(task_of(program)).values()))
    constants, T = fitted(program, X, y), y.shape[1]
    np.testing.assert_array_equal(constants, fitted(program, X, y))
    whole = predicted(program, X, constants, T)
    for i in (0, len(X) // 2, len(X) - 1):
        np.testing.assert_allclose(predicted(program, X[i : i + 1], constants, T)[0], whole[i], rtol=1e-12)
