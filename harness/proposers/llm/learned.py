"""What was learned of one model at one endpoint: said once, remembered for the run, never paid for twice.

Each thing learned is a line that the journal keeps with the reply that taught it:

    temperature: left out                    max_tokens: at most 2048
    max_tokens: sent as max_completion_tokens   max_tokens: raised to 8192
    stream: on                               system: in the user message
    address: with /v1                        finish_reason: 'eos' means complete
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from harness.proposers.llm.reply import Reply, Status

RENAMED = {"max_tokens": "max_completion_tokens"}
STREAMING = {"stream": True, "stream_options": {"include_usage": True}}
"""A stream says nothing of its tokens unless asked to."""
LIMITS = ("max_tokens", "max_completion_tokens")
MOST_RAISED = 32768
LEAST_LIMIT = 256
_ONLY_STREAM = re.compile(
    r"(?:only|must|requires?|needs?)[^.]{0,40}stream|stream[^.]{0,30}(?:required|must be (?:true|set|enabled)|only)|non-?stream\w*[^.]{0,40}not",
    re.I,
)
_NO_SYSTEM = re.compile(
    r"system[^.]{0,40}(?:role|message|instruction|prompt)|role[^.]{0,30}system|roles? must alternate|developer instruction",
    re.I,
)
_TOO_LARGE = re.compile(
    r"too large|at most|maximum|less than|exceed|<=|limit|greater than|range|must be", re.I
)


@dataclass(slots=True)
class Learned:
    """Not thread-safe; the endpoint guards it."""

    changes: dict[str, str | None] = field(default_factory=dict)
    most: int | None = None
    raised: int | None = None
    stream: bool = False
    folded: bool = False
    suffix: str = ""
    words: set[str] = field(default_factory=set)
    lines: list[str] = field(default_factory=list)

    def remember(self, line: str) -> bool:
        """Take over a line; False where it was known."""
        if line in self.lines:
            return False
        name, _, what = line.partition(": ")
        if name == "stream" and what == "on":
            self.stream = True
        elif name == "system":
            self.folded = True
        elif name == "address":
            self.suffix = what.removeprefix("with ")
        elif name == "finish_reason":
            self.words.add(what)
        elif what.startswith("at most "):
            self.most = int(what.removeprefix("at most "))
        elif what.startswith("raised to "):
            self.raised = int(what.removeprefix("raised to "))
        else:
            self.changes[name] = what.removeprefix("sent as ") if what.startswith("sent as ") else None
        self.lines.append(line)
        return True

    def limit(self, wanted: int | None) -> int | None:
        """The limit on a reply's tokens that is sent in place of the one wanted."""
        if wanted is None:
            return None
        value = max(wanted, self.raised or 0)
        return min(value, self.most) if self.most is not None else value

    def body(self, parameters: dict[str, Any], stream: bool) -> dict[str, Any]:
        """Parameters as they are sent."""
        streaming = STREAMING if (stream or self.stream) and "stream" not in self.changes else {}
        out = {}
        for name, value in {**parameters, **streaming}.items():
            sent = self.changes.get(name, name)
            if sent is None:
                continue
            out[sent] = self.limit(int(value)) if name in LIMITS else value
        return out

    def messages(self, messages: list[dict[str, str]]) -> list[dict[str, str]]:
        """Messages as they are sent: the system's words in front of the user's where that role is not known."""
        if not self.folded or not messages or messages[0]["role"] != "system":
            return messages
        system, first, *rest = messages if len(messages) > 1 else [*messages, {"role": "user", "content": ""}]
        return [{**first, "content": f"{system['content']}\n\n{first['content']}".strip()}, *rest]

    def lesson(self, reply: Reply, parameters: dict[str, Any], stream: bool, system: bool) -> str | None:
        """What a refusal teaches, as a line that is not known yet; None where nothing is to be learned.

        Args:
            parameters: as wanted, before what is known is laid over them.
            system: whether the request has a system message.
        """
        words = f"{reply.param} {reply.detail}"
        if reply.status is Status.CONTEXT:
            return self._smaller(words, parameters, of_context=True)
        if reply.status not in (Status.BAD_REQUEST, Status.SERVER, Status.NOT_FOUND):
            return None
        if not (stream or self.stream) and "stream" not in self.changes and _ONLY_STREAM.search(words):
            return "stream: on"
        if system and not self.folded and _NO_SYSTEM.search(words):
            return "system: in the user message"
        if reply.status is Status.NOT_FOUND:
            return None
        sent = self.body(parameters, stream)
        found = set(re.findall(r"\w+", words))
        named = [n for n in sent if n == reply.param] or [n for n in sent if n in found]
        if not named or (
            reply.status is Status.SERVER and named[0] not in ("tools", "stream_options", "response_format")
        ):
            return None
        name = named[0]
        original = next((k for k, v in self.changes.items() if v == name), name)
        if (
            original in LIMITS
            and _TOO_LARGE.search(words)
            and "unsupported" not in words.lower()
            and "instead" not in words
        ):
            smaller = self._smaller(words, parameters, of_context=False)
            if smaller:
                return smaller
        if original in RENAMED and original not in self.changes:
            return f"{original}: sent as {RENAMED[original]}"
        return f"{original}: left out"

    def _smaller(self, words: str, parameters: dict[str, Any], of_context: bool) -> str | None:
        """A lower limit on the reply, read from the numbers of a refusal; None where it can't help."""
        name = next((n for n in LIMITS if n in parameters), None)
        if name is None or self.most is not None:
            return None
        sent = self.limit(int(parameters[name])) or 0
        numbers = [int(n.replace(",", "")) for n in re.findall(r"\d[\d,]*", words)]
        context = re.search(
            r"(?:context (?:length|window|size)[^\d]{0,20}|maximum context[^\d]{0,30})(\d[\d,]*)", words, re.I
        )
        prompt = re.search(
            r"(\d[\d,]*)\s*(?:tokens? )?(?:in the messages|in your prompt|input tokens|prompt tokens|of text input)|"
            r"(?:prompt|messages|input)[^\d]{0,40}(\d[\d,]*)",
            words,
            re.I,
        )
        if context and prompt:
            left = int(context.group(1).replace(",", "")) - int(
                (prompt.group(1) or prompt.group(2)).replace(",", "")
            )
            lower = int(0.9 * left)
        elif of_context:
            return None
        else:
            lower = max((n for n in numbers if LEAST_LIMIT <= n < sent), default=sent // 2)
        return f"{name}: at most {lower}" if LEAST_LIMIT <= lower < sent else None

    def raise_limit(self, parameters: dict[str, Any]) -> str | None:
        """A higher limit for a model whose thoughts used it up; None where it can't rise."""
        name = next((n for n in LIMITS if n in parameters), None)
        if name is None:
            return None
        now = self.limit(int(parameters[name])) or 0
        wanted = min(2 * now, MOST_RAISED, self.most or MOST_RAISED)
        return f"{name}: raised to {wanted}" if wanted > now else None
