"""Choosing among finalists: rules, priors, refits, and the law nearest to the others. Seeds are in the tests."""

import numpy as np
import pytest

from evaluator import Evaluator, LocalSandbox
from harness.choosing.choice import PRIOR_REACH, broken_prior, choose, medoid, rises, rising_scores, runs_off
from harness.proposers.facts import TaskFacts
from harness.proposers.formula.genome import FitChoices, parse
from harness.proposers.formula.proposer import FormulaProposer
from harness.search.archive import Member
from harness.search.candidate import Candidate
from harness.search.selection import Judged
from tasks.probes import probe_rows
from tasks.rows import Rows, Sealed, Task
from tasks.spec import Column, Provenance, TaskSpec
from tasks.split import validation_folds


def make_task(falls_with=("N",)):
    rng = np.random.default_rng(8)
    N = np.repeat(np.geomspace(1e6, 1e9, 10), 4)
    t = np.tile([0.0, 0.3, 0.6, 1.0], 10)
    y = 2 + 300 * N**-0.4 + 0.05 * t + 1e-3 * rng.normal(size=40)
    rows = Rows(np.column_stack([N, t]), y[:, None], np.full(40, "all"))
    spec = TaskSpec(
        "toy", "toy", (Column("N"), Column("t")), (Column("L"),), None, 6, ("N",), falls_with=falls_with
    )
    return Task(spec, rows, Sealed(rows), Provenance("user", "toy.csv", rows.digest(), rows.digest()))


class Finished:
    """A search that has ended, with these laws as finalists in this order."""

    def __init__(self, task, lines, errors=None):
        self.proposer = FormulaProposer(TaskFacts.of(task.spec, task.train), "toy")
        errors = errors or [0.1 + 1e-4 * i for i in range(len(lines))]
        self.put(
            self.member(i, line, error) for i, (line, error) in enumerate(zip(lines, errors, strict=True))
        )

    def put(self, members):
        self.members = {m.candidate.id: m for m in members}

    def member(self, i, line, error):
        genome = parse(line, self.proposer.facts.names, FitChoices(non_negative=False))
        draft = self.proposer._draft(genome, "test")
        return Member(Candidate(f"c{i:06d}", draft.program, None, None, 0, 0, "test", draft), error, 3, ())

    def finalists(self):
        return [Judged(m.candidate.id, m.error, 3, 9) for m in self.members.values()]


@pytest.fixture(scope="module")
def evaluator():
    with LocalSandbox(workers=1, allow_weak_sandbox=True) as sandbox:
        yield Evaluator(sandbox)


GOOD = "c0 + c1*N**-a1 + c2*t"
LOGS = "c0 + c1*log(N) + c2*log(N)**2"
NEAR = "c0 + c1*(N + s1)**-a1 + c2*t"


def chosen(task, evaluator, *lines, errors=None):
    return choose(Finished(task, lines, errors), evaluator, task, validation_folds(task.spec, task.train))


def test_a_law_that_rises_with_a_feature_that_it_must_fall_with_is_passed_over(evaluator):
    choice = chosen(make_task(), evaluator, LOGS, GOOD, NEAR)
    assert "rises with N" in choice.dropped["c000000"]
    assert choice.winner.member.candidate.id in {"c000001", "c000002"}
    assert not chosen(make_task(falls_with=()), evaluator, LOGS, GOOD).dropped


def test_a_law_that_breaks_a_prior_is_better_than_none(evaluator):
    choice = chosen(make_task(), evaluator, LOGS)
    assert choice.winner.member.candidate.id == "c000000"
    assert choice.dropped


def test_a_rise_as_far_out_as_the_rows_span_counts():
    task = make_task()
    seen = {}
    for reach in (0.35, PRIOR_REACH):
        X, group = probe_rows(task.spec, task.train, ("N",), reach)
        decades = np.log10(X[:, [0]])
        seen[reach] = [
            bool(rises(task.train, (decades - vertex) ** 2, group)) for vertex in (9.5, 10.5, 13.0)
        ]
    assert seen == {0.35: [True, False, False], PRIOR_REACH: [True, True, False]}, (
        "the rows end at nine decades"
    )


@pytest.mark.parametrize(("n_bad", "kept"), [(4, True), (7, False)])
def test_while_the_shortlist_is_empty_more_laws_are_tried(n_bad, kept, evaluator, monkeypatch):
    monkeypatch.setattr("harness.choosing.choice.MAX_TRIED", 2)
    bad = [LOGS] * n_bad
    choice = chosen(make_task(), evaluator, *bad, GOOD)
    assert choice.winner.member.candidate.id == (f"c{n_bad:06d}" if kept else "c000000")


def test_laws_that_agree_outvote_the_one_that_does_not(evaluator):
    choice = chosen(
        make_task(falls_with=()),
        evaluator,
        LOGS,
        GOOD,
        "c0 + c1*N**-a1 + c2*t**2",
        "c0 + c1*N**-a1*exp(t1*t)",
    )
    assert choice.winner.member.candidate.id != "c000000"
    assert len(choice.partners) == 3


def test_a_law_far_better_than_the_rest_is_not_outvoted(evaluator):
    lines = [GOOD, LOGS, "c0 + c1*log(N)", "c0 + c1*log(N) + c2*t", "c0 + c1*log(N) + c2*t**2"]
    choice = chosen(make_task(falls_with=()), evaluator, *lines, errors=[1e-6, 0.1, 0.1, 0.1, 0.1])
    assert choice.winner.member.candidate.id == "c000000"
    assert not choice.partners


def test_a_law_that_runs_off_is_named(evaluator):
    task = make_task(falls_with=())
    finished = Finished(task, ["c0 + c1*N"])
    _, group = probe_rows(task.spec, task.train)
    wild = np.full((len(group), 1), 99.0)
    program = finished.members["c000000"].candidate.program
    assert "runs off" in broken_prior(program, wild, evaluator, task)


@pytest.mark.parametrize(("n_away", "named"), [(1, []), (2, []), (3, ["0", "1", "2"])])
def test_a_few_groups_among_many_condemn_no_law(n_away, named):
    label = np.repeat([str(g) for g in range(20)], 5)
    train = Rows(np.ones((100, 1)), np.tile(np.linspace(1.0, 2.0, 5), 20)[:, None], label)
    probes = np.where(np.isin(label, [str(g) for g in range(n_away)]), 9.0, 1.5)[:, None]
    assert runs_off(train, probes, label) == named


def test_a_program_that_breaks_a_rule_is_named_and_no_law_is_no_winner(evaluator):
    task = make_task()
    finished = Finished(task, [GOOD])
    member = finished.members["c000000"]
    broken = member.candidate.program.replace("return values[0]", "return values[0][::-1]")
    candidate = Candidate("c000000", broken, None, None, 0, 0, "test", member.candidate.draft)
    finished.put([Member(candidate, 0.1, 3, ())])
    choice = choose(finished, evaluator, task, validation_folds(task.spec, task.train))
    assert choice.winner is None
    assert choice.dropped["c000000"].startswith("row_dependence")


def test_the_medoid_is_nearest_to_the_middle():
    table = [np.full((3, 1), v) for v in (0.0, 1.0, 1.1, 1.2, 9.0)]
    assert medoid(table) == 2
    assert medoid(table[:1]) == 0
    assert medoid([table[0], table[0]]) == 0, "the better of two equals comes first"


def made_of(y, **priors):
    N = np.geomspace(1e6, 1e9, 20)
    rows = Rows(N[:, None], y(N)[:, None], np.full(20, "all"))
    spec = TaskSpec("toy", "toy", (Column("N"),), (Column("score"),), None, 6, ("N",), **priors)
    return Task(spec, rows, Sealed(rows), Provenance("user", "toy.csv", rows.digest(), rows.digest()))


def broken(task, line, evaluator):
    program = Finished(task, [line]).members["c000000"].candidate.program
    X, group = probe_rows(task.spec, task.train)
    return broken_prior(
        program, evaluator.fit_and_predict(program, task.spec, task.train, X, group).y, evaluator, task
    )


def test_a_score_does_not_pass_one(evaluator):
    def score(N):
        return 0.2 + 0.6 / (1 + (N / 1e8) ** -0.7)

    def twice(N):
        return 2 * score(N)

    task = made_of(score)
    assert "a score above 1 where N goes on" in broken(task, "c0 + c1*log(N)", evaluator)
    assert broken(task, "c0 + c1*1/(N**a1 + s1)", evaluator) == ""
    assert rising_scores(made_of(lambda N: 1 - score(N))) == (), "a loss that falls"
    assert broken(made_of(twice), "c0 + c1*log(N)", evaluator) == "", "not a share"


def test_a_declared_rise_is_kept(evaluator):
    def score(N):
        return 3 + np.log(N) - 0.02 * np.log(N) ** 2

    parabola = "c0 + c1*log(N) + c2*log(N)**2"
    assert "falls with N" in broken(made_of(score, rises_with=("N",)), parabola, evaluator)
    assert broken(made_of(score), parabola, evaluator) == ""
    assert broken(made_of(score, rises_with=("N",)), "c0 + c1*log(N)", evaluator) == ""
