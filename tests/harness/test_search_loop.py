"""Search, journal and loop together, with an evaluation that is a pure function of the program."""

import hashlib
import io
import json
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from evaluator.outcome import Failed, Failure, Scorecard, Scored
from harness.errors import BadRun
from harness.proposers.facts import FeatureFacts, TaskFacts
from harness.proposers.formula.proposer import FormulaProposer
from harness.record.journal import Journal
from harness.run.budget import Budget, Spending
from harness.run.context import Context
from harness.run.loop import DirectLoop
from harness.search.archive import Archive, Member, Sizes, size_niche
from harness.search.candidate import Candidate, Draft
from harness.search.ending import Ending
from harness.search.search import Search, SearchSettings
from harness.search.selection import Judged, finalists

FACTS = TaskFacts(
    (FeatureFacts("N", 1e8, 0.1, 10.0, 9), FeatureFacts("D", 1e10, 0.1, 10.0, 9)), (0,), 1, 7, True
)


def evaluate(program):
    """A made-up score that depends on the program's text alone; one program in five fails."""
    digest = hashlib.sha256(program.encode()).digest()
    if digest[0] < 51:
        return Failed(Failure.TIMEOUT, "made up", seconds=0.25)
    nmse = 0.001 + digest[1] / 256
    card = Scorecard(
        nmse, 1 - nmse, nmse, 10, nmse, {"all": Scorecard(float("nan"), float("nan"), 0.1, 1, 0.1)}
    )
    return Scored(
        {"outer 10%": card, "outer 20%": replace(card, nmse=nmse * 1.5)},
        {"all": (1.0, 2.5)},
        3 + digest[2] % 4,
        0.5,
    )


def new_search(seed=3, settings=None):
    formula = FormulaProposer(FACTS, "toy")
    return Search(formula, 7, formula.starters(), settings or SearchSettings(), seed)


class Clock:
    """A clock that moves a second each time it is read."""

    def __init__(self):
        self.t = 0.0

    def __call__(self):
        self.t += 1.0
        return self.t


def searched(path, evaluations, workers=1, stopping=lambda: False, seed=3):
    journal = Journal(path) if path.exists() else Journal.create(path, {"seed": seed})
    search = new_search(seed)
    loop = DirectLoop(search, lambda candidate: evaluate(candidate.program), journal)
    loop.replay()
    spending = Spending(Budget(evaluations, None), Clock(), search.n_told, journal.seconds_spent())
    with ThreadPoolExecutor(workers) as executor:
        ending = loop.run(Context(executor, workers, spending, stopping))
    out = io.StringIO()
    journal.export(out)
    journal.close()
    return search, ending, out.getvalue()


def test_one_worker_and_one_seed_give_the_same_journal(tmp_path):
    _, ending, first = searched(tmp_path / "a.sqlite", 120)
    _, _, second = searched(tmp_path / "b.sqlite", 120)
    _, _, other = searched(tmp_path / "c.sqlite", 120, seed=4)
    assert ending is Ending.BUDGET
    assert first == second
    assert first != other
    assert "elapsed" not in first and "seconds" not in first


def test_a_resumed_search_goes_on_as_if_never_stopped(tmp_path):
    _, _, whole = searched(tmp_path / "whole.sqlite", 90)
    for evaluations in (1, 7, 40, 90):
        _, _, parts = searched(tmp_path / "parts.sqlite", evaluations)
    assert parts == whole


def test_stopping_keeps_every_finished_evaluation(tmp_path):
    asked = iter(range(10**6))
    search, ending, text = searched(tmp_path / "j.sqlite", 500, stopping=lambda: next(asked) > 60)
    assert ending is Ending.INTERRUPTED
    kept = [json.loads(line) for line in text.splitlines() if json.loads(line).get("kind") == "evaluation"]
    assert len(kept) == search.n_told > 5


def test_many_workers_account_for_every_candidate(tmp_path):
    search, _, text = searched(tmp_path / "j.sqlite", 200, workers=4)
    ids = [e["candidate"]["id"] for e in map(json.loads, text.splitlines()) if e.get("kind") == "evaluation"]
    assert search.n_told == len(ids) == len(set(ids)) == 200
    failed = [e for e in map(json.loads, text.splitlines()) if e.get("status") == "timeout"]
    assert len(failed) == search.n_failed > 10


def test_no_law_is_tried_twice(tmp_path):
    _, _, text = searched(tmp_path / "j.sqlite", 300)
    keys = [
        e["candidate"]["draft"]["key"]
        for e in map(json.loads, text.splitlines())
        if e.get("kind") == "evaluation"
    ]
    assert len(set(keys)) == len(keys)


def test_the_journal_gives_back_what_it_was_told(tmp_path):
    searched(tmp_path / "j.sqlite", 40)
    with Journal(tmp_path / "j.sqlite", read_only=True) as journal:
        for candidate, outcome in journal.evaluations():
            expected = evaluate(candidate.program)
            assert type(outcome) is type(expected)
            assert str(outcome) == str(expected)  # text, because NaN is not equal to itself


def test_a_torn_journal_is_refused_with_its_path(tmp_path):
    path = tmp_path / "journal.sqlite"
    with pytest.raises(BadRun, match="no journal"):
        Journal(path)
    path.write_bytes(b"")
    with pytest.raises(BadRun, match="never finished being created"):
        Journal(path)
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(BadRun, match="not a readable journal"):
        Journal(path)
    path.unlink()
    Journal.create(path, {}).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version=99")
    with pytest.raises(BadRun, match="version 99"):
        Journal(path)
    with pytest.raises(BadRun, match="already"):
        Journal.create(path, {})


def test_a_reader_follows_while_a_writer_writes(tmp_path):
    path = tmp_path / "j.sqlite"
    Journal.create(path, {}).close()
    seen = []

    def read():
        for _ in range(20):
            with Journal(path, read_only=True) as journal:
                seen.append(sum(1 for _ in journal.evaluations()))

    reader = threading.Thread(target=read)
    reader.start()
    searched(path, 60)
    reader.join()
    assert seen == sorted(seen)


def member(index, error, n, signature=None, shape="vanishes"):
    draft = Draft(f"program {index}", f"key {index}", shape=shape)
    candidate = Candidate(f"c{index:06d}", draft.program, None, None, 0, 0, "test", draft)
    return Member(candidate, error, n, signature or (error,))


def test_size_niches_hold_laws_of_like_size_and_drop_twins():
    sizes = Sizes(n_niches=3, budget=9, capacity=2)
    assert [size_niche(n, 9, 3) for n in (1, 3, 4, 6, 7, 9, 30)] == [0, 0, 1, 1, 2, 2, 2]
    assert sizes.add(member(0, 0.5, 8)) == 2
    assert sizes.add(member(1, 0.9, 2)) == 0
    assert sizes.add(member(2, 0.5, 9, signature=(0.5,))) is None, "a larger twin is no gain"
    assert sizes.add(member(3, 0.4, 8)) == 2
    assert sizes.add(member(4, 0.6, 7)) is None, "worse than a full niche"
    assert [m.candidate.index for m in sizes.members[2]] == [3, 0]


def test_the_archive_keeps_the_best_of_every_niche():
    archive = Archive()
    assert archive.add(member(0, 0.5, 5))
    assert not archive.add(member(1, 0.6, 5))
    assert archive.add(member(2, 0.6, 5, shape="grows"))
    assert archive.add(member(3, 0.1, 5))
    assert [m.candidate.index for m in archive.owners()] == [2, 3]


def test_of_laws_about_as_good_the_smaller_is_offered_first():
    judged = [
        Judged("a", 0.100, 7, 16),
        Judged("b", 0.102, 4, 9),
        Judged("c", 0.101, 4, 9),
        Judged("d", 0.2, 2, 3),
    ]
    assert [j.id for j in finalists(judged)] == ["c", "b", "a", "d"]
    assert finalists([]) == []
    assert Judged("x", 0.1, 4).cost == Judged("y", 0.1, 4, 8).cost, (
        "a program without a law has two a constant"
    )


def test_good_and_rarely_used_parents_are_drawn_more_often():
    search = new_search()
    island = search.islands[0]
    island.sizes.members[0] = [member(i, 0.1 * (i + 1), 1) for i in range(4)]
    search.members = {m.candidate.id: m for m in island.sizes.members[0]}
    search.settings = SearchSettings(sizes=4, archive_share=0.0, best_share=0.0, random_share=0.0)
    rng = np.random.default_rng(0)
    drawn = [search._parent(island, rng)[0].candidate.index for _ in range(4000)]
    counts = [drawn.count(i) for i in range(4)]
    assert counts == sorted(counts, reverse=True)
    island.sizes.members[0][0].children = 20
    island.shares.clear()  # as whatever is told does
    drawn = [search._parent(island, rng)[0].candidate.index for _ in range(4000)]
    assert drawn.count(0) < drawn.count(1)


def test_a_share_of_the_parents_are_among_the_best_of_any_size():
    search = new_search(settings=SearchSettings(best_share=1.0))
    island = search.islands[0]
    island.sizes.members[0] = [member(i, 0.1 + 0.01 * i, 1) for i in range(20)]
    island.sizes.members[2] = [member(50, 0.05, 5)]
    rng = np.random.default_rng(0)
    drawn = {search._parent(island, rng)[0].candidate.index for _ in range(2000)}
    assert drawn == {50, *range(11)}, "the twelve best and no other"


def scored(nmse):
    return Scored({"outer 10%": Scorecard(nmse, 1 - nmse, nmse, 10, nmse)}, {"all": (1.0, 2.0)}, 3, 0.1)


def test_islands_share_their_seeds_and_nothing_else():
    search = new_search(settings=SearchSettings(islands=3))
    for n in range(len(search._seeds)):
        search.tell(search.ask(), scored(0.5 + 0.01 * n))
    held = [{m.candidate.id for niche in p.sizes.members for m in niche} for p in search.islands]
    assert len(search.islands) == 3 and held[0] == held[1] == held[2] != set()
    child = search.ask()
    search.tell(child, scored(0.1))
    for n, p in enumerate(search.islands):
        assert (child.id in {m.candidate.id for i in p.sizes.members for m in i}) == (n == child.index % 3)


def test_budget_counts_what_is_in_flight_and_earlier_sessions():
    spending = Spending(Budget(10, 1.0), Clock(), evaluations=8, seconds=50.0)
    assert spending.may_start(in_flight=1)
    assert not spending.may_start(in_flight=2)
    assert [round(spending.seconds) for _ in range(9)] == list(range(52, 61)), "the clock moves on every look"
    assert not spending.may_start(in_flight=0), "the minute is over"
    assert 0 <= spending.share() <= 1
