"""The state of a run whose proposals take time, and the journal entries that move it on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import replace
from functools import partial
from typing import Any

from evaluator.outcome import Outcome, Scorecard, Scored
from harness.errors import BadRun
from harness.proposers.llm.edits import Unusable
from harness.proposers.llm.proposer import LlmProposer
from harness.proposers.llm.reply import PASSING, Reply, Status
from harness.proposers.llm.request import Request
from harness.proposers.llm.staged import Signature, Staged
from harness.proposers.llm.thoughts import answer_of
from harness.proposers.llm.tools import Call
from harness.proposers.share import Share
from harness.record.journal import Journal
from harness.search.candidate import Candidate, Draft
from harness.search.search import Search

Evaluate = Callable[[str, Callable[[Signature], str]], Staged]
RunCall = Callable[[Call], str]


def no_calls(call: Call) -> str:
    return "error: no calls here"


NOT_MENDED = {"unchanged", "same program", "same law", "same predictions"}


class InFlight:
    """The state of one run, and the ways to move it on.

    Args:
        search: fresh; `rebuild` tells it what the journal holds.
        journal: gets every entry before it takes effect.
        llm: writes requests and reads replies.
        evaluate: program, twin_of -> what was found.
        tool: a model's call -> its result.
    """

    def __init__(
        self,
        search: Search,
        journal: Journal,
        llm: LlmProposer,
        evaluate: Evaluate,
        tool: RunCall = no_calls,
    ) -> None:
        self.search = search
        self.journal = journal
        self.llm = llm
        self.evaluate = evaluate
        self.tool = tool
        self.share = Share() if search.proposer is not None else None  # with formulas beside the models
        self.open: dict[int, Request] = {}  # asked, no reply yet
        self.mending: list[tuple[Request, Reply, Unusable]] = []  # to be asked again
        self.calling: dict[int, tuple[Request, Reply, Call]] = {}  # a call of a model, to be run or being so
        self.talking: list[tuple[Request, Reply, Call, str]] = []  # its result is there, to be told
        self.calls = 0  # calls that were run
        self.mends: dict[int, Unusable] = {}  # refusals by the number of the request that is to mend them
        self.waiting: dict[str, Candidate] = {}  # to be scored, or being so
        self.rank: dict[str, int] = {}  # candidate -> signatures known when it came
        self.signatures: dict[Signature, tuple[int, str]] = {}
        self.numbers = 0
        self.rejected = 0
        self.refused: list[tuple[str, tuple[str, ...]]] = []  # parameters, by model, in earlier sessions
        self.elapsed: Callable[[], float] = lambda: 0.0  # seconds of the run, for the journal's times
        self._recording = True

    # -- entries, in the order of the module's docstring

    def ask(self) -> Candidate | None:
        candidate = self.search.ask()
        if candidate is not None:
            self.record("ask", {"id": candidate.id})
            self._came(candidate)
        return candidate

    def request(self, request: Request) -> None:
        self.record("request", request.facts())
        self.numbers = request.number + 1
        self.open[request.number] = request
        if request.mends is not None:
            for item in [m for m in self.mending if m[0].number == request.mends]:
                self.mending.remove(item)
                self.mends[request.number] = item[2]
            self.talking = [t for t in self.talking if t[0].number != request.mends]
        if request.purpose == "propose" and request.plan is not None:
            self.search.take(request.plan)
            if self.share:
                self.share.start("llm")
        self.llm.sent(request)

    def reply(self, number: int, reply: Reply) -> None:
        request = self.open.pop(number)
        cost = self.llm.booked(request, reply)
        self.record("reply", {"request": number, "cost": cost, **reply.facts()}, seconds=reply.seconds)
        if request.plan is None:
            if reply.ok:
                self.llm.memory.memo = answer_of(reply.text).strip()[:3000]
            return
        if not reply.ok:
            self._end(request, reply.status.value)
            self.rejected += reply.status not in PASSING | {Status.NOT_SENT}
            return
        call = self.llm.call_in(request, reply)
        if call is not None:
            self.calling[number] = (request, reply, call)
            return
        made = self.llm.read(request, reply, self.search)
        if isinstance(made, Draft) and self.search.knows(made.key):
            made = Unusable("same program", "it was asked for before")
        if isinstance(made, Unusable):
            if request.purpose != "repair" and self.llm.settings.repair and made.reason not in NOT_MENDED:
                self.mending.append((request, reply, made))
            else:
                self._end(request, made.reason, made)
            return
        wrong = self.mends.pop(number, None)
        if wrong is not None:
            self.llm.memory.mend(wrong.reason, wrong.detail)
        self._came(self.search.admit(request.plan, made, "llm"))

    def called(self, number: int, result: str) -> None:
        """A call of a model was run."""
        request, reply, call = self.calling.pop(number)
        self.record("call", {"request": number, "call": call.text, "result": result})
        self.calls += 1
        self.talking.append((request, reply, call, result))

    def hint(self, text: str) -> None:
        """A person said something to the models."""
        self.record("hint", {"text": text})
        self.llm.memory.hint = text

    def evaluated(self, candidate: Candidate, found: Staged) -> Outcome | None:
        """An evaluation ended; its outcome, or None where the program was turned down."""
        del self.waiting[candidate.id]
        found = replace(found, outcome=_ordered(found.outcome))
        if found.outcome is None:
            self.record(
                "turned_down", {"candidate": candidate.id, "reason": "same predictions", "twin": found.twin}
            )
            self._turned_down(candidate, found.twin)
            return None
        candidate = self.llm.named(candidate, found)
        if self._recording:
            self.journal.append(candidate, found.outcome, self.elapsed(), found.notes())
        self._tell(candidate, found.outcome, found)
        return found.outcome

    def _came(self, candidate: Candidate) -> None:
        self.llm.met(candidate)
        self.waiting[candidate.id] = candidate
        self.rank[candidate.id] = len(self.signatures)
        if self.share and candidate.proposer == "formula":
            self.share.start("formula")

    def _end(self, request: Request, reason: str, wrong: Unusable | None = None) -> None:
        """A proposal ends without a program; `wrong` is what a model could learn from."""
        assert request.plan is not None
        detail = wrong.detail if wrong else ""
        facts = {"request": request.number, "id": request.plan.id, "reason": reason, "detail": detail}
        self.record("turned_down", facts)
        self.llm.rejected(request, reason, detail)
        self.rejected += wrong is not None

    def leave(self, number: int) -> None:
        """An answer that was to be asked about again is left as it is: the budget is spent, or no model is asked."""
        for item in [m for m in self.mending if m[0].number == number]:
            self.mending.remove(item)
            self._end(item[0], item[2].reason, item[2])
        for talk in [t for t in self.talking if t[0].number == number]:
            self.talking.remove(talk)
            self._end(talk[0], "talk left")
        if number in self.calling:
            self._end(self.calling.pop(number)[0], "talk left")

    def _turned_down(self, candidate: Candidate, twin: str) -> None:
        request_like = candidate.draft.edit
        self.llm.memory.unusable(
            f"{candidate.id} ({request_like})", "same predictions", f"predicts exactly as {twin}"
        )
        self.llm.turned_down(candidate)
        self.rejected += 1

    def _tell(self, candidate: Candidate, outcome: Outcome, found: Staged) -> None:
        before = self.search.best.error if self.search.best else None
        is_best = self.search.tell(candidate, outcome) is not None
        self.llm.tell(candidate, outcome, self.search, is_best, found)
        if found.signature:
            self.signatures.setdefault(found.signature, (len(self.signatures), candidate.id))
        if candidate.proposer == "llm":
            self.rejected = 0
        if self.share and candidate.proposer in ("llm", "formula"):
            member = self.search.members.get(candidate.id)
            self.share.learn(candidate.proposer, before, member.error if member else None)

    def record(self, kind: str, facts: dict[str, Any], **times: float) -> None:
        if self._recording:
            self.journal.record(kind, facts, self.elapsed(), **times)

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
            self.leave(facts["request"])
        elif kind == "evaluation":
            assert facts["candidate"].id in self.waiting, facts["candidate"].id
            self.evaluated(facts["candidate"], Staged.of(facts["outcome"], facts["notes"]))
        elif kind == "call":
            self.called(facts["request"], facts["result"])
        elif kind == "hint":
            self.hint(facts["text"])

    def mend(self, item: tuple[Request, Reply, Unusable]) -> Request:
        return self.llm.repair(self.numbers, *item)

    def talk(self, item: tuple[Request, Reply, Call, str]) -> Request:
        return self.llm.turn(self.numbers, *item)

    def submit(self, candidate: Candidate, executor: Executor) -> Future[Staged]:
        rank = self.rank[candidate.id] if candidate.proposer == "llm" else 0
        return executor.submit(self.evaluate, candidate.program, partial(self._twin, rank))

    def run_call(self, number: int, executor: Executor) -> Future[str]:
        """Run a model's call; a machine that fails ends the run, whatever the model wrote does not."""
        return executor.submit(self.tool, self.calling[number][2])

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
