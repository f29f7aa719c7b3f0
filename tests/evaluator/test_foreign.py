"""What the field writes is scored, equal to the original evaluator's arithmetic; what can't be scored is explained."""

import numpy as np
import pytest
from evaluator_cases import make_task
from published_kinds import FROZEN, KINDS, LOOSE, PLAIN, SEVERAL_TARGETS, original

from evaluator import Evaluator, Failed, Failure, LocalSandbox, Scored
from evaluator.foreign import Form, Lenient, form_of
from evaluator.pasted import explain


@pytest.fixture(scope="module")
def sandbox():
    with LocalSandbox(workers=1, extra_modules=("fitting", "colorsys")) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def task():
    return make_task(groups=2)


def heldout(task):
    return task.heldout.open()


@pytest.mark.parametrize("kind", KINDS)
def test_a_program_of_each_kind_scores_as_the_original_evaluator_says(sandbox, task, kind):
    outcome = Lenient(sandbox).score_rows(KINDS[kind], task, heldout(task), "heldout")
    assert isinstance(outcome, Scored), outcome
    r2, theirs = outcome.cards["heldout"].r2, original(KINDS[kind], task, heldout(task))
    if (
        "minimize" in kind
    ):  # where an optimiser stops hangs on rounding, on some processors on where arrays lie in memory
        assert r2 == pytest.approx(theirs, abs=1e-3)
        theirs = original(KINDS[kind], task, heldout(task), outcome.constants)
    assert r2 == pytest.approx(theirs, abs=1e-12)


def test_several_targets_and_a_matrix_of_constants(sandbox):
    task = make_task(budget=9, targets=2)
    outcome = Lenient(sandbox).score_rows(SEVERAL_TARGETS, task, heldout(task), "heldout")
    assert outcome.cards["heldout"].r2 == pytest.approx(
        original(SEVERAL_TARGETS, task, heldout(task)), abs=1e-12
    )
    assert outcome.n_constants == 6


def test_a_frozen_law_is_asked_by_group(sandbox, task):
    assert (
        form_of(FROZEN) is Form.FROZEN
        and form_of(PLAIN) is Form.FITTED
        and form_of(PLAIN + FROZEN) is Form.FITTED
    )
    outcome = Lenient(sandbox).score_rows(FROZEN, task, heldout(task), "heldout")
    assert outcome.cards["heldout"].r2 == pytest.approx(original(FROZEN, task, heldout(task)), abs=1e-12)
    assert outcome.constants == {} and set(outcome.cards["heldout"].per_group) == {"g0", "g1"}


@pytest.mark.parametrize(
    ("change", "failure", "says"),
    [
        (lambda s: s.replace('{"y0":', '{"loss":'), Failure.EXCEPTION, "must return the keys y0, got loss"),
        (lambda s: s.replace('{"y0": ', "[").replace('row["x1"])}', 'row["x1"])]'), Failure.EXCEPTION, "one dict a row"),
        (lambda s: s.replace("for row in input_data", "for row in input_data[1:]"), Failure.SHAPE, "scaling_law_func"),
        (lambda s: s.replace("a, b =", "a, b = len(input_data),").replace("PARAMS.get(group, (3.5, 0.1))", "0.1"), Failure.ROW_DEPENDENCE, "own row alone"),
        (lambda s: s.replace("import math", "import math, os"), Failure.FORBIDDEN, "may not import 'os'"),
        (lambda s: s.replace("def law(", "def lawful("), Failure.MISSING_FUNCTION, "scaling_law_func"),
    ],
)  # fmt: skip
def test_a_frozen_law_that_breaks_its_contract_is_told_why(sandbox, task, change, failure, says):
    outcome = Lenient(sandbox).score_rows(change(FROZEN), task, heldout(task), "heldout")
    assert isinstance(outcome, Failed) and outcome.failure is failure and says in outcome.detail


def test_a_program_that_is_not_repeatable_has_five_fits_and_wins_no_search(sandbox, task):
    outcome = Lenient(sandbox).score_rows(LOOSE, task, heldout(task), "heldout")
    fits = [outcome.cards[f"fit {k}"].r2 for k in range(1, 6)]
    assert len(outcome.cards) == 6 and len(set(fits)) == 5
    assert outcome.cards["heldout"].r2 == pytest.approx(np.mean(fits))
    strict = Evaluator(sandbox, markers=False).score_rows(LOOSE, task, heldout(task), "heldout")
    assert isinstance(strict, Failed) and strict.failure is Failure.NOT_REPEATABLE


def test_markers_are_needed_to_evolve_alone(sandbox, task):
    strict = Evaluator(sandbox).score_rows(PLAIN, task, heldout(task), "heldout")
    assert isinstance(strict, Failed) and strict.failure is Failure.NO_EVOLVE_BLOCK


def test_an_import_that_was_allowed_works_inside_the_sandbox(sandbox, task):
    text = PLAIN.replace("import numpy as np", "import colorsys\nimport numpy as np", 1)
    text = text.replace("return params[0]", "return colorsys.rgb_to_hsv(0, 0, 0)[2] + params[0]")
    assert isinstance(Lenient(sandbox).score_rows(text, task, heldout(task), "heldout"), Scored)
    refused = Lenient(sandbox).score_rows("import sklearn\n" + PLAIN, task, heldout(task), "heldout")
    assert refused.failure is Failure.FORBIDDEN and "'sklearn'" in refused.detail


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: "\n".join(line.strip() for line in s.splitlines()), "the indentation was lost in pasting"),
        (lambda s: f"Here it is:\n```python{s}```\n", "line 2 is a markdown fence"),
        (lambda s: s.replace("dtype=float", "dtype=\u201cfloat\u201d"), "a typographic quote (U+201C)"),
        (lambda s: s.replace("+ params[2]", "\u2212 params[2]"), "a typographic minus (U+2212)"),
        (lambda s: s.replace("    M =", "\tM ="), "mixes tabs and blanks"),
        (lambda s: s.replace("\n", "\n    "), "every line is indented"),
        (lambda s: s.replace("    M =", "   M ="), "indented otherwise than the lines around it"),
        (lambda s: "\n".join(">>> " + line for line in s.splitlines()), "begins with a prompt"),
        (lambda s: s.replace("return params[0]", "return 1 if 1 &lt;= 2 else params[0]"), "&lt;"),
    ],
)
def test_a_pasted_program_is_told_what_happened_to_it(sandbox, task, change, says):
    outcome = Lenient(sandbox).score_rows(change(PLAIN), task, heldout(task), "heldout")
    assert isinstance(outcome, Failed) and outcome.failure is Failure.SYNTAX
    assert says in outcome.detail and "Python says" in outcome.detail


@pytest.mark.parametrize("text", [PLAIN, FROZEN, "x = (1,\n", "x = '\u201c'  # \u2212\n"])
def test_nothing_is_said_of_other_texts(text):
    assert explain(text) is None
