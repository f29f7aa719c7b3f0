"""The proposer that asks language models: makes requests, reads answers, learns what pays off.

Does no I/O and takes no clock. What it makes depends on what it was told, in order, so a run rebuilt from
its journal makes the same requests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from evaluator.contract import PROGRAM_MODULES
from evaluator.outcome import Outcome
from evaluator.sandbox.job import Limits
from harness.proposers.assignment import Assignment
from harness.proposers.llm import context
from harness.proposers.llm.answers import Answers
from harness.proposers.llm.bandit import Bandit, gain
from harness.proposers.llm.edits import Unusable
from harness.proposers.llm.ledger import Ledger
from harness.proposers.llm.memory import Memory
from harness.proposers.llm.parents import OpenPrompts, choose_others, choose_parent, ranked
from harness.proposers.llm.prompts import Templates
from harness.proposers.llm.reply import Reply
from harness.proposers.llm.request import Request
from harness.proposers.llm.settings import LlmConfig
from harness.proposers.llm.staged import Staged
from harness.proposers.llm.tools import Call, call_in, definitions
from harness.search.archive import Member
from harness.search.candidate import Candidate, Draft
from harness.search.search import Plan, Search

OPERATORS = ("diff", "full", "cross")
MOST_MEMO = 1500


class LlmProposer:
    """Asks models for changes of an EVOLVE-BLOCK.

    Args:
        settings: models, prices and limits.
        assignment: the task's training rows, facts and folds.
    """

    name = "llm"

    def __init__(
        self, settings: LlmConfig, assignment: Assignment, fit_cpu_s: float = Limits().fit_cpu_s
    ) -> None:
        self.settings = settings
        self.facts = assignment.facts
        self.templates = Templates(settings.prompts)
        self.memory = Memory(self.facts.names)
        self.models = {m.model: m for m in settings.models}
        self.ledger = Ledger(settings, self.models)
        self.operators = Bandit(OPERATORS)
        self.choices = Bandit(tuple(self.models))
        self.open = OpenPrompts()
        self._title = assignment.title
        self._fit_cpu_s = fit_cpu_s
        self.answers = Answers(self.facts, self._title)
        task, folds = assignment.task, assignment.folds
        self._facts_text = context.task_facts(task.spec, task.train, folds, self.facts)
        self._folds = tuple(f.name for f in folds)
        positive = self.facts.positive_targets
        self._fixed = {
            "title": self._title,
            "facts": self._facts_text,
            "limit": f"{fit_cpu_s:g}",
            "scale": "its rms error in logs" if positive else "its rms error in sd of the target",
        }
        self._pulled: dict[str, list[Request]] = {}
        self._costs: dict[str, float] = {}

    def request(
        self, number: int, plan: Plan, search: Search, rng: np.random.Generator, models: Sequence[str]
    ) -> Request | None:
        """A question for the candidate of `plan`, to one of `models`; None while open prompts ask all there is to ask.

        Parents are chosen here, by rank among all scored programs: a model can follow the best from anywhere.
        """
        order = ranked(list(search.members.values()))
        kinds = [k for k in OPERATORS if k != "cross" or len(order) > 1]
        chosen = {k: choose_parent(order, k, self.open, rng) for k in kinds}
        kinds = [k for k in kinds if chosen[k] is not None]
        if not kinds:
            return None
        operator = self.operators.choose(rng, kinds)
        parent = chosen[operator]
        assert parent is not None
        mate = self._mate(order, parent, rng) if operator == "cross" else None
        without = [parent] if mate is None else [parent, mate]
        others = choose_others(order, without, self.settings.inspirations, self.open, rng)
        c = parent.candidate
        plan = replace(
            plan,
            parent=c.id,
            mate=(mate or parent).candidate.id,
            niche=-1,
            generation=c.generation + 1,
            shown=tuple(m.candidate.id for m in others),
        )
        model = self.choices.choose(
            rng, models
        )  # the last draw: which models are free is no matter of the seed
        line = operator == "diff" and context.shows_law(c, self.facts)
        user = self.templates.fill("law" if line else operator, self._values(parent, mate, others))
        if self.settings.tools:
            user += self.templates.fill("tools", {"calls": str(self.settings.tool_calls)})
        return self._request(
            number, "propose", model, operator, plan, (("system", self._system()), ("user", user))
        )

    def repair(self, number: int, first: Request, reply: Reply, wrong: Unusable) -> Request:
        """A second question about an answer that could not be used, with the error text."""
        text = self.templates.fill("repair", {"reason": wrong.reason, "detail": wrong.detail})
        messages = (*first.messages, ("assistant", reply.text), ("user", text))
        made = self._request(number, "repair", first.model, first.operator, first.plan, messages)
        return replace(made, mends=first.number)

    def call_in(self, request: Request, reply: Reply) -> Call | None:
        """The call that an answer makes; None where it is an answer, or no call is left."""
        if not self.settings.tools or request.purpose not in ("propose", "turn"):
            return None
        return call_in(reply.text) if self._calls_left(request) > 0 else None

    def turn(self, number: int, first: Request, reply: Reply, call: Call, result: str) -> Request:
        """The next question of a conversation: the result of the call that was made."""
        left = self._calls_left(first) - 1
        told = (
            f"You may make {left} more call{'s' if left > 1 else ''}, or answer." if left else "Answer now."
        )
        text = self.templates.fill("turn", {"call": call.text, "result": result, "left": told})
        messages = (*first.messages, ("assistant", reply.text), ("user", text))
        made = self._request(number, "turn", first.model, first.operator, first.plan, messages)
        return replace(made, mends=first.number)

    def _calls_left(self, request: Request) -> int:
        made = sum(role == "assistant" for role, _ in request.messages)
        return self.settings.tool_calls - made

    def wants_memo(self) -> bool:
        every = self.settings.reflect_every
        return bool(every) and self.memory.told - self.memory.memo_at >= every

    def reflection(self, number: int, search: Search, models: Sequence[str]) -> Request:
        """A question for a memo, to the model that pays off best."""
        self.memory.memo_at = self.memory.told
        model = max((m for m in self.models if m in models), key=lambda m: (self.choices.rate(m), m))
        best = sorted(search.members.values(), key=lambda m: m.order)[:8]
        user = self.templates.fill(
            "memo",
            {
                "title": self._title,
                "facts": self._facts_text,
                "best": context.best_programs(best),
                "helped": "\n".join(self.memory.helped) or context.NOTHING,
                "failures": self._failures(2 * self.settings.failures),
                "tried": context.tried(self.memory) or context.NOTHING,
                "memo": self.memory.memo or context.NOTHING,
                "hint": self.memory.hint or context.NOTHING,
            },
        )
        if self.memory.hint and "{{hint}}" not in self.templates.texts["memo"]:
            user += f"\n# A person's hint\n\n{self.memory.hint}\n"
        return self._request(number, "memo", model, "", None, (("system", self._system()), ("user", user)))

    def sent(self, request: Request) -> None:
        """A request is on its way: its worst cost is set aside, its arms count as pulled."""
        self.ledger.reserve(request.number, self.ledger.most(request.model, request.prompt))
        if request.purpose == "propose" and request.plan is not None:
            plan = request.plan
            self.open.begin(plan.id, plan.parent, request.operator, (*plan.shown, plan.mate))
            self.operators.started(request.operator)
            self.choices.started(request.model)

    def booked(self, request: Request, reply: Reply) -> float:
        """A reply came; returns what it cost."""
        price = self.ledger.settle(request.number, request.model, request.prompt, reply)
        if request.plan is not None:
            # Where nothing has a price, tokens are what a model costs; a reply of unknown size counts a little.
            cost = (
                price.cost if any(m.price_in or m.price_out for m in self.models.values()) else price.tokens
            )
            self._costs[request.plan.id] = self._costs.get(request.plan.id, 0.0) + cost
            self._pulled.setdefault(request.plan.id, []).append(request)
        return price.cost

    def read(self, request: Request, reply: Reply, search: Search) -> Draft | Unusable:
        """The draft in an answer; near-duplicates are turned down."""
        assert request.plan is not None
        parent = search.members[request.plan.parent].candidate.program
        return self.answers.read(reply.text, parent, f"{request.operator} by {request.model}")

    def met(self, candidate: Candidate) -> None:
        """A candidate exists; later answers that repeat it are turned down."""
        self.answers.met(candidate)

    def named(self, candidate: Candidate, found: Staged) -> Candidate:
        """The candidate under the name of its own law, once it is known whether it computes what was said."""
        law = self.answers.name(candidate, found.agrees)
        return replace(candidate, draft=replace(candidate.draft, law=law))

    def rejected(self, request: Request, reason: str, detail: str = "") -> None:
        """A proposal ends without a program."""
        self.ledger.count(reason)
        assert request.plan is not None
        if detail:
            self.memory.unusable(f"an answer ({request.operator})", reason, detail)
        self._learn(request.plan.id, 0.0)

    def turned_down(self, candidate: Candidate) -> None:
        """A program was turned down before it cost an evaluation."""
        self.ledger.count("same predictions")
        self._learn(candidate.id, 0.0)

    def tell(
        self, candidate: Candidate, outcome: Outcome, search: Search, is_best: bool, found: Staged
    ) -> None:
        """An evaluation; `search` has been told."""
        member = search.members.get(candidate.id)
        parent = search.members.get(candidate.parent or "")
        self.memory.patterns[candidate.id] = found.patterns
        self.memory.fits[candidate.id] = found.fits
        self.memory.took_s[candidate.id] = found.took_s
        self.memory.tell(candidate, outcome, member, parent)
        if candidate.proposer != self.name:
            return
        self.ledger.candidates += 1
        self.ledger.improvements += is_best
        self._learn(candidate.id, _reward(member, parent, is_best))

    def _learn(self, plan_id: str, reward: float) -> None:
        self.open.end(plan_id)
        requests = self._pulled.pop(plan_id, [])
        cost = self._costs.pop(plan_id, 0.0)
        if requests:
            self.operators.learn(requests[0].operator, reward, 1.0)
            self.choices.learn(requests[0].model, reward, cost)

    def _request(
        self,
        number: int,
        purpose: str,
        model: str,
        operator: str,
        plan: Plan | None,
        messages: tuple[tuple[str, str], ...],
    ) -> Request:
        m = self.models[model]
        parameters = m.sent()
        if self.settings.tools and purpose in ("propose", "turn"):
            parameters = {**parameters, "tools": definitions()}
        return Request(number, purpose, model, operator, plan, messages, parameters, m.stream)

    def _system(self) -> str:
        return self.templates.fill("system", {"modules": ", ".join(PROGRAM_MODULES)})

    def _mate(self, order: list[Member], parent: Member, rng: np.random.Generator) -> Member:
        """A second parent: a good one of another law, the next best first."""
        others = [m for m in order if m is not parent and m.candidate.law != parent.candidate.law] or [
            m for m in order if m is not parent
        ]
        weights = np.array([1.0 / (1.0 + i) for i in range(len(others[:12]))])
        return others[int(rng.choice(len(weights), p=weights / weights.sum()))]

    def _values(self, parent: Member, mate: Member | None, others: list[Member]) -> dict[str, str]:
        memory = self.memory
        values = {
            **self._fixed,
            **self._program("parent", parent),
            "took": context.took(memory.took_s.get(parent.candidate.id, 0.0), self._fit_cpu_s),
            "patterns": "\n".join(memory.patterns.get(parent.candidate.id, ())) or context.NOTHING,
            "inspirations": context.inspirations(others, memory, self.facts),
            "failures": self._failures(self.settings.failures),
            "tried": context.tried(memory) or context.NOTHING,
            "mended": "\n".join(memory.mended) or context.NOTHING,
            "memo": memory.memo[:MOST_MEMO] or context.NOTHING,
            "hint": memory.hint or context.NOTHING,
        }
        titles = {
            "hint": "A person's hint",
            "inspirations": "Other laws, for ideas",
            "failures": "What has failed lately",
            "mended": "Refusals that a second answer mended",
            "tried": "Tried often; try something else",
            "memo": "What we have learned",
        }
        sections = "".join(context.section(title, values[name]) for name, title in titles.items())
        values["sections"] = sections.rstrip()
        if mate is not None:
            values |= self._program("mate", mate)
        return values

    def _program(self, role: str, member: Member) -> dict[str, str]:
        id = member.candidate.id
        fits = self.memory.fits.get(id, ())
        return {
            f"{role}_id": id,
            f"{role}_error": f"{member.error:.4g}",
            f"{role}_constants": str(member.n_constants),
            role: context.program_of(member, self.facts),
            f"{role}_errors": context.errors(self.memory.scored.get(id), self._folds, fits),
        }

    def _failures(self, most: int) -> str:
        return context.failures(list(self.memory.failures)[-most:] if most else [])


def _reward(member: Member | None, parent: Member | None, is_best: bool) -> float:
    """Gain over the parent; in full for a new best, a quarter otherwise, or bad parents would pay best."""
    if member is None or parent is None:
        return 0.0
    return gain(parent.error, member.error) * (1.0 if is_best else 0.25)
