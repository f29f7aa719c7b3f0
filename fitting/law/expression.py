"""Expressions as small immutable trees, and the safe grammar that reads them.

A node is a tuple: ("num", 2.0), ("var", "N"), ("con", "alpha"), ("add", (..)), ("mul", (..)),
("pow", base, exponent), ("fn", "exp", argument). Text is read through `ast.parse`, which only builds a
syntax tree; every piece of that tree not listed here is refused with its position. Foreign text is never
evaluated.
"""

from __future__ import annotations

import ast
import difflib
import math
from collections.abc import Callable
from typing import Any

from fitting.errors import BadLaw

FUNCTIONS = ("exp", "log", "log10", "log1p", "sqrt", "tanh", "abs")
"""What a law may call; `log` is the natural logarithm."""

MAX_TEXT = 2000
MAX_DEPTH = 60

Node = tuple[Any, ...]


_OF_NUMBERS: dict[str, Callable[[float], float]] = {
    "exp": math.exp,
    "log": math.log,
    "log10": math.log10,
    "log1p": math.log1p,
    "tanh": math.tanh,
    "abs": abs,
    "sign": lambda x: math.copysign(1.0, x) if x else 0.0,
}


def num(value: float) -> Node:
    return ("num", float(value))


ZERO, ONE, MINUS_ONE, HALF = num(0), num(1), num(-1), num(0.5)


def add(*terms: Node) -> Node:
    """Sum with nested sums opened and numbers gathered."""
    flat: list[Node] = []
    total = 0.0
    for term in terms:
        for part in term[1] if term[0] == "add" else (term,):
            if part[0] == "num":
                total += part[1]
            else:
                flat.append(part)
    if total != 0.0 or not flat:
        flat.append(num(total))
    return flat[0] if len(flat) == 1 else ("add", tuple(flat))


def mul(*factors: Node) -> Node:
    """Product with nested products opened and numbers gathered in front."""
    flat: list[Node] = []
    total = 1.0
    for factor in factors:
        for part in factor[1] if factor[0] == "mul" else (factor,):
            if part[0] == "num":
                total *= part[1]
            else:
                flat.append(part)
    if total == 0.0 or not flat:
        return num(total)
    if total != 1.0:
        flat.insert(0, num(total))
    return flat[0] if len(flat) == 1 else ("mul", tuple(flat))


def neg(node: Node) -> Node:
    return mul(MINUS_ONE, node)


def power(base: Node, exponent: Node) -> Node:
    if exponent == ONE:
        return base
    if exponent == ZERO or base == ONE:
        return ONE
    if base[0] == "num" and exponent[0] == "num":
        try:
            value = base[1] ** exponent[1]
        except (OverflowError, ZeroDivisionError):
            value = math.nan
        if isinstance(value, float) and math.isfinite(value):
            return num(value)
    # (x**p)**q = x**(p q) holds for whole q alone: sqrt(t**2) is |t|, not t
    if base[0] == "pow" and exponent[0] == "num" and exponent[1].is_integer():
        return power(base[1], mul(base[2], exponent))
    return ("pow", base, exponent)


def call(name: str, argument: Node) -> Node:
    if name == "sqrt":
        return power(argument, HALF)
    if argument[0] == "num":
        try:
            return num(_OF_NUMBERS[name](argument[1]))
        except (ValueError, OverflowError):
            pass
    return ("fn", name, argument)


def names(node: Node, kind: str = "con") -> tuple[str, ...]:
    """Names of one kind in order of first appearance."""
    found: dict[str, None] = {}
    stack = [node]
    while stack:
        item = stack.pop()
        tag = item[0]
        if tag == kind:
            found.setdefault(item[1])
        elif tag in ("add", "mul"):
            stack.extend(reversed(item[1]))
        elif tag == "pow":
            stack.extend((item[2], item[1]))
        elif tag == "fn":
            stack.append(item[2])
    return tuple(found)


def substitute(node: Node, values: dict[str, Node]) -> Node:
    """The tree with constants replaced by other trees."""
    tag = node[0]
    if tag == "con":
        return values.get(node[1], node)
    if tag in ("num", "var"):
        return node
    if tag == "add":
        return add(*(substitute(part, values) for part in node[1]))
    if tag == "mul":
        return mul(*(substitute(part, values) for part in node[1]))
    if tag == "pow":
        return power(substitute(node[1], values), substitute(node[2], values))
    return call(node[1], substitute(node[2], values))


def read(text: str, variables: tuple[str, ...]) -> tuple[str | None, Node]:
    """Target (the name before `=`, or None) and tree of a law's text.

    Raises:
        BadLaw: with the position and what to do.
    """
    if not isinstance(text, str):
        raise BadLaw(f"a law is one line of text such as 'E + A*N**-alpha', got {type(text).__name__}")
    if not text.strip():
        raise BadLaw("a law is one line of text such as 'E + A*N**-alpha', got an empty one")
    if len(text) > MAX_TEXT:
        raise BadLaw(f"a law has at most {MAX_TEXT} characters, this one {len(text)}")
    target, body, shift = _split_target(text)
    if "\n" in body.strip() or ";" in body or "#" in body:
        raise BadLaw(
            "a law is one expression on one line: remove the line break, the ';' or what follows the '#'"
        )
    lead = len(body) - len(body.lstrip())
    try:
        tree = _parsed(body.strip())
    except SyntaxError as error:
        at = (error.offset or 1) + lead + shift
        why = f"not an expression ({error.msg}); operators are + - * / ** and brackets"
        raise BadLaw(f"{_at(text, at - 1)}: {why}") from None
    except (RecursionError, MemoryError, ValueError):
        raise BadLaw(
            "the law is nested too deeply or holds unreadable characters; write it shorter"
        ) from None
    return target, _Reader(text, body.strip(), lead + shift, variables).node(tree.body, 0)


def _parsed(body: str) -> ast.Expression:
    """`ast.parse`, asked again where it stumbles over a parse in another thread.

    CPython up to 3.12 counts the depth of a tree in a place that threads share (python/cpython issue 106905).
    """
    for _ in range(4):
        try:
            return ast.parse(body, mode="eval")
        except SystemError:
            continue
    return ast.parse(body, mode="eval")


def _split_target(text: str) -> tuple[str | None, str, int]:
    for sign in ("=", "~"):
        if sign in text and "==" not in text:
            left, _, right = text.partition(sign)
            if not left.strip().isidentifier():
                why = f"left of '{sign}' stands the target's name alone, got {left.strip()!r}"
                raise BadLaw(f"{_at(text, 0)}: {why}")
            if sign in right:
                at = len(left) + 1 + right.index(sign)
                raise BadLaw(f"{_at(text, at)}: only one '{sign}' can stand in a law")
            return left.strip(), right, len(left) + 1
    return None, text, 0


def _at(text: str, position: int) -> str:
    position = max(0, min(position, len(text)))
    shown = text.strip() if len(text) <= 80 else f"{text.strip()[:77]}..."
    return f"law {shown!r}, position {position + 1}"


class _Reader:
    """Turns Python's syntax tree into ours, refusing everything that is not in the grammar."""

    def __init__(self, text: str, body: str, shift: int, variables: tuple[str, ...]):
        self.text, self.body, self.shift, self.variables = text, body, shift, variables

    def fail(self, node: ast.expr, why: str, end: bool = False) -> BadLaw:
        column = node.end_col_offset if end else node.col_offset
        offset = len(self.body.encode()[:column].decode(errors="ignore"))
        return BadLaw(f"{_at(self.text, offset + self.shift)}: {why}")

    def node(self, item: ast.expr, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise self.fail(item, f"brackets are nested deeper than {MAX_DEPTH}; write the law shorter")
        match item:
            case ast.Constant(value=value):
                return self.number(item, value)
            case ast.Name(id=name):
                return self.name(item, name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return neg(self.node(operand, depth + 1))
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.node(operand, depth + 1)
            case ast.BinOp(left=left, op=op, right=right):
                return self.binary(item, left, op, right, depth)
            case ast.Call():
                return self.call(item, depth)
        allowed = f"numbers, names, + - * / ** and {', '.join(FUNCTIONS)}"
        raise self.fail(item, f"{type(item).__name__} is not part of a law; use {allowed}")

    def number(self, item: ast.expr, value: object) -> Node:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.fail(item, f"expected a real number, got {value!r}")
        if not math.isfinite(value) or abs(value) > 1e300:
            raise self.fail(item, f"the number {value!r} is too large")
        return num(value)

    def name(self, item: ast.expr, name: str) -> Node:
        if name in FUNCTIONS:
            raise self.fail(item, f"{name} is a function and needs an argument, such as {name}(N)")
        if name.startswith("__") or len(name) > 40:
            raise self.fail(item, f"{name[:40]!r} can't name a constant; use a short name such as alpha")
        return ("var", name) if name in self.variables else ("con", name)

    def binary(self, item: ast.expr, left: ast.expr, op: ast.operator, right: ast.expr, depth: int) -> Node:
        if isinstance(op, ast.BitXor):
            raise self.fail(left, "'^' is not a power here; write ** instead", end=True)
        if not isinstance(op, (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow)):
            raise self.fail(item, f"the operator {type(op).__name__} is not part of a law; use + - * / **")
        a, b = self.node(left, depth + 1), self.node(right, depth + 1)
        if isinstance(op, ast.Add):
            return add(a, b)
        if isinstance(op, ast.Sub):
            return add(a, neg(b))
        if isinstance(op, ast.Mult):
            return mul(a, b)
        if isinstance(op, ast.Div):
            if b == ZERO:
                raise self.fail(right, "division by zero")
            return mul(a, power(b, MINUS_ONE))
        return power(a, b)

    def call(self, item: ast.Call, depth: int) -> Node:
        if not isinstance(item.func, ast.Name):
            raise self.fail(item, f"only {', '.join(FUNCTIONS)} can be called")
        name = item.func.id
        if name not in FUNCTIONS:
            near = difflib.get_close_matches(name, FUNCTIONS, 1)
            hint = f"did you mean {near[0]}?" if near else f"a law may call {', '.join(FUNCTIONS)}"
            raise self.fail(item, f"{name} can't be called; {hint}")
        if len(item.args) != 1 or item.keywords or isinstance(item.args[0], ast.Starred):
            raise self.fail(item, f"{name} takes one argument")
        return call(name, self.node(item.args[0], depth + 1))


def text_of(node: Node, outer: int = 0) -> str:
    """A tree as a text that reads back to the same tree. `outer` is how tightly the place binds (0 to 3)."""
    tag = node[0]
    if tag == "num":
        value = node[1]
        text = str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
        return f"({text})" if value < 0 and outer >= 2 else text
    if tag in ("var", "con"):
        return str(node[1])
    if tag == "fn":
        return f"{node[1]}({text_of(node[2])})"
    if tag == "add":
        text = " + ".join(text_of(part, 1) for part in node[1]).replace("+ -", "- ")
        return f"({text})" if outer >= 1 else text
    if tag == "mul":
        minus = node[1][0] == MINUS_ONE
        text = ("-" if minus else "") + "*".join(text_of(part, 2) for part in node[1][minus:])
        return f"({text})" if outer >= 2 and not (minus and outer == 4 and len(node[1]) == 2) else text
    return (
        f"{text_of(node[1], 3)}**{text_of(node[2], 4)}"
        if node[1][0] != "pow"
        else (f"({text_of(node[1])})**{text_of(node[2], 4)}")
    )
