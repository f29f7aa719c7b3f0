"""Every seed and program on its task's training rows, and on groups too small or too odd to fit well."""

from functools import cache

import numpy as np
import pytest
from program_cases import (
    PROGRAMS,
    SEED,
    SHAPES,
    SURFACES,
    drawn,
    fitted,
    functions,
    groups,
    predicted,
    task_of,
)


@cache
def constants_of(program):
    return {label: fitted(program, X, y) for label, (X, y) in groups(task_of(program)).items()}


def check(program, X, constants, n_targets):
    """Finite at the rows and far beyond them, within the budget."""
    budget = SHAPES[task_of(program)].budget
    assert constants.ndim == 1
    assert np.isfinite(constants).all()
    assert budget is None or len(constants) <= budget
    far = drawn(task_of(program), 40, seed=SEED + 2, stretch=2.0)
    for rows in (X, far, far[:1]):
        assert np.isfinite(predicted(program, rows, constants, n_targets)).all()


@pytest.mark.parametrize("program", PROGRAMS)
def test_training_rows_are_fitted_silently_within_the_budget(program, capfd):
    for label, (X, y) in groups(task_of(program)).items():
        check(program, X, constants_of(program)[label], y.shape[1])
    printed = capfd.readouterr()
    assert printed.out == printed.err == ""


@pytest.mark.parametrize("program", PROGRAMS)
def test_training_fit_beats_the_group_means(program):
    rows = groups(task_of(program))
    means = sum(((y - y.mean(axis=0)) ** 2).sum() for _, y in rows.values())
    squares = sum(
        ((predicted(program, X, constants_of(program)[g], y.shape[1]) - y) ** 2).sum()
        for g, (X, y) in rows.items()
    )
    assert squares < 0.75 * means


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_row_is_predicted_from_itself_alone(program):
    print(f"seed {SEED}")
    label, (X, y) = next(iter(groups(task_of(program)).items()))
    constants, T = constants_of(program)[label], y.shape[1]
    whole = predicted(program, X, constants, T)
    order = np.random.default_rng(SEED).permutation(len(X))
    np.testing.assert_allclose(predicted(program, X[order], constants, T), whole[order], rtol=1e-12)
    half = len(X) // 2
    halves = [predicted(program, part, constants, T) for part in (X[:half], X[half:])]
    np.testing.assert_allclose(np.concatenate(halves), whole, rtol=1e-12)
    for i in (0, half, len(X) - 1):
        np.testing.assert_allclose(predicted(program, X[i : i + 1], constants, T)[0], whole[i], rtol=1e-12)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_second_fit_gives_the_same_constants(program):
    for X, y in list(groups(task_of(program)).values())[:3]:
        X, y = X[:300], y[:300]
        np.testing.assert_array_equal(fitted(program, X, y), fitted(program, X, y))


@pytest.mark.parametrize("program", PROGRAMS)
def test_constants_come_back_flat_or_in_their_own_shape(program):
    X, y = next(iter(groups(task_of(program)).values()))
    X, y = X[:200], y[:200]
    one = y[:, 0] if y.shape[1] == 1 else y
    own = np.asarray(functions(program).fit(X.copy(), one.copy()))
    law = functions(program).law
    np.testing.assert_array_equal(law(X, own), law(X, own.ravel()))
    np.testing.assert_array_equal(law(X, own), law(X, own.ravel()[None, :]))


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("program", PROGRAMS)
def test_tiny_groups_are_fitted(program, n):
    print(f"seed {SEED}")
    X, y = next(iter(groups(task_of(program)).values()))
    for rows in (slice(0, n), slice(len(X) - n, None)):
        check(program, X[rows], fitted(program, X[rows], y[rows]), y.shape[1])


@pytest.mark.parametrize("program", PROGRAMS)
def test_three_rows_are_matched_closely(program):
    X = drawn(task_of(program), 3)
    y = SURFACES[program](X)
    squares = ((predicted(program, X, fitted(program, X, y), y.shape[1]) - y) ** 2).sum(axis=0)
    assert (squares <= ((y - y.mean(axis=0)) ** 2).sum(axis=0) + 1e-12).all()


@pytest.mark.parametrize("program", PROGRAMS)
def test_odd_groups_are_fitted(program):
    """Targets that don't vary; features that don't vary; one row many times; a fit against the law's grain."""
    print(f"seed {SEED}")
    task = task_of(program)
    X = drawn(task, 12)
    y = SURFACES[program](X)
    rising = -y
    for features, targets in (
        (X, np.full_like(y, y.mean())),
        (X, np.zeros_like(y)),
        (np.repeat(X[:1], 12, axis=0), y),
        (np.repeat(X[:1], 12, axis=0), np.repeat(y[:1], 12, axis=0)),
        (np.repeat(X[:3], 4, axis=0), np.repeat(y[:3], 4, axis=0)),
        (X, rising),
    ):
        check(program, features, fitted(program, features, targets), y.shape[1])


@pytest.mark.parametrize("program", PROGRAMS)
def test_row_order_does_not_matter_to_the_fit(program):
    print(f"seed {SEED}")
    task = task_of(program)
    X = drawn(task, 40)
    rng = np.random.default_rng(SEED)
    y = SURFACES[program](X)
    y = y + 0.01 * y.std(axis=0) * rng.standard_normal(y.shape)
    order = rng.permutation(len(X))
    one = predicted(program, X, fitted(program, X, y), y.shape[1])
    two = predicted(program, X, fitted(program, X[order], y[order]), y.shape[1])
    np.testing.assert_allclose(one, two, atol=1e-3 * float(y.std()))
