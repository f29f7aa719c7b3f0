"""Why a pasted program does not parse, in words a person would use."""

from __future__ import annotations

import ast
import re
from itertools import pairwise

TYPOGRAPHIC = {
    "\u201c": "a typographic quote", "\u201d": "a typographic quote", "\u201e": "a typographic quote",
    "\u2018": "a typographic quote", "\u2019": "a typographic quote", "\u2212": "a typographic minus",
    "\u2013": "a dash in place of a minus", "\u2014": "a dash in place of a minus", "\u00d7": "a typographic times sign",
    "\u00a0": "a blank that does not break", "\u200b": "a blank without width", "\ufeff": "a byte order mark",
}  # fmt: skip
_BLOCK = re.compile(r"\s*(?:def|class|if|elif|else|for|while|with|try|except|finally)\b.*:\s*(?:#.*)?$")


def explain(program: str) -> str | None:
    """What went wrong in pasting; None where the program parses, or nothing is known."""
    try:
        ast.parse(program)
        return None
    except (SyntaxError, ValueError, RecursionError, MemoryError, SystemError) as error:
        failed = error
    lines = program.splitlines()
    return (
        _fences(lines)
        or _prompts(lines)
        or _entities(lines)
        or _typographic(program)
        or _tabs(failed)
        or _indentation(lines, failed)
    )


def _fences(lines: list[str]) -> str | None:
    at = next((i for i, line in enumerate(lines, 1) if line.lstrip().startswith(("```", "~~~"))), None)
    if at is None:
        return None
    return (
        f"line {at} is a markdown fence ({lines[at - 1].strip()}): keep only what stands between the fences"
    )


def _prompts(lines: list[str]) -> str | None:
    at = next((i for i, line in enumerate(lines, 1) if line.startswith((">>> ", "... ", "In ["))), None)
    if at is None:
        return None
    return f"line {at} begins with a prompt ({lines[at - 1][:4].strip()}): it was copied from a session; leave the prompts out"


def _entities(lines: list[str]) -> str | None:
    for i, line in enumerate(lines, 1):
        found = re.search(r"&(?:lt|gt|amp|quot|#39);", line)
        if found:
            return f"line {i} holds {found[0]}: it was copied from the source of a web page; copy the text as shown"
    return None


def _typographic(program: str) -> str | None:
    """A sign outside of texts and comments that a word processor or a web page puts in place of a plain one."""
    for i, line in enumerate(program.splitlines(), 1):
        code = line.split("#")[0]
        for sign, what in TYPOGRAPHIC.items():
            if sign in code:
                return (
                    f"line {i} holds {what} (U+{ord(sign):04X}): write plain quotes, minus signs and blanks"
                )
    return None


def _tabs(error: BaseException) -> str | None:
    if isinstance(error, TabError):
        return (
            f"line {error.lineno} mixes tabs and blanks in its indentation: replace every tab by four blanks"
        )
    return None


def _indentation(lines: list[str], error: BaseException) -> str | None:
    there = [
        (i, line) for i, line in enumerate(lines, 1) if line.strip() and not line.lstrip().startswith("#")
    ]
    for (i, line), (_, after) in pairwise(there):
        if _BLOCK.match(line) and _depth(after) <= _depth(line):
            return (
                f"line {i} ({line.strip()[:50]}) begins a block and what follows is not indented: the indentation was "
                f"lost in pasting"
            )
    if there and all(line[0] in " \t" for _, line in there):
        return "every line is indented: take the common indentation away"
    if isinstance(error, IndentationError):
        return f"line {error.lineno} is indented otherwise than the lines around it: the indentation changed in pasting"
    return None


def _depth(line: str) -> int:
    return len(line.expandtabs(4)) - len(line.expandtabs(4).lstrip())
