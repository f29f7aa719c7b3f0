"""A long search keeps what it needs and no more, and is the same search."""

import sqlite3
from concurrent.futures import Future
from contextlib import closing

import numpy as np
import pytest

from evaluator.outcome import Scored
from harness.record.journal import Journal
from harness.run.budget import Budget, Spending
from harness.run.context import Context
from harness.run.loop import DirectLoop
from harness.search import offered
from harness.search.draws import drawn, shares
from harness.search.search import Search, SearchSettings
from harness.search.selection import Judged, finalists, validation_error
from tests.harness.test_search_loop import evaluate, new_search, searched

SEED = 3


def short(keep_all):
    """A search with few places, so that most of its laws are forgotten."""
    made = new_search()
    return Search(made.proposer, 7, made._seeds, SearchSettings(capacity=3), SEED, keep_all)


def test_a_search_that_forgets_asks_for_the_same_candidates(monkeypatch):
    monkeypatch.setattr(offered, "OFFERED", 30)
    kept, brief = short(True), short(False)
    judged = []
    for _ in range(120):
        one, other = kept.ask(), brief.ask()
        assert one == other
        outcome = evaluate(one.program)
        kept.tell(one, outcome)
        brief.tell(other, outcome)
        if isinstance(outcome, Scored):
            judged.append(Judged(one.id, validation_error(outcome), outcome.n_constants, one.draft.size))
    assert kept.finalists() == brief.finalists() == finalists(judged)[:30]
    assert len(kept.members) == len(judged) > 80
    assert {j.id for j in brief.finalists()} <= set(brief.members)
    assert len(brief.members) <= 30 + 4 * 3 + len(brief.islands[0].archive.cells)


def test_a_draw_by_shares_is_the_generators_own_choice():
    weights = (3.0, 1.0, 0.5, 2.0, 2.0, 0.25, 1.0, 1.0, 4.0)
    one, other = np.random.default_rng(SEED), np.random.default_rng(SEED)
    p = np.array(weights)
    for _ in range(500):
        assert drawn(shares(weights), one) == other.choice(len(weights), p=p / p.sum())
    assert one.random() == other.random(), "both have taken as much from the generator"


def test_a_journal_of_rendered_laws_is_small_and_resumes_the_same(tmp_path):
    path = tmp_path / "journal.sqlite"
    search, _, _ = searched(path, 60)
    with closing(sqlite3.connect(path)) as db:
        (size,) = db.execute("SELECT sum(length(payload) + length(times)) FROM entries").fetchone()
        (programs,) = db.execute("SELECT sum(length(text)) FROM programs").fetchone()
    assert (size + programs) / 60 < 1500
    again, _, _ = searched(path, 60)
    assert again.finalists() == search.finalists(), "sizes of laws are not forgotten"
    told = {i: m.candidate for i, m in search.members.items()}
    assert {i: m.candidate for i, m in again.members.items()} == told


def test_a_number_whose_first_drafts_are_all_known_gets_another():
    search = new_search()
    for _ in range(12):
        candidate = search.ask()
        search.tell(candidate, evaluate(candidate.program))
    propose, tries = search.proposer.propose, []

    def stubborn(parent, *args):
        tries.append(parent)
        return propose(parent, *args) if len(tries) > 60 else parent.draft

    search.proposer.propose = stubborn
    assert search.ask().id == "c000012"
    assert len(tries) > 60


def test_what_finished_beside_a_fault_of_the_machine_is_written_down(tmp_path):
    class AtOnce:
        """The second of its calls fails for a fault of the machine."""

        def submit(self, evaluate, candidate):
            future = Future()
            if candidate.index == 1:
                future.set_exception(OSError("no space left"))
            else:
                future.set_result(evaluate(candidate))
            return future

    with Journal.create(tmp_path / "j", {"seed": SEED}) as journal:
        loop = DirectLoop(new_search(), lambda candidate: evaluate(candidate.program), journal)
        with pytest.raises(OSError, match="no space left"):
            loop.run(Context(AtOnce(), 3, Spending(Budget(9, None), lambda: 0.0)))
        assert [c.id for c, _ in journal.evaluations()] == ["c000000", "c000002"]
