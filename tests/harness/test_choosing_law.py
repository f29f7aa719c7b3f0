"""Which law is taken, what a reader sees of the others, and what a law loses before it is shown: rules by numbers worked out here."""

from dataclasses import replace

import numpy as np
import pytest
from test_choice import Finished, made, make_task, shifted
from test_search_loop import member

from evaluator import Failed, Failure
from evaluator.scale import scale_error
from harness.choosing.evidence import Law, gather
from harness.choosing.forecast import Band, Panel
from harness.choosing.ground import Ground
from harness.choosing.law import law_order
from harness.choosing.lighter import lightened, lighter
from harness.choosing.order import mean_log_error, trust
from harness.choosing.refits import refits
from harness.choosing.shortlist import shortlist
from harness.choosing.weights import Weights
from harness.proposers.facts import TaskFacts
from harness.proposers.formula.genome import FitChoices, parse
from harness.proposers.formula.render import read
from harness.search import offered
from harness.search.draws import shares
from tasks.rows import Asked

TASK = make_task()
FACTS = TaskFacts.of(TASK.spec, TASK.train)
NAMES = FACTS.names


@pytest.fixture(scope="module")
def ground():
    return Ground.of(TASK)


def going(ground, off, beyond, name="x"):
    """A law that is off by a constant on the training rows, by another at the asked ones."""
    law = made(ground, shifted(ground, off), name)
    return replace(law, asked=forecast(ground).z + beyond, probes=law.probes + beyond)


def forecast(ground):
    z = np.log(2 + 300 * ground.asked[:, :1] ** -0.4 + 0.05 * ground.asked[:, 1:])
    return Band(z, np.ones_like(z), np.zeros(len(z)))


# The order of taking.


def test_the_nearest_to_the_forecast_comes_first_and_folds_count_by_their_weight(ground):
    """Near the forecast and poor on folds against good on folds and far: what decides is one weight, fitted elsewhere."""
    near, good = going(ground, 0.3, 0.01), going(ground, 0.02, 0.05)
    laws, band = [near, good], forecast(ground)
    order = trust(laws, ground, Weights())
    gain = np.log(0.05 / 0.01)
    even = gain / (order[0] - order[1])  # the weight at which the two are level
    assert even > 0
    assert law_order(laws, ground, (0, 1), band, Weights(law_error=0.8 * even)) == [0, 1]
    assert law_order(laws, ground, (0, 1), band, Weights(law_error=1.2 * even)) == [1, 0]
    assert law_order(laws, ground, (1,), band, Weights(law_error=0.0)) == [1]


def test_laws_that_meet_the_forecast_are_told_apart_by_their_folds(ground):
    """A millionth away or a billionth is the same to any reader; without a floor the logs of such noise would decide."""
    laws = [going(ground, 0.3, 1e-12), going(ground, 0.02, 1e-8)]
    laws[1] = replace(laws[1], probes=laws[1].probes + 1.0)  # no twins
    assert law_order(laws, ground, (0, 1), forecast(ground), Weights(law_error=0.2)) == [1, 0]


# What is shown.


def test_a_shortlist_says_who_was_taken_first_who_votes_and_how_far_away_each_is(ground):
    """A reader who disagrees with the choice needs every law that was looked at, the next best at hand."""
    laws = [
        going(ground, off, b, f"c{i}")
        for i, (off, b) in enumerate([(0.2, 0.3), (0.1, 0.1), (0.05, 0.2), (0.4, 0.0)])
    ]
    panel = Panel((2, 0), (0.7, 0.3), {"laws": 1.0}, 0.1, {}, {})
    told = shortlist(laws, panel, [1, 2], (ground, forecast(ground), Weights()))
    assert [(s.id, s.place, s.say) for s in told] == [
        ("c1", 1, 0.0),
        ("c2", 2, 0.7),
        ("c0", None, 0.3),
        ("c3", None, 0.0),
    ]
    assert [s.away for s in told] == pytest.approx([0.1, 0.2, 0.3, 1e-6])
    expected = trust(laws, ground, Weights())
    assert [s.expected for s in told] == pytest.approx([expected[i] for i in (1, 2, 0, 3)])


# Lighter laws.


def lines(genomes):
    return {g.line(NAMES) for g in genomes}


def law(line):
    return parse(line, NAMES, FitChoices(non_negative=False))


def normal(*texts):
    return lines(law(text).normal() for text in texts)


def test_a_law_is_made_lighter_by_one_term_or_one_factor_and_never_empty():
    assert lines(lighter(law("c0 + c1*N**-a1*t + c2*t + c3*log(N)"))) == normal(
        "c0 + c1*t + c2*log(N)",
        "c0 + c1*t + c2*t + c3*log(N)",
        "c0 + c1*N**-a1 + c2*t + c3*log(N)",
        "c0 + c1*N**-a1*t + c2*log(N)",
        "c0 + c1*N**-a1*t + c2*t",
    )
    assert lines(lighter(law("c0 + c1*N**-a1*t"))) == normal("c0 + c1*t", "c0 + c1*N**-a1")
    assert lighter(law("c0 + c1*N**-a1")) == []
    three = lines(lighter(law("c0 + c1*N**-a1*t*log(N)")))
    assert three == normal("c0 + c1*t*log(N)", "c0 + c1*N**-a1*log(N)", "c0 + c1*N**-a1*t")


HEAVY = "c0 + c1*N**-a1 + c2*t + c3*log(N)"
"""Three terms; `made_lighter` says how far off each law is that it can become."""


def made_lighter(ground, offs, heavy=0.1, line=HEAVY):
    """The law reached from HEAVY where a law of a line is (off on folds, away from the forecast); others fail."""
    (start,) = Finished(TASK, [line]).members.values()
    known = {next(iter(normal(text))): off for text, off in offs.items()}

    def look(members):
        found = []
        for m in members:
            off = known.get(read(m.candidate.program, FACTS).normal().line(NAMES))
            found.append(None if off is None else going(ground, *off, m.candidate.id))
        return found

    own = going(ground, heavy, heavy, start.candidate.id)
    member, evidence = lightened(start, own, ground, forecast(ground), look, (FACTS, "toy: toy"))
    assert evidence.id == member.candidate.id
    return start, member


def reached(*args, **options):
    start, member = made_lighter(*args, **options)
    return "as it was" if member is start else next(iter(normal(member.candidate.law)))


def test_of_the_lighter_laws_the_one_that_loses_least_is_taken(ground):
    """Dropping goes one by one, so a poor first step would lead away from the law that says the same in fewer terms."""
    assert reached(
        ground, {"c0 + c1*N**-a1 + c2*t": (0.103, 0.1), "c0 + c1*N**-a1 + c2*log(N)": (0.101, 0.1)}
    ) in normal("c0 + c1*N**-a1 + c2*log(N)")
    assert reached(
        ground, {"c0 + c1*N**-a1 + c2*t": (0.1, 0.101), "c0 + c1*N**-a1 + c2*log(N)": (0.1, 0.103)}
    ) in normal("c0 + c1*N**-a1 + c2*t")
    same = {"c0 + c1*N**-a1 + c2*t": (0.1, 0.1), "c0 + c1*N**-a1 + c2*log(N)": (0.1, 0.1)}
    assert reached(ground, same) in normal(*same), "a draw is decided without comparing evidence"


def test_a_term_stays_as_soon_as_folds_or_the_forecast_notice(ground):
    """Five percent, of either: more would be another law under the name of the one that was chosen."""
    light = "c0 + c1*N**-a1 + c2*t"
    for on_folds, away in ((1.04, 1.04), (0.5, 1.04), (1.04, 0.5)):
        assert reached(ground, {light: (0.1 * on_folds, 0.1 * away)}) in normal(light)
    for on_folds, away in ((1.07, 1.0), (1.0, 1.07), (0.5, 1.07), (1.07, 0.5)):
        assert reached(ground, {light: (0.1 * on_folds, 0.1 * away)}) == "as it was"


def test_what_is_lost_counts_from_the_law_that_was_chosen_however_many_steps_it_takes(ground):
    """Three steps of four percent each would else lose twelve."""
    first, second = "c0 + c1*N**-a1 + c2*t", "c0 + c1*N**-a1"
    assert reached(ground, {first: (0.102, 0.1), second: (0.104, 0.1)}) in normal(second)
    assert reached(ground, {first: (0.104, 0.1), second: (0.108, 0.1)}) in normal(first)


def test_distances_far_below_the_law_s_own_error_are_equal(ground):
    """A tenth of what a law misses on folds: nearer than that to the forecast is chance."""
    light = "c0 + c1*N**-a1 + c2*t"
    (start,) = Finished(TASK, [HEAVY]).members.values()
    error = float(np.exp(mean_log_error([going(ground, 0.2, 0.0)], ground)[0]))
    for own, other, goes in ((0.001, 0.09, True), (0.001, 0.12, False), (0.12, 0.13, False)):
        own, away = going(ground, 0.2, own * error), other * error

        def look(members, away=away):
            return [going(ground, 0.2, away) if m.candidate.law in normal(light) else None for m in members]

        found, _ = lightened(start, own, ground, forecast(ground), look, (FACTS, "toy: toy"))
        assert (found is not start) is goes


def test_a_lighter_law_has_its_share_of_the_constants_and_a_lineage(ground):
    """The budget counts constants over all targets; the id says which law of the search it came from."""
    light = "c0 + c1*N**-a1 + c2*t"
    start, found = made_lighter(ground, {light: (0.1, 0.1)})
    heavy, lighter_one = law(HEAVY), law(light)
    assert found.n_constants == 3 * lighter_one.n_constants // heavy.n_constants == 2
    assert found.candidate.parent == start.candidate.id and found.candidate.id.startswith("c000000l")
    assert (found.children, found.fitted, found.candidate.draft.edit) == (0, (), "lighter")


def test_a_free_program_stays_as_it_is(ground):
    (start,) = Finished(TASK, [HEAVY]).members.values()
    free = replace(start, candidate=replace(start.candidate, program="def fit(): pass"))
    own = going(ground, 0.1, 0.1)
    assert lightened(free, own, ground, forecast(ground), lambda m: [], (FACTS, "toy"))[0] is free


def test_refits_lean_three_and_six_and_a_form_that_leans_already_is_not_repeated():
    """e**3 and e**6 are rows of the last tenth counting for most and for nearly all; a third would be one of them again."""
    plain, leaning = Finished(TASK, ["c0 + c1*N**-a1", "c0 + c1*log(N)"]).members.values()
    first, second = refits([plain], FACTS, "toy: toy")
    emphases = [read(m.candidate.program, FACTS).choices.emphasis for m in (first, second)]
    assert emphases == [3.0, 6.0] and [m.candidate.id for m in (first, second)] == ["c000000e3", "c000000e6"]
    plain.children = 5
    assert refits([plain], FACTS, "toy: toy")[0].children == 0, "its own, of which there are none"
    assert [
        read(m.candidate.program, FACTS).choices.emphasis for m in refits([first], FACTS, "toy: toy")
    ] == [6.0]
    across = replace(FACTS, axes=())
    assert refits([plain, leaning], across, "toy: toy") == [], "nothing extrapolates, no row is the last"


# Evidence and ground.


class Says:
    """An evaluator for one law: what it predicts of the cuts, one after the other."""

    def __init__(self, *answers):
        self.answers = answers

    def predict_cuts(self, program, spec, cuts, together):
        if isinstance(self.answers[0], Failed):
            return self.answers[0]
        return [
            np.full((len(X), 1), 2.0) * answer(len(X))
            for (_, X, _), answer in zip(cuts, self.answers, strict=True)
        ]


def test_one_prediction_that_is_no_number_is_too_many(ground):
    """A law that is undefined at a single row beyond would make the median undefined there."""
    one = Law("c0", "text", True, 3, 5)

    def holed(n):
        out = np.ones((n, 1))
        out[n // 2] = np.nan
        return out

    def whole(n):
        return np.ones((n, 1))

    folds = ground.standard
    for at in range(len(folds) + 1):
        answers = [holed if i == at else whole for i in range(len(folds) + 1)]
        assert gather([one], ground, folds, Says(*answers)) == ["predicts what is no finite number"]
    (good,) = gather([one], ground, folds, Says(*[whole] * (len(folds) + 1)))
    assert (good.id, good.n_constants, good.size, list(good.folds)) == ("c0", 3, 5, [f.name for f in folds])
    assert gather([one], ground, folds, Says(Failed(Failure.TIMEOUT, "over 9 s"))) == ["timeout: over 9 s"]


def test_distances_are_means_over_rows_so_that_more_rows_lie_no_farther(ground):
    X, group = ground.asked, ground.asked_group
    once = Ground.of(replace(TASK, asked=Asked(X, group)))
    twice = Ground.of(replace(TASK, asked=Asked(np.concatenate([X, X]), np.concatenate([group, group]))))
    assert 0.01 < once.distance < 3 and twice.distance == pytest.approx(once.distance)
    for fold in ground.standard:
        assert 0 < ground.fold_distance(fold) < 1, "in ranges of the rows that are fitted"


# What a search offers.


def test_two_hundred_laws_are_offered_the_best_of_all_told():
    """A choice looks at 120 of them at most; what is worse than two hundred others is never looked at."""
    kept = offered.Offered()
    errors = np.random.default_rng(6).permutation(260) / 260 + 0.1
    for i, error in enumerate(errors):
        kept.add(member(i, float(error), 4))
    found = [j.id for j in kept.finalists()]
    assert found == [f"c{i:06d}" for i in np.argsort(errors, kind="stable")[:200]]
    *_, before, last = (j.error for j in kept.finalists())
    kept.add(member(900, (before + last) / 2, 4))
    assert kept.finalists()[-1].id == "c000900", "in the place of the last"


def test_shares_end_at_one_whatever_rounding_says():
    """A random number above the last share would draw a place that is not there."""
    for n in (3, 6, 7, 10, 49):
        assert shares([0.1] * n)[-1] == 1.0
    assert shares([1.0, 3.0]).tolist() == [0.25, 1.0]


def test_the_error_of_a_law_beside_the_forecast_is_in_logs(ground):
    law = going(ground, 0.1, 0.25)
    assert scale_error(forecast(ground).z, law.asked, ground.asked_group) == pytest.approx(0.25)
