"""Two children, one score: the rules are checked, and targets stay at home."""

from __future__ import annotations

import textwrap
import time

import numpy as np
import pytest
from evaluator_cases import GOOD_FIT, GOOD_LAW, QUICK, make_folds, make_rows, make_task, program

from evaluator import BadEvaluation, Evaluator, Failed, Failure, Limits, LocalSandbox, Scored
from evaluator.metric import score
from tasks.rows import Rows


def validate(evaluator, text, task=None, **kwargs):
    task = task or make_task()
    return evaluator.validate(text, task, make_folds(task), **kwargs)


def failed(outcome, failure, *said):
    assert isinstance(outcome, Failed), outcome
    assert outcome.failure is failure, outcome
    for words in said:
        assert words in outcome.detail, outcome
    assert "\n" not in outcome.detail
    return outcome


@pytest.mark.parametrize(("groups", "targets"), [(1, 1), (3, 1), (3, 2)])
def test_scores_are_those_of_the_law_fitted_here(evaluator, groups, targets):
    task = make_task(groups=groups, targets=targets, budget=3 * targets)
    law = "return params[0] + np.log(data_points) @ params[1:]"
    outcome = validate(evaluator, program(law=law), task, checks="all")
    assert isinstance(outcome, Scored), outcome
    for fold in make_folds(task):
        train, rows = task.train.take(fold.train), task.train.take(fold.validation)
        y = np.empty_like(rows.y)
        for label, index in train.by_group():
            A = np.column_stack([np.ones(len(index)), np.log(train.X[index])])
            here = rows.group == label
            p = np.linalg.lstsq(A, train.y[index], rcond=None)[0]
            y[here] = p[0] + np.log(rows.X[here]) @ p[1:]
        card = outcome.cards[fold.name]
        assert card.r2 == pytest.approx(score(rows.y, y, rows.group).r2, rel=1e-9)
        assert set(card.per_group) == set(rows.groups())
    assert outcome.n_constants == 3 * targets
    assert set(outcome.constants) == set(task.train.groups())
    assert all(len(c) == 3 * targets for c in outcome.constants.values())
    assert outcome.seconds > 0
    assert outcome.cpu_seconds > 0
    assert outcome.peak_memory_mb > 1


@pytest.mark.parametrize(("groups", "targets"), [(1, 1), (3, 2)])
def test_folds_scored_together_score_as_they_do_one_by_one(evaluator, groups, targets):
    task = make_task(groups=groups, targets=targets, budget=3 * targets)
    text = program(law="return params[0] + np.log(data_points) @ params[1:]")
    one_by_one = validate(evaluator, text, task, checks="none")
    together = evaluator.validate_together(text, task, make_folds(task))
    assert repr(together.cards) == repr(one_by_one.cards)
    assert together.constants == one_by_one.constants
    assert together.n_constants == one_by_one.n_constants
    broken = program(fit="return np.full(4 * 256, 1.0)")
    failed(evaluator.validate_together(broken, task, make_folds(task)), Failure.CONSTANTS_BUDGET)


def test_one_result_whatever_sandbox_runs_it(evaluator):
    """Bit for bit, across children, sandboxes and restarts: a journal is compared byte by byte."""
    task = make_task(groups=2)
    text = program(
        top="import numpy as np\nfrom scipy.optimize import differential_evolution",
        fit="""
        def loss(p):
            return np.mean((p[0] + np.log(data_points) @ p[1:] - loss_values) ** 2)
        return differential_evolution(loss, [(-5, 9), (-1, 1), (-1, 1)], maxiter=15).x + 0 * np.random.rand()
        """,
    )
    outcomes = [validate(evaluator, text, task)]
    with LocalSandbox() as other:
        outcomes.append(validate(Evaluator(other, QUICK), text, task))
    assert isinstance(outcomes[0], Scored), outcomes[0]
    first, second = ((o.cards, o.constants) for o in outcomes)
    assert first == second


@pytest.mark.parametrize(
    "value",
    ["[1.0, 2]", "(1, 2.0)", "np.array([[1.0], [2.0]])", "np.array([1, 2], dtype='int32')", "3.5", "np.float32(2)", "[True]"],
)  # fmt: skip
def test_constants_may_be_any_numbers(evaluator, value):
    law = "return np.ravel(params)[0] + np.zeros(len(data_points))"
    assert isinstance(validate(evaluator, program(f"return {value}", law)), Scored)


def test_constants_keep_their_shape_on_the_way_to_the_law(evaluator):
    fit = "return np.arange(6.0).reshape(2, 3)"
    law = "assert params.shape == (2, 3)\nreturn np.full(len(data_points), params[1, 2])"
    outcome = validate(evaluator, program(fit, law))
    assert isinstance(outcome, Scored)
    assert outcome.constants["g0"] == (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)


@pytest.mark.parametrize(
    ("value", "failure", "said"),
    [
        ("{'a': 1.0}", Failure.SHAPE, "must return constants as a vector of numbers; got dict"),
        ("None", Failure.SHAPE, "got NoneType"),
        ("'abc'", Failure.SHAPE, "got str"),
        ("[[1, 2], [3]]", Failure.SHAPE, "got a ragged list"),
        ("np.array([1j])", Failure.SHAPE, "got an array of complex128"),
        ("np.array([object()])", Failure.SHAPE, "got an array of object"),
        ("[]", Failure.SHAPE, "expected at least one constant"),
        ("[1.0, np.nan]", Failure.NOT_FINITE, "constant 1 is nan"),
        ("np.array([np.inf])", Failure.NOT_FINITE, "constant 0 is inf"),
        ("np.zeros(9)", Failure.CONSTANTS_BUDGET, "9 constants; at most 8"),
    ],
)
def test_constants_that_are_none(evaluator, value, failure, said):
    outcome = failed(
        validate(evaluator, program(f"return {value}")), failure, "fold 'outer 20%'", "fit", said
    )
    assert outcome.seconds > 0


def test_without_a_budget_there_is_still_a_cap(evaluator):
    task = make_task(budget=None, n=600)
    law = "return np.zeros(len(data_points))"
    failed(
        validate(evaluator, program("return loss_values", law), task),
        Failure.CONSTANTS_BUDGET,
        "at most 192 are",
    )
    assert isinstance(validate(evaluator, program("return loss_values[:120]", law), task), Scored)


@pytest.mark.parametrize(
    ("law", "failure", "said"),
    [
        ("return 1.0", Failure.SHAPE, "expected predictions of shape (10,) or (10, 1), got ()"),
        ("return data_points", Failure.SHAPE, "got (10, 2)"),
        ("return data_points[:3, 0]", Failure.SHAPE, "got (3,)"),
        ("return np.full(len(data_points), np.nan)", Failure.NOT_FINITE, "prediction at x0="),
        ("return np.log(-data_points[:, 0])", Failure.NOT_FINITE, "is not finite"),
        ("return data_points[:, 0] + 1j", Failure.SHAPE, "got an array of complex128"),
        ("return [object()] * len(data_points)", Failure.SHAPE, "got list"),
        ("return 1 / 0", Failure.EXCEPTION, "ZeroDivisionError: division by zero"),
        ("raise SystemExit(0)", Failure.EXCEPTION, "SystemExit"),
    ],
)
def test_predictions_that_are_none(evaluator, law, failure, said):
    failed(validate(evaluator, program(law=law)), failure, "fold 'outer 20%': predict", said)


@pytest.mark.parametrize(
    "law", ["return np.full((len(data_points), 1), 2.0)", "return np.squeeze(2 * data_points[:, :1])", "return [2] * len(data_points)"]
)  # fmt: skip
def test_predictions_may_be_a_column_or_squeezed(evaluator, law):
    assert isinstance(validate(evaluator, program(law=law)), Scored)


@pytest.mark.parametrize(
    ("law", "said"),
    [
        ("return params[0] + data_points[:, 0] / data_points[:, 0].max()", "when asked alone"),
        ("return params[0] + np.arange(len(data_points))", "alone"),
        ("return params[0] + np.argsort(np.argsort(data_points[:, 0]))", "alone"),
        ("return data_points[:, 0] - data_points[:, 0].mean()", "alone"),
        ("return params[0] + np.zeros(len(data_points)) + (len(data_points) > 3)", "alone"),
        ("return data_points[:, 0] + (data_points[0, 0] if len(data_points) == 10 else 0)", "alone"),
        ("calls.append(0)\nreturn params[0] + np.full(len(data_points), len(calls))", "alone"),
        (
            "np.calls = getattr(np, 'calls', 0) + 1\nreturn np.full(len(data_points), float(np.calls))",
            "alone",
        ),
        ("return np.random.default_rng().normal(size=len(data_points))", "alone"),
        ("assert len(data_points) > 1\nreturn data_points[:, 0]", "AssertionError"),
        (
            "return data_points[:, 0] * (np.nan if len(data_points) == 1 else 1)",
            "becomes nan when asked alone",
        ),
        (
            "p = data_points[:, 0] * 1.0\nif len(data_points) > 1: p[-1] = p[-1] + 1e-3\nreturn p",
            "own row alone",
        ),
    ],
)
def test_a_law_that_looks_at_other_rows_is_caught(evaluator, law, said):
    text = program(law=law, top="import numpy as np\ncalls = []")
    failed(validate(evaluator, text), Failure.ROW_DEPENDENCE, said)


def test_a_law_that_finds_the_other_rows_in_memory_is_caught(evaluator):
    """Rows are sent one question at a time, so the first rows asked alone are all a child can find."""
    law = """
    import gc
    seen = [a for a in all_arrays() if a.ndim == 2 and a.shape[1] == 2]
    return params[0] + np.full(len(data_points), max(a[:, 0].max() for a in seen))
    """
    top = """
    import numpy as np
    def all_arrays():
        gc = np.testing.break_cycles.__globals__["gc"]
        found = [o for o in gc.get_objects() if isinstance(o, np.ndarray)]
        frame = np.lib._utils_impl.sys._getframe()
        while frame:
            found += [v for v in frame.f_locals.values() if isinstance(v, np.ndarray)]
            found += [np.frombuffer(v).reshape(-1, 2) for v in frame.f_locals.values() if isinstance(v, bytes) and v and len(v) % 16 == 0]
            frame = frame.f_back
        return found
    """
    failed(
        validate(evaluator, program(law=law.replace("import gc\n", "\n"), top=top)), Failure.ROW_DEPENDENCE
    )


@pytest.mark.parametrize(
    "fit",
    [
        "return np.random.default_rng().normal(size=3)",
        "np.random.seed(None)\nreturn np.random.rand(3)",
        "return [float(id(object())) % 99991, hash(object()) * 1.0, np.random.default_rng().random()]",
        "return [float(np.random.RandomState().randint(10**9))]",
    ],
)
def test_a_fit_that_differs_the_second_time_is_caught(evaluator, fit):
    law = "return np.zeros(len(data_points))"
    failed(validate(evaluator, program(fit, law)), Failure.NOT_REPEATABLE, "became", "in a second fit")


def test_constants_that_differ_are_not_excused_by_equal_predictions(evaluator):
    fit = "return [1.0, np.random.default_rng().random()]"
    failed(
        validate(evaluator, program(fit, "return params[0] + 0 * data_points[:, 0]")), Failure.NOT_REPEATABLE
    )


def test_state_kept_between_groups_is_caught(evaluator):
    task = make_task(groups=3)
    fit = "np.kept = getattr(np, 'kept', 0) + len(data_points)\nreturn [float(np.kept)]"
    law = "return np.full(len(data_points), params[0])"
    failed(validate(evaluator, program(fit, law), task), Failure.NOT_REPEATABLE, "group 'g")


def test_groups_of_one_row_are_asked_in_another_order_too(evaluator):
    task = make_task(groups=12, n=120, budget=3)
    rows = make_rows(n=12, groups=12, seed=3)
    law = "np.seen = getattr(np, 'seen', 0) + data_points[0, 0]\nreturn np.full(len(data_points), np.seen)"
    failed(evaluator.score_rows(program(law=law), task, rows, "x"), Failure.ROW_DEPENDENCE, "group 'g")


def test_every_group_starts_fresh_from_one_seed(evaluator):
    task = make_task(groups=3)
    text = program(
        "calls.append(0)\nreturn [float(len(calls)), np.random.rand()]",
        "return np.full(len(data_points), params[0])",
        "import numpy as np\ncalls = []",
    )
    outcome = validate(evaluator, text, task, checks="all")
    assert isinstance(outcome, Scored), outcome
    assert len(set(outcome.constants.values())) == 1
    assert outcome.constants["g0"][0] == 1.0


def test_checks_are_made_where_asked(evaluator):
    text = program("return np.random.default_rng().normal(size=3)")
    assert isinstance(validate(evaluator, text, checks="none"), Scored)
    failed(validate(evaluator, text, checks="first"), Failure.NOT_REPEATABLE, "fold 'outer 20%'")
    # Honest on the first fold's 38 rows, not on the second's.
    text = program(
        "return [np.random.default_rng().random() * (len(data_points) < 38)]", "return data_points[:, 0]"
    )
    assert isinstance(validate(evaluator, text, checks="first"), Scored)
    failed(validate(evaluator, text, checks="all"), Failure.NOT_REPEATABLE, "fold 'outer 40%'")


def test_the_first_fold_that_fails_ends_it(evaluator):
    failed(
        validate(evaluator, program("assert len(loss_values) > 35" + GOOD_FIT.replace("\n    ", "\n"))),
        Failure.EXCEPTION,
        "fold 'outer 40%': fit: AssertionError",
    )


def test_failures_name_fold_call_group_and_line(evaluator):
    fit = "if loss_values.mean() > 4.1:\n    helper(0)\nreturn [1.0]"
    top = "import numpy as np\ndef helper(x):\n    return np.linalg.inv(np.zeros((2, 2)))"
    outcome = failed(
        validate(evaluator, program(fit, top=top), make_task(groups=3)),
        Failure.EXCEPTION,
        "fold 'outer 20%': fit, group 'g2': LinAlgError: Singular matrix",
    )
    assert outcome.traceback == (
        "program.py:7 in fit_scaling_law: helper(0)\nprogram.py:3 in helper: return np.linalg.inv(np.zeros((2, 2)))"
    )


def test_what_a_program_prints_is_handed_on(evaluator):
    good = validate(
        evaluator, program('print("fitting", len(data_points))' + GOOD_FIT.replace("\n    ", "\n"))
    )
    assert isinstance(good, Scored)
    assert good.output == "fitting 29\n"
    bad = validate(
        evaluator, program('print("before")\nprint(object())\nraise ValueError("at " + repr(object()))')
    )
    assert bad.output == "before\n<object object at 0x...>\n"
    assert bad.detail.endswith("ValueError: at <object object at 0x...>")


def test_broken_text_never_reaches_a_child(evaluator):
    failed(validate(evaluator, program(top="import os")), Failure.FORBIDDEN, "may not import 'os'")
    failed(validate(evaluator, "x"), Failure.NO_EVOLVE_BLOCK)


def test_names_that_only_running_shows(evaluator):
    failed(
        validate(evaluator, program() + "\ndel scaling_law_func"),
        Failure.MISSING_FUNCTION,
        "scaling_law_func",
    )
    failed(validate(evaluator, program() + "\nfit_scaling_law = 3"), Failure.MISSING_FUNCTION, "found int")
    failed(
        validate(evaluator, program('return __import__("os").getpid()')),
        Failure.FORBIDDEN,
        "may not import 'os'",
    )


def test_our_own_mistakes_are_raised(evaluator):
    task = make_task(groups=2)
    rows = make_rows(groups=3)
    with pytest.raises(BadEvaluation, match="group 'g2' has rows to predict and none to fit"):
        evaluator.score_rows(program(), task, rows, "heldout")
    with pytest.raises(BadEvaluation, match="expected 2 features"):
        evaluator.score_rows(program(), task, make_rows(features=3, groups=2), "heldout")
    with pytest.raises(BadEvaluation, match="expected rows to score"):
        evaluator.validate(program(), task, [])


def test_targets_of_scored_rows_reach_no_child(sandbox):
    """Every byte that leaves the host is looked at: no scored target is among them."""
    sent = []

    class Watched:
        level, modules = sandbox.level, sandbox.modules

        def run(self, job, limits):
            sent.append((job.call, [s.numbers for s in job.steps] + list(job.constants)))
            return sandbox.run(job, limits)

    task = make_task(groups=2, n=80)
    folds = make_folds(task)
    outcome = Evaluator(Watched(), QUICK).validate(program(), task, folds, checks="all")
    assert isinstance(outcome, Scored)
    calls = [call for call, _ in sent]
    assert calls == ["fit", "predict", "predict", "fit"] * 2
    for (call, arrays), fold in zip(sent, [folds[0]] * 4 + [folds[1]] * 4, strict=True):
        numbers = set(np.concatenate([np.ravel(a) for a in arrays]).tolist())
        assert not numbers & set(task.train.y[fold.validation].ravel().tolist())
        if call == "predict":
            assert not numbers & set(task.train.y.ravel().tolist())


def test_scores_do_not_depend_on_the_targets_it_may_not_see(evaluator):
    """With scored targets replaced by noise, constants and predictions stay the same bits."""
    task = make_task(groups=2)
    rows = make_rows(n=20, groups=2, seed=7)
    noise = Rows(rows.X, np.random.default_rng(1).standard_normal(rows.y.shape), rows.group)
    a, b = (evaluator.score_rows(program(), task, r, "x") for r in (rows, noise))
    assert a.constants == b.constants
    assert a.cards["x"].r2 > 0.9 > b.cards["x"].r2


def test_limits_are_per_child(sandbox):
    slow = program("import itertools\nfor _ in itertools.count(): pass")
    failed(
        validate(Evaluator(sandbox, Limits(fit_cpu_s=1, wall_factor=60.0)), slow),
        Failure.TIMEOUT,
        "fit: over 1 s of processor time",
    )
    slow = program(law="while True: pass")
    late = failed(
        validate(Evaluator(sandbox, Limits(predict_cpu_s=1, wall_factor=60.0)), slow),
        Failure.TIMEOUT,
        "predict: over 1 s",
    )
    assert late.cpu_seconds > 0.5
    assert late.peak_memory_mb > 1


def test_laws_that_cancel_large_terms_are_not_called_dependent(evaluator):
    """Rounding of matrix products may differ from batch to batch; that is no dependence."""
    law = "c = np.array([1e6, -1e6])\nz = np.column_stack([data_points[:, 0] + 1e-3 * data_points[:, 1], data_points[:, 0]])\nreturn z @ c / 1e3"
    assert isinstance(validate(evaluator, program(law=law), checks="all"), Scored)


def test_good_law_is_what_the_cases_say():
    names: dict = {}
    exec(program(GOOD_FIT, GOOD_LAW), names)
    rows = make_rows()
    p = names["fit_scaling_law"](rows.X, rows.y[:, 0])
    assert np.abs(names["scaling_law_func"](rows.X, p) - rows.y[:, 0]).max() < 0.05


BURN = """
def burn(turns):
    n = 0
    while n < turns:
        n += 1
"""


@pytest.fixture(scope="module")
def rate():
    """Turns of `burn` in a second of processor time."""
    names: dict = {}
    exec(BURN, names)
    started = time.process_time()
    names["burn"](3_000_000)
    return 3_000_000 / (time.process_time() - started)


def test_processor_time_counts_for_each_group_anew(sandbox, rate):
    task = make_task(groups=6)
    top = "import numpy as np\n" + BURN
    limits = Limits(fit_cpu_s=1, wall_factor=60.0)
    for seconds in (0.4, 0.8, 1.6):  # a processor may be several times as fast now as when its rate was taken
        text = program(f"burn({seconds * rate:.0f})\n" + textwrap.dedent(GOOD_FIT), top=top)
        outcome = Evaluator(sandbox, limits).score_rows(text, task, task.heldout.open(), "x", checks="none")
        assert isinstance(outcome, Scored), outcome
        if outcome.cpu_seconds > 1.0:  # of all groups together, more than the limit of one call
            break
    assert outcome.cpu_seconds > 1.0


def test_the_group_that_takes_too_long_is_named(sandbox):
    task = make_task(groups=4)
    endless = program(
        "if loss_values.mean() > 5:\n    while True:\n        pass\n" + textwrap.dedent(GOOD_FIT)
    )
    late = next(g for g, index in task.train.by_group() if task.train.y[index].mean() > 5)
    outcome = Evaluator(sandbox, Limits(fit_cpu_s=1, wall_factor=60.0)).score_rows(
        endless, task, task.heldout.open(), "x", checks="none"
    )
    failed(outcome, Failure.TIMEOUT, f"fit, group {late!r}: over 1 s of processor time")
    assert outcome.cpu_seconds < 3  # all four groups together might have had four


def test_the_wall_is_a_backstop_that_grows_with_the_load(sandbox, monkeypatch):
    thread = (
        "[c for c in object.__subclasses__() if c.__name__ == 'BuiltinImporter'][0].load_module('_thread')"
    )
    waits = program(f"lock = {thread}.allocate_lock()\nlock.acquire()\nlock.acquire()")
    for factor in (1.0, 3.0):
        monkeypatch.setattr("evaluator.sandbox.call.load", lambda factor=factor: factor)
        outcome = validate(Evaluator(sandbox, Limits(fit_cpu_s=1, wall_factor=0.5)), waits)
        failed(outcome, Failure.TIMEOUT, f"over {0.5 * factor:g} s on the wall, with 0.0 s of processor time")
