"""From a model's answer to a program: only the EVOLVE-BLOCK of the parent can change.

Answers are read with tolerance: any fence or none, markers repeated or left out, a SEARCH text that
differs in blanks or comments, one function alone. What can't be read is an `Unusable` with a reason for the repair
round, and so is whatever reading it raises: no answer ends a run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass

from evaluator import contract
from evaluator.contract import PROGRAM_MODULES, SIGNATURES
from harness.proposers.llm.changes import Change, changes_in
from harness.proposers.llm.stated import docstring_of, without_comments
from harness.proposers.llm.thoughts import answer_of

_START = re.compile(r"^\s*#\s*EVOLVE-BLOCK-START\b")
_END = re.compile(r"^\s*#\s*EVOLVE-BLOCK-END\b")
_FENCE = re.compile(r"^[ \t]*(```+|~~~+)[^\n`]*\n(.*?)(?:^[ \t]*\1[ \t]*$|\Z)", re.M | re.S)


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


@dataclass(frozen=True, slots=True)
class Edited:
    """A program made of an answer.

    Attributes:
        program: source text.
        docstring: the one the answer gave its program, or "".
    """

    program: str
    docstring: str = ""


def read_answer(text: str, parent: str, modules: tuple[str, ...] = PROGRAM_MODULES) -> Edited | Unusable:
    """The program an answer stands for. Never raises.

    Args:
        text: a model's answer.
        parent: program the change is of.
        modules: what a program may import.
    """
    try:
        return _read(answer_of(text).replace("\r\n", "\n"), parent, modules)
    except Exception as error:  # whatever an answer makes a reader do, it is the answer's fault
        return Unusable(
            "unreadable", f"the answer can't be read: {type(error).__name__}; give the whole block, plainly"
        )


def _read(text: str, parent: str, modules: tuple[str, ...]) -> Edited | Unusable:
    parts = Parts.of(parent)
    docstring = ""
    changes = changes_in(text)
    if changes:
        block = _changed(parts, changes)
        if isinstance(block, Unusable):
            return block
    else:
        code = _code(text)
        if code is None:
            return Unusable(
                "prose only",
                "expected a LAW line, SEARCH/REPLACE changes or one fenced block of Python, found none",
            )
        docstring = docstring_of(code)
        block = _completed(_inside(code), parts.block)
    program = parts.with_block(block)
    broken = contract.check(program, modules)
    if broken is not None:
        return Unusable(broken.failure.value, broken.detail)
    if _squeezed(program) == _squeezed(parent):
        return Unusable("unchanged", "the program is the parent, unchanged; change the law or its fit")
    return Edited(program, docstring)


def _changed(parts: Parts, changes: list[Change]) -> str | Unusable:
    block = parts.block
    for change in changes:
        changed = _replaced(block, change.search, change.replacement)
        if changed is None:
            return _no_match(change.search, parts)
        block = changed
    return block


def _completed(code: str, block: str) -> str:
    """An answer of one function alone takes that function's place in the parent's block."""
    try:
        new = contract.parse(code)
        assert isinstance(new, ast.Module)
        given = {n.name: n for n in new.body if isinstance(n, ast.FunctionDef)}
        if not given or given.keys() >= SIGNATURES.keys() or not (given.keys() & _functions(block).keys()):
            return code
        lines, old = block.splitlines(), _functions(block)
        texts = code.splitlines()
        rest = [
            i
            for n in new.body
            if n not in given.values()
            for i in range(n.lineno - 1, n.end_lineno or n.lineno)
        ]
        for name, node in sorted(old.items(), key=lambda item: -item[1].lineno):
            if name in given:
                fresh = given.pop(name)
                lines[_begin(node) : node.end_lineno] = texts[_begin(fresh) : fresh.end_lineno]
        for node in given.values():  # helpers that the parent does not have
            rest += range(_begin(node), node.end_lineno or node.lineno)
        have = {line.strip() for line in lines}
        kept = [texts[i] for i in sorted(rest) if texts[i].strip() not in have or texts[i][:1].isspace()]
        return "\n".join([*kept, *lines])
    except (contract.Unparsable, AssertionError):
        return code


def _functions(block: str) -> dict[str, ast.FunctionDef]:
    tree = contract.parse(block)
    return {n.name: n for n in getattr(tree, "body", []) if isinstance(n, ast.FunctionDef)}


def _begin(node: ast.FunctionDef) -> int:
    return min([node.lineno, *(d.lineno for d in node.decorator_list)]) - 1


def _squeezed(program: str) -> list[str]:
    return [line.rstrip() for line in without_comments(program).splitlines() if line.strip()]


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


def _match(lines: list[str], start: int, wanted: list[str], plain: Callable[[str], str]) -> int | None:
    """Line after the match of `wanted` at `start`; lines that `_bare` empties may stand between."""
    i = start
    for want in wanted:
        if plain is _bare and i > start:
            while i < len(lines) and not _bare(lines[i]):
                i += 1
        if i >= len(lines) or plain(lines[i]) != want:
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
            except contract.Unparsable:
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
