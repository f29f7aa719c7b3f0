"""What a model thinks aloud is not its answer: a draft in there must never be run.

Models leave their thoughts in many dress: `<think>` in any case, only its end, or no end at all; channels;
square brackets. What is left after them is the answer.
"""

from __future__ import annotations

import re

_NAMES = r"(?:think|thinking|thought|thoughts|reasoning|reflection|scratchpad|analysis)"
_TAG = re.compile(
    rf"(<\s*{_NAMES}\s*>|\[\s*{_NAMES}\s*\]|◁think▷)|<\s*/\s*{_NAMES}\s*>|\[\s*/\s*{_NAMES}\s*\]|◁/think▷",
    re.I,
)
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
    kept: list[str] = []
    begin: int | None = 0  # of the text that is no thought; None inside thoughts
    for tag in _TAG.finditer(text):
        if tag.group(1):
            if begin is not None:
                kept.append(text[begin : tag.start()])
                begin = None
        else:
            if begin is not None:  # only the end came: what is before it was thought
                kept = []
            begin = tag.end()
    text = "".join(kept) + ("" if begin is None else text[begin:])  # thoughts that never end take the rest
    return _TOKEN.sub("", text)


def only_thoughts(text: str) -> bool:
    """Whether a text holds thoughts and no answer."""
    return bool(text.strip()) and not answer_of(text).strip()
