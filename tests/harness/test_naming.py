"""Laws as people read them: names that mean something, the same values."""

import numpy as np
import pytest

from fitting import Law
from harness.proposers.assignment import Assignment
from harness.proposers.formula.naming import readable, tidy
from harness.proposers.formula.proposer import RandomProposer
from harness.search.candidate import Candidate
from tasks import load


@pytest.mark.parametrize(
    ("stored", "features", "shown"),
    [
        ("c0 + c1*N**-a1 + c2*D**-a2", ("N", "D"), "E + A*N**-alpha + B*D**-beta"),
        ("c0 + c1*N**-a1*(D)**-a1", ("N", "D"), "c0 + c1*N**-a1*(D)**-a1"),  # no line of the grammar: as it stands
        ("c0 + c1*x**-(-0.0597)*(y + s1)**-a2", ("x", "y"), "E + A*x**0.0597*(y + y_0)**-alpha"),
        ("c0 + c1*1/(N**0.55 + s1)", ("N",), "E + A/(N**0.55 + N_0)"),
        ("exp(c0 + c1*log(lr) + c2*(log(lr) - l1 - b1*log(B))**2)", ("lr", "B"),
         "exp(bias + A*log(lr) + F*(log(lr) - log_lr_best - slope_B*log(B))**2)"),
        ("c1*E**-a1", ("E",), "A*E**-alpha"),
        ("c0 + c1*E**-a1", ("E",), "E2 + A*E**-alpha"),
        ("c0 + c1*exp((-0.5)*x)", ("x",), "E + A*exp(-0.5*x)"),
    ],
)  # fmt: skip
def test_a_law_gets_the_names_of_the_field(stored, features, shown):
    assert readable(stored, features).text == shown


def test_constants_go_by_the_names_of_the_law():
    found = readable("c0 + c1*N**-a1", ("N",))
    assert found.constants({"c0": 1.0, "c1[loss]": 2.0, "a1": None}) == {
        "E": 1.0,
        "A[loss]": 2.0,
        "alpha": None,
    }


def test_tidy_leaves_other_laws_alone():
    assert tidy("E + A*N**-alpha - (D - 2)") == "E + A*N**-alpha - (D - 2)"


def test_names_change_no_value():
    """Two hundred random laws, seed 3: the readable text is a law with the same values."""
    assignment = Assignment.of(load("finetune_vocab", data_dir="nano"))
    facts = assignment.facts
    proposer, rng = RandomProposer(facts, ""), np.random.default_rng(3)
    columns = {f.name: rng.uniform(0.5, 2.0, 7) for f in facts.features}
    start = proposer.starters()[0]
    parent = Candidate("c000000", start.program, None, None, -1, 0, "formula", start)
    seen = 0
    for _ in range(200):
        draft = proposer.propose(parent, parent, rng)
        if draft is None:
            continue
        shown = readable(draft.law, facts.names)
        values = dict(zip(draft.constants, rng.uniform(0.3, 1.5, len(draft.constants)), strict=True))
        old = Law.parse(draft.law, facts.names).predict(values, columns)
        new = Law.parse(shown.text, facts.names).predict(shown.constants(values), columns)
        np.testing.assert_allclose(new, old, rtol=1e-9, equal_nan=True)
        assert "-(-" not in shown.text and len(set(shown.names.values())) == len(shown.names)
        seen += 1
    assert seen > 100
