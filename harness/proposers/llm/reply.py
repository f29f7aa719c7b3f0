"""What came back from an endpoint: one checked value, whatever the server did.

A server may answer with HTML, half a JSON text, no choices, no content, a stream that stops in the
middle or never stops. All of that becomes a `Reply` with a status and one line of detail.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
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

FINISHED = {"stop", "eos", "end_turn"}


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
        refused: parameters the model refused and what was done, "temperature: left out".
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
            **known,
        )


def read_body(body: bytes, content_type: str) -> Reply:
    """The reply in the body of a 2xx answer.

    Args:
        body: everything that came, decoded from its transfer coding.
        content_type: header; a stream of events is recognised by it, or by its first bytes.
    """
    text = body.decode("utf-8", errors="replace")
    start = text.lstrip()[:200].lower()
    if "event-stream" in content_type or start.startswith(("data:", "event:", ": ")):
        return _read_stream(text)
    if start.startswith("<"):
        return Reply(Status.HTML, detail=f"expected JSON, got HTML: {_short(text)}")
    try:
        value = json.loads(text)
    except ValueError as error:
        return Reply(Status.NOT_JSON, detail=f"expected JSON, got {len(body)} bytes that are not: {error}")
    if not isinstance(value, dict):
        return Reply(Status.NOT_JSON, detail=f"expected a JSON object, got {_short(text)}")
    if value.get("error") and not value.get("choices"):
        return read_error(200, value["error"])
    usage = _usage(value.get("usage"))
    choices = value.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        return replace(usage, status=Status.EMPTY, detail=f"expected choices, got {_short(repr(choices))}")
    message = choices[0].get("message")
    content = _content(message.get("content")) if isinstance(message, dict) else ""
    return _finished(usage, content, choices[0].get("finish_reason"))


def _read_stream(text: str) -> Reply:
    pieces: list[str] = []
    finish: Any = None
    usage = Reply(Status.OK)
    for line in text.splitlines():
        if not line.startswith("data:"):
            continue
        data = line[5:].strip()
        if data == "[DONE]":
            break
        try:
            event = json.loads(data)
        except ValueError:
            return replace(
                usage,
                status=Status.CUT,
                text="".join(pieces),
                detail=f"a piece of the stream is not JSON: {_short(data)}",
            )
        if not isinstance(event, dict):
            continue
        if event.get("error"):
            return replace(read_error(200, event["error"]), text="".join(pieces))
        if event.get("usage"):
            usage = _usage(event["usage"])
        choices = event.get("choices")
        if isinstance(choices, list) and choices and isinstance(choices[0], dict):
            delta = choices[0].get("delta")
            if isinstance(delta, dict):
                pieces.append(_content(delta.get("content")))
            finish = choices[0].get("finish_reason") or finish
    if finish is None:
        return replace(
            usage, status=Status.CUT, text="".join(pieces), detail="the stream ended without a finish_reason"
        )
    return _finished(usage, "".join(pieces), finish)


def _finished(usage: Reply, content: str, finish: Any) -> Reply:
    reply = replace(usage, text=content, finish=str(finish or ""))
    if finish == "length":
        return replace(
            reply, status=Status.LENGTH, detail="cut at the token limit; raise max_tokens of this model"
        )
    if finish in ("content_filter", "refusal"):
        return replace(reply, status=Status.WITHHELD, detail=f"withheld by the provider ({finish})")
    if not content.strip():
        return replace(reply, status=Status.EMPTY, detail="expected a text, got no content")
    if finish not in FINISHED:
        return replace(reply, status=Status.CUT, detail=f"expected finish_reason stop, got {finish!r}")
    return reply


def _content(content: Any) -> str:
    """Text of a message: plain, or in parts as some gateways send it."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(p["text"] for p in content if isinstance(p, dict) and isinstance(p.get("text"), str))
    return ""


def _usage(usage: Any) -> Reply:
    def count(name: str) -> int | None:
        value = usage.get(name) if isinstance(usage, dict) else None
        return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None

    return Reply(Status.OK, tokens_in=count("prompt_tokens"), tokens_out=count("completion_tokens"))


CONTEXT_WORDS = ("context length", "context_length", "maximum context", "context window", "too many tokens")


def read_error(code: int, error: Any) -> Reply:
    """The reply in an error body.

    Args:
        code: HTTP status; 200 for an error inside an answer that claims success.
        error: the value under "error", or the whole body.
    """
    facts = error if isinstance(error, dict) else {}
    message = str(facts.get("message") or (error if isinstance(error, str) else "") or "no message")
    kind = f"{facts.get('code') or ''} {facts.get('type') or ''}"
    words = f"{kind} {message}".lower()
    param = str(facts.get("param") or "")
    if "insufficient_quota" in words or "exceeded your current quota" in words or code == 402:
        status = Status.QUOTA
    elif any(w in words for w in CONTEXT_WORDS):
        status = Status.CONTEXT
    elif code in (401, 403):
        status = Status.AUTH
    elif code == 404:
        status = Status.NOT_FOUND
    elif code == 429:
        status = Status.RATE_LIMIT
    elif code in (408, 409) or code >= 500 or code == 200:
        status = Status.SERVER
    else:
        status = Status.BAD_REQUEST
    return Reply(
        status, detail=f"{'HTTP ' + str(code) + ': ' if code != 200 else ''}{_short(message)}", param=param
    )


def _short(text: str, most: int = 200) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[:most] + " ..."
