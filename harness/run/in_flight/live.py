"""A run with models as it happens: the clock decides which entry comes next."""

from __future__ import annotations

import time
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any

from harness.proposers.llm.hints import read_hint
from harness.proposers.llm.models import Models
from harness.proposers.llm.reply import Reply, Status
from harness.proposers.llm.request import Request
from harness.proposers.llm.staged import Staged
from harness.run.context import Context
from harness.run.in_flight.state import InFlight
from harness.search.candidate import Candidate
from harness.search.ending import Ending

POLL_S = 0.1
MOST_REJECTED = 60
NOT_SENT = Reply(Status.NOT_SENT, detail="not asked again: the budget is spent", tokens_in=0, tokens_out=0)
"""Proposals in a row, over those in flight, that may end without a program before models are given up."""
OVERTIME_S = 10.0
"""Beyond the minutes of a run, replies that are already paid for are waited for this long."""


class Live:
    """Searches until a budget is spent, nothing new is found, or someone asks to stop.

    Args:
        state: rebuilt from its journal.
        models: asked for drafts.
        context: scores programs.
    """

    def __init__(self, state: InFlight, models: Models, context: Context) -> None:
        self.state, self.models, self.context = state, models, context
        self.flights: dict[Future[Reply], Request] = {}
        self.scoring: dict[Future[Staged], Candidate] = {}
        self.calls: dict[Future[str], int] = {}
        self._unaffordable = False
        self._told = ""

    def run(self) -> Ending:
        s, context = self.state, self.context
        s.elapsed = lambda: context.spending.seconds
        for model, refused in s.refused:
            self.models.remember(model, refused)
        context.spending.evaluations += s.calls
        for candidate in s.waiting.values():
            self._score(candidate)
        for number in s.calling:
            self._call(number)
        for request in list(
            s.open.values()
        ):  # no reply was stored: asked again where what it brings can be used
            if not context.stopping() and self._may_start() and s.llm.ledger.may_spend():
                self._send(request)
            elif not context.stopping():
                s.reply(request.number, NOT_SENT)
        while True:
            if context.stopping():
                for future in self.scoring:
                    future.cancel()
                return Ending.INTERRUPTED
            if context.out_of_time(len(self.scoring) + len(self.calls)):
                for scored in self.scoring:
                    scored.cancel()
                for called in self.calls:
                    called.cancel()
                self._close(Ending.BUDGET)
                return Ending.BUDGET
            self._fill()
            if not self.flights and not self.scoring and not self.calls:
                ending = self._ending()
                if ending is not None:
                    self._close(ending)
                    return ending
                time.sleep(POLL_S)
                context.progress(None, None)
                continue
            begun: list[Future[Any]] = [*self.flights, *self.scoring, *self.calls]
            done, _ = wait(begun, timeout=POLL_S, return_when=FIRST_COMPLETED)
            self.models.give_up_late()
            for flight in sorted(
                (f for f in done if f in self.flights), key=lambda f: self.flights[f].number
            ):
                self._arrived(self.flights.pop(flight), flight.result())
            for future in sorted((f for f in done if f in self.scoring), key=lambda f: self.scoring[f].index):
                candidate = self.scoring.pop(future)
                outcome = s.evaluated(candidate, future.result())
                context.spending.evaluations += outcome is not None
                context.progress(candidate, outcome)
            for made in sorted((f for f in done if f in self.calls), key=lambda f: self.calls[f]):
                s.called(self.calls.pop(made), made.result())
                context.spending.evaluations += 1
            if not done:
                context.progress(None, None)

    def _arrived(self, request: Request, reply: Reply) -> None:
        self.state.reply(request.number, reply)
        self.models.settled(request, reply)
        if reply.refused:
            self.context.say(f"{request.model}: {', '.join(reply.refused)}, as the endpoint asks")
        for candidate in list(self.state.waiting.values()):
            if candidate.id not in {c.id for c in self.scoring.values()}:
                self._score(candidate)
        if request.number in self.state.calling:
            self._call(request.number)

    def _call(self, number: int) -> None:
        self.calls[self.state.run_call(number, self.context.executor)] = number

    def _fill(self) -> None:
        s, context = self.state, self.context
        hint = read_hint(s.journal.path.parent)
        if hint != s.llm.memory.hint:
            s.hint(hint)
            context.say(
                "the models are told your hint from now on"
                if hint
                else "the models are told no hint any more"
            )
        while s.search.seeds_left and len(self.scoring) < context.workers and self._may_start():
            self._ask()
        if s.share and self._given_up():
            self._leave_mending()  # they would hold evaluations that the formula can use
        self._tell_trouble()
        while self._may_request():
            request = self._next_request()
            if request is None:
                break
            s.request(request)
            self._send(request)
        if s.share and not s.search.seeds_left:
            while len(self.scoring) < context.workers and self._may_start() and self._formula_turn():
                if self._ask() is None:
                    break

    def _ask(self) -> Candidate | None:
        candidate = self.state.ask()
        if candidate is not None:
            self._score(candidate)
        return candidate

    def _may_start(self) -> bool:
        return self.context.spending.may_start(
            self._begun() + len(self.state.mending) + len(self.state.talking)
        )

    def _begun(self) -> int:
        return len(self.scoring) + len(self.flights) + len(self.calls)

    def _may_request(self) -> bool:
        """Whether a request may go out: room in flight, and not more programs than are soon scored."""
        s = self.state
        most = s.llm.settings.in_flight
        busy = len(self.flights) + sum(c.proposer == "llm" for c in self.scoring.values())
        if len(self.flights) >= most or busy >= most + self.context.workers or self._given_up():
            return False
        if s.mending or s.talking:
            return self.context.spending.may_start(self._begun())
        if not self._may_start() or s.search.seeds_left or not s.search.members:
            return False
        return s.share is None or s.share.llm_may(most)

    def _next_request(self) -> Request | None:
        """The next request that an endpoint takes and the budget allows; None for now."""
        s = self.state
        ready = self.models.ready()
        if not ready:
            return None
        for item in s.mending:
            if item[0].model in ready:
                request = s.mend(item)
                if self._affordable(request):
                    return request
        for talk in s.talking:
            if talk[0].model in ready:
                request = s.talk(talk)
                if self._affordable(request):
                    return request
        if (s.mending or s.talking) and self._unaffordable:
            self._leave_mending()
            return None
        if not self._may_start():
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
        made = s.llm.request(s.numbers, planned[0], s.search, planned[1], ready)
        return made if made is not None and self._affordable(made) else None

    def _affordable(self, request: Request) -> bool:
        ledger = self.state.llm.ledger
        fits = ledger.may_spend(ledger.most(request.model, request.prompt))
        self._unaffordable = not fits
        return fits

    def _send(self, request: Request) -> None:
        deadline = self.state.llm.settings.deadline_s
        left = self.context.spending.seconds_of_minutes_left()
        if left is not None:
            deadline = min(deadline, max(left, 0.0) + OVERTIME_S)
        self.flights[self.models.send(request, deadline)] = request

    def _score(self, candidate: Candidate) -> None:
        self.scoring[self.state.submit(candidate, self.context.executor)] = candidate

    def _given_up(self) -> bool:
        """Whether models are asked no more: all lost, or their answers lead nowhere."""
        s = self.state
        return bool(self.models.lost()) or s.rejected >= MOST_REJECTED + 4 * s.llm.settings.in_flight

    def _formula_turn(self) -> bool:
        """Formula goes ahead of its share where models are slow, unless evaluations would run out by that."""
        share = self.state.share
        assert share is not None
        if self._given_up() or self._unaffordable or not self.models.reachable():
            return True
        spending = self.context.spending
        lead = 2 * self.context.workers + self.state.llm.settings.in_flight
        return not spending.evaluations_first() or share.formula_may(lead)

    def _close(self, ending: Ending) -> None:
        """At the end of a search, answers that wait to be mended are given up; one that goes on mends them."""
        if ending is not Ending.INTERRUPTED:
            self._leave_mending()

    def _leave_mending(self) -> None:
        s = self.state
        for number in [m[0].number for m in s.mending] + [t[0].number for t in s.talking]:
            s.leave(number)

    def _ending(self) -> Ending | None:
        """Why the search is over, with nothing in flight; None where waiting may help."""
        s, context = self.state, self.context
        if not context.spending.may_start(0):
            return Ending.BUDGET
        if s.share is not None:
            return Ending.EXHAUSTED if self._formula_turn() and not s.search.seeds_left else None
        if self.models.lost():
            context.say("no model can be asked any more: " + "; ".join(self.models.lost()))
            return Ending.INTERRUPTED
        if self._given_up():
            context.say(f"the models' last {s.rejected} answers gave no new program; {self._usual()}")
            return Ending.EXHAUSTED
        if self._unaffordable:
            context.say(f"the budget of the models is spent: {s.llm.ledger.line()}")
            return Ending.BUDGET
        if not s.search.members and not s.search.seeds_left:
            context.say("no seed program could be scored, so there is nothing to change")
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
            self.context.say("an endpoint answers again; the search goes on")
        elif self.state.share is not None:
            self.context.say(f"models can't be asked now, formulas go on: {trouble}")
        elif not lost:
            self.context.say(f"paused, no model can be asked now: {trouble}")
