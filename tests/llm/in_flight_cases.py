"""Searches with models behind a fake server and a made-up score: everything but the sandbox is real."""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from evaluator.outcome import Failed, Failure, Scorecard, Scored
from harness.proposers.assignment import Assignment
from harness.proposers.formula.proposer import free_draft
from harness.proposers.llm.models import Models
from harness.proposers.llm.settings import Access, LlmConfig, ModelConfig
from harness.proposers.llm.staged import Staged
from harness.proposers.registry import make_proposers
from harness.record.journal import Journal
from harness.run.budget import Budget, Spending
from harness.run.context import Context
from harness.run.in_flight.live import Live
from harness.run.in_flight.replay import Replay
from harness.run.in_flight.state import InFlight
from harness.search.search import Search, SearchSettings
from tasks.rows import Rows, Sealed, Task
from tasks.spec import Column, Provenance, TaskSpec

SEED = 5
KEY = "sk-very-secret-4711"
PRICED = ModelConfig("fake", price_in=1.0, price_out=2.0)
QUICK = LlmConfig(
    models=(PRICED,),
    deadline_s=10.0,
    read_timeout_s=1.0,
    retry_after_cap_s=0.05,
    breaker_pause_s=0.1,
    reflect_every=0,
)
SPEC = TaskSpec(
    name="toy",
    title="Loss by parameters and streams",
    features=(Column("N", "parameters", "all weights"), Column("P", "1", "parallel streams")),
    targets=(Column("loss", "nats per token"),),
    constants_budget=4,
    extrapolate=("P",),
    split_rule="held-out: 8 streams",
)
SEED_PROGRAM = '''"""A power law."""
# EVOLVE-BLOCK-START
import numpy as np


def scaling_law_func(data_points, params):
    X = np.asarray(data_points, dtype=float)
    return params[0] + params[1] * X[:, 0] ** -params[2]


def fit_scaling_law(data_points, loss_values):
    return np.array([1.0, 2.0, 0.2])


# EVOLVE-BLOCK-END
'''


def toy_task(heldout: float = 1.0) -> Task:
    rows = []
    for group, E in (("stack", 0.7), ("pile", 1.2)):
        for N in (5e8, 1e9, 2e9, 4e9):
            for P in (1.0, 2.0, 4.0):
                rows.append((N, P, E + 0.8 * (N / 1e9 * (0.4 * np.log(P) + 1)) ** -0.2, group))
    X = np.array([r[:2] for r in rows])
    y = np.array([[r[2]] for r in rows])
    train = Rows(X, y, np.array([r[3] for r in rows]))
    sealed = Sealed(Rows(X[:2] * heldout, y[:2] * heldout, train.group[:2]))
    return Task(SPEC, train, sealed, Provenance("folder", "made up", train.digest(), "0" * 16))


def made_up(program, twin_of, seconds=0.0):
    """A score that depends on the program's text alone; one program in eight fails."""
    time.sleep(seconds)
    digest = hashlib.sha256(program.encode()).digest()
    if digest[0] < 32:
        return Staged(Failed(Failure.EXCEPTION, "made up", "  File program.py, line 3\nZeroDivisionError"))
    nmse = 0.01 + digest[1] / 256 + digest[2] / 65536
    signature = (nmse,)
    twin = twin_of(signature)
    if twin:
        return Staged(None, twin, signature)
    card = Scorecard(nmse, 1 - nmse, nmse, 10, nmse)
    cards = {"outer 10%": replace(card, per_group={"stack": card, "pile": card}), "outer 20%": card}
    return Staged(
        Scored(cards, {"stack": (1.0,), "pile": (2.0,)}, 1 + digest[3] % 4, 0.01),
        "",
        signature,
        ("- a line",),
    )


class Case:
    """One run in a folder; call `go` again to resume it.

    Args:
        path: the journal.
        url: the fake server.
    """

    def __init__(self, path, url, settings=QUICK, proposer="llm", key=KEY):
        self.path, self.settings, self.proposer = path, settings, proposer
        self.accesses = [Access(m, url, key) for m in settings.models]
        self.said = []

    def state(self, journal, evaluate=made_up):
        task = toy_task()
        assignment = Assignment.of(task)
        proposers = make_proposers(self.proposer, assignment, self.settings)
        seeds = [free_draft(SEED_PROGRAM, assignment.facts), *proposers.starters]
        search = Search(proposers.direct, 4, seeds, SearchSettings(), SEED)
        return InFlight(search, journal, proposers.llm, evaluate)

    def go(
        self, evaluations=20, minutes=1.0, workers=2, stopping=lambda: False, evaluate=made_up, recorded=None
    ):
        journal = Journal(self.path) if self.path.exists() else Journal.create(self.path, {"seed": SEED})
        with journal, ThreadPoolExecutor(workers) as executor:
            state = self.state(journal, evaluate)
            state.rebuild()
            spending = Spending(Budget(evaluations, minutes), time.monotonic, state.search.n_told)
            context = Context(executor, workers, spending, stopping, say=self.said.append)
            self.ledger = state.llm.ledger
            self.overlap = state
            if recorded is not None:
                with Journal(recorded, read_only=True) as source:
                    return Replay(state, source, context).run()
            models = Models(self.accesses, self.settings)
            try:
                return Live(state, models, context).run()
            finally:
                models.close()

    def text(self):
        out = io.StringIO()
        with Journal(self.path, read_only=True) as journal:
            journal.export(out)
        return out.getvalue()

    def lines(self, *kinds):
        return [e for e in map(json.loads, self.text().splitlines()) if e.get("kind") in kinds]


def accounted(lines):
    """Every request has one reply, every proposal one end: an evaluation, or the reason why not.

    Returns:
        The requests by number.
    """
    requests = {e["number"]: e for e in lines if e.get("kind") == "request"}
    replies = [e["request"] for e in lines if e.get("kind") == "reply"]
    assert sorted(requests) == sorted(replies), "a request without reply, or with two"
    down = [e for e in lines if e.get("kind") == "turned_down"]
    ends = Counter(e["id"] if "id" in e else e["candidate"] for e in down)
    ends += Counter(e["candidate"]["id"] for e in lines if e.get("kind") == "evaluation")
    begun = {e["plan"]["id"] for e in requests.values() if e["plan"]} | {
        e["id"] for e in lines if e.get("kind") == "ask"
    }
    assert ends == Counter(begun), "a proposal that did not end exactly once"
    return requests
