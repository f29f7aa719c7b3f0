"""The proposer that asks language models: makes requests, reads answers, learns what pays off.

Does no I/O and takes no clock. What it makes depends on what it was told, in order, so a run rebuilt from
its journal makes the same requests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from evaluator.outcome import Outcome
from harness.proposers.assignment import Assignment
from harness.proposers.formula.proposer import free_draft
from harness.proposers.llm import context
from harness.proposers.llm.bandit import Bandit, gain
from harness.proposers.llm.edits import Unusable, read_answer
from harness.proposers.llm.ledger import Ledger
from harness.proposers.llm.memory import Memory
from harness.proposers.llm.prompts import Templates
from harness.proposers.llm.reading import law_of
from harness.proposers.llm.reply import Reply
from harness.proposers.llm.request import Request
from harness.proposers.llm.settings import LlmConfig
from harness.proposers.llm.trees import tree_key
from harness.search.archive import Member
from harness.search.candidate import Candidate, Draft
from harness.search.search import Plan, Search

OPERATORS = ("diff", "full", "cross")
MOST_MEMO = 3000


class LlmProposer:
    """Asks models for changes of an EVOLVE-BLOCK.

    Args:
        settings: models, prices and limits.
        assignment: the task's training rows, facts and folds.
    """

    name = "llm"

    def __init__(self, settings: LlmConfig, assignment: Assignment) -> None:
        self.settings = settings
        self.facts = assignment.facts
        self.templates = Templates(settings.prompts)
        self.memory = Memory()
        self.models = {m.model: m for m in settings.models}
        self.ledger = Ledger(settings, self.models)
        self.operators = Bandit(OPERATORS)
        self.choices = Bandit(tuple(self.models))
        self._title = assignment.title
        task = assignment.task
        self._facts_text = context.task_facts(task.spec, task.train, assignment.folds)
        self._trees: dict[str, str] = {}
        self._laws: dict[str, str] = {}
        self._pulled: dict[str, list[Request]] = {}
        self._costs: dict[str, float] = {}

    def request(
        self, number: int, plan: Plan, search: Search, rng: np.random.Generator, models: Sequence[str]
    ) -> Request:
        """A question for the candidate of `plan`, to one of `models`."""
        parent, mate = search.members[plan.parent], search.members[plan.mate]
        operator = self.operators.choose(rng, OPERATORS if mate is not parent else OPERATORS[:2])
        values = self._values(search, parent, mate if operator == "cross" else None, rng)
        model = self.choices.choose(
            rng, models
        )  # the last draw: which models are free is no matter of the seed
        system = self.templates.fill("system", {})
        user = self.templates.fill(operator, values)
        return self._request(number, "propose", model, operator, plan, (("system", system), ("user", user)))

    def repair(self, number: int, first: Request, reply: Reply, wrong: Unusable) -> Request:
        """A second question about an answer that could not be used, with the error text."""
        text = self.templates.fill("repair", {"reason": wrong.reason, "detail": wrong.detail})
        messages = (*first.messages, ("assistant", reply.text), ("user", text))
        made = self._request(number, "repair", first.model, first.operator, first.plan, messages)
        return replace(made, mends=first.number)

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
                "tried": context.tried(self.memory),
                "memo": self.memory.memo or context.NOTHING,
            },
        )
        system = self.templates.fill("system", {})
        return self._request(number, "memo", model, "", None, (("system", system), ("user", user)))

    def sent(self, request: Request) -> None:
        """A request is on its way: its worst cost is set aside, its arms count as pulled."""
        self.ledger.reserve(request.number, self.ledger.most(request.model, request.prompt))
        if request.purpose == "propose":
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
        plan = request.plan
        assert plan is not None
        program = read_answer(reply.text, search.members[plan.parent].candidate.program)
        if isinstance(program, Unusable):
            return program
        key = tree_key(program)
        if key in self._trees:
            return Unusable("same program", f"the syntax tree is that of {self._trees[key]}")
        law, same_law = law_of(program, self.facts.names)
        if same_law and same_law in self._laws:
            return Unusable("same law", f"law and fit are those of {self._laws[same_law]}, spelt differently")
        known = free_draft(program, self.facts)
        edit = f"{request.operator} by {request.model}"
        return replace(known, key=f"tree {key}", law=known.law or law, edit=edit)

    def met(self, candidate: Candidate) -> None:
        """A candidate exists; later answers that repeat it are turned down."""
        try:
            self._trees.setdefault(tree_key(candidate.program), candidate.id)
        except (SyntaxError, ValueError, RecursionError):
            return  # a seed that does not parse fails in the evaluator, with a better message
        same_law = law_of(candidate.program, self.facts.names)[1]
        if same_law:
            self._laws.setdefault(same_law, candidate.id)

    def rejected(self, request: Request, reason: str, detail: str = "") -> None:
        """A proposal ends without a program."""
        self.ledger.count(reason)
        assert request.plan is not None
        if detail:
            self.memory.unusable(f"an answer ({request.operator} by {request.model})", reason, detail)
        self._learn(request.plan.id, 0.0)

    def turned_down(self, candidate: Candidate) -> None:
        """A program was turned down before it cost an evaluation."""
        self.ledger.count("same predictions")
        self._learn(candidate.id, 0.0)

    def tell(
        self, candidate: Candidate, outcome: Outcome, search: Search, is_best: bool, patterns: tuple[str, ...]
    ) -> None:
        """An evaluation; `search` has been told."""
        member = search.members.get(candidate.id)
        parent = search.members.get(candidate.parent or "")
        self.memory.tell(candidate, outcome, member, parent, patterns)
        if candidate.proposer != self.name:
            return
        self.ledger.candidates += 1
        self.ledger.improvements += is_best
        self._learn(candidate.id, _reward(member, parent, is_best))

    def _learn(self, plan_id: str, reward: float) -> None:
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
        return Request(number, purpose, model, operator, plan, messages, m.sent(), m.stream)

    def _values(
        self, search: Search, parent: Member, mate: Member | None, rng: np.random.Generator
    ) -> dict[str, str]:
        shown = self._others(search, [parent] if mate is None else [parent, mate], rng)
        values = {
            "title": self._title,
            "facts": self._facts_text,
            **self._program("parent", parent),
            "patterns": "\n".join(self.memory.patterns.get(parent.candidate.id, ())) or context.NOTHING,
            "inspirations": context.inspirations(shown, self.memory),
            "failures": self._failures(self.settings.failures),
            "tried": context.tried(self.memory),
            "memo": self.memory.memo or context.NOTHING,
        }
        if mate is not None:
            values |= self._program("mate", mate)
        return values

    def _program(self, role: str, member: Member) -> dict[str, str]:
        return {
            f"{role}_id": member.candidate.id,
            f"{role}_error": f"{member.error:.4g}",
            f"{role}_constants": str(member.n_constants),
            role: context.program_of(member),
            f"{role}_errors": context.errors(self.memory.scored.get(member.candidate.id)),
        }

    def _failures(self, most: int) -> str:
        return context.failures(list(self.memory.failures)[-most:] if most else [])

    def _others(self, search: Search, without: list[Member], rng: np.random.Generator) -> list[Member]:
        """The best other program, then owners of niches, each of another size than those before."""
        left = [m for m in sorted(search.owners(), key=lambda m: m.order) if m not in without]
        chosen: list[Member] = []
        while left and len(chosen) < self.settings.inspirations:
            m = left[0] if not chosen else left[int(rng.integers(len(left)))]
            chosen.append(m)
            left = [other for other in left if other.n_constants != m.n_constants]
        return chosen


def _reward(member: Member | None, parent: Member | None, is_best: bool) -> float:
    """Gain over the parent; in full for a new best, a quarter otherwise, or bad parents would pay best."""
    if member is None or parent is None:
        return 0.0
    return gain(parent.error, member.error) * (1.0 if is_best else 0.25)
