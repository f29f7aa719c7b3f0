"""Choosing: evidence, the forecast, the law nearest to it, priors with slack. Seeds are in the tests."""

from dataclasses import replace

import numpy as np
import pytest

from evaluator import Evaluator, Failed, LocalSandbox, contract
from evaluator.scale import Scale, scale_error
from fitting import Law
from harness.choosing.choice import choose
from harness.choosing.control_laws import control_law
from harness.choosing.controls import CONTROLS
from harness.choosing.evidence import Evidence
from harness.choosing.forecast import cast_asked, seat
from harness.choosing.ground import Ground
from harness.choosing.law import law_order
from harness.choosing.order import combined, distinct
from harness.choosing.priors import priors_of, runs_off
from harness.choosing.refits import refits
from harness.choosing.rows.last_levels import local
from harness.choosing.store import read_evidence, write_evidence
from harness.choosing.vote import clipped, median
from harness.choosing.weights import Weights, shipped
from harness.errors import BadRun
from harness.proposers.facts import TaskFacts
from harness.proposers.formula.genome import FitChoices, parse
from harness.proposers.formula.proposer import FormulaProposer
from harness.proposers.formula.render import read
from harness.search.archive import Member
from harness.search.candidate import Candidate
from harness.search.selection import Judged
from tasks import load
from tasks.rows import Asked, Rows, Sealed, Task
from tasks.spec import Column, Provenance, TaskSpec
from tasks.split import validation_folds


class Shut(Sealed):
    """A sealed room that must not be opened."""

    def open(self):
        raise AssertionError("the held-out rows were opened")


def make_task(falls_with=("N",), asked=None):
    rng = np.random.default_rng(8)
    N = np.repeat(np.geomspace(1e6, 1e9, 10), 4)
    t = np.tile([0.0, 0.3, 0.6, 1.0], 10)
    y = 2 + 300 * N**-0.4 + 0.05 * t + 1e-3 * rng.normal(size=40)
    rows = Rows(np.column_stack([N, t]), y[:, None], np.full(40, "all"))
    spec = TaskSpec(
        "toy", "toy", (Column("N"), Column("t")), (Column("L"),), None, 6, ("N",), falls_with=falls_with
    )
    provenance = Provenance("user", "toy.csv", rows.digest(), rows.digest())
    return Task(spec, rows, Shut(rows), provenance, asked)


class Finished:
    """A search that has ended, with these laws as finalists in this order."""

    def __init__(self, task, lines):
        self.proposer = FormulaProposer(TaskFacts.of(task.spec, task.train), "toy")
        self.members = {}
        for i, line in enumerate(lines):
            genome = parse(line, self.proposer.facts.names, FitChoices(non_negative=False))
            draft = self.proposer._draft(genome, "test")
            candidate = Candidate(f"c{i:06d}", draft.program, None, None, 0, 0, "test", draft)
            self.members[candidate.id] = Member(candidate, 0.1 + 1e-4 * i, 3, ())

    def finalists(self):
        return [Judged(m.candidate.id, m.error, 3, 9) for m in self.members.values()]


@pytest.fixture(scope="module")
def evaluator():
    with LocalSandbox(workers=1, allow_weak_sandbox=True) as sandbox:
        yield Evaluator(sandbox)


NANO = ("finetune_vocab", "lr_bsz", "data_constrained", "domain_mixture", "sft", "moe")
GOOD = "c0 + c1*N**-a1 + c2*t"
LOGS = "c0 + c1*log(N) + c2*log(N)**2"
LINE = "c0 + c1*log(N)"
NEAR = "c0 + c1*(N + s1)**-a1 + c2*t"


def chosen(task, evaluator, *lines):
    return choose(Finished(task, lines), evaluator, task, validation_folds(task.spec, task.train))


def test_the_law_that_extrapolates_is_taken_whatever_its_place_and_controls_stand_beside_it(evaluator):
    choice = chosen(make_task(), evaluator, LINE, LOGS, GOOD, NEAR)
    assert choice.winner.member.candidate.id[:7] in {"c000002", "c000003"}
    assert {m.candidate.id for m in choice.voters} >= {"c000002"}
    assert set(choice.controls) == {"law", "forecast", "power sum", "log-quadratic", "last two levels"}
    assert choice.controls["law"] < 0.2 * choice.controls["log-quadratic"]
    assert not choice.winner.outcome.cards["outer 10%"].log_error > 0.01


def test_a_choice_worse_than_a_control_takes_it_and_says_so(evaluator):
    """A search that found less than a simple method gives that method, as a program by every rule."""
    choice = chosen(make_task(falls_with=()), evaluator, LINE)
    winner = choice.winner.member.candidate
    assert winner.id == "control power sum" and winner.law == "c0 + c1*N**-a1 + c2*t"
    assert any("the law is a control" in note and "power sum" in note for note in choice.notes)
    assert choice.controls["law"] == pytest.approx(choice.controls["power sum"], rel=1e-3)
    assert (choice.shortlist[0].id, choice.shortlist[0].place) == (winner.id, 0)
    assert choice.winner.outcome.n_constants == 4


def test_a_control_that_is_no_law_here_is_told_of_and_not_taken(evaluator):
    """Its constants are more than the task allows."""
    task = make_task(falls_with=())
    task = replace(task, spec=replace(task.spec, constants_budget=3))
    choice = chosen(task, evaluator, LINE)
    assert choice.winner.member.candidate.id.startswith("c0000")
    assert any("power sum has a lower error than the law" in note for note in choice.notes)


@pytest.mark.parametrize("targets", [1, 2])
@pytest.mark.parametrize("name", list(CONTROLS))
def test_a_control_as_a_program_says_what_the_control_says(evaluator, name, targets):
    rng = np.random.default_rng(3)
    N = np.tile(np.geomspace(1e6, 1e9, 8), 4)
    other = np.repeat([0.0, 1.0, 3.0, 9.0], 8) if name != "last two levels" else np.full(32, 2.0)
    y = 2 + 300 * N**-0.4 + 0.05 * other + 1e-2 * rng.normal(size=32)
    Y = np.column_stack([y, 3.0 - y * 2])[:, :targets]
    rows = Rows(np.column_stack([N, other]), Y, np.tile(["a", "b"], 16))
    columns = (Column("L"), Column("M"))[:targets]
    spec = TaskSpec("toy", "toy", (Column("N"), Column("t")), columns, None, 20, ("N",))
    task = Task(spec, rows, Shut(rows), Provenance("user", "toy.csv", rows.digest(), rows.digest()))
    member = control_law(name, task, TaskFacts.of(spec, rows), 'a "toy"')
    assert contract.check(member.candidate.program) is None
    X, group = rows.X[-8:] * [10, 1], rows.group[-8:]
    said = evaluator.fit_and_predict(member.candidate.program, spec, rows, X, group, checks=True)
    assert not isinstance(said, Failed), said
    scale = Scale.of(rows)
    control = scale.back(CONTROLS[name](spec, rows, scale, X, group))
    assert said.y == pytest.approx(control, rel=1e-6)
    assert said.n_constants == member.n_constants == targets * len(member.candidate.draft.constants)
    if member.candidate.law:  # the line that is shown, with the constants that were found, says the same
        law = Law.parse(member.candidate.law, ("N", "t"))
        values = dict(zip(member.candidate.draft.constants, said.constants["a"], strict=False))
        here = group == "a"
        by_line = law.predict(values, {"N": X[here, 0], "t": X[here, 1]})
        assert by_line == pytest.approx(said.y[here, 0], rel=1e-6)


@pytest.mark.parametrize("name", list(CONTROLS))
def test_whatever_a_task_is_like_a_control_is_a_program_or_known_to_be_no_law(name):
    """Targets paired with features, features that are zero, groups: choosing may not break on any."""
    for task in (load(n, data_dir="nano") for n in NANO):
        member = control_law(name, task, TaskFacts.of(task.spec, task.train), "a title")
        assert member is None or contract.check(member.candidate.program) is None


def test_a_line_through_levels_is_a_law_of_one_feature_alone():
    task = make_task()
    assert control_law("last two levels", task, TaskFacts.of(task.spec, task.train), "toy") is None


def test_rows_that_are_asked_for_decide_and_are_features_alone(evaluator):
    far = Asked(np.column_stack([np.geomspace(2e9, 1e10, 5), np.zeros(5)]), np.full(5, "all"))
    task = make_task(asked=far)
    ground = Ground.of(task)
    assert ground.distance > 0.2 and len(ground.asked) == 5
    choice = chosen(task, evaluator, LOGS, GOOD)
    assert choice.evidence[0].asked.shape == (5, 1)
    assert choice.winner.member.candidate.id[:7] == "c000001"


def test_forms_are_fitted_again_with_more_weight_on_the_last_rows_as_candidates(evaluator):
    task = make_task(falls_with=())
    search = Finished(task, [LINE, GOOD])
    again = refits(search.members.values(), search.proposer.facts, "toy")
    for m in (
        again
    ):  # a summary reads the choices of the fit off the draft's own value, a resumed one off the text
        draft, facts = m.candidate.draft, search.proposer.facts
        assert draft.genome == read(draft.program, facts) and draft.genome.choices.emphasis > 0
    assert [m.candidate.id for m in again] == ["c000000e3", "c000000e6", "c000001e3", "c000001e6"]
    assert all(m.candidate.draft.law == search.members[m.candidate.parent].candidate.draft.law for m in again)
    last = {}
    for member in (search.members["c000000"], again[1]):
        answer = evaluator.fit_and_predict(
            member.candidate.program, task.spec, task.train, task.train.X[-4:], task.train.group[-4:]
        )
        last[member.candidate.id] = np.abs(answer.y - task.train.y[-4:]).mean()
    assert last["c000000e6"] < 0.5 * last["c000000"], "a line bends towards the rows that weigh more"
    choice = chosen(task, evaluator, LINE)
    assert next(s.id for s in choice.shortlist if s.place == 1) == "c000000e6"
    assert [m.candidate.id for m in choice.voters] == ["c000000"], "refits have no vote"


# Pure parts: evidence made by hand.


def test_a_term_that_brings_nothing_is_dropped_before_the_law_is_shown(evaluator):
    """An interaction that the rows do not have: the law without it says the same."""
    task = make_task()
    heavy = "c0 + c1*N**-a1 + c2*t + c3*t*N**-a1"
    member = chosen(task, evaluator, heavy).winner.member
    assert member.candidate.law in ("c0 + c1*t + c2*N**-a1", "c0 + c1*N**-a1 + c2*t"), member.candidate.law
    assert member.candidate.parent.startswith("c000000")
    kept = chosen(task, evaluator, "c0 + c1*N**-a1 + c2*t").winner.member
    assert "l" not in kept.candidate.id, "a law with nothing to spare stays as it is"


def made(ground, law, name, broken=0.0):
    """Evidence of a law given as a function of (X, fitted rows)."""
    every = np.arange(len(ground.train))
    return Evidence(
        name,
        3,
        5,
        {f.name: law(ground.train.X, f.train) for f in ground.standard},
        law(ground.train.X, every),
        law(ground.probes, every),
        law(ground.asked, every),
        (broken,),
    )


def shifted(ground, by, tilt=0.0):
    """The truth on the scale, off by a constant and by more the farther out a row lies."""

    def law(X, fitted):
        out = np.log(2 + 300 * X[:, 0] ** -0.4 + 0.05 * X[:, 1])
        edge = np.log(ground.train.X[fitted, 0].max())
        return (out + by + tilt * np.maximum(np.log(X[:, 0]) - edge, 0.0))[:, None]

    return law


def test_the_forecast_is_the_middle_of_the_laws_and_one_wild_law_moves_nothing():
    ground = Ground.of(make_task())
    plain = Weights(anchor=0.0)
    laws = [made(ground, shifted(ground, 1e-4 * k), f"c{k}") for k in range(-3, 4)]
    wild = made(ground, shifted(ground, 0.0, 5.0), "wild")
    panel = seat(laws, ground, range(7), plain)
    band = cast_asked(panel, ground, laws, plain)
    with_wild = cast_asked(seat([*laws, wild], ground, range(8), plain), ground, [*laws, wild], plain)
    truth = shifted(ground, 0.0)(ground.asked, np.arange(len(ground.train)))
    assert scale_error(truth, band.z, ground.asked_group) < 2e-3
    assert np.abs(with_wild.z - band.z).max() < 2e-3
    assert (band.half_width > 0).all() and (
        np.diff(band.half_width[band.distance.argsort(), 0]) >= -1e-4
    ).all()


def test_where_every_law_misses_the_last_rows_the_anchor_and_the_rows_help():
    ground = Ground.of(make_task())
    laws = [made(ground, shifted(ground, 0.05 + 1e-3 * k, 0.05), f"c{k}") for k in range(7)]
    truth = shifted(ground, 0.0)(ground.asked, np.arange(len(ground.train)))

    def error(weights):
        panel = seat(laws, ground, range(7), weights)
        assert sum(panel.shares.values()) == pytest.approx(1.0)
        return scale_error(truth, cast_asked(panel, ground, laws, weights).z, ground.asked_group)

    alone = error(Weights(anchor=0.0, methods=()))
    assert error(Weights(anchor=0.5, methods=())) < 0.8 * alone
    assert error(Weights(anchor=0.0)) < 0.7 * alone
    assert seat(laws, ground, range(7), Weights(anchor=0.0)).shares["laws"] < 0.5


def test_laws_that_are_right_keep_most_of_the_say():
    ground = Ground.of(make_task())
    laws = [made(ground, shifted(ground, 1e-4 * k), f"c{k}") for k in range(7)]
    panel = seat(laws, ground, range(7), Weights())
    assert max(panel.shares, key=panel.shares.__getitem__) == "laws"
    assert panel.part_errors["laws"] < min(e for name, e in panel.part_errors.items() if name != "laws")
    assert seat(laws, ground, range(7), Weights(flattery=3.0)).shares["laws"] < panel.shares["laws"]


def test_the_law_nearest_to_the_forecast_is_first():
    ground = Ground.of(make_task())
    tilts = (0.06, 0.03, 0.001, -0.03, -0.06)
    laws = [made(ground, shifted(ground, 0.0, tilt), f"c{k}") for k, tilt in enumerate(tilts)]
    weights = Weights()
    band = cast_asked(seat(laws, ground, range(5), weights), ground, laws, weights)
    assert law_order(laws, ground, range(5), band, weights)[0] == 2


def test_a_broken_prior_costs_in_proportion():
    ground = Ground.of(make_task())
    laws = [
        made(ground, shifted(ground, 1e-3), "a", 0.02),
        made(ground, shifted(ground, 1e-3 + 1e-5), "b", 1.0),
        made(ground, shifted(ground, 0.05), "c"),
    ]
    from harness.choosing.order import trust

    order = trust(laws, ground, Weights(prior=2.0))
    assert order[0] < order[2], "a breach within noise keeps a law far better on folds before others"
    assert order[0] < order[1]


def test_a_prior_has_slack_and_is_looked_for_as_far_as_the_task_extrapolates():
    far = Asked(np.array([[1e12, 0.0]]), np.array(["all"]))
    near, out = (priors_of(t, d)[0] for t, d in ((make_task(), None), (make_task(asked=far), 1.0)))
    assert out.X[:, 0].max() > 50 * near.X[:, 0].max()
    task = make_task()
    decades = np.log10(out.X[:, [0]])
    span = float(np.ptp(task.train.y))
    assert out.broken(task.train, -span * decades) == 0
    assert out.broken(task.train, 0.01 * span * (decades - 9)) == 0, "a rise within the slack"
    assert out.broken(task.train, span * (decades - 9)) > 1


def test_scores_that_rise_end_at_one():
    N = np.geomspace(1e6, 1e9, 10)[:, None]
    rows = Rows(N, 0.1 * np.log10(N), np.full(10, "all"))
    spec = TaskSpec("toy", "toy", (Column("N"),), (Column("score"),), None, 6, ("N",))
    far = Asked(np.array([[1e12]]), np.array(["all"]))
    ground = Ground.of(Task(spec, rows, Shut(rows), Provenance("user", "toy.csv", "a", "b"), far))
    (ceiling,) = ground.priors
    assert ceiling.broken(rows, 0.1 * np.log10(ceiling.X)) > 0.5 > ceiling.broken(rows, 0 * ceiling.X + 0.99)

    def grows(X, fitted):
        return ground.scale.to(0.1 * np.log10(X))

    laws = [made(ground, grows, "a")]
    band = cast_asked(seat(laws, ground, [0], Weights()), ground, laws, Weights())
    assert ground.scale.back(band.z)[0, 0] == pytest.approx(1.0)


def test_a_law_that_leaves_the_range_runs_off_unless_its_group_is_one_of_many():
    rng = np.random.default_rng(3)
    group = np.repeat([f"g{i}" for i in range(20)], 4)
    train = Rows(rng.uniform(size=(80, 1)), np.tile([1.0, 1.3, 1.7, 2.0], 20)[:, None], group)
    y = np.full((80, 1), 1.5)
    assert not runs_off(train, y, group)
    y[group == "g3"] = 9.0
    assert not runs_off(train, y, group)
    y[np.isin(group, ["g4", "g5"])] = -9.0
    assert runs_off(train, y, group) == ["g3", "g4", "g5"]


def test_votes_weigh_and_clip():
    table = np.array([1.0, 2.0, 10.0])[:, None, None]
    assert median(table)[0, 0] == 2
    assert median(table, np.array([1.0, 1.0, 3.0]))[0, 0] == 10
    group, train = np.array(["a", "a"]), np.array([[0.0], [1.0]])
    z = clipped(np.array([[9.0], [-9.0]]), group, train, group, np.array([0.5, 0.1]))
    assert z.ravel().tolist() == pytest.approx([1.5, -0.1])


def test_laws_that_say_the_same_beyond_the_rows_vote_once():
    ground = Ground.of(make_task())
    laws = [made(ground, shifted(ground, by), f"c{i}") for i, by in enumerate((0, 1e-6, 0.1, 0.1, 0.2))]
    assert distinct(range(5), laws, 3) == [0, 2, 4]


def test_a_fold_that_a_law_lacks_neither_helps_nor_harms_it():
    errors = {"a": np.array([0.1, 0.2]), "b": np.array([1.0, np.nan])}
    order = combined(errors, {"a": 1.0, "b": 1.0})
    assert order[0] < order[1]


def test_the_line_goes_through_the_last_two_levels_in_logs():
    train = Rows(np.array([[1.0], [10.0], [100.0]]), np.array([[7.0], [4.0], [2.0]]), np.full(3, "a"))
    spec = TaskSpec("toy", "toy", (Column("N"),), (Column("L"),), None, extrapolate=("N",))
    scale = Scale.of(train)
    found = local(spec, train, scale.to(train.y), np.array([[1000.0]]), np.array(["a"]))
    assert scale.back(found.line)[0, 0] == pytest.approx(1.0)
    assert found.last[0].tolist() == [2]


def test_evidence_is_stored_and_refused_for_other_rows(tmp_path):
    ground = Ground.of(make_task())
    laws = [made(ground, shifted(ground, 0.0), "a"), made(ground, shifted(ground, 0.1), "b", 0.5)]
    path = tmp_path / "evidence.npz"
    write_evidence(path, laws, "h")
    again = read_evidence(path, "h")
    assert [e.id for e in again] == ["a", "b"] and again[1].broken == (0.5,)
    assert all((again[0].folds[n] == z).all() for n, z in laws[0].folds.items())
    with pytest.raises(BadRun, match="delete it to gather it again"):
        read_evidence(path, "other")


def test_the_shipped_numbers_are_of_the_choice():
    assert shipped().voters > 1 and 0 <= shipped().anchor <= 1
