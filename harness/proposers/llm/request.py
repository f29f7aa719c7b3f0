"""A request to a model, as it travels and as the journal holds it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from harness.search.search import Plan


@dataclass(frozen=True, slots=True)
class Request:
    """One question to one model.

    Attributes:
        number: order of asking, from 0.
        purpose: "propose", "turn" (after a call), "repair" or "memo".
        model: name of the model.
        operator: "diff", "full", "cross"; "" for a memo.
        plan: candidate it is for; None for a memo.
        messages: the whole conversation, as pairs of role and text.
        parameters: sent along, before what the endpoint refused is taken out.
        stream: whether a stream is asked for.
        mends: number of the request whose answer this one repairs or goes on from, or None.
    """

    number: int
    purpose: str
    model: str
    operator: str
    plan: Plan | None
    messages: tuple[tuple[str, str], ...]
    parameters: dict[str, Any]
    stream: bool = False
    mends: int | None = None

    @property
    def prompt(self) -> str:
        """All that is sent, for counting."""
        return "\n".join(text for _, text in self.messages)

    def wire(self) -> list[dict[str, str]]:
        return [{"role": role, "content": text} for role, text in self.messages]

    def facts(self) -> dict[str, Any]:
        return {**{k: getattr(self, k) for k in _PLAIN}, "plan": asdict(self.plan) if self.plan else None}

    @classmethod
    def of(cls, facts: dict[str, Any]) -> Request:
        """The request of `facts()`."""
        known = {k: facts[k] for k in _PLAIN}
        known["messages"] = tuple((role, text) for role, text in facts["messages"])
        plan = facts["plan"]
        if plan:
            plan = {
                ("niche" if k == "island" else k): v for k, v in plan.items()
            }  # the name in journals of version 0.1
            plan["shown"] = tuple(plan.get("shown", ()))
        return cls(plan=Plan(**plan) if plan else None, **known)


_PLAIN = ("number", "purpose", "model", "operator", "messages", "parameters", "stream", "mends")
