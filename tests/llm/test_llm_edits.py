"""Answers of models read with tolerance; what is outside the EVOLVE-BLOCK never changes."""

import random

import pytest
from in_flight_cases import SEED_PROGRAM
from scripted_models import LAWS, fenced

from evaluator import contract
from harness.proposers.llm.edits import Edited, Parts, Unusable, read_answer
from harness.proposers.llm.reading import law_of
from harness.proposers.llm.trees import tree_key

PARTS = Parts.of(SEED_PROGRAM)
RETURN = "    return params[0] + params[1] * X[:, 0] ** -params[2]"
FIT = "    return np.array([1.0, 2.0, 0.2])"


def change(search, replacement, before="", after=""):
    return f"{before}<<<<<<< SEARCH\n{search}\n=======\n{replacement}\n>>>>>>> REPLACE{after}"


def kept_outside(program):
    parts = Parts.of(program)
    return parts.head == PARTS.head and parts.tail == PARTS.tail


@pytest.mark.parametrize(
    "answer",
    [
        change(FIT, "    return np.array([3.0, 2.0, 0.2])"),
        change(
            FIT, "    return np.array([3.0, 2.0, 0.2])", "Better start:\n```python\n", "\n```\nThat is all."
        ),
        change(FIT + "   ", "    return np.array([3.0, 2.0, 0.2])"),
        change(FIT.strip(), "return np.array([3.0, 2.0, 0.2])"),
        change(FIT + "  # the start", "    return np.array([3.0, 2.0, 0.2])"),
        change(FIT.replace(", ", ","), "    return np.array([3.0, 2.0, 0.2])"),
        change("\n" + FIT + "\n", "    return np.array([3.0, 2.0, 0.2])").replace("\n", "\r\n"),
        change(FIT, "    return np.array([3.0, 2.0, 0.2])")
        .replace("<<<<<<<", "<<<<<")
        .replace("=======", "====="),
        "<think>\n"
        + change("nowhere", "nothing")
        + "\n</think>\n"
        + change(FIT, "    return np.array([3.0, 2.0, 0.2])"),
    ],
)
def test_changes_match_in_spite_of_blanks_and_comments(answer):
    edited = read_answer(answer, SEED_PROGRAM)
    assert isinstance(edited, Edited), edited
    program = edited.program
    assert "np.array([3.0, 2.0, 0.2])" in program and FIT not in program
    assert contract.check(program) is None and kept_outside(program)


WHOLE = PARTS.block.replace("1.0, 2.0", "3.0, 2.0")


@pytest.mark.parametrize(
    "answer",
    [
        f"Here it is.\n```python\n{WHOLE}```\n",
        f"```\n{WHOLE}```",
        f"```py title=law.py\n{WHOLE}\n```\nand\n```json\n{{}}\n```",
        f"~~~python\n{WHOLE}~~~",
        f"```python\n{WHOLE}",
        f"```python\n{PARTS.head}{WHOLE}{PARTS.tail}```",
        f"```python\n# EVOLVE-BLOCK-START\n{WHOLE}# EVOLVE-BLOCK-END\n```",
        f"Sure.\n\n{WHOLE}\n\nI hope this helps, it's a better start!",
        "- so:\n  ```python\n" + "\n".join("  " + line for line in WHOLE.splitlines()) + "\n  ```",
        f"```python\nx = 1\n```\nfirst, then\n```python\n{WHOLE}```",
    ],
)
def test_whole_blocks_are_found_in_any_wrapping(answer):
    edited = read_answer(answer, SEED_PROGRAM)
    assert isinstance(edited, Edited), edited
    program = edited.program
    assert "3.0, 2.0, 0.2" in program and kept_outside(program)
    assert program.count("EVOLVE-BLOCK-START") == program.count("EVOLVE-BLOCK-END") == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("I would add a term.", "prose only"),
        ('```json\n{"law": "E + A/N"}\n```', "prose only"),
        (change("not there at all", "x"), "no match"),
        (change('"""A power law."""', '"""Mine."""'), "no match"),
        (change("", "import os"), "no match"),
        (change(RETURN, RETURN), "unchanged"),
        (fenced(PARTS.block), "unchanged"),
        (fenced("def fit_scaling_law(data_points, loss_values:\n    return [1.0]\n"), "syntax_error"),
        (fenced("def law(data_points, loss_values):\n    return [1.0]\n"), "missing_function"),
        (fenced("import os\n" + PARTS.block), "forbidden"),
        (change(RETURN, "    return ("), "syntax_error"),
    ],
)
def test_what_cannot_be_used_says_why(answer, reason):
    wrong = read_answer(answer, SEED_PROGRAM)
    assert isinstance(wrong, Unusable)
    assert wrong.reason == reason and wrong.detail
    if "power law" in answer:
        assert "outside the EVOLVE-BLOCK" in wrong.detail


def test_noise_never_raises_and_never_escapes_the_block():
    seed = 11
    print("seed", seed)
    rng = random.Random(seed)
    good = [change(FIT, "    return np.array([3.0])"), fenced(WHOLE), "```python\n" + SEED_PROGRAM + "```"]
    for _ in range(400):
        text = rng.choice(good)
        for _ in range(rng.randrange(1, 6)):
            i, j = sorted(rng.randrange(len(text) + 1) for _ in range(2))
            j = min(j, i + 40)
            text = (
                text[:i]
                + rng.choice(["", "```", "\n", "<<<<<<< SEARCH\n", "# EVOLVE-BLOCK-END\n", "\x00", "é"])
                + text[j:]
            )
        edited = read_answer(text, SEED_PROGRAM)
        if isinstance(edited, Edited):
            program = edited.program
            assert kept_outside(program) and contract.check(program) is None


def test_spelling_makes_no_new_program():
    other = (
        SEED_PROGRAM.replace("    X =", "    # columns\n    table =").replace("X[:, 0]", "table[:, 0]")
        .replace("data_points, params):", 'data_points, params):\n    """What it says."""')
    )  # fmt: skip
    assert other != SEED_PROGRAM
    assert tree_key(other) == tree_key(SEED_PROGRAM)
    assert tree_key(SEED_PROGRAM.replace("0.2", "0.3")) != tree_key(SEED_PROGRAM)


def test_a_law_is_read_from_plain_code():
    names = ("N", "P")
    law, key = law_of(SEED_PROGRAM, names)
    assert law == "p0 + p1*N**(-p2)"
    unpacked = SEED_PROGRAM.replace(
        RETURN,
        "    E, A, a = params\n    N, P = X.T\n    return A * np.exp(-a * np.log(np.maximum(N, 1e-12))) + E",
    )
    assert law_of(unpacked, names)[1] == key, "another spelling of one law with the same fit"
    assert law_of(SEED_PROGRAM.replace("-params[2]", "params[2]"), names)[1] == key, "a sign is only renamed"
    assert law_of(SEED_PROGRAM.replace(FIT, FIT.replace("0.2", "0.3")), names)[1] != key, "another fit"
    capped = SEED_PROGRAM.replace("X[:, 0] **", "np.minimum(X[:, 0], 2e9) **")
    assert law_of(capped, names) == ("", ""), "a bound that shapes the law is not read over"
    assert law_of(SEED_PROGRAM.replace(RETURN, "    return X @ params"), names) == ("", "")
    for block in LAWS:
        law_of(PARTS.with_block(block), names)
