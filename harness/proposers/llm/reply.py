"""What came back from an endpoint: one checked value, whatever the server did."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """How a request ended. Only OK carries a text that is used."""

    OK = "ok"
    RATE_LIMIT = "rate_limit"
    SERVER = "server_error"
    CONNECTION = "connection"
    TIMEOUT = "timeout"
    HTML = "html"
    NOT_JSON = "not_json"
    EMPTY = "empty"
    LENGTH = "length"
    CUT = "cut"
    TOO_LONG = "too_long"
    WITHHELD = "withheld"
    AUTH = "auth"
    QUOTA = "quota"
    CONTEXT = "context_length"
    NOT_FOUND = "not_found"
    BAD_REQUEST = "bad_request"
    NOT_SENT = "not_sent"


PASSING = {Status.RATE_LIMIT, Status.SERVER, Status.CONNECTION, Status.TIMEOUT, Status.HTML}
"""Trouble of the server or the way to it: tried again, and counted by the breaker."""

PAID = {Status.NOT_JSON, Status.EMPTY, Status.CUT}
"""Replies that may have cost tokens: tried again once."""

FATAL = {Status.AUTH, Status.QUOTA, Status.NOT_FOUND}
"""Nothing but a change by the user helps."""

MAY_COST = PAID | {Status.TIMEOUT, Status.TOO_LONG}
"""Replies that may have cost tokens though no server counted them."""


@dataclass(frozen=True, slots=True)
class Reply:
    """How a request ended.

    Attributes:
        status: OK or what went wrong.
        text: the answer; also kept, where there is one, when it can't be used.
        detail: one line on what went wrong.
        finish: the server's finish_reason.
        tokens_in, tokens_out: of the last attempt; None where the server did not say.
        retry_after_s: how long the server asks us to wait.
        attempts: status of every attempt before the last.
        earlier: tokens in and out of those attempts, and how many of them may have cost without being counted.
        refused: what was learned of the endpoint by this request, "temperature: left out"; see `learned.py`.
        tokens_cached: of `tokens_in`, those that the server had in its cache.
        starved: thoughts used the token limit up, nothing was left for an answer.
        cached: answered by the cache, at no cost.
        param: parameter a bad request complains of.
        seconds: wall time; left out of journals' exports.
    """

    status: Status
    text: str = ""
    detail: str = ""
    finish: str = ""
    tokens_in: int | None = None
    tokens_out: int | None = None
    retry_after_s: float | None = None
    attempts: tuple[str, ...] = ()
    earlier: tuple[int, int, int] = (0, 0, 0)
    refused: tuple[str, ...] = ()
    cached: bool = False
    param: str = ""
    tokens_cached: int = 0
    starved: bool = False
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return self.status is Status.OK

    def facts(self) -> dict[str, Any]:
        """JSON-ready, without times."""
        return {
            "status": self.status.value,
            "text": self.text,
            "detail": self.detail,
            "finish": self.finish,
            "tokens_in": self.tokens_in,
            "tokens_out": self.tokens_out,
            "attempts": list(self.attempts),
            "earlier": list(self.earlier),
            "refused": list(self.refused),
            "cached": self.cached,
            "tokens_cached": self.tokens_cached,
        }

    @classmethod
    def of(cls, facts: dict[str, Any]) -> Reply:
        """The reply of `facts()`."""
        known = {k: facts[k] for k in ("text", "detail", "finish", "tokens_in", "tokens_out", "cached")}
        return cls(
            Status(facts["status"]),
            attempts=tuple(facts["attempts"]),
            earlier=tuple(facts["earlier"]),
            refused=tuple(facts["refused"]),
            tokens_cached=facts.get("tokens_cached", 0),
            **known,
        )
