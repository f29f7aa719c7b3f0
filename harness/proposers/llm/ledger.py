"""Tokens and money of a run: exact where servers count, estimated where they do not.

What may have been paid and was not counted is booked at the most that it can have cost.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from harness.proposers.llm.endpoint import MOST_PAID
from harness.proposers.llm.learned import Learned
from harness.proposers.llm.reply import MAY_COST, Reply, Status
from harness.proposers.llm.settings import LlmConfig, ModelConfig

BYTES_PER_TOKEN = 3.0
"""A cautious estimate for English and code; most tokenizers need fewer tokens."""

UNLIMITED_REPLY = 4096
"""Tokens reserved for a reply where a model has no max_tokens."""


def estimate_tokens(text: str) -> int:
    return int(len(text.encode("utf-8", errors="replace")) / BYTES_PER_TOKEN) + 1


@dataclass(frozen=True, slots=True)
class Price:
    """What a request may cost at most, or what it did cost."""

    tokens_in: int
    tokens_out: int
    cost: float

    @property
    def tokens(self) -> int:
        return self.tokens_in + self.tokens_out


@dataclass(slots=True)
class Ledger:
    """What has been spent on models, over all sessions of a run.

    Attributes:
        limits: has max_cost and max_tokens.
        models: name -> prices.
        requests, bad: replies that came, and those of them with no usable text.
        tokens_in, tokens_out, cost: spent.
        estimated: tokens among them that no server counted.
        tokens_cached: tokens in that servers had in their caches.
        improvements: candidates of a model that became the best of their run.
        candidates: programs that models made.
        by_model: name -> [requests, tokens in, tokens out, cost].
        outcomes: name of a status or verdict -> how often.
    """

    limits: LlmConfig
    models: dict[str, ModelConfig]
    requests: int = 0
    bad: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    estimated: int = 0
    improvements: int = 0
    candidates: int = 0
    cached: int = 0
    by_model: dict[str, list[float]] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)
    tokens_cached: int = 0
    _reserved: dict[int, Price] = field(default_factory=dict)
    _learned: dict[str, Learned] = field(default_factory=dict)

    def most(self, model: str, prompt: str) -> Price:
        """The most one request can cost, paid attempts that go wrong included."""
        tokens_in, tokens_out = (MOST_PAID * n for n in self._call(model, prompt))
        return Price(tokens_in, tokens_out, self.models[model].cost(tokens_in, tokens_out))

    def _call(self, model: str, prompt: str) -> tuple[int, int]:
        """Tokens in and out of one attempt at most."""
        m = self.models.get(model)
        limit = (m.sent().get("max_completion_tokens", m.max_tokens) if m else None) or UNLIMITED_REPLY
        learned = self._learned.get(model)
        return estimate_tokens(prompt), (learned.limit(int(limit)) if learned else int(limit)) or int(limit)

    def may_spend(self, price: Price | None = None) -> bool:
        """Whether a request of this price fits beside what is spent and in flight."""
        price = price or Price(0, 0, 0.0)
        tokens = self.tokens_in + self.tokens_out + sum(p.tokens for p in self._reserved.values())
        cost = self.cost + sum(p.cost for p in self._reserved.values())
        most_tokens, most_cost = self.limits.max_tokens, self.limits.max_cost
        if most_tokens is not None and tokens + price.tokens > most_tokens:
            return False
        # A model without prices costs nothing, even where nothing may be spent.
        return most_cost is None or price.cost == 0.0 or cost + price.cost <= most_cost * (1 + 1e-12)

    def reserve(self, number: int, price: Price) -> None:
        self._reserved[number] = price

    def settle(self, number: int, model: str, prompt: str, reply: Reply) -> Price:
        """Book a reply; returns what it cost."""
        self._reserved.pop(number, None)
        price = self._price(model, prompt, reply)
        for line in reply.refused:  # a limit that was raised or lowered counts from now on
            self._learned.setdefault(model, Learned()).remember(line)
        self.requests += 1
        self.bad += reply.status is not Status.OK
        self.cached += reply.cached
        self.tokens_in += price.tokens_in
        self.tokens_out += price.tokens_out
        self.cost += price.cost
        self.tokens_cached += 0 if reply.cached else reply.tokens_cached
        row = self.by_model.setdefault(model, [0, 0, 0, 0.0])
        for i, value in enumerate((1, price.tokens_in, price.tokens_out, price.cost)):
            row[i] += value
        self.count(reply.status.value)
        return price

    def count(self, outcome: str) -> None:
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1

    def _price(self, model: str, prompt: str, reply: Reply) -> Price:
        if reply.cached:
            return Price(0, 0, 0.0)
        most_in, most_out = self._call(model, prompt)
        t_in, t_out, uncounted = reply.earlier
        known_in, known_out = reply.tokens_in, reply.tokens_out
        guess_in, guess_out = uncounted * most_in, uncounted * most_out
        if known_in is None and (reply.text or reply.status in MAY_COST):
            guess_in += most_in
        if known_out is None and reply.text:
            guess_out += estimate_tokens(reply.text)
        elif known_out is None and reply.status in MAY_COST:
            guess_out += most_out
        self.estimated += guess_in + guess_out
        t_in += (known_in or 0) + guess_in
        t_out += (known_out or 0) + guess_out
        m = self.models.get(model)
        return Price(t_in, t_out, m.cost(t_in, t_out, reply.tokens_cached) if m else 0.0)

    def share(self) -> float:
        """Share of the money or tokens used, whichever is nearer its end."""
        shares = [0.0]
        if self.limits.max_cost:
            shares.append(self.cost / self.limits.max_cost)
        if self.limits.max_tokens:
            shares.append((self.tokens_in + self.tokens_out) / self.limits.max_tokens)
        return min(1.0, max(shares))

    def line(self) -> str:
        """For a screen: requests, tokens, money."""
        parts = [f"{self.requests} replies ({self.bad} bad)"]
        of = f" of {self.limits.max_tokens}" if self.limits.max_tokens else ""
        about = "about " if self.estimated else ""
        parts.append(f"{about}{self.tokens_in} tokens in, {self.tokens_out} out{of}")
        if self.cost or self.limits.max_cost is not None:
            limit = f" of {self.limits.max_cost:g}" if self.limits.max_cost is not None else ""
            parts.append(f"money {self.cost:.4f}{limit}")
        return ", ".join(parts)

    def facts(self) -> dict[str, Any]:
        """For a summary."""
        n = max(self.improvements, 1)
        return {
            "requests": self.requests,
            "bad_replies": self.bad,
            "cached": self.cached,
            "candidates": self.candidates,
            "improvements": self.improvements,
            "tokens_in": self.tokens_in,
            "tokens_out": self.tokens_out,
            "tokens_cached": self.tokens_cached,
            "tokens_estimated": self.estimated,
            "cost": round(self.cost, 6),
            "tokens_per_improvement": [self.tokens_in // n, self.tokens_out // n]
            if self.improvements
            else None,
            "outcomes": dict(sorted(self.outcomes.items())),
            "models": {
                m: {"requests": int(r), "tokens_in": int(i), "tokens_out": int(o), "cost": round(c, 6)}
                for m, (r, i, o, c) in sorted(self.by_model.items())
            },
        }
