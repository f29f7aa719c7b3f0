"""Inputs that upset readers: known texts with parts cut out, doubled and replaced, and trees of values that our own keys lead into."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from harness.config import Config

NASTY = (
    "(" * 3000, "[" * 400 + "]" * 400, "{" * 300, "-" * 3000 + "1", "9" * 5000, "1e999", "-0", "NaN", "0x" + "f" * 400, "\0", "\ud800",
    "\u202e", "\ufeff", "\r", "\t", "\x1b]0;title\x07", "'''", '"', "\\", "#", ":", "&a [*a, *a]", "*a", "<<: *a", "!!python/name:os.system",
    "!!int ''", "!!timestamp x", "1:" * 400, "null", "~", "true", "[]", "{}", "lambda: " * 300, "if 1:\n" * 120, "**" * 200, "=cmd|'/c'!A1", ",",
    ";", "\n", "\n\n", "0", "-1", "1.5", "1,5", "1_000", "x" * 10_000, "é", "한", "[/]", "[bold]", "import os\n", "async ", "yield ", "\f", "```\n",
    "<think>", "data: ", "# EVOLVE-BLOCK-END\n", "return ", "def f(:", "\x85",
)  # fmt: skip


def changed(texts: list[str], most: int = 6) -> st.SearchStrategy[str]:
    """One of these texts after a few cuts, doublings, swaps and insertions."""

    @st.composite
    def build(draw: st.DrawFn) -> str:
        text = draw(st.sampled_from(texts))
        for _ in range(draw(st.integers(0, most))):
            a = draw(st.integers(0, len(text)))
            b = draw(st.integers(a, min(len(text), a + draw(st.sampled_from((1, 5, 40, 400))))))
            part = draw(
                st.one_of(st.sampled_from(NASTY), st.text(max_size=20), st.just(""), st.just(text[a:b] * 2))
            )
            text = text[:a] + part + text[b:]
        return text

    return build()


def trees() -> st.SearchStrategy[Any]:
    """Values as JSON and YAML hold them, among them our own keys."""
    keys = st.sampled_from(
        [
            *Config().as_dict(),
            *Config().as_dict()["evolve"],
            "choices",
            "message",
            "content",
            "candidate",
            "draft",
            "x",
        ]
    )
    plain = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=10),
        st.sampled_from((10**400, -1, 0, "stop")),
    )
    return st.recursive(
        plain,
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)),
        max_leaves=20,
    )
