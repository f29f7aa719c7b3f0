"""The steps of a choice, with laws that are told what they predict: whom it looks at, passes over, fits again, and what it says.

No program runs here; each test says why the step is what it is.
"""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pytest
from test_choice import LINE, NEAR, Finished, Shut, make_task

from evaluator.outcome import Failed, Failure, Scored
from harness.choosing.choice import LEFT, choose, control_error
from harness.choosing.controls import CONTROLS
from harness.choosing.ground import Ground
from harness.choosing.weights import Weights
from harness.proposers.formula.render import read
from harness.search.archive import Member
from harness.search.candidate import Candidate, Draft
from harness.search.selection import Judged
from tasks.rows import Rows, Task
from tasks.split import validation_folds


def truth(X, off=0.0):
    """The toy task's own law, the higher by `off` relatively."""
    return ((2 + 300 * X[:, 0] ** -0.4 + 0.05 * X[:, 1]) * (1 + off))[:, None]


WILD = "wild"
"""A law that is right on the training rows and runs off beyond them."""


def wild(X):
    return np.where(X[:, :1] > 1.01e9, 1e6, truth(X))


def is_control(program):
    return "One of the simple methods" in program


@dataclass
class Told:
    """An evaluator whose programs are the numbers by which they are off; `broken` ones fail when they are checked."""

    broken: tuple = ()

    def __post_init__(self):
        self.asked, self.checked = Counter(), []

    def predict_cuts(self, program, spec, cuts, together):
        if is_control(program):
            return Failed(Failure.CRASH, "no real program is run here")
        self.asked[program] += 1
        if program == "crash":
            return Failed(Failure.CRASH, "signal 11")
        if program == WILD:
            return [wild(X) for _, X, _ in cuts]
        if program == "nan":
            return [np.full((len(X), 1), np.nan) for _, X, _ in cuts]
        off = float(program) if program.replace(".", "").isdigit() else 0.01
        return [truth(X, off) for _, X, _ in cuts]

    def validate(self, program, task, folds, checks):
        assert checks == "all"
        self.checked.append(program)
        return (
            Failed(Failure.ROW_DEPENDENCE, "looks around")
            if program in self.broken
            else Scored({}, {}, 3, 0.1)
        )


class Ended:
    """A search that has ended, with free programs as finalists in this order."""

    def __init__(self, *programs):
        self.members = {}
        for i, program in enumerate(programs):
            candidate = Candidate(f"c{i:06d}", program, None, None, 0, 0, "test", Draft(program, f"{i}"))
            self.members[candidate.id] = Member(candidate, 0.1, 3, ())

    def finalists(self):
        return [Judged(m.candidate.id, m.error, 3) for m in self.members.values()]


TASK = make_task()
FOLDS = validation_folds(TASK.spec, TASK.train)


def chosen(search, evaluator, each=map, weights=None):
    return choose(search, evaluator, TASK, FOLDS, each, weights)


def apart(n):
    """Programs that differ by more than twins do."""
    return [f"{0.002 * i:.3f}" for i in range(1, n + 1)]


def test_sixty_laws_are_looked_at_and_what_fails_or_runs_off_makes_room_for_the_next():
    """Evidence on a law costs several fits, so a search's best sixty are enough; but sixty that can be used."""
    evaluator = Told()
    found = chosen(Ended(*apart(100)), evaluator)
    assert len(found.evidence) == 60 and max(evaluator.asked.values()) == 1
    bad = ["crash", WILD, "nan"]
    evaluator = Told()
    found = chosen(Ended(*bad, *apart(100)), evaluator)
    assert (
        sum(evaluator.asked.values()) == 63
        and apart(100)[59] in evaluator.asked
        and apart(100)[60] not in evaluator.asked
    )
    assert found.dropped == {
        "c000000": "crash: signal 11",
        "c000001": "runs off beyond the rows of group 'all'",
        "c000002": "predicts what is no finite number",
    }
    assert len(found.evidence) == 61, "what runs off is evidence too"
    assert "c000001" not in [v.candidate.id for v in found.voters]


def test_sixty_that_fail_are_made_up_for_and_no_more():
    """A search whose laws nearly all crash must not try hundreds of them before it says so."""
    evaluator = Told()
    found = chosen(Ended(*["crash"] * 150, "0.01"), evaluator)
    assert evaluator.asked["crash"] == 120 and found.winner is None and found.panel is None
    few = chosen(Ended("crash", "0.01"), Told())
    assert few.winner.member.candidate.program == "0.01", "a search that offers few is looked at to its end"


def test_laws_that_run_off_are_taken_where_there_is_no_other():
    """A law that is wild somewhere is still better than none; it may neither vote nor win beside a tame one."""
    alone = chosen(Ended(WILD), Told())
    assert alone.winner.member.candidate.program == WILD and len(alone.voters) == 1
    beside = chosen(Ended(WILD, "crash", WILD, "0.01"), Told())
    assert [v.candidate.program for v in beside.voters] == ["0.01"]
    assert beside.winner.member.candidate.program == "0.01"
    assert [s.id for s in beside.shortlist if s.place is not None] == ["c000003"]


def test_a_law_that_breaks_a_rule_is_passed_over_with_the_rule():
    """Rules are checked to the last of them on the law that would win, since a search may leave some out for speed."""
    evaluator = Told(broken=("0.01",))
    found = chosen(Ended("0.01", "0.05"), evaluator)
    assert evaluator.checked == ["0.01", "0.05"]
    assert found.winner.member.candidate.program == "0.05" and isinstance(found.winner.outcome, Scored)
    assert found.dropped == {"c000000": "row_dependence: looks around"}
    nobody = chosen(Ended("0.01"), Told(broken=("0.01",)))
    assert nobody.winner is None and nobody.panel is not None and nobody.controls == {}


def late(n):
    """A `map` that has no time for what comes after the first n."""

    def each(function, laws):
        return [function(law) if i < n else LEFT for i, law in enumerate(laws)]

    return each


def test_where_time_was_over_the_leader_of_the_search_is_the_law_and_there_is_no_forecast():
    evaluator = Told(broken=("0.01",))
    found = chosen(Ended("0.01", "0.05", "0.09"), evaluator, late(0))
    assert found.winner.member.candidate.program == "0.05", "the first that keeps every rule"
    assert found.panel is None and found.voters == [] and "no law could be looked at" in found.notes[0]
    crashed = chosen(Ended("crash", "crash"), Told())
    assert crashed.winner is None and crashed.notes == [], "what was looked at and failed is no leader"
    some = chosen(Ended("0.05", "0.01"), Told(), late(1))
    assert some.winner.member.candidate.program == "0.05" and some.dropped == {"c000001": LEFT}


def test_forms_of_the_first_fifteen_voters_alone_are_fitted_again():
    """Each costs two laws' fits; the laws with most say are those worth it."""
    lines = [f"c0 + c1*N**-0.{i:03d}" for i in range(300, 340)]
    search = Finished(TASK, lines)
    off = {m.candidate.program: 0.001 * i for i, m in enumerate(search.members.values(), 1)}

    class Formulas(Told):
        def predict_cuts(self, program, spec, cuts, together):
            self.asked[program] += 1
            return [truth(X, off.get(program, 0.5)) for _, X, _ in cuts]

    found = chosen(search, Formulas())
    again = [e.id for e in found.evidence if "e" in e.id]
    assert [v.candidate.id for v in found.voters[:15]] == list(
        dict.fromkeys(i.partition("e")[0] for i in again)
    )
    assert len(found.voters) == 20 and len(again) == 30
    entries = {s.id: s for s in found.shortlist}
    assert set(again) < set(entries) and entries[again[0]].edit == "emphasis 3"
    assert any(entries[i].place is not None for i in again), "a refit may be the law"


def test_a_refit_is_taken_where_it_is_nearer_to_the_forecast():
    """The evidence on refits stands behind that on the search's laws: a place mixed up would take another law."""
    search = Finished(TASK, [LINE, NEAR])
    facts = search.proposer.facts
    off = {0.0: 0.3, 3.0: 0.1, 6.0: 0.02}

    class Leaning(Told):
        def predict_cuts(self, program, spec, cuts, together):
            if is_control(program):
                return super().predict_cuts(program, spec, cuts, together)
            genome = read(program, facts)
            more = 0.01 * (
                genome.line(facts.names)
                == read(search.members["c000000"].candidate.program, facts).line(facts.names)
            )
            return [truth(X, off[genome.choices.emphasis] + more) for _, X, _ in cuts]

    found = chosen(search, Leaning(), weights=Weights(law_error=50.0))
    placed = [s.id for s in sorted(found.shortlist, key=lambda s: s.place)]
    assert placed == ["c000001e6", "c000000e6", "c000001e3", "c000000e3", "c000001", "c000000"]
    assert found.winner.member.candidate.id.startswith("c000001e6")


def test_weights_that_are_given_count():
    """A choice is made again with other weights to fit them; the shipped ones would then be fitted to themselves."""
    search = Ended(*apart(30))
    assert len(chosen(search, Told()).voters) == 20
    assert len(chosen(search, Told(), weights=Weights(voters=4)).voters) == 4


def test_controls_stand_beside_the_law_and_one_that_is_better_is_named():
    """A search that a straight line beats has found nothing, and its reader must be told."""
    ground = Ground.of(TASK, FOLDS)
    errors = {name: control_error(ground, name) for name in CONTROLS}
    best, *_, worst = sorted(errors, key=errors.get)
    good = chosen(Ended("0"), Told())
    assert good.controls == pytest.approx(
        {"law": good.controls["law"], "forecast": good.panel.fold_error, **errors}
    )
    assert good.controls["law"] < errors[best] and not any("than the law" in note for note in good.notes)
    middle = next(o for o in np.geomspace(1e-3, 0.3, 60) if errors[best] < _fold_error(o) < errors[worst])
    found = chosen(Ended(f"{middle:.6f}"), Told())
    told = [
        name for name in CONTROLS if any(f"{name} has a lower error than the law" in n for n in found.notes)
    ]
    assert told == [name for name in CONTROLS if errors[name] < found.controls["law"]] and 0 < len(
        told
    ) < len(CONTROLS)
    told = [
        name
        for name in CONTROLS
        if any(f"{name} has a lower error than the forecast" in n for n in found.notes)
    ]
    assert told == [name for name in CONTROLS if errors[name] < found.controls["forecast"]]


def _fold_error(off):
    return chosen(Ended(f"{off:.6f}"), Told()).controls["law"]


def test_a_control_s_error_is_a_geometric_mean_over_folds_with_a_floor():
    """As the laws' errors are: else the two could not stand in one table."""
    N = np.geomspace(1e6, 1e9, 12)
    rows = Rows(np.column_stack([N, np.ones(12)]), (5.0 * N**-0.1)[:, None], np.full(12, "all"))
    exact = Ground.of(Task(TASK.spec, rows, Shut(rows), TASK.provenance, None))
    assert control_error(exact, "last two levels") == pytest.approx(1e-6), "a power law is a line in logs"
    ground = Ground.of(TASK, FOLDS)
    each = [control_error(replace(ground, standard=(fold,)), "last two levels") for fold in FOLDS]
    assert control_error(ground, "last two levels") == pytest.approx(np.exp(np.mean(np.log(each))))
    assert len(set(np.round(each, 9))) == len(FOLDS)
