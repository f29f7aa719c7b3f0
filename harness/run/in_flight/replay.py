"""A recorded run, repeated entry by entry with its stored replies and no network."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from harness.errors import BadRun
from harness.proposers.llm.reply import Reply
from harness.proposers.llm.request import Request
from harness.proposers.llm.staged import Staged
from harness.record.facts import outcome_text
from harness.record.journal import Journal
from harness.run.context import Context
from harness.run.in_flight.state import InFlight
from harness.search.ending import Ending

SESSIONS = {"started", "resumed", "interrupted"}


class Replay:
    """Follows a recorded run. Requests are made anew and must be the same; programs are scored anew.

    Args:
        state: fresh, with a journal of its own.
        recorded: the journal that is followed.
        context: scores programs.
    """

    def __init__(self, state: InFlight, recorded: Journal, context: Context) -> None:
        self.state, self.recorded, self.context = state, recorded, context
        self._scoring: dict[str, Future[Staged]] = {}

    def run(self) -> Ending:
        """Repeat it to its end.

        Raises:
            BadRun: something differs, with the entry at which it does.
        """
        s, context = self.state, self.context
        s.elapsed = lambda: context.spending.seconds
        ending = Ending.INTERRUPTED
        for i, (kind, facts) in enumerate(self.recorded.entries()):
            if context.stopping():
                return Ending.INTERRUPTED
            if kind == "finished":
                ending = Ending(facts["ending"])
            elif kind in SESSIONS and i > 0:  # the first has been written
                s.record(kind, facts)
            else:
                wrong = self._entry(kind, facts)
                if wrong:
                    raise BadRun(f"{self.recorded.path}: the repeated run differs at entry {i}: {wrong}")
            for id, candidate in s.waiting.items():
                if id not in self._scoring:
                    self._scoring[id] = s.submit(candidate, context.executor)
        return ending

    def _entry(self, kind: str, facts: dict[str, Any]) -> str:
        """Repeat one entry; what differs, or ""."""
        s = self.state
        if kind == "ask":
            candidate = s.ask()
            if candidate is None or candidate.id != facts["id"]:
                return f"expected candidate {facts['id']}, got {candidate and candidate.id}"
        elif kind == "request":
            asked = Request.of(facts)
            request = self._request(asked)
            if request is None or request.facts() != asked.facts():
                return f"request {asked.number} is another one; same rows, program and templates?"
            s.request(request)
        elif kind == "reply":
            s.reply(facts["request"], Reply.of(facts))
        elif kind == "turned_down" and "request" in facts:
            s.leave(facts["request"])
        elif kind == "hint":
            s.hint(facts["text"])
        elif kind == "call":
            return self._call(facts)
        elif kind in ("evaluation", "turned_down"):
            id = facts["candidate"].id if kind == "evaluation" else facts["candidate"]
            return self._outcome(id, facts.get("outcome"), facts.get("notes") or {})
        return ""

    def _call(self, facts: dict[str, Any]) -> str:
        """A model's call must be the recorded one; its stored result is taken, as a reply is."""
        s, number = self.state, facts["request"]
        if number not in s.calling or s.calling[number][2].text != facts["call"]:
            return f"request {number} made another call"
        s.called(number, facts["result"])
        self.context.spending.evaluations += 1
        return ""

    def _request(self, recorded: Request) -> Request | None:
        """The request this state makes where the recorded run made one."""
        s = self.state
        if recorded.purpose == "memo":
            return s.llm.reflection(s.numbers, s.search, [recorded.model])
        if recorded.purpose == "repair":
            found = [m for m in s.mending if m[0].number == recorded.mends]
            return s.mend(found[0]) if found else None
        if recorded.purpose == "turn":
            talks = [t for t in s.talking if t[0].number == recorded.mends]
            return s.talk(talks[0]) if talks else None
        planned = s.search.plan()
        if planned is None:
            return None
        return s.llm.request(s.numbers, planned[0], s.search, planned[1], [recorded.model])

    def _outcome(self, id: str, recorded: Any, notes: dict[str, Any]) -> str:
        """Take in the new outcome of a candidate, which must be as recorded."""
        if id not in self._scoring:
            return f"candidate {id} did not come up"
        candidate, found = self.state.waiting[id], self._scoring.pop(id).result()
        mine, theirs = (outcome_text(o) if o else None for o in (found.outcome, recorded))
        if mine != theirs:
            return f"candidate {id} has another outcome"
        found = replace(found, took_s=float(notes.get("took_s", 0.0)))  # a time: as it was then
        outcome = self.state.evaluated(candidate, found)
        self.context.spending.evaluations += outcome is not None
        self.context.progress(candidate, outcome)
        return ""
