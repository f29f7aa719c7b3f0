"""The loop for proposals that take time: requests are in flight while programs are scored.

Everything that changes the search happens in one thread, one journal entry after another:

    ask         a candidate made at once (a seed, or by the formula proposer)
    request     a question that is sent to a model
    reply       its answer, stored before anything is made of it
    turned_down an answer, or a program, that ends without an evaluation, and why
    evaluation  an outcome

The clock decides only which entry comes next. So a journal rebuilds the state exactly (`rebuild`; a stored
reply is never paid twice), and a recorded run can be followed entry by entry without a network (`follow`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from evaluator.outcome import Outcome, Scorecard, Scored
from harness.budget import Spending
from harness.candidate import Candidate, Draft
from harness.errors import BadRun
from harness.journal import Journal, outcome_text
from harness.llm.edits import Unusable
from harness.llm.models import Models
from harness.llm.reply import PASSING, Reply
from harness.llm.request import Request
from harness.llm.staged import Signature, Staged
from harness.loop import Ending
from harness.proposers.mixed import MixedProposer
from harness.search import Plan, Search

POLL_S = 0.1
FRUITLESS = 60
"""Proposals in a row, over those in flight, that may end without a program before models are given up."""
OVERTIME_S = 10.0
"""Beyond the minutes of a run, replies that are already paid for are waited for this long."""
NOT_MENDED = {"unchanged", "same program", "same law", "same predictions"}

Evaluate = Callable[[str, Callable[[Signature], str]], Staged]


@dataclass(slots=True)
class Surroundings:
    """What a live search has around it.

    Attributes:
        evaluate: program, twin_of -> what was found.
        executor, workers: run it, so many at once.
        spending: the budget.
        stopping: asked often; when true nothing is waited for any more.
        progress: called after every outcome, and now and then with (None, None).
        say: messages for people.
    """

    evaluate: Evaluate
    executor: Executor
    workers: int
    spending: Spending
    stopping: Callable[[], bool] = lambda: False
    progress: Callable[[Candidate | None, Outcome | None], None] = lambda candidate, outcome: None
    say: Callable[[str], None] = lambda text: None


class Overlap:
    """The state of one run, and the ways to move it on.

    Args:
        search: fresh; `rebuild` tells it what the journal holds.
        journal: gets every entry before it takes effect.
    """

    def __init__(self, search: Search, journal: Journal) -> None:
        self.search = search
        self.journal = journal
        proposer = search.proposer
        self.llm = proposer.llm  # type: ignore[attr-defined]
        self.mixed = proposer if isinstance(proposer, MixedProposer) else None
        self.open: dict[int, Request] = {}  # asked, no reply yet
        self.mending: list[tuple[Request, Reply, Unusable]] = []  # to be asked again
        self.waiting: dict[str, Candidate] = {}  # to be scored, or being so
        self.rank: dict[str, int] = {}  # candidate -> signatures known when it came
        self.signatures: dict[Signature, tuple[int, str]] = {}
        self.numbers = 0
        self.fruitless = 0
        self.refused: list[tuple[str, tuple[str, ...]]] = []  # parameters, by model, in earlier sessions
        self._recording = True
        self._elapsed: Callable[[], float] = lambda: 0.0

    # -- entries, in the order of the module's docstring

    def ask(self) -> Candidate | None:
        candidate = self.search.ask()
        if candidate is not None:
            self._record("ask", {"id": candidate.id})
            self._came(candidate)
        return candidate

    def request(self, request: Request) -> None:
        self._record("request", request.facts())
        self.numbers = request.number + 1
        self.open[request.number] = request
        if request.purpose == "propose" and request.plan is not None:
            self.search.take(request.plan)
            if self.mixed:
                self.mixed.share.start("llm")
        self.llm.sent(request)

    def reply(self, number: int, reply: Reply) -> None:
        request = self.open.pop(number)
        cost = self.llm.booked(request, reply)
        self._record("reply", {"request": number, "cost": cost, **reply.facts()}, seconds=reply.seconds)
        if request.plan is None:
            if reply.ok:
                self.llm.memory.memo = reply.text.strip()[:3000]
            return
        if not reply.ok:
            self._end(request, reply.status.value)
            self.fruitless += reply.status not in PASSING
            return
        made = self.llm.read(request, reply, self.search)
        if isinstance(made, Draft) and self.search.knows(made.key):
            made = Unusable("same program", "it was asked for before")
        if isinstance(made, Unusable):
            if request.purpose == "propose" and self.llm.settings.repair and made.reason not in NOT_MENDED:
                self.mending.append((request, reply, made))
            else:
                self._end(request, made.reason, made)
            return
        self._came(self.search.admit(request.plan, made, "llm"))

    def evaluated(self, candidate: Candidate, found: Staged) -> Outcome | None:
        """An evaluation ended; its outcome, or None where the program was turned down."""
        del self.waiting[candidate.id]
        found = replace(found, outcome=_ordered(found.outcome))
        if found.outcome is None:
            self._record(
                "turned_down", {"candidate": candidate.id, "reason": "same predictions", "twin": found.twin}
            )
            self._turned_down(candidate, found.twin)
            return None
        notes = {"signature": list(found.signature), "patterns": list(found.patterns)}
        if self._recording:
            self.journal.append(candidate, found.outcome, self._elapsed(), notes)
        self._tell(candidate, found.outcome, found.signature, found.patterns)
        return found.outcome

    def _came(self, candidate: Candidate) -> None:
        self.llm.met(candidate)
        self.waiting[candidate.id] = candidate
        self.rank[candidate.id] = len(self.signatures)
        if self.mixed and candidate.proposer == "formula":
            self.mixed.share.start("formula")

    def _end(self, request: Request, reason: str, wrong: Unusable | None = None) -> None:
        """A proposal ends without a program; `wrong` is what a model could learn from."""
        assert request.plan is not None
        detail = wrong.detail if wrong else ""
        facts = {"request": request.number, "id": request.plan.id, "reason": reason, "detail": detail}
        self._record("turned_down", facts)
        self.llm.fruitless(request, reason, detail)
        self.fruitless += wrong is not None

    def _leave(self, number: int) -> None:
        """An answer that was to be mended is left as it is, because the purse is empty."""
        for item in [m for m in self.mending if m[0].number == number]:
            self.mending.remove(item)
            self._end(item[0], item[2].reason, item[2])

    def _turned_down(self, candidate: Candidate, twin: str) -> None:
        request_like = candidate.draft.edit
        self.llm.memory.unusable(
            f"{candidate.id} ({request_like})", "same predictions", f"predicts exactly as {twin}"
        )
        self.llm.turned_down(candidate)
        self.fruitless += 1

    def _tell(
        self, candidate: Candidate, outcome: Outcome, signature: Signature, patterns: tuple[str, ...]
    ) -> None:
        before = self.search.best.error if self.search.best else None
        is_best = self.search.tell(candidate, outcome) is not None
        self.llm.tell(candidate, outcome, self.search, is_best, patterns)
        if signature:
            self.signatures.setdefault(signature, (len(self.signatures), candidate.id))
        if candidate.proposer == "llm":
            self.fruitless = 0
        if self.mixed and candidate.proposer in ("llm", "formula"):
            member = self.search.members.get(candidate.id)
            self.mixed.share.learn(candidate.proposer, before, member.error if member else None)

    def _record(self, kind: str, facts: dict[str, Any], **times: float) -> None:
        if self._recording:
            self.journal.record(kind, facts, self._elapsed(), **times)

    # -- from a journal

    def rebuild(self) -> None:
        """Take in what the journal holds already.

        Raises:
            BadRun: the entries can't have been written by this program.
        """
        self._recording = False
        for kind, facts in self.journal.entries():
            try:
                self._again(kind, facts)
            except (KeyError, AssertionError) as error:
                raise BadRun(
                    f"{self.journal.path}: entry {kind!r} does not follow from those before it ({error!r}); "
                    "the journal was written by another version, start a new run"
                ) from error
        self._recording = True

    def _again(self, kind: str, facts: dict[str, Any]) -> None:
        if kind == "ask":
            candidate = self.ask()
            assert candidate is not None and candidate.id == facts["id"], facts["id"]
        elif kind == "request":
            request = Request.of(facts)
            if request.mends is not None:
                self.mending = [m for m in self.mending if m[0].number != request.mends]
            if request.purpose == "memo":
                self.llm.memory.memo_at = self.llm.memory.told
            self.request(request)
        elif kind == "reply":
            reply = Reply.of(facts)
            self.refused.append((self.open[facts["request"]].model, reply.refused))
            self.reply(facts["request"], reply)
        elif kind == "turned_down" and "candidate" in facts:
            self.evaluated(self.waiting[facts["candidate"]], Staged(None, facts["twin"]))
        elif kind == "turned_down":
            self._leave(facts["request"])
        elif kind == "evaluation":
            notes = facts["notes"]
            staged = Staged(
                facts["outcome"],
                "",
                tuple(map(float, notes.get("signature", ()))),
                tuple(notes.get("patterns", ())),
            )
            assert facts["candidate"].id in self.waiting, facts["candidate"].id
            self.evaluated(facts["candidate"], staged)

    def follow(self, recorded: Journal, around: Surroundings) -> Ending:
        """Repeat a recorded run, entry by entry, with its stored replies; programs are scored anew.

        Raises:
            BadRun: something differs, with the entry at which it does.
        """
        self._elapsed = lambda: around.spending.seconds
        running: dict[str, Future[Staged]] = {}
        ending = Ending.INTERRUPTED

        def differs(i: int, what: str) -> BadRun:
            return BadRun(f"{recorded.path}: the repeated run differs at entry {i}: {what}")

        for i, (kind, facts) in enumerate(recorded.entries()):
            if around.stopping():
                return Ending.INTERRUPTED
            if kind == "ask":
                candidate = self.ask()
                if candidate is None or candidate.id != facts["id"]:
                    raise differs(i, f"expected candidate {facts['id']}, got {candidate and candidate.id}")
            elif kind == "request":
                request = self._same_request(Request.of(facts))
                if request is None or request.facts() != Request.of(facts).facts():
                    raise differs(
                        i, f"request {facts['number']} is another one; same rows, program and templates?"
                    )
                self.request(request)
            elif kind == "reply":
                self.reply(facts["request"], Reply.of(facts))
            elif kind == "evaluation" or (kind == "turned_down" and "candidate" in facts):
                id = facts["candidate"].id if kind == "evaluation" else facts["candidate"]
                if id not in running:
                    raise differs(i, f"candidate {id} did not come up")
                candidate, found = self.waiting[id], running.pop(id).result()
                pair = [outcome_text(o) if o else None for o in (found.outcome, facts.get("outcome"))]
                if pair[0] != pair[1]:
                    raise differs(i, f"candidate {id} has another outcome")
                outcome = self.evaluated(candidate, found)
                around.spending.evaluations += outcome is not None
                around.progress(candidate, outcome)
            elif kind == "turned_down":
                self._leave(facts["request"])
            elif kind in ("interrupted", "resumed") or (kind == "started" and i > 0):
                self._record(kind, facts)
            elif kind == "finished":
                ending = Ending(facts["ending"])
            for id, candidate in self.waiting.items():
                if id not in running:
                    running[id] = self._submit(candidate, around)
        return ending

    def _same_request(self, recorded: Request) -> Request | None:
        """The request this state makes where the recorded run made one."""
        if recorded.purpose == "memo":
            return self.llm.reflection(self.numbers, self.search, [recorded.model])
        if recorded.purpose == "repair":
            found = [m for m in self.mending if m[0].number == recorded.mends]
            return self._mend(found[0]) if found else None
        planned = self.search.plan()
        if planned is None:
            return None
        return self.llm.request(self.numbers, *_plan(planned, self.search), [recorded.model])

    # -- live

    def run(self, models: Models, around: Surroundings) -> Ending:
        """Search until a budget is spent, nothing new is found, or someone asks to stop."""
        return Live(self, models, around).run()

    def _mend(self, item: tuple[Request, Reply, Unusable]) -> Request:
        self.mending.remove(item)
        return self.llm.repair(self.numbers, *item)

    def _submit(self, candidate: Candidate, around: Surroundings) -> Future[Staged]:
        rank = self.rank[candidate.id] if candidate.proposer == "llm" else 0
        return around.executor.submit(around.evaluate, candidate.program, partial(self._twin, rank))

    def _twin(self, rank: int, signature: Signature) -> str:
        """The candidate of a signature known when the asking candidate came; later ones don't count, or the
        answer would depend on the clock."""
        known = self.signatures.get(signature)
        return known[1] if known is not None and known[0] < rank else ""


def _ordered(outcome: Outcome | None) -> Outcome | None:
    """With folds and groups in the order in which a journal gives them back, so that sums over them agree."""
    if not isinstance(outcome, Scored):
        return outcome

    def card(c: Scorecard) -> Scorecard:
        return replace(c, per_group={g: card(c.per_group[g]) for g in sorted(c.per_group)})

    cards = {name: card(outcome.cards[name]) for name in sorted(outcome.cards)}
    return replace(
        outcome, cards=cards, constants={g: outcome.constants[g] for g in sorted(outcome.constants)}
    )


def _plan(planned: tuple[Plan, Any], search: Search) -> tuple[Plan, Search, Any]:
    return planned[0], search, planned[1]


class Live:
    """Decides by the clock what comes next."""

    def __init__(self, state: Overlap, models: Models, around: Surroundings) -> None:
        self.state, self.models, self.around = state, models, around
        self.flights: dict[Future[Reply], Request] = {}
        self.scoring: dict[Future[Staged], Candidate] = {}
        self._unaffordable = False
        self._told = ""

    def run(self) -> Ending:
        s, around = self.state, self.around
        s._elapsed = lambda: around.spending.seconds
        for model, refused in s.refused:
            self.models.remember(model, refused)
        for request in s.open.values():  # no reply was stored: asked again
            self._send(request)
        for candidate in s.waiting.values():
            self._score(candidate)
        while True:
            if around.stopping():
                for future in self.scoring:
                    future.cancel()
                return Ending.INTERRUPTED
            self._fill()
            if not self.flights and not self.scoring:
                ending = self._ending()
                if ending is not None:
                    self._close(ending)
                    return ending
                time.sleep(POLL_S)
                around.progress(None, None)
                continue
            done, _ = wait([*self.flights, *self.scoring], timeout=POLL_S, return_when=FIRST_COMPLETED)
            self.models.give_up_late()
            for flight in sorted(
                (f for f in done if f in self.flights), key=lambda f: self.flights[f].number
            ):
                self._arrived(self.flights.pop(flight), flight.result())
            for future in sorted((f for f in done if f in self.scoring), key=lambda f: self.scoring[f].index):
                candidate = self.scoring.pop(future)
                outcome = s.evaluated(candidate, future.result())
                around.spending.evaluations += outcome is not None
                around.progress(candidate, outcome)
            if not done:
                around.progress(None, None)

    def _arrived(self, request: Request, reply: Reply) -> None:
        self.state.reply(request.number, reply)
        self.models.settled(request, reply)
        if reply.refused:
            self.around.say(f"{request.model}: {', '.join(reply.refused)}, as the endpoint asks")
        for candidate in list(self.state.waiting.values()):
            if candidate.id not in {c.id for c in self.scoring.values()}:
                self._score(candidate)

    def _fill(self) -> None:
        s, around = self.state, self.around
        while s.search.seeds_left and len(self.scoring) < around.workers and self._may_start():
            self._ask()
        self._tell_trouble()
        while self._may_request():
            request = self._next_request()
            if request is None:
                break
            s.request(request)
            self._send(request)
        if s.mixed and not s.search.seeds_left:
            while len(self.scoring) < around.workers and self._may_start() and self._formula_turn():
                if self._ask() is None:
                    break

    def _ask(self) -> Candidate | None:
        candidate = self.state.ask()
        if candidate is not None:
            self._score(candidate)
        return candidate

    def _may_start(self) -> bool:
        return self.around.spending.may_start(len(self.scoring) + len(self.flights) + len(self.state.mending))

    def _may_request(self) -> bool:
        """Whether a request may go out: room in flight, and not more programs than are soon scored."""
        s = self.state
        most = s.llm.settings.in_flight
        busy = len(self.flights) + sum(c.proposer == "llm" for c in self.scoring.values())
        if len(self.flights) >= most or busy >= most + self.around.workers or self._given_up():
            return False
        if s.mending:
            return self.around.spending.may_start(len(self.scoring) + len(self.flights))
        if not self._may_start() or s.search.seeds_left or not s.search.members:
            return False
        return s.mixed is None or s.mixed.share.llm_may(most)

    def _next_request(self) -> Request | None:
        """The next request that an endpoint takes and the purse allows; None for now."""
        s = self.state
        ready = self.models.ready()
        if not ready:
            return None
        for item in s.mending:
            if item[0].model in ready:
                number = s.numbers
                request = s.llm.repair(number, *item)
                if self._affordable(request):
                    s.mending.remove(item)
                    return request
        if s.mending and self._unaffordable:
            for item in list(s.mending):
                s._leave(item[0].number)
            return None
        if s.llm.wants_memo():
            at = s.llm.memory.memo_at
            request = s.llm.reflection(s.numbers, s.search, ready)
            if self._affordable(request):
                return request
            s.llm.memory.memo_at = at
        planned = s.search.plan()
        if planned is None:
            return None
        request = s.llm.request(s.numbers, *_plan(planned, s.search), ready)
        return request if self._affordable(request) else None

    def _affordable(self, request: Request) -> bool:
        ledger = self.state.llm.ledger
        fits = ledger.may_spend(ledger.most(request.model, request.prompt))
        self._unaffordable = not fits
        return fits

    def _send(self, request: Request) -> None:
        deadline = self.state.llm.settings.deadline_s
        left = self.around.spending.seconds_of_minutes_left()
        if left is not None:
            deadline = min(deadline, max(left, 0.0) + OVERTIME_S)
        self.flights[self.models.send(request, deadline)] = request

    def _score(self, candidate: Candidate) -> None:
        self.scoring[self.state._submit(candidate, self.around)] = candidate

    def _given_up(self) -> bool:
        """Whether models are asked no more: all lost, or their answers lead nowhere."""
        s = self.state
        return bool(self.models.lost()) or s.fruitless >= FRUITLESS + 4 * s.llm.settings.in_flight

    def _formula_turn(self) -> bool:
        """Formula goes ahead of its share where models are slow, unless evaluations would run out by that."""
        mixed = self.state.mixed
        assert mixed is not None
        if self._given_up() or self._unaffordable or not self.models.reachable():
            return True
        spending = self.around.spending
        lead = 2 * self.around.workers + self.state.llm.settings.in_flight
        return not spending.evaluations_first() or mixed.share.formula_may(lead)

    def _close(self, ending: Ending) -> None:
        """At the end of a search, answers that wait to be mended are given up; one that goes on mends them."""
        if ending is not Ending.INTERRUPTED:
            for request, _, _ in list(self.state.mending):
                self.state._leave(request.number)

    def _ending(self) -> Ending | None:
        """Why the search is over, with nothing in flight; None where waiting may help."""
        s, around = self.state, self.around
        if not around.spending.may_start(0):
            return Ending.BUDGET
        if s.mixed is not None:
            return Ending.EXHAUSTED if self._formula_turn() and not s.search.seeds_left else None
        if self.models.lost():
            around.say("no model can be asked any more: " + "; ".join(self.models.lost()))
            return Ending.INTERRUPTED
        if self._given_up():
            around.say(f"the models' last {s.fruitless} answers gave no new program; {self._usual()}")
            return Ending.EXHAUSTED
        if self._unaffordable:
            around.say(f"the budget of the models is spent: {s.llm.ledger.line()}")
            return Ending.BUDGET
        if not s.search.members and not s.search.seeds_left:
            around.say("no seed program could be scored, so there is nothing to change")
            return Ending.EXHAUSTED
        return None

    def _usual(self) -> str:
        counts = sorted(self.state.llm.ledger.outcomes.items(), key=lambda item: -item[1])
        return ", ".join(f"{name} {n}" for name, n in counts[:4])

    def _tell_trouble(self) -> None:
        """Say once that endpoints are down, and once that one is back."""
        lost = self.models.lost()
        trouble = "; ".join(lost) if lost else self.models.trouble()
        if bool(trouble) == bool(self._told):
            return
        self._told = trouble
        if not trouble:
            self.around.say("an endpoint answers again; the search goes on")
        elif self.state.mixed is not None:
            self.around.say(f"models can't be asked now, formulas go on: {trouble}")
        elif not lost:
            self.around.say(f"paused, no model can be asked now: {trouble}")
