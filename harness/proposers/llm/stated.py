"""What a model says of its program: the law on one line, its constants, one sentence why.

It is written into the program as comments, so that a program carries its name wherever it goes. What the program
really computes may differ; `agreement` compares the two on rows of train.
"""

from __future__ import annotations

import ast
import itertools
import re
from dataclasses import dataclass

import numpy as np

from evaluator import contract
from fitting.errors import FittingError
from fitting.law.law import Law
from harness.proposers.facts import TaskFacts
from tasks.rows import Rows

MOST_LAW, MOST_WHY, MOST_CONSTANTS = 400, 240, 400
MOST_ORDERS = 5
"""Constants up to this many may be named in another order than the program returns them."""
NEAR = 1e-3
"""Root mean square difference of law and program, over the targets' spread, up to which they are one."""

_LINE = re.compile(r"^[\s>*#_`-]*(law|constants|why|fit)\b[*_`]*\s*[:=][*_`]*\s*(.*?)\s*$", re.I | re.M)
_COMMENT = re.compile(r"^[ \t]*# (law|constants|why|fit): .*\n?", re.M)
_FENCE = re.compile(r"^[ \t]*(```|~~~).*?(^[ \t]*\1[ \t]*$|\Z)", re.M | re.S)


@dataclass(frozen=True, slots=True)
class Stated:
    """In the model's words; "" for what it did not say.

    Attributes:
        law: one line.
        constants: names in the order of `params`, with units.
        why: one sentence.
        fit: fitting choices, where the law stands alone.
    """

    law: str = ""
    constants: str = ""
    why: str = ""
    fit: str = ""

    @classmethod
    def of_answer(cls, text: str) -> Stated:
        """Read LAW, CONSTANTS, WHY and FIT lines: those outside of fences, else comments inside."""
        prose = dict((k.lower(), v) for k, v in reversed(_LINE.findall(_FENCE.sub("\n", text))))
        inside = dict((k.lower(), v) for k, v in reversed(_LINE.findall("\n".join(_comments(text)))))
        return cls._of({**inside, **{k: v for k, v in prose.items() if v.strip("`*$ ")}})

    @classmethod
    def of_program(cls, program: str) -> Stated:
        """Read the comments of a program."""
        return cls._of({k.lower(): v for k, v in reversed(_LINE.findall("\n".join(_comments(program))))})

    @classmethod
    def _of(cls, found: dict[str, str]) -> Stated:
        law = _one_line(found.get("law", ""), 4 * MOST_LAW).strip("$")
        law = law if len(law) <= MOST_LAW else ""  # a law cut short is another law
        return cls(
            law,
            _one_line(found.get("constants", ""), MOST_CONSTANTS),
            _one_line(found.get("why", ""), MOST_WHY),
            _one_line(found.get("fit", ""), 200),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the constants, units left out."""
        plain = re.sub(r"\[[^\]]*\]|\([^)]*\)", "", self.constants)
        words = [re.match(r"\s*([A-Za-z_]\w*)", part) for part in re.split(r"[,;]", plain)]
        return tuple(w.group(1) for w in words if w)

    def comments(self) -> str:
        """Lines for a program."""
        said = {"law": self.law, "constants": self.constants, "why": self.why}
        return "".join(f"# {name}: {value}\n" for name, value in said.items() if value)


def _comments(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.lstrip().startswith("#")]


def _one_line(text: str, most: int) -> str:
    return " ".join(text.split()).strip("`* ")[:most].strip()


def without_comments(block: str) -> str:
    """A block without what was said of an earlier program."""
    return _COMMENT.sub("", block)


def with_docstring(head: str, docstring: str) -> str:
    """The part of a program before its block with another docstring, which names the program from now on."""
    lines = head.splitlines(keepends=True)
    if lines:
        try:
            tree = contract.parse(head)
            first = tree.body[0] if isinstance(tree, ast.Module) and tree.body else None
        except contract.Unparsable:
            return head
        if (
            isinstance(first, ast.Expr)
            and isinstance(first.value, ast.Constant)
            and isinstance(first.value.value, str)
        ):
            lines[first.lineno - 1 : first.end_lineno] = []
    text = docstring.replace("\\", "/").replace('"""', "'''").strip().strip('"')
    rest = "".join(lines).lstrip("\n")
    return f'"""{text}"""\n\n{rest}'


def docstring_of(code: str) -> str:
    """The docstring an answer's code begins with, or ""."""
    try:
        tree = contract.parse(code)
        return (ast.get_docstring(tree) if isinstance(tree, ast.Module) else None) or ""
    except contract.Unparsable:
        return ""


def parsed(text: str, facts: TaskFacts) -> Law | None:
    """The stated law in our grammar, or None where it is beyond it."""
    try:
        law = Law.parse(text, facts.names)
    except (FittingError, RecursionError, MemoryError):
        return None
    return law if law.constants else None


def agreement(
    stated: Stated, facts: TaskFacts, rows: Rows, y: np.ndarray, constants: dict[str, tuple[float, ...]]
) -> bool | None:
    """Whether the law computes what the program does, with the program's own constants.

    Args:
        rows: rows of train; only their features and groups are read.
        y: (m, T) the program's predictions of them.
        constants: group -> the program's constants.

    Returns:
        True, False, or None where they can't be compared: no law in our grammar, or no constants for its names.
    """
    law = parsed(stated.law, facts)
    if law is None:
        return None
    n_targets = y.shape[1]
    names = stated.names if set(stated.names) >= set(law.constants) else law.constants
    sizes = {len(c) for c in constants.values()}
    if sizes != {len(names) * n_targets}:
        return None
    spread = float(y.std()) or 1.0
    orders = [tuple(range(len(names)))]
    if len(names) <= MOST_ORDERS:
        orders += list(itertools.permutations(range(len(names))))[1:]
    for order in orders:
        for units in (False, True):
            off = _difference(law, [names[i] for i in order], facts, rows, y, constants, units)
            if off <= NEAR * spread:
                return True
    return False


def _difference(
    law: Law,
    names: list[str],
    facts: TaskFacts,
    rows: Rows,
    y: np.ndarray,
    constants: dict[str, tuple[float, ...]],
    units: bool,
) -> float:
    total = 0.0
    for label, index in rows.by_group():
        table = np.reshape(constants[label], (y.shape[1], len(names)))
        for t, values in enumerate(table):
            found = law.predict(
                {n: v for n, v in zip(names, values, strict=True) if n in law.constants},
                columns_of(facts, rows.X[index], t, units),
            )
            total += float(((found - y[index, t]) ** 2).sum())
    size = y.size
    return float(np.sqrt(total / size)) if np.isfinite(total) else float("inf")


def columns_of(facts: TaskFacts, X: np.ndarray, target: int, units: bool = True) -> dict[str, np.ndarray]:
    """Columns by the names a law line uses.

    Args:
        target: the one in hand, for tasks whose targets have a feature each.
        units: in round units, as law lines are written; else as they come.
    """
    table = np.asarray(X, dtype=float)
    if facts.paired:
        table = np.column_stack([table, table[:, facts.paired[target]]])
    return {f.name: table[:, j] / (f.unit if units else 1.0) for j, f in enumerate(facts.features)}


def named(stated: Stated, read: str, facts: TaskFacts, agrees: bool | None) -> str:
    """The name of a program: its law, and where what was said differs from what is computed, that.

    Args:
        read: the law read from the code itself, or "".
        agrees: see `agreement`.
    """
    if not stated.law:
        return read
    if agrees:
        return stated.law
    if read:
        law, code = parsed(stated.law, facts), parsed(read, facts)
        if law is not None and code is not None and law.same_as(code):
            return stated.law
        return f"{read} (stated as {stated.law})" if agrees is False else read
    if agrees is False:
        return f"{stated.law} (as stated; the program computes another)"
    return f"{stated.law} (as stated)"
