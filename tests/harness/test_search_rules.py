"""Rules of ask, tell and of plans whose drafts come later, one by one. Each test says why its rule is what it is."""

import numpy as np
import pytest
from test_search_loop import member, new_search, scored

from evaluator.outcome import Failed, Failure, Scorecard, Scored
from harness.search.archive import Sizes, size_niche
from harness.search.candidate import Candidate, Draft
from harness.search.search import Plan, Search, SearchSettings, _drawn, middle_constants


def told(search, n):
    """A search that was told of its first n candidates, each better than the one before."""
    for i in range(n):
        search.tell(search.ask(), scored(0.5 - 0.01 * i))
    return search


def seeded(**settings):
    search = new_search(settings=SearchSettings(**settings))
    return told(search, len(search._seeds))


# Ask.


def test_seeds_come_first_in_their_order_and_belong_to_no_niche():
    search = new_search()
    n = len(search._seeds)
    assert search.seeds_left and search.best is None and (search.n_told, search.n_failed) == (0, 0)
    asked = [search.ask() for _ in range(n)]
    assert [c.id for c in asked] == [f"c{i:06d}" for i in range(n)] and not search.seeds_left
    assert all(
        (c.proposer, c.generation, c.niche, c.parent, c.mate) == ("seed", 0, 0, None, None) for c in asked
    )
    assert search.ask() is None, "without a scored law nothing can be changed"
    search.tell(asked[0], scored(0.5))
    child = search.ask()
    assert (child.id, child.generation, child.proposer, child.parent) == (
        f"c{n:06d}",
        1,
        "formula",
        "c000000",
    )


def test_without_a_proposer_or_with_one_that_finds_nothing_there_is_no_child():
    """After so many tries the space round the parents counts as used up: the loop then ends instead of spinning."""
    search = seeded()
    search.proposer = None
    assert search.ask() is None

    class Empty:
        name, tries = "empty", 0

        def propose(self, parent, mate, rng, fitted=(), knows=None):
            self.tries += 1
            return [None, search._seeds[0]][self.tries % 2]

    search.proposer = Empty()
    assert search.ask() is None and search.proposer.tries == 300


def test_a_child_is_of_the_generation_after_its_parent_and_knows_where_it_was_chosen():
    for settings, niches in (
        ({"best_share": 1.0}, {-1}),
        ({"best_share": 0.0, "archive_share": 1.0}, {-1}),
        ({"best_share": 0.0, "archive_share": 0.0}, {0, 1, 2, 3}),
        ({"best_share": 0.0, "archive_share": 0.0, "random_share": 1.0}, {0, 1, 2, 3}),
    ):
        search = seeded(**settings)
        seen = set()
        for _ in range(12):
            child = search.ask()
            parent = search.members[child.parent].candidate
            assert child.generation == parent.generation + 1
            seen.add(child.niche)
            search.tell(child, scored(0.3))
        assert seen <= niches and (seen == niches or len(niches) > 1)


# Tell.


def test_a_candidate_told_out_of_turn_takes_its_number():
    """A journal read back tells what was asked by another process: its numbers are never given again."""
    search = new_search()
    draft = Draft("program", "key")
    search.tell(Candidate("c000041", "program", None, None, 0, 0, "formula", draft), scored(0.2))
    assert search.ask().id == "c000042" and search.knows("key") and not search.knows("other")
    search.tell(
        Candidate("c000007", "program 7", None, None, 0, 0, "formula", Draft("program 7", "7")), scored(0.2)
    )
    assert search.ask().id == "c000043", "an earlier one takes nothing back"


def test_outcomes_are_counted_and_parents_count_their_children():
    search = seeded()
    n = len(search._seeds)
    first, second = search.members["c000000"], search.members["c000001"]
    child = Candidate(f"c{n:06d}", "x", "c000000", "c000001", 0, 1, "formula", Draft("x", "x"))
    search.tell(child, Failed(Failure.TIMEOUT, "made up"))
    assert (search.n_told, search.n_failed) == (n + 1, 1) and child.id not in search.members
    assert (first.children, second.children) == (1, 1), "a failure used its parents too"
    lonely = Candidate(f"c{n + 1:06d}", "y", "c000000", None, 0, 1, "formula", Draft("y", "y"))
    search.tell(lonely, scored(0.4))
    assert (first.children, second.children, search.n_failed) == (2, 1, 1)
    gone = Candidate(f"c{n + 2:06d}", "z", "c999999", None, 0, 1, "formula", Draft("z", "z"))
    search.tell(gone, scored(0.4))  # a parent that a long search has forgotten


def test_the_best_is_told_when_it_becomes_so_and_ties_stay_with_the_older():
    search = new_search()
    a, b, c = (search.ask() for _ in range(3))
    assert search.tell(b, scored(0.5)) is search.best is search.members[b.id]
    assert search.tell(c, scored(0.6)) is None and search.best.candidate is b
    assert search.tell(a, scored(0.5)) is search.best and search.best.candidate is a
    search.tell(b, scored(0.5))
    assert search.tell(a, scored(0.5)) is None and search.best.candidate is a, "the same again is no news"


def test_what_is_kept_of_members_is_asked_for():
    made = new_search()
    kept, brief = (
        Search(made.proposer, 7, made._seeds, SearchSettings(capacity=1, sizes=1), 3, *keep)
        for keep in ((), (False,))
    )
    for search in (kept, brief):
        search._offered.add = lambda member: None
        told(search, 5)
    assert len(kept.members) == 5 > len(brief.members) >= 1


def test_a_program_is_filled_in_where_a_member_came_without():
    search = new_search()
    bare = Candidate("c000000", "", None, None, 0, 0, "formula", Draft("", "key"))
    whole = Candidate("c000001", "own", None, None, 0, 0, "formula", Draft("own", "other"))
    search.tell(bare, scored(0.4))
    search.tell(whole, scored(0.3))
    search.fill(lambda candidate: f"text of {candidate.id}")
    programs = [search.members[i].candidate for i in ("c000000", "c000001")]
    assert [(c.program, c.draft.program) for c in programs] == [("text of c000000",) * 2, ("own", "own")]


def test_owners_are_the_best_of_every_niche_over_all_islands():
    search = new_search(settings=SearchSettings(islands=2))
    one, other = search.islands
    one.archive.add(member(0, 0.5, 4))
    other.archive.add(member(1, 0.4, 4))
    other.archive.add(member(2, 0.9, 3))
    one.archive.add(member(3, 0.9, 5))
    assert [m.candidate.index for m in search.owners()] == [2, 1, 3]
    one.archive.cells.clear()
    one.archive.add(member(4, 0.6, 4))
    assert [m.candidate.index for m in search.owners()] == [2, 1]


# Plans.


def test_a_plan_takes_its_number_only_when_it_is_carried_out():
    search = new_search()
    assert search.plan() is None, "nobody to be a parent"
    n = len(told(search, len(search._seeds))._seeds)
    (first, _), (again, rng) = search.plan(), search.plan()
    assert first == again and first.id == f"c{n:06d}", "to plan changes nothing"
    assert rng.random() == search.plan()[1].random(), "what else is drawn belongs to the candidate"
    assert first.generation == search.members[first.parent].candidate.generation + 1 == 1
    search.take(first)
    assert search.plan()[0].id == f"c{n + 1:06d}"
    search.take(Plan("c000000", "", "", 0, 0))
    assert search.plan()[0].id == f"c{n + 1:06d}", "an old number takes nothing back"
    search.take(Plan("c234567", "", "", 0, 0))
    assert search.plan()[0].id == "c234568", "a search beyond 100,000 goes on counting"


def test_the_mate_of_a_plan_is_another_where_there_is_another():
    alone = told(new_search(), 1)
    looked, chosen = [], alone._parent
    alone._parent = lambda *args: looked.append(args) or chosen(*args)
    plan, _ = alone.plan()
    assert plan.parent == plan.mate == "c000000"
    assert len(looked) == 1 + 8, "what is drawn after them, a stored run that is replayed must draw again"
    pairs = []
    search = seeded()
    for _ in range(60):
        plan, _ = search.plan()
        search.take(plan)
        pairs.append(plan.parent != plan.mate)
    assert all(pairs)


def test_a_draft_that_came_is_a_candidate_of_its_plan():
    search = seeded()
    plan = Plan("c000090", "c000000", "c000001", 2, 5)
    draft = Draft("program", "its key")
    got = search.admit(plan, draft, "llm")
    assert got == Candidate("c000090", "program", "c000000", "c000001", 2, 5, "llm", draft) and search.knows(
        "its key"
    )
    same = Plan("c000091", "c000000", "c000000", 2, 5)
    assert search.admit(same, draft, "llm").mate is None, "nobody is its own mate"


# Populations.


def test_rank_and_few_children_weigh_alike():
    """The second best without children is drawn as often as the best with one; the third with two a ninth as often."""
    population = [member(i, 0.1 * (i + 1), 1) for i in range(3)]
    population[0].children, population[2].children = 1, 2

    known = {}
    drawn = {_drawn(population, np.random.default_rng(seed), known, 2).candidate.index for seed in range(40)}
    weights = np.array([1 / 2, 1 / 2, 1 / 9])
    assert np.diff(known[2], prepend=0.0) == pytest.approx(weights / weights.sum()) and drawn == {0, 1, 2}
    assert population[0].children == 1 and member(9, 0.1, 1).children == 0
    island = seeded().islands[0]
    assert island.shares == {}, "what is told may change every weight"


def test_the_best_of_all_niches_are_kept_until_a_member_is_added():
    sizes = Sizes(2, 8, 5)
    for i in range(4):
        sizes.add(member(i, 0.4 - 0.1 * i, 1 + 4 * (i % 2)))
    assert [m.candidate.index for m in sizes.best(2)] == [3, 2]
    assert [m.candidate.index for m in sizes.best(3)] == [3, 2, 1], "more may be asked for than before"
    assert [m.candidate.index for m in sizes.best(9)] == [3, 2, 1, 0]
    assert [m.candidate.index for m in sizes.best(1)] == [3]
    held = sizes.best(9)
    sizes.add(member(7, 0.01, 1))
    assert [m.candidate.index for m in sizes.best(2)] == [7, 3] and len(held) == 4
    assert sizes.occupied() == [0, 1] and len(sizes) == 5


def test_a_twin_that_is_better_takes_the_place_and_a_full_niche_lets_the_worst_go():
    sizes = Sizes(1, 9, 2)
    assert sizes.add(member(0, 0.5, 6, (1.0,))) == 0
    assert sizes.add(member(0, 0.5, 6, (1.0,))) is None, "the same again is no gain"
    assert sizes.add(member(1, 0.5, 5, (1.0,))) == 0 and len(sizes) == 1, "the smaller twin stays"
    assert sizes.add(member(2, 0.6, 5)) == 0
    assert sizes.add(member(3, 0.4, 5)) == 0
    assert [m.candidate.index for m in sizes.members[0]] == [3, 1]


def test_niches_are_equal_steps_of_size_and_every_size_has_one():
    assert [size_niche(n, 12, 4) for n in (0, 1, 3, 4, 6, 7, 10, 12, 13)] == [0, 0, 0, 1, 1, 2, 3, 3, 3]
    assert size_niche(1, 0, 4) == 0 and size_niche(2, 0, 4) == 3, "a budget of none is one of one"
    assert size_niche(-3, 12, 4) == 0


def test_constants_in_the_middle_are_medians_over_groups_and_targets():
    """The proposer starts a child's constants from them: a mean would be moved by one group that went astray."""
    card = Scorecard(0.1, 0.9, 0.1, 9, 0.1)

    def outcome(**constants):
        return Scored({"fold": card}, constants, 2, 0.1)

    assert middle_constants(outcome(a=(1.0, 2.0)), 2) == (1.0, 2.0)
    assert middle_constants(outcome(a=(1.0, 2.0), b=(3.0, 8.0), c=(99.0, 4.0)), 2) == (3.0, 4.0)
    assert middle_constants(outcome(a=(1.0, 2.0), b=(3.0, 8.0)), 2) == (2.0, 5.0), "between two"
    assert middle_constants(outcome(a=(1.0, 2.0, 3.0, 6.0)), 2) == (2.0, 4.0), (
        "two targets one after the other"
    )
    assert middle_constants(outcome(a=(1.0, 2.0, 3.0), b=(5.0, 7.0)), 2) == (5.0, 7.0), (
        "what has other names is left out"
    )
    assert middle_constants(outcome(a=(1.0, 2.0, 3.0)), 2) == () == middle_constants(outcome(a=(1.0,)), 0)
