"""Small rules that decide what a search finds. Each test says why its rule is what it is."""

import math
from dataclasses import replace

import numpy as np
import pytest

from evaluator.outcome import Scorecard, Scored
from harness.proposers.facts import TaskFacts
from harness.proposers.formula.edits import _legal
from harness.proposers.formula.genome import FitChoices, parse
from harness.proposers.formula.render import render
from harness.proposers.llm.bandit import Bandit
from harness.run.budget import Budget, Spending
from harness.search.selection import Judged, validation_error, validation_nmse
from tasks.rows import Rows
from tasks.spec import Column, TaskSpec
from tasks.split import validation_folds

SPEC = TaskSpec("toy", "toy", (Column("N"), Column("D")), (Column("L"),), None, 9, extrapolate=("N",))


def facts():
    N, D = np.meshgrid(10.0 ** np.arange(6, 10), 10.0 ** np.arange(8, 12))
    X = np.column_stack([N.ravel(), D.ravel()])
    y = (1.7 + 400 * X[:, 0] ** -0.34 + 410 * X[:, 1] ** -0.28)[:, None]
    return TaskFacts.of(SPEC, Rows(X, y, np.full(len(X), "all")))


FACTS = facts()


def law(line, **choices):
    return parse(line, FACTS.names, FitChoices(**choices))


def outcome(*errors):
    cards = {
        f"fold {i}": Scorecard(nmse=e, nmae=e, r2=1 - e, mae=e, n_rows=9, log_error=e)
        for i, e in enumerate(errors)
    }
    return Scored(cards, {"all": (1.0,)}, 1, 0.0)


@pytest.mark.parametrize("measure", [validation_error, validation_nmse])
def test_folds_meet_in_their_geometric_mean(measure):
    """One hard fold must not decide alone: halving the error of any fold has to gain the same."""
    base = measure(outcome(0.01, 0.04, 0.64))
    assert base == pytest.approx((0.01 * 0.04 * 0.64) ** (1 / 3))
    for halved in ((0.005, 0.04, 0.64), (0.01, 0.02, 0.64), (0.01, 0.04, 0.32)):
        assert measure(outcome(*halved)) == pytest.approx(base * 0.5 ** (1 / 3))


def test_a_fold_leaves_two_levels_to_fit_where_there_are_three():
    """One level shows no slope, so a fold that leaves one asks for what nobody can know."""
    X = np.column_stack([np.repeat([1e6, 1e7, 1e8], 6), np.tile(10.0 ** np.arange(8, 14), 3)])
    rows = Rows(X, np.log(X).sum(axis=1, keepdims=True), np.full(18, "all"))
    for fold in validation_folds(SPEC, rows, (0.33, 0.66, 0.9)):
        assert len(np.unique(rows.X[fold.train, 0])) == 2


@pytest.mark.parametrize(
    ("line", "legal"),
    [
        ("c0 + c1*N**-a1*D**-a2", True),
        ("c0 + c1*N**-a1*N**-a2", False),  # a factor twice: only the sum of the exponents shows
        ("c0 + c1*log(D)*log(D)", False),
        ("c0 + c1*N**-a1*D**-a2*(N/D)**-a3", False),  # three exponents over two features
        ("c0 + c1*N**-a1*D**-a1*(N/D)**-a2", True),  # two of them tied: two over two
        ("c0 + c1*N**-a1*D**-a2*(N/D)**-0.3", True),  # a pinned one is no constant
    ],
)
def test_a_product_that_says_a_thing_twice_is_no_law(line, legal):
    """Its constants can't be told apart, so its fit is luck, and evaluations are spent on spellings."""
    assert _legal(law(line), FACTS) is legal


def test_the_rate_of_a_log_power_is_sought_over_five_decades_in_logs():
    """1 + k log(1 + x) bends where k log(1 + x) passes one, and x comes in round units: k may be small or large."""
    assert "(0.01, 1000, True),  # k1" in render(law("c0 + c1*(1 + k1*log(1 + N))**-a1"), FACTS, "toy")


def test_a_law_fitted_in_logs_has_a_niche_of_its_own_far_out():
    """exp(a sum that vanishes) levels off; in one niche with plain sums the two would drive each other out."""
    plain, logs = law("c0 + c1*N**-a1"), law("exp(c0 + c1*N**-a1)", link="log")
    assert plain.asymptote == "vanishes"
    assert logs.asymptote == "log-vanishes"


def test_the_share_of_a_budget_is_that_of_the_limit_that_is_nearer():
    """A run ends at whichever limit comes first, so a bar that showed the other would end half full."""
    now = [0.0]
    spending = Spending(Budget(evaluations=100, minutes=10.0), lambda: now[0])
    spending.evaluations = 90
    now[0] = 60.0
    assert spending.share() == pytest.approx(0.9)
    now[0] = 570.0
    assert spending.share() == pytest.approx(0.95)


def test_a_pull_in_flight_counts_as_a_pull():
    """Else every request that goes out before the first answer is back asks the same model."""
    bandit = Bandit(("one", "other"), explore=0.0)
    idle = bandit.score("one")
    bandit.started("one")
    assert bandit.score("one") < bandit.score("other") and not math.isclose(bandit.score("one"), idle)
    rng = np.random.default_rng(0)
    assert {bandit.choose(rng) for _ in range(20)} == {"other"}
    bandit.learn("one", 0.5, 1.0)
    assert bandit._state["one"].pending == 0 and bandit.choose(rng) == "one"


def test_an_error_has_a_floor_and_a_journal_without_log_errors_is_ranked_by_its_nmse():
    """A perfect fold would else decide all by itself; an old journal is resumed with the order it had."""
    assert validation_error(outcome(0.0, 1.0)) == pytest.approx(np.sqrt(1e-9))
    assert validation_error(outcome(1e-12, 1e-12)) == pytest.approx(1e-9)
    old = outcome(0.01, 0.04)
    cards = {name: replace(card, nmse=9 * card.nmse) for name, card in old.cards.items()}
    assert validation_error(replace(old, cards=cards)) == pytest.approx(0.02)
    (first, card), *rest = cards.items()
    mixed = replace(old, cards={first: replace(card, log_error=math.nan), **dict(rest)})
    assert validation_error(mixed) == pytest.approx(0.18), "one fold without is enough"


def test_a_constant_costs_half_a_percent_of_error():
    """Small enough that noise-free gains win, large enough that a term that earns nothing goes."""
    assert Judged("a", 0.1, 3, 10).cost == pytest.approx(0.1 * math.exp(0.05))
    assert Judged("a", 0.1, 3).cost == pytest.approx(0.1 * math.exp(0.03)), (
        "of a free program, two a constant"
    )
