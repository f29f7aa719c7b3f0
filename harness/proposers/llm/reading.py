"""The law of a free program, read from the code of `scaling_law_func` where that is plain enough.

Follows assignments, slices of `params` and columns of `data_points`, NumPy's elementary functions and
one-line helpers, and writes the result as one line in the grammar of `fitting.Law`. Loops, masks, matrix
products and the like end it: such a program simply has no line. Nothing is run.
"""

from __future__ import annotations

import ast
import copy
import hashlib
from dataclasses import dataclass
from functools import lru_cache

from evaluator import contract
from fitting.law.law import Law
from harness.proposers.llm.trees import tree_key

FUNCTIONS = {
    "exp": "exp",
    "log": "log",
    "log10": "log10",
    "log1p": "log1p",
    "sqrt": "sqrt",
    "tanh": "tanh",
    "abs": "abs",
}
SAME = {"asarray", "array", "atleast_1d", "atleast_2d", "ravel", "float", "nan_to_num", "squeeze"}
GUARDS = {"maximum", "minimum", "clip", "fmax", "fmin"}
OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}
MOST_TEXT = 2000


class _Unclear(Exception):
    """The code goes beyond what is followed here."""


@dataclass(frozen=True)
class _Array:
    """`data_points` ("X", columns along the last axis, or along the first when turned) or a part of `params` ("p")."""

    kind: str
    start: int = 0
    turned: bool = False


Value = str | _Array | tuple


@lru_cache(maxsize=64)  # an answer is looked at when it comes and again when it becomes a candidate
def law_of(program: str, names: tuple[str, ...]) -> tuple[str, str]:
    """(law, key): the law on one line and a digest of its canonical form with the fit; empty where unclear.

    Args:
        program: source text that parses.
        names: identifiers of the features, in order.
    """
    try:
        tree = contract.parse(program)
        assert isinstance(tree, ast.Module)
        functions = {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef)}
        numbers = {
            n.targets[0].id: repr(float(n.value.value))
            for n in tree.body
            if isinstance(n, ast.Assign)
            and isinstance(n.targets[0], ast.Name)
            and isinstance(n.value, ast.Constant)
            and isinstance(n.value.value, int | float)
            and not isinstance(n.value.value, bool)
        }
        reader = _Reader(functions, numbers, names)
        text = reader.call(functions["scaling_law_func"], [_Array("X"), _Array("p")])
        if not isinstance(text, str) or len(text) > MOST_TEXT:
            return "", ""
        law = Law.parse(text, names)
        if not law.constants:
            return "", ""
        rest = copy.deepcopy(tree)
        rest.body = [
            n for n in rest.body if not (isinstance(n, ast.FunctionDef) and n.name == "scaling_law_func")
        ]
        key = hashlib.sha256(f"{law.canonical()}\n{tree_key(ast.unparse(rest))}".encode()).hexdigest()
        return _tidy(text), key
    except Exception:  # whatever following the code raises, it has no line
        return "", ""


def _tidy(text: str) -> str:
    """Without the outer brackets."""
    tree = contract.parse(text, "eval")
    return ast.unparse(tree).replace(" ** ", "**").replace(" * ", "*").replace(" / ", "/")


class _Reader:
    def __init__(
        self, functions: dict[str, ast.FunctionDef], numbers: dict[str, str], names: tuple[str, ...]
    ) -> None:
        self._functions, self._numbers, self._names = functions, numbers, names
        self._depth = 0

    def call(self, function: ast.FunctionDef, arguments: list[Value]) -> Value:
        """The value a function returns."""
        self._depth += 1
        if self._depth > 8 or len(arguments) != len(function.args.args):
            raise _Unclear
        env: dict[str, Value] = dict(zip((a.arg for a in function.args.args), arguments, strict=True))
        value = self._body(function.body, env)
        self._depth -= 1
        return value

    def _body(self, body: list[ast.stmt], env: dict[str, Value]) -> Value:
        for statement in body:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                continue
            if isinstance(statement, ast.With):
                return self._body(statement.body, env)  # np.errstate; what follows it is not followed
            if isinstance(statement, ast.Return) and statement.value is not None:
                return self.value(statement.value, env)
            if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
                self._bind(statement.targets[0], self.value(statement.value, env), env)
            elif isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
                whole = ast.BinOp(ast.Name(statement.target.id, ast.Load()), statement.op, statement.value)
                env[statement.target.id] = self.value(whole, env)
            else:
                raise _Unclear
        raise _Unclear

    def _bind(self, target: ast.expr, value: Value, env: dict[str, Value]) -> None:
        if isinstance(target, ast.Name):
            env[target.id] = value
        elif isinstance(target, ast.Tuple | ast.List):
            n = len(target.elts)
            if isinstance(value, _Array):
                value = tuple(self._element(value, i) for i in range(n))
            if not isinstance(value, tuple) or len(value) != n:
                raise _Unclear
            for part, one in zip(target.elts, value, strict=True):
                self._bind(part, one, env)
        else:
            raise _Unclear

    def _element(self, array: _Array, i: int) -> str:
        if i < 0:
            raise _Unclear
        if array.kind == "p":
            return f"p{array.start + i}"
        if not array.turned or i >= len(self._names):
            raise _Unclear
        return self._names[i]

    def value(self, node: ast.expr, env: dict[str, Value]) -> Value:
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            return repr(node.value)
        if isinstance(node, ast.Name):
            if node.id in env:
                return env[node.id]
            if node.id in self._numbers:
                return self._numbers[node.id]
            raise _Unclear
        if isinstance(node, ast.Tuple):
            return tuple(self.value(e, env) for e in node.elts)
        if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            return f"({self._text(node.left, env)}{OPERATORS[type(node.op)]}{self._text(node.right, env)})"
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            sign = "-" if isinstance(node.op, ast.USub) else ""
            return f"({sign}{self._text(node.operand, env)})"
        if isinstance(node, ast.Attribute) and node.attr == "T":
            inner = self.value(node.value, env)
            if isinstance(inner, _Array) and inner.kind == "X":
                return _Array("X", turned=not inner.turned)
        if isinstance(node, ast.Subscript):
            return self._subscript(node, env)
        if isinstance(node, ast.Call):
            return self._call(node, env)
        raise _Unclear

    def _text(self, node: ast.expr, env: dict[str, Value]) -> str:
        value = self.value(node, env)
        if not isinstance(value, str) or len(value) > MOST_TEXT:
            raise _Unclear
        return value

    def _subscript(self, node: ast.Subscript, env: dict[str, Value]) -> Value:
        array, index = self.value(node.value, env), node.slice
        if not isinstance(array, _Array):
            raise _Unclear
        if array.kind == "X" and not array.turned:
            if not isinstance(index, ast.Tuple) or len(index.elts) != 2:
                raise _Unclear
            if ast.unparse(index.elts[0]) not in (":", "..."):
                raise _Unclear
            return self._element(_Array("X", turned=True), _integer(index.elts[1]))
        if array.kind == "p" and isinstance(index, ast.Slice) and index.step is None:
            return _Array("p", array.start + (_integer(index.lower) if index.lower else 0))
        return self._element(array, _integer(index))

    def _call(self, node: ast.Call, env: dict[str, Value]) -> Value:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        method = isinstance(node.func, ast.Attribute) and not (
            isinstance(node.func.value, ast.Name) and node.func.value.id in ("np", "numpy", "math")
        )
        if method:
            if name in ("ravel", "flatten", "astype", "copy") and isinstance(node.func, ast.Attribute):
                return self.value(node.func.value, env)
            raise _Unclear
        if name in self._functions and not node.keywords:
            return self.call(self._functions[name], [self.value(a, env) for a in node.args])
        if name in SAME and node.args:
            return self.value(node.args[0], env)
        if name in GUARDS and node.args and all(_is_guard(name, a) for a in node.args[1:]):
            return self._text(node.args[0], env)
        if name == "power" and len(node.args) == 2:
            return f"({self._text(node.args[0], env)}**{self._text(node.args[1], env)})"
        if name in FUNCTIONS and len(node.args) == 1:
            return f"{FUNCTIONS[name]}({self._text(node.args[0], env)})"
        raise _Unclear


def _is_guard(name: str, bound: ast.expr) -> bool:
    """Whether a bound only keeps arithmetic from overflowing; one that shapes the law is part of it."""
    try:
        value = float(ast.literal_eval(bound))
    except (ValueError, TypeError, SyntaxError):
        return False
    if name == "clip":
        return abs(value) >= 20 or 0 <= value <= 1e-6
    return value <= 1e-6 if name in ("maximum", "fmax") else value >= 1e15


def _integer(node: ast.expr) -> int:
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    raise _Unclear
