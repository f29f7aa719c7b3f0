"""How many numbers a program's text holds: a table of the benchmark's rows in the text needs no constants.

This says nothing of intent: solvers hold tolerances and grids. It is shown beside every score, and scores are marked
where there are more numbers than a setting allows.
"""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass
from functools import lru_cache

from evaluator.contract import Unparsable, parse, reading

BYTES_A_NUMBER = 8
"""Text and digits beyond what a name or a number needs count as a number for so many characters."""

SHORT_TEXT = 80
"""Text shorter than this is a message or a name, not a table."""

_DIGITS = 17


@dataclass(frozen=True, slots=True)
class Literals:
    """Numbers in a program's text.

    Attributes:
        count: numeric literals; long texts and numbers of many digits count as several.
        longest: those in the longest list, tuple, set or dict, nested ones included.
    """

    count: int
    longest: int

    def mark(self, most: int, most_in_a_list: int) -> str | None:
        """What a scoreboard says of a text with too many numbers; None for others."""
        if self.count <= most and self.longest <= most_in_a_list:
            return None
        return f"{self.count} numbers in its text, {self.longest} in one list"


@lru_cache(maxsize=64)
def literals(program: str) -> Literals:
    """Count a program's numbers; (0, 0) for a text that does not parse."""
    try:
        with reading():
            tree = parse(program)
            weights = _weights(tree)
            longest = 0
            for node in ast.walk(tree):
                if isinstance(node, ast.List | ast.Tuple | ast.Set | ast.Dict):
                    longest = max(longest, sum(weights.get(id(n), 0) for n in ast.walk(node)))
            return Literals(sum(weights.values()), longest)
    except Unparsable:
        return Literals(0, 0)


def _weights(tree: ast.AST) -> dict[int, int]:
    """How many numbers each literal of a tree counts as."""
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings, loose text
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in told:
            found[id(node)] = _weight(node.value)
    return found


def _weight(value: object) -> int:
    if isinstance(value, bool):
        return 0
    if isinstance(value, int):
        return max(1, math.ceil(value.bit_length() / 3.33 / _DIGITS))
    if isinstance(value, float | complex):
        return 1
    if isinstance(value, str | bytes) and len(value) >= SHORT_TEXT:
        return math.ceil(len(value) / BYTES_A_NUMBER)
    return 0
