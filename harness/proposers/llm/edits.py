"""From a model's answer to a program: only the EVOLVE-BLOCK of the parent can change.

Answers are read with tolerance: any fence or none, markers repeated or left out, a SEARCH text that
differs in blanks or comments. What can't be read is an `Unusable` with a reason for the repair round.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from evaluator import contract

START, END = "# EVOLVE-BLOCK-START", "# EVOLVE-BLOCK-END"
_START = re.compile(r"^\s*#\s*EVOLVE-BLOCK-START\b")
_END = re.compile(r"^\s*#\s*EVOLVE-BLOCK-END\b")
_FENCE = re.compile(r"^[ \t]*(```+|~~~+)[^\n`]*\n(.*?)(?:^[ \t]*\1[ \t]*$|\Z)", re.M | re.S)
_CHANGE = re.compile(
    r"^[ \t]*<{4,}[ \t]*SEARCH[^\n]*\n(.*?)^[ \t]*={4,}[ \t]*\n(.*?)^[ \t]*>{4,}[ \t]*REPLACE", re.M | re.S
)
_THINKING = re.compile(r"<(think|thinking|reasoning)>.*?</\1>", re.S)


@dataclass(frozen=True, slots=True)
class Unusable:
    """An answer no program could be made of.

    Attributes:
        reason: one word or two: "prose only", "no match", "unchanged", or a failure of the contract.
        detail: one line for the model.
    """

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Parts:
    """A program cut at its markers; `head` and `tail` include them."""

    head: str
    block: str
    tail: str

    @classmethod
    def of(cls, program: str) -> Parts:
        """Cut a program that keeps the contract."""
        lines = program.splitlines(keepends=True)
        start = next(i for i, line in enumerate(lines) if _START.match(line))
        end = next(i for i, line in enumerate(lines) if _END.match(line))
        return cls("".join(lines[: start + 1]), "".join(lines[start + 1 : end]), "".join(lines[end:]))

    def with_block(self, block: str) -> str:
        """The program with another block; markers inside it are dropped."""
        kept = [ln for ln in block.strip("\n").splitlines() if not _START.match(ln) and not _END.match(ln)]
        return self.head + "\n".join(kept).strip("\n") + "\n" + self.tail


def read_answer(text: str, parent: str) -> str | Unusable:
    """The program an answer stands for.

    Args:
        text: a model's answer.
        parent: program the change is of.
    """
    text = _THINKING.sub("", text).replace("\r\n", "\n")
    parts = Parts.of(parent)
    changes = _CHANGE.findall(text + "\n")
    if changes:
        block = parts.block
        for search, replacement in changes:
            changed = _replaced(block, search, replacement)
            if changed is None:
                return _no_match(search, parts)
            block = changed
        program = parts.with_block(block)
    else:
        code = _code(text)
        if code is None:
            return Unusable(
                "prose only", "expected SEARCH/REPLACE changes or one fenced block of Python, found neither"
            )
        program = parts.with_block(_inside(code))
    broken = contract.check(program)
    if broken is not None:
        return Unusable(broken.failure.value, broken.detail)
    if _squeezed(program) == _squeezed(parent):
        return Unusable("unchanged", "the program is the parent, unchanged; change the law or its fit")
    return program


def _squeezed(program: str) -> list[str]:
    return [line.rstrip() for line in program.splitlines() if line.strip()]


def _no_match(search: str, parts: Parts) -> Unusable:
    first = next((line.strip() for line in search.splitlines() if line.strip()), "")
    outside = first and first in parts.head + parts.tail
    where = "is outside the EVOLVE-BLOCK, which alone may change" if outside else "is not in the EVOLVE-BLOCK"
    return Unusable(
        "no match", f"the SEARCH text beginning {first[:80]!r} {where}; write the whole block instead"
    )


def _replaced(block: str, search: str, replacement: str) -> str | None:
    """`block` with the first match of `search` replaced: exact, else but for blanks, else but for comments."""
    if not search.strip():
        return None
    if block.count(search) == 1:
        return block.replace(search, replacement, 1)
    lines = block.splitlines()
    for plain in (str.rstrip, str.strip, _bare):
        wanted = [plain(line) for line in search.strip("\n").splitlines()]
        if plain is _bare:
            wanted = [w for w in wanted if w]
        if not any(wanted):
            continue
        for i in range(len(lines)):
            end = _match(lines, i, wanted, plain)
            if end is not None:
                shift = _indent(lines[i]) - _indent(next(ln for ln in search.splitlines() if ln.strip()))
                new = [_shifted(line, shift) for line in replacement.strip("\n").splitlines()]
                return "\n".join([*lines[:i], *new, *lines[end:]]) + "\n"
    return None


def _match(lines: list[str], start: int, wanted: list[str], plain: object) -> int | None:
    """Line after the match of `wanted` at `start`; lines that `_bare` empties may stand between."""
    i = start
    for want in wanted:
        if plain is _bare and i > start:
            while i < len(lines) and not _bare(lines[i]):
                i += 1
        if i >= len(lines) or plain(lines[i]) != want:  # type: ignore[operator]
            return None
        i += 1
    return i


def _bare(line: str) -> str:
    """A line without comment and without any blank."""
    return re.sub(r"\s+", "", line.split("#", 1)[0])


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _shifted(line: str, by: int) -> str:
    if by >= 0:
        return " " * by + line if line.strip() else line
    return line[min(-by, _indent(line)) :]


def _code(text: str) -> str | None:
    """The likeliest program text of an answer: the longest fenced block with a function, or the bare text."""
    fenced = [body for _, body in _FENCE.findall(text)]
    with_function = [body for body in fenced if re.search(r"^\s*def \w+", body, re.M)]
    if with_function:
        both = [b for b in with_function if "fit_scaling_law" in b and "scaling_law_func" in b]
        if not both and len(with_function) > 1:
            return "\n\n".join(with_function)  # one function a fence
        return _dedented(max(both or with_function, key=len))
    start = re.search(r"^(import |from \w+ import|def |# EVOLVE-BLOCK-START)", text, re.M)
    if start and not fenced:
        bare = text[start.start() :]
        lines = bare.splitlines()
        for end in range(len(lines), max(0, len(lines) - 40), -1):  # prose may follow
            try:
                contract.parse("\n".join(lines[:end]))
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
            return "\n".join(lines[:end])
    return None


def _dedented(code: str) -> str:
    lines = code.splitlines()
    least = min((_indent(line) for line in lines if line.strip()), default=0)
    return "\n".join(line[least:] for line in lines)


def _inside(code: str) -> str:
    """The part between markers where an answer repeats them, else all of it."""
    lines = code.splitlines()
    starts = [i for i, line in enumerate(lines) if _START.match(line)]
    ends = [i for i, line in enumerate(lines) if _END.match(line)]
    first = starts[0] + 1 if starts else 0
    last = ends[-1] if ends and ends[-1] >= first else len(lines)
    return "\n".join(lines[first:last])
