"""What a model thinks aloud is not its answer: a draft in there must never be run.

Models leave their thoughts in many dress: `<think>` in any case, only its end, or no end at all; channels;
square brackets. What is left after them is the answer.
"""

from __future__ import annotations

import re

_NAMES = r"(?:think|thinking|thought|thoughts|reasoning|reflection|scratchpad|analysis)"
_WHOLE = re.compile(
    rf"<\s*({_NAMES})\s*>.*?<\s*/\s*\1\s*>|\[\s*({_NAMES})\s*\].*?\[\s*/\s*\2\s*\]|◁think▷.*?◁/think▷",
    re.S | re.I,
)
_END = re.compile(rf"<\s*/\s*{_NAMES}\s*>|\[\s*/\s*{_NAMES}\s*\]|◁/think▷", re.I)
_START = re.compile(rf"<\s*{_NAMES}\s*>|\[\s*{_NAMES}\s*\]|◁think▷", re.I)
_CHANNEL = re.compile(
    r"<\|channel\|>\s*(\w+)[^<]*<\|message\|>(.*?)(?=<\|(?:end|return|start|channel|call)\|>|\Z)", re.S
)
_TOKEN = re.compile(r"<\|[a-z_]+\|>")


def answer_of(text: str) -> str:
    """The text without thoughts; "" where nothing else came."""
    channels = _CHANNEL.findall(text)
    if channels:
        return "\n".join(
            body for name, body in channels if name.lower() not in ("analysis", "thought")
        ).strip()
    text = _WHOLE.sub("", text)
    ends = list(_END.finditer(text))
    if ends:  # only the end came: what is before it was thought
        text = text[ends[-1].end() :]
    start = _START.search(text)
    if start:  # it never ended
        text = text[: start.start()]
    return _TOKEN.sub("", text)


def only_thoughts(text: str) -> bool:
    """Whether a text holds thoughts and no answer."""
    return bool(text.strip()) and not answer_of(text).strip()
