"""What is made of answers: no answer ends a run, a program goes by its own law, a law may stand alone."""

import random
from pathlib import Path

import numpy as np
import pytest
from families import FAMILIES, family_task
from in_flight_cases import SEED_PROGRAM, toy_task
from scripted_models import LAWS, fenced

from evaluator import Evaluator, LocalSandbox, Scored, contract
from fitting import Law
from harness.proposers.assignment import Assignment
from harness.proposers.facts import TaskFacts
from harness.proposers.formula.proposer import free_draft
from harness.proposers.formula.render import is_rendered
from harness.proposers.llm.answers import Answers
from harness.proposers.llm.edits import Edited, Parts, Unusable, read_answer
from harness.proposers.llm.staged import staged_evaluation
from harness.proposers.llm.stated import Stated, agreement
from harness.proposers.llm.thoughts import answer_of
from harness.search.candidate import Candidate

ROOT = Path(__file__).resolve().parents[2]
TASK = toy_task()
FACTS = TaskFacts.of(TASK.spec, TASK.train)
DEEP = "def fit_scaling_law(a, b, c=" + "-" * 400 + "1, *, d): ...\n"


def read(text, parent=SEED_PROGRAM):
    return Answers(FACTS, "toy").read(text, parent, "full by m")


@pytest.mark.parametrize("seed", sorted((ROOT / "seeds").glob("*/vpnls.py")), ids=lambda p: p.parent.name)
def test_an_edit_of_a_seed_may_keep_what_the_sandbox_has(seed):
    program = seed.read_text()
    assert "from fitting import" in program and contract.check(program) is None
    assert "fitting" in contract.PROGRAM_MODULES
    block = Parts.of(program).block
    edited = read_answer(fenced(block + "\nAFTER = 1\n"), program)
    assert isinstance(edited, Edited), edited
    line = next(ln for ln in block.splitlines() if ln.startswith("def "))
    change = f"<<<<<<< SEARCH\n{line}\n=======\nAFTER = 1\n\n\n{line}\n>>>>>>> REPLACE\n"
    assert isinstance(read_answer(change, program), Edited)


HOSTILE = {
    "minus signs": fenced(DEEP + "def scaling_law_func(data_points, params): ...\n"),
    "brackets": fenced("x = " + "(" * 4000 + ")" * 4000 + "\n" + DEEP),
    "digits": fenced("x = " + "9" * 9000 + "\n" + DEEP),
    "a null": fenced("x = '\0'\n"),
    "half a pair": fenced("x = '\ud800'\n"),
    "a law of brackets": "LAW: " + "(" * 300 + "N" + ")" * 300,
    "a law of minus signs": "LAW: E + " + "-" * 300 + "N",
    "a law of digits": "LAW: E + N**" + "9" * 380,
    "a law of powers": "LAW: E" + "**a" * 120,
    "markers": "<<<<<<< SEARCH\n" * 300,
    "fences": "```\n" * 500,
    "thoughts": "<think>" * 3000,
    "a diff of nothing": "@@ -1 +1 @@\n-\n+\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_answer_ends_a_run(name):
    assert isinstance(read(HOSTILE[name]), Unusable)


def test_noise_never_raises():
    seed = 7
    print("seed", seed)
    rng = random.Random(seed)
    pieces = [
        *HOSTILE.values(),
        *map(fenced, LAWS),
        "LAW: E + A*N**-a",
        "CALL: fit(N)",
        "FIT: loss=huber",
        "\x00é\u2028",
    ]
    for _ in range(150):
        text = "".join(rng.choice(pieces)[: rng.randrange(1, 400)] for _ in range(rng.randrange(1, 5)))
        made = read(text)
        assert isinstance(made, Unusable) or contract.check(made.program) is None


@pytest.mark.parametrize(
    ("answer", "law", "rendered"),
    [
        ("LAW: E + A*N**-a", "E + A*N**-a", True),
        ("**LAW:** `L = E + A * N^{-a} * P^{-b}`\n**WHY:** both.", "E + A*N**-a*P**-b", True),
        ("I think so.\n\n```\nE + A*(N + s)**-a\n```", "E + A*(N + s)**-a", True),
        ("E + A*N**-a", "E + A*N**-a", True),
        ("LAW: E + A*(N*(1 + k*log(P)))**-a\nFIT: loss=huber", "E + A*(N*(1 + k*log(P)))**-a", False),
        ("LAW: exp(c + A*N**-a)\nFIT: link=log", "exp(c + A*N**-a)", True),
    ],
)
def test_a_law_may_stand_alone(answer, law, rendered):
    made = read(answer)
    assert not isinstance(made, Unusable), made
    assert Law.parse(made.law, FACTS.names).same_as(Law.parse(law, FACTS.names))
    assert is_rendered(made.program, FACTS) is rendered
    assert contract.check(made.program) is None


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ("LAW: E + A*N**-a + B*P**-b", "at most 4 constants"),
        ("LAW: E + A*exp(M)*N*foo(3)", "foo"),
        ("LAW: E", "constants to fit"),
        ("LAW: E + A*N**-a\nFIT: loss=cauchy", "loss is one of"),
    ],
)
def test_a_law_that_cannot_be_used_says_why(answer, word):
    wrong = read(answer)
    assert isinstance(wrong, Unusable) and word in wrong.detail


def test_a_program_carries_what_was_said_of_it_and_no_other_docstring():
    parent = SEED_PROGRAM.replace("A power law.", "The seed's own words.")
    text = (
        "LAW: E + A*(N*P**b)**-a\nCONSTANTS: E [nats], A [nats], a, b\nWHY: streams act as weights.\n\n"
        + fenced(LAWS[2])
    )
    made = read(text, parent)
    assert "The seed's own words" not in made.program
    assert made.program.startswith('"""E + A*(N*P**b)**-a"""')
    stated = Stated.of_program(made.program)
    assert stated == Stated("E + A*(N*P**b)**-a", "E [nats], A [nats], a, b", "streams act as weights.")
    child = read("LAW: E + A*N**-c\n" + fenced(LAWS[0]), made.program)
    assert Stated.of_program(child.program) == Stated("E + A*N**-c")
    own = read(fenced('"""My own words."""\n' + LAWS[1]), parent)
    assert own.program.startswith('"""My own words."""')


def test_a_law_is_compared_with_the_program_on_rows_of_train():
    rows, constants = TASK.train, {"stack": (0.7, 0.8, 0.2), "pile": (1.2, 0.8, 0.2)}
    y = np.array(
        [[constants[g][0] + 0.8 * (x / 1e9) ** -0.2] for x, g in zip(rows.X[:, 0], rows.group, strict=True)]
    )
    for law, names, expected in [
        ("E + A*N**-a", "E, A, a", True),
        ("E + A*N**-a", "", True),
        ("A*N**-a + E", "E [nats], A [nats], a", True),
        ("A*N**-a + E", "", True),
        ("E + A*P**-a", "E, A, a", False),
        ("E + A*N**-a*P**-b", "E, A, a, b", None),
        ("a sum of powers", "E, A, a", None),
    ]:
        assert agreement(Stated(law, names), FACTS, rows, y, constants) is expected, law


def test_the_name_of_a_program_says_when_it_differs(tmp_path):
    """Through the sandbox: a program that keeps its word, one that does not, and one that can't be compared."""
    answers = Answers(FACTS, "toy")
    evaluator_task = Assignment.of(TASK)
    with LocalSandbox(workers=1) as sandbox:
        run = staged_evaluation(Evaluator(sandbox), TASK, evaluator_task.folds)
        for said, name in [
            ("LAW: E + A*(N*(1 + k*log(P)))**-a\nCONSTANTS: E, A, a, k\n", "E + A*(N*(1 + k*log(P)))**-a"),
            (
                "LAW: E + A*(N + k*P)**-a\nCONSTANTS: E, A, a, k\n",
                "E + A*(N + k*P)**-a (as stated; the program computes another)",
            ),
            ("LAW: a saturating law\n", "a saturating law (as stated)"),
        ]:
            draft = answers.read(said + fenced(LAWS[3]), SEED_PROGRAM, "full by m")
            found = run(draft.program, lambda signature: "")
            assert isinstance(found.outcome, Scored), found
            candidate = Candidate("c000009", draft.program, None, None, -1, 1, "llm", draft)
            assert answers.name(candidate, found.agrees) == name
            assert "on fitted rows" in found.fits[0] and found.took_s > 0


def test_a_seed_and_a_law_go_by_what_they_are():
    answers = Answers(FACTS, "toy")
    seed = Candidate("c000000", SEED_PROGRAM, None, None, 0, 0, "seed", free_draft(SEED_PROGRAM, FACTS))
    assert answers.name(seed, None) == "p0 + p1*N**(-p2)"


@pytest.mark.parametrize("name", FAMILIES)
def test_a_true_law_of_every_family_can_be_said_in_one_line(name):
    facts = Assignment.of(family_task(name)).facts
    made = Answers(facts, name).read(f"LAW: {FAMILIES[name].law}", SEED_PROGRAM, "full by m")
    assert not isinstance(made, Unusable), made
    assert Law.parse(made.law, facts.names).same_as(Law.parse(FAMILIES[name].law, facts.names))


def test_thoughts_are_no_answer():
    assert answer_of("<think>a</think>b") == "b"
    assert answer_of("a\n</think>\nb").strip() == "b"
    assert answer_of("b\n<THINKING>a").strip() == "b"
    assert answer_of("N < 3 and P > 2, see [1]") == "N < 3 and P > 2, see [1]"


CHANGED = "    return np.array([3.0, 2.0, 0.2])"
OLD = "    return np.array([1.0, 2.0, 0.2])"


@pytest.mark.parametrize(
    "answer",
    [
        f"```diff\n--- a/law.py\n+++ b/law.py\n@@ -10,2 +10,2 @@ def fit\n def fit_scaling_law(data_points, loss_values):\n-{OLD}\n+{CHANGED}\n```",
        f"@@\n-{OLD}\n+{CHANGED}\n",
        f"<<<<<<< search\n{OLD}\n=======\n{CHANGED}\n>>>>>>> replace",
        f"<<<<<<< ORIGINAL\n{OLD}\n=======\n{CHANGED}\n>>>>>>> UPDATED",
        f"------- SEARCH\n{OLD}\n=======\n{CHANGED}\n+++++++ REPLACE",
        f"<<<<<<< SEARCH\n{OLD}\n=======\n{CHANGED}\n",
        f"```\n<<<<<<< SEARCH\n{OLD}\n=======\n{CHANGED}\n```\nThat is all.",
        f"```python\ndef fit_scaling_law(data_points, loss_values):\n{CHANGED}\n```",
    ],
)
def test_changes_in_every_dress(answer):
    edited = read_answer(answer, SEED_PROGRAM)
    assert isinstance(edited, Edited), edited
    assert CHANGED in edited.program and OLD not in edited.program
    assert edited.program.count("def scaling_law_func") == 1
