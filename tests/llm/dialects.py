"""What endpoints do that others don't, one row each: what a real local server sends, and what must come of it.

Every row is asked twice, as a run asks: what was learned by the first request must cost the second nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from fake_server import Step, completion, error, events

from harness.proposers.llm.reply import Status

LAW = "LAW: E + A*N**-a\nCONSTANTS: E, A, a\nWHY: a power law."
DRAFT = "```python\ndef scaling_law_func(data_points, params):\n    return DRAFT\n```\nLAW: D + R*N**-draft\n"
Script = Callable[[dict[str, Any]], Step] | list[Step]


@dataclass(frozen=True)
class Dialect:
    """One symptom.

    Attributes:
        name: what the endpoint does.
        outcome: what is made of it, for the table in the docs.
        script: body -> step, or the steps in order.
        status: of the first reply.
        law: the law read from its answer; "" for none.
        learned: lines learned, each told once.
        calls: requests of the first question, and of a second one.
        suffix: of the address used, in place of /v1.
        settings: of the model.
        waits_s: least and most that lies between the first two requests.
    """

    name: str
    outcome: str
    script: Script
    status: Status = Status.OK
    law: str = "E + A*N**-a"
    learned: tuple[str, ...] = ()
    calls: tuple[int, int] = (1, 1)
    suffix: str = "/v1"
    settings: dict[str, Any] = field(default_factory=dict)
    waits_s: tuple[float, float] | None = None


def message(finish: str | None = "stop", **fields: Any) -> Step:
    """A completion with any fields in its message."""
    usage = {"prompt_tokens": 700, "completion_tokens": 300}
    choice = {"index": 0, "message": {"role": "assistant", **fields}, "finish_reason": finish}
    return Step(body=json.dumps({"choices": [choice], "usage": usage}).encode())


def plain(value: Any, status: int = 200) -> Step:
    return Step(status, json.dumps(value).encode())


def good() -> Step:
    return completion(LAW)


def ends(word: str | None, name: str) -> Dialect:
    return Dialect(f"finish_reason {name}", "taken as a whole answer", [completion(LAW, finish=word)])


def refuses_above(most: int, words: str) -> Script:
    def script(body: dict[str, Any]) -> Step:
        return error(400, words.format(body["max_tokens"])) if body["max_tokens"] > most else good()

    return script


def starved(body: dict[str, Any]) -> Step:
    if body["max_tokens"] < 8000:
        return message("length", content="", reasoning_content="Let me think " * 50)
    return good()


def only_streams(body: dict[str, Any]) -> Step:
    return events(LAW) if body.get("stream") else error(400, "This endpoint only supports streaming requests")


def no_system(body: dict[str, Any]) -> Step:
    if body["messages"][0]["role"] == "system":
        return error(400, "System role not supported")
    return good()


def must_alternate(body: dict[str, Any]) -> Step:
    if body["messages"][0]["role"] == "system":
        return error(500, "Conversation roles must alternate user/assistant/user/assistant/...")
    return good()


def no_tools(body: dict[str, Any]) -> Step:
    return error(500, "tools param requires --jinja flag") if "tools" in body else good()


def raw_separator() -> Step:
    text = LAW.replace("a power law", "a power\u2028law")

    def pieces():
        chunk = {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}
        yield b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"
        yield b'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'

    return Step(headers={"Content-Type": "text/event-stream"}, pieces=pieces)


def in_a_second() -> str:
    """A date that is over soon."""
    return formatdate(time.time() + 2, usegmt=True)


RATE = "Quota exceeded for requests per minute. Please retry in 0.3s."
DIALECTS = [
    Dialect("only `</think>`, the start left out", "what is before it is thought", [completion(f"{DRAFT}\n</think>\n{LAW}")]),
    Dialect("`<think>` that never ends", "all after it is thought", [completion(f"{LAW}\n<think>\n{DRAFT}")]),
    Dialect("`<THINK>` in capitals", "left out", [completion(f"<THINK>{DRAFT}</THINK>{LAW}")]),
    Dialect("`[THINK]` in brackets", "left out", [completion(f"[THINK]{DRAFT}[/THINK]{LAW}")]),
    Dialect("channel markers", "the final channel alone", [completion(f"<|channel|>analysis<|message|>{DRAFT}<|end|><|start|>assistant<|channel|>final<|message|>{LAW}<|return|>")]),
    Dialect("thoughts in `reasoning_content`", "left out", [message(content=LAW, reasoning_content=DRAFT)]),
    Dialect("thoughts as a part of the content", "left out", [message(content=[{"type": "thinking", "text": DRAFT}, {"type": "text", "text": LAW}])]),
    Dialect("answer only in `reasoning_content`", "taken as the answer", [message(content="", reasoning_content=LAW)]),
    Dialect("answer only in `reasoning`", "taken as the answer", [message(content=None, reasoning=LAW)]),
    Dialect("nothing but thoughts", "refused, mended by a second answer", [completion(f"<think>{DRAFT}")], law=""),
    ends("eos_token", "`eos_token`"), ends("STOP", "`STOP`"), ends("FINISH_REASON_STOP", "`FINISH_REASON_STOP`"),
    ends("COMPLETE", "`COMPLETE`"), ends("stop_sequence", "`stop_sequence`"), ends("end_of_text", "`end_of_text`"),
    ends("", "empty, whole body"), ends(None, "null, whole body"),
    Dialect("finish_reason in an unknown word, answer whole", "taken, named once", [completion(LAW, finish="ended_well")], learned=("finish_reason: 'ended_well' means complete",)),
    Dialect("finish_reason in an unknown word, answer broken off", "asked once more", [completion("```python\nimport numpy as", finish="ended"), good()], calls=(2, 1)),
    Dialect("finish_reason null in a stream", "asked once more", [events(LAW, finish=None), good()], calls=(2, 1)),
    Dialect("finish_reason `MAX_TOKENS`", "cut off, not asked again", [completion("LAW: E +", finish="MAX_TOKENS")], Status.LENGTH, ""),
    Dialect("max_tokens above the model's", "lowered once", refuses_above(2048, "max_tokens is too large: {}. This model supports at most 2048 completion tokens."), learned=("max_tokens: at most 2048",), calls=(2, 1)),
    Dialect("max_tokens above the server's context", "lowered once", refuses_above(2600, "This model's maximum context length is 4096 tokens. However, you requested {0} tokens in the completion and 1500 tokens in the messages."), learned=("max_tokens: at most 2336",), calls=(2, 1)),
    Dialect("max_tokens to be sent as max_completion_tokens", "renamed once", lambda b: error(400, "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.", "unsupported_parameter", "max_tokens") if "max_tokens" in b else good(), learned=("max_tokens: sent as max_completion_tokens",), calls=(2, 1)),
    Dialect("temperature refused", "left out", lambda b: error(400, "Unsupported value: 'temperature'", param="temperature") if "temperature" in b else good(), learned=("temperature: left out",), calls=(2, 1)),
    Dialect("thoughts use the token limit up", "raised for the next request", starved, Status.LENGTH, "", learned=("max_tokens: raised to 8192",)),
    Dialect("a server that only streams", "streams from then on", only_streams, learned=("stream: on",), calls=(2, 1)),
    Dialect("a stream nobody asked for", "read as one", [events(LAW)]),
    Dialect("raw U+2028 in a stream", "part of the text", [raw_separator()]),
    Dialect("error with code 429 under HTTP 200", "waited for, tried again", [plain({"error": {"code": 429, "message": "slow down"}}), good()], calls=(2, 1)),
    Dialect("error with code 401 under HTTP 200", "the key is wrong", [plain({"error": {"code": 401, "message": "no such key"}})], Status.AUTH, ""),
    Dialect("`object: error` under HTTP 200", "tried again", [plain({"object": "error", "message": "overloaded", "code": 50001}), good()], calls=(2, 1)),
    Dialect("429: quota, retry in 0.3 s", "a rate limit: that long is waited", [error(429, RATE, "RESOURCE_EXHAUSTED"), good()], calls=(2, 1), waits_s=(0.25, 5.0)),
    Dialect("429: exceeded your current quota, retry in 0.3 s", "a rate limit", [error(429, "You exceeded your current quota. Please retry in 0.3s."), good()], calls=(2, 1), waits_s=(0.25, 5.0)),
    Dialect("429: insufficient_quota", "the account is empty: asked once", [error(429, "You exceeded your current quota, please check your plan and billing details.", "insufficient_quota")], Status.QUOTA, ""),
    Dialect("402, or no credits left", "the account is empty: asked once", [error(402, "Insufficient Balance")], Status.QUOTA, ""),
    Dialect("Retry-After as a date", "waited for", lambda b, n=[]: n.append(1) or (error(429, "slow", Retry_After=in_a_second()) if len(n) == 1 else good()), calls=(2, 1), waits_s=(0.3, 6.0)),
    Dialect("Retry-After in seconds", "waited for", [error(429, "slow", Retry_After="0.3"), good()], calls=(2, 1), waits_s=(0.25, 5.0)),
    Dialect("403: this prompt was flagged", "withheld, the next is asked", [error(403, "Your input was flagged by moderation"), good()], Status.WITHHELD, ""),
    Dialect("400: content management policy", "withheld, the next is asked", [error(400, "The response was filtered due to our content management policy", "content_filter"), good()], Status.WITHHELD, ""),
    Dialect("403: forbidden", "the key is wrong", [error(403, "forbidden")], Status.AUTH, ""),
    Dialect("`refusal` in place of content", "withheld, not paid twice", [message(content=None, refusal="I can't help with that.")], Status.WITHHELD, ""),
    Dialect("finish_reason content_filter", "withheld, not paid twice", [completion("", finish="content_filter")], Status.WITHHELD, ""),
    Dialect("finish_reason SAFETY", "withheld, not paid twice", [completion("", finish="SAFETY")], Status.WITHHELD, ""),
    Dialect("empty choices", "withheld, not paid twice", [plain({"choices": [], "usage": {"prompt_tokens": 9}})], Status.WITHHELD, ""),
    Dialect("a base URL without /v1", "found once", [], suffix="", learned=("address: with /v1",), calls=(2, 1)),
    Dialect("a base URL with /chat/completions", "cut to its base", [good()], suffix="/v1/chat/completions"),
    Dialect("system role not supported", "put in front of the user's words", no_system, learned=("system: in the user message",), calls=(2, 1)),
    Dialect("roles must alternate, said with HTTP 500", "put in front of the user's words", must_alternate, learned=("system: in the user message",), calls=(2, 1)),
    Dialect("tools refused", "left out; calls go as text", no_tools, learned=("tools: left out",), calls=(2, 1), settings={"parameters": {"tools": []}}),
    Dialect("an extra header (`api-key`)", "sent, its value kept secret", lambda b: good(), settings={"headers": {"api-key": "$DIALECT_KEY"}}),
    Dialect("a limit on thinking", "sent as reasoning_effort", lambda b: good() if b.get("reasoning_effort") == "low" else error(400, "no"), settings={"thinking": "low"}),
    Dialect("tokens of the server's cache", "booked at their own price", [plain({"choices": [{"message": {"content": LAW}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 700, "completion_tokens": 300, "prompt_tokens_details": {"cached_tokens": 500}}})], settings={"price_in": 1.0, "price_cached": 0.1}),
]  # fmt: skip
