"""Reads what servers send, in every dialect of chat completions we know of.

A server may answer with HTML, half a JSON text, no choices, no content, a stream that stops in the middle or never
stops, an error under HTTP 200. All of that becomes a `Reply` with a status and one line of detail.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from harness.proposers.llm.reply import Reply, Status
from harness.proposers.llm.thoughts import only_thoughts
from harness.proposers.llm.tools import lines_of
from tables.documents import read_json
from tables.errors import Unreadable

COMPLETE = {
    "stop", "eos", "eos_token", "end_turn", "stop_sequence", "stop_token", "complete", "completed", "end_of_text",
    "finish", "finished", "normal", "end", "done", "success", "tool_calls", "tool_use", "function_call",
}  # fmt: skip
"""finish_reason of a whole answer, in the words of common servers; case does not count."""

TOO_SHORT = {
    "length",
    "max_tokens",
    "max_length",
    "max_output_tokens",
    "model_length",
    "token_limit",
    "max_new_tokens",
}
WITHHELD = {
    "content_filter", "refusal", "safety", "recitation", "blocklist", "prohibited_content", "sensitive", "spii",
    "guardrail_intervened", "content_filtered", "error_toxic",
}  # fmt: skip
BROKEN = {
    "error",
    "network_error",
    "abort",
    "aborted",
    "cancelled",
    "canceled",
    "timeout",
    "insufficient_system_resource",
}
_WHOLE = re.compile(r"def scaling_law_func\b.*^[ \t]*(```|~~~)[ \t]*$|^\W*LAW\W*[:=].+$", re.M | re.S | re.I)


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
        value = read_json(text)
    except Unreadable as error:
        return Reply(
            Status.NOT_JSON, detail=f"expected JSON, got {len(body)} bytes that are not: {_short(str(error))}"
        )
    if not isinstance(value, dict):
        return Reply(Status.NOT_JSON, detail=f"expected a JSON object, got {_short(text)}")
    if not value.get("choices") and _is_error(value):
        return read_error(200, value.get("error") or value)
    usage = _usage(value.get("usage"))
    choices = value.get("choices")
    if choices == []:
        return replace(
            usage, status=Status.WITHHELD, detail=f"no choices: withheld by the provider {_short(text, 120)}"
        )
    if not isinstance(choices, list) or not isinstance(choices[0], dict):
        return replace(usage, status=Status.EMPTY, detail=f"expected choices, got {_short(repr(choices))}")
    message = choices[0].get("message")
    message = message if isinstance(message, dict) else {"content": choices[0].get("text")}
    return _finished(usage, message, choices[0].get("finish_reason"), whole=True)


def _is_error(value: dict[str, Any]) -> bool:
    """An error inside an answer that claims success."""
    return (
        bool(value.get("error")) or value.get("object") == "error" or ("code" in value and "message" in value)
    )


def _read_stream(text: str) -> Reply:
    message: dict[str, str] = {"content": "", "reasoning_content": "", "refusal": ""}
    calls: dict[int, dict[str, str]] = {}
    finish: Any = None
    usage = Reply(Status.OK)
    # Lines end with \n or \r\n alone: JSON may hold U+2028 and its like unescaped.
    for line in re.split(r"\r?\n", text):
        if not line.startswith("data:"):
            continue
        data = line[5:].strip()
        if data == "[DONE]":
            break
        try:
            event = read_json(data)
        except Unreadable:
            detail = f"a piece of the stream is not JSON: {_short(data)}"
            return replace(usage, status=Status.CUT, text=message["content"], detail=detail)
        if not isinstance(event, dict):
            continue
        if _is_error(event) and not event.get("choices"):
            return replace(read_error(200, event.get("error") or event), text=message["content"])
        if event.get("usage"):
            usage = _usage(event["usage"])
        choices = event.get("choices")
        if isinstance(choices, list) and choices and isinstance(choices[0], dict):
            delta = choices[0].get("delta") or choices[0].get("message")
            if isinstance(delta, dict):
                _add(message, calls, delta)
            finish = choices[0].get("finish_reason") or finish
    if finish is None:
        detail = "the stream ended without a finish_reason"
        return replace(usage, status=Status.CUT, text=message["content"], detail=detail)
    given = [{"function": calls[i]} for i in sorted(calls)]
    return _finished(usage, {**message, "tool_calls": given}, finish, whole=False)


def _add(message: dict[str, str], calls: dict[int, dict[str, str]], delta: dict[str, Any]) -> None:
    message["content"] += _text(delta.get("content"))
    message["reasoning_content"] += _text(delta.get("reasoning_content") or delta.get("reasoning"))
    message["refusal"] += _text(delta.get("refusal"))
    given = delta.get("tool_calls")
    for call in given if isinstance(given, list) else []:
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict):
            index = call.get("index")
            known = calls.setdefault(index if isinstance(index, int) else 0, {"name": "", "arguments": ""})
            known["name"] += str(function.get("name") or "")
            known["arguments"] += str(function.get("arguments") or "")


def _finished(usage: Reply, message: dict[str, Any], finish: Any, whole: bool) -> Reply:
    """The reply of a message.

    Args:
        whole: its body came in one piece with its length, so that a finish that is not named is no sign of a cut.
    """
    content = _text(message.get("content"))
    thought = _text(message.get("reasoning_content") or message.get("reasoning"))
    word = str(finish or "").lower().removeprefix("finish_reason_")
    refusal = _text(message.get("refusal"))
    called = lines_of(message.get("tool_calls"))
    content = f"{content}\n{called}".strip("\n") if called else content
    empty = not content.strip() or only_thoughts(content)
    reply = replace(usage, text=content, finish=str(finish or ""))
    if word in WITHHELD or (refusal and not content.strip()):
        detail = f"withheld by the provider ({_short(refusal or word)})"
        return replace(reply, status=Status.WITHHELD, detail=detail)
    if word in TOO_SHORT:
        starved = empty and bool(thought or content.strip())
        why = "thoughts used the token limit up" if starved else "cut at the token limit"
        return replace(
            reply, status=Status.LENGTH, starved=starved, detail=f"{why}; raise max_tokens of this model"
        )
    if word in BROKEN:
        return replace(reply, status=Status.CUT, detail=f"the server broke the answer off ({word})")
    if not content.strip() and thought.strip():
        content = thought  # an answer that was put in the wrong field
        reply = replace(reply, text=content)
    if not content.strip():
        return replace(reply, status=Status.EMPTY, detail="expected a text, got no content")
    if word in COMPLETE or (not word and whole):
        return reply
    if _WHOLE.search(content):
        return replace(reply, refused=(f"finish_reason: {finish!r} means complete",))
    return replace(reply, status=Status.CUT, detail=f"expected finish_reason stop, got {finish!r}")


def _text(content: Any) -> str:
    """Text of a message: plain, or in parts as some gateways send it; thoughts among the parts are left out."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [p for p in content if isinstance(p, dict) and p.get("type") not in ("thinking", "reasoning")]
        return "".join(p["text"] for p in parts if isinstance(p.get("text"), str))
    return ""


def _usage(usage: Any) -> Reply:
    def count(value: Any) -> int | None:
        return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None

    found = usage if isinstance(usage, dict) else {}
    details = found.get("prompt_tokens_details")
    cached = (
        details.get("cached_tokens") if isinstance(details, dict) else found.get("prompt_cache_hit_tokens")
    )
    return Reply(
        Status.OK,
        tokens_in=count(found.get("prompt_tokens")),
        tokens_out=count(found.get("completion_tokens")),
        tokens_cached=count(cached) or 0,
    )


CONTEXT_WORDS = (
    "context length",
    "context_length",
    "maximum context",
    "context window",
    "too many tokens",
    "prompt is too long",
)
EMPTY_ACCOUNT = (
    "insufficient_quota",
    "insufficient balance",
    "insufficient_balance",
    "credit balance",
    "billing",
    "payment",
    "out of credits",
    "exceeded your current quota",
    "not enough credits",
)
MODERATION = (
    "moderat",
    "flagged",
    "content policy",
    "content_policy",
    "content management policy",
    "content_filter",
    "safety system",
    "responsibleai",
    "violat",
)
SOON = re.compile(
    r"(?:retry|try again|wait|available)[^.\d]{0,40}?(\d+(?:\.\d+)?)\s*(ms|milliseconds?|s\b|sec|seconds?|m\b|min|minutes?)",
    re.I,
)
RATE_WORDS = (
    "per minute",
    "per second",
    "per day",
    "rate limit",
    "rate_limit",
    "too many requests",
    "tokens per min",
)


def read_error(code: int, error: Any) -> Reply:
    """The reply in an error body.

    Args:
        code: HTTP status; 200 for an error inside an answer that claims success.
        error: the value under "error", or the whole body.
    """
    facts = error if isinstance(error, dict) else {}
    inner = facts.get("error")
    if isinstance(inner, dict):
        facts = inner
    said = facts.get("message") or facts.get("detail") or (inner if isinstance(inner, str) else "")
    said = said or (error if isinstance(error, str) else "")
    message = str(said) if isinstance(said, str) else json.dumps(said)[:500]
    message = message or "no message"
    if code == 200:
        code = _code(facts)
    kind = f"{facts.get('code') or ''} {facts.get('type') or ''} {facts.get('status') or ''}"
    words = f"{kind} {message}".lower()
    status = _status(code, words, facts)
    return Reply(
        status,
        detail=f"{'HTTP ' + str(code) + ': ' if code != 200 else ''}{_short(message)}",
        param=str(facts.get("param") or ""),
        retry_after_s=_soon(message) if status is Status.RATE_LIMIT else None,
    )


def _code(facts: dict[str, Any]) -> int:
    """An HTTP status in an error's own words, or 200."""
    for name in ("code", "status", "status_code", "http_status"):
        text = str(facts.get(name) or "")
        if re.fullmatch(r"[45]\d\d", text):
            return int(text)
    return 200


def _status(code: int, words: str, facts: dict[str, Any]) -> Status:
    soon = SOON.search(words) is not None or any(w in words for w in RATE_WORDS)
    if (any(w in words for w in EMPTY_ACCOUNT) and not (soon and "insufficient" not in words)) or code == 402:
        return Status.QUOTA
    if code in (400, 403, 422, 200) and any(w in words for w in MODERATION):
        return Status.WITHHELD
    if any(w in words for w in CONTEXT_WORDS):
        return Status.CONTEXT
    if code in (401, 403) or "invalid_api_key" in words:
        return Status.AUTH
    if code in (404, 405):
        return Status.NOT_FOUND
    if code == 429 or (code == 200 and soon):
        return Status.RATE_LIMIT
    if code in (408, 409) or code >= 500 or code == 200:
        return Status.SERVER
    return Status.BAD_REQUEST


def _soon(message: str) -> float | None:
    """Seconds that a message asks to wait."""
    found = SOON.search(message)
    if not found:
        return None
    unit = found.group(2).lower()
    scale = 1e-3 if unit.startswith(("ms", "milli")) else 60.0 if unit.startswith("m") else 1.0
    return float(found.group(1)) * scale


def _short(text: str, most: int = 200) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[:most] + " ..."
