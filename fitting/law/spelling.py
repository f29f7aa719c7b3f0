"""Laws as people paste them, rewritten into the grammar of `fitting.law.expression`.

Understood: `^`, pow(x, y), square, cube, inv and what else PySR prints, SymPy's `str` and `srepr`, `np.` and `math.` in front,
ln, log2, log(x, base), U+2212 and other signs of typesetting, Greek letters, sub- and superscripts, LaTeX of simple laws,
a left side such as `L(N, D) =`, `log(L) =` or `\\hat{L} \\approx`. A text already in the grammar comes back as it is.
"""

from __future__ import annotations

import ast
import re
import unicodedata
from typing import Any

from fitting.errors import BadLaw
from fitting.law.typeset import GREEK, from_latex

KNOWN = {"ln": "log", "Abs": "abs", "fabs": "abs", "safe_log": "log", "safe_sqrt": "sqrt", "safe_log10": "log10",
         "exponential": "exp", "Exp": "exp", "Log": "log", "Sqrt": "sqrt", "log_e": "log"}  # fmt: skip
SIGNS = str.maketrans(
    {"−": "-", "–": "-", "—": "-", "﹣": "-", "×": "*", "·": "*", "⋅": "*", "∗": "*", "∙": "*", "÷": "/", "⁄": "/", "∕": "/",
     "≈": "=", "≃": "=", "≅": "=", "∼": "=", "（": "(", "）": ")", "＋": "+", "√": "sqrt", "’": "'", "\u00a0": " ", "\u2009": " ",
     "\u202f": " ", "\u200b": "", "\ufeff": ""}
)  # fmt: skip
SUPERSCRIPT = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-", strict=True))
SUBSCRIPT = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True))
FORMS = {"pow", "Pow", "power", "pow_abs", "safe_pow", "square", "cube", "inv", "neg", "log2", "Add", "Mul", "Symbol", "Integer",
         "Float", "Rational", "log", "Neg", "Div", "Sub", "plus", "mult", "sub", "div"}  # fmt: skip
BINARY = {"Add": ast.Add, "plus": ast.Add, "Mul": ast.Mult, "mult": ast.Mult, "sub": ast.Sub, "Sub": ast.Sub,
          "div": ast.Div, "Div": ast.Div, "Rational": ast.Div}  # fmt: skip
POWERS = {"pow", "Pow", "power", "pow_abs", "safe_pow"}


def plain(text: str, variables: tuple[str, ...] = ()) -> str:
    """The law in the plain grammar, on one line.

    Args:
        variables: names of columns; they are never taken apart or renamed.

    Raises:
        BadLaw: two names or a number and a name side by side, with the likely spelling.
    """
    if not isinstance(text, str) or len(text) > 2000:
        return text  # refused by the reader, which says why
    found = text
    typeset = "\\" in found or bool(re.search(r"[\^_]\{", found))
    if typeset:
        found = from_latex(found, variables)
    found = _characters(found, variables)
    left, sign, body = _parted(found)
    wrap = ""
    if sign:
        left, wrap = _left(left)
    body = re.sub(r"\b(?:np|numpy|math|torch|jnp|jax\.numpy|sp|sympy|mpmath)\.(?=[A-Za-z])", "", body)
    body = body.replace("^", "**")
    body = re.sub(r"\blambda\b(?!\s*[\w:])", "lam", body)
    body = re.sub(
        r"\b([A-Za-z_]\w*)(?=\s*\()",
        lambda m: m[1] if m[1] in variables else KNOWN.get(m[1], m[1]),
        body,
    )
    _refuse_neighbours(body)
    body = _calls(body, variables, typeset)
    if wrap:
        body = f" {wrap.format(body.strip())}"
    return f"{left.strip()} = {body.strip()}" if sign and typeset else f"{left}{sign}{body}" if sign else body


def logs_target(text: str) -> bool:
    """Whether the law's left side is the logarithm of the target, as in `log(L) = ...`."""
    if not isinstance(text, str):
        return False
    found = _characters(from_latex(text, ()) if "\\" in text else text, ())
    left, sign, _ = _parted(found)
    return bool(sign) and bool(_left(left)[1])


def _parted(text: str) -> tuple[str, str, str]:
    """Left side, sign and body; no sign where there is no left side, or more than one sign."""
    for sign in ("=", "~"):
        if text.count(sign) == 1 and not re.search(r"\w+\s*=\s*\d+\s*\)", text):
            left, _, body = text.partition(sign)
            return left, sign, body
    return "", "", text


def _left(left: str) -> tuple[str, str]:
    """(`L `, wrap): `L(N, D)` is L; `log(L)` is L with the body in exp."""
    bare = left.strip()
    call = re.fullmatch(
        r"(ln|log|log_e|log10|Log|np\.log|math\.log)\s*\(\s*([A-Za-z_]\w*)\s*(?:\([^()]*\))?\s*\)", bare
    )
    short = call or re.fullmatch(r"(ln|log|log10)\s+([A-Za-z_]\w*)", bare)
    if short:
        wrap = "10**({})" if short[1] == "log10" else "exp({})"
        return f"{short[2]} ", wrap
    argued = re.fullmatch(r"([A-Za-z_]\w*)\s*\([\w\s,.]*\)", bare)
    if argued and argued[1] not in ("exp", "sqrt"):
        return f"{argued[1]} ", ""
    return left, ""


def _characters(text: str, variables: tuple[str, ...]) -> str:
    if text.isascii():  # nothing below is there to be found
        return text
    out: list[str] = []
    text = text.translate(SIGNS)
    kept = "".join(variables)
    i = 0
    while i < len(text):
        c = text[i]
        if c in SUPERSCRIPT and c not in kept:
            end = i
            while end < len(text) and text[end] in SUPERSCRIPT:
                end += 1
            out.append("**(" + "".join(SUPERSCRIPT[x] for x in text[i:end]) + ")")
            i = end
            continue
        if c in SUBSCRIPT and c not in kept:
            out.append(SUBSCRIPT[c])
        elif c not in kept and "GREEK" in unicodedata.name(c, "") and c.isalpha():
            words = unicodedata.name(unicodedata.normalize("NFKC", c)[0], "").lower().split()
            word = next((w for w in words[3:4] if w in GREEK or w in ("lamda", "final")), "")
            word = {"lamda": "lam", "lambda": "lam", "final": "sigma"}.get(word, word)
            out.append((word.capitalize() if "capital" in words else word) or c)
        else:
            out.append(c)
        i += 1
    return "".join(out)


def _refuse_neighbours(body: str) -> None:
    """`2A`, `A N` and `2(N)` are no products here: say so where they stand."""
    name = r"[A-Za-z_]\w*"
    for pattern in (
        rf"(?<![\w.])(\d+\.?\d*(?:[eE][+-]?\d+)?)({name})",
        rf"(?<![\w.])({name}|\d+\.?\d*)\s+({name}|\d)",
        r"(\))\s*(\w)",
        r"(?<![\w.])(\d+\.?\d*)(\s*\()",
    ):
        for match in re.finditer(pattern, body):
            one, two = match[1], match[2]
            if one in ("if", "else", "lambda", "not", "and", "or", "in", "is", "for") or two in (
                "if",
                "else",
                "and",
                "or",
                "in",
                "is",
                "for",
            ):
                continue
            if re.fullmatch(r"[eE]\d*|[jJ]|[xXoObB][\da-fA-F]*|e\w*\d+|_\d[\d_]*", two) and one[0].isdigit():
                continue
            shown = body.strip() if len(body) <= 80 else f"{body.strip()[:77]}..."
            at = match.start() - (len(body) - len(body.lstrip())) + 1
            wish = f"{one}*{two}".replace(" ", "") if two.strip() != "(" else f"{one}*(...)"
            raise BadLaw(f"law {shown!r}, position {at}: a product needs its sign; write {wish}")


def _calls(body: str, variables: tuple[str, ...], tidy: bool) -> str:
    """pow(x, y), square(x), SymPy's srepr and the like as operators; untouched where nothing of the kind stands there."""
    called = set(re.findall(r"\b([A-Za-z_]\w*)\s*\(", body)) - set(variables)
    if not tidy and not called & (FORMS - {"log"}) and not re.search(r"\blog\s*\([^()]*,", body):
        return body
    try:
        tree = ast.parse(body.strip(), mode="eval")
        return ast.unparse(ast.fix_missing_locations(_Forms().visit(tree)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return body  # the reader names the place


class _Forms(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.func, ast.Name) or any(isinstance(a, ast.Starred) for a in node.args):
            return node
        name, args = node.func.id, node.args
        first = args[0] if args else None
        if name in ("Symbol", "Float", "Integer") and isinstance(first, ast.Constant):
            value = first.value
            if name == "Symbol" and isinstance(value, str) and value.isidentifier():
                return ast.Name("lam" if value == "lambda" else value, ast.Load())
            try:
                number: Any = value  # what is no number raises, and stays as it was
                return ast.Constant(int(number) if name == "Integer" else float(number))
            except (TypeError, ValueError):
                return node
        if name == "Integer" and isinstance(first, ast.UnaryOp):
            return first
        if node.keywords:
            return node
        if name in POWERS and len(args) == 2:
            return ast.BinOp(args[0], ast.Pow(), args[1])
        if name in BINARY and len(args) >= 2:
            out = args[0]
            for other in args[1:]:
                out = ast.BinOp(out, BINARY[name](), other)
            return out
        if first is not None and len(args) == 1:
            if name in ("square", "cube"):
                return ast.BinOp(first, ast.Pow(), ast.Constant(2 if name == "square" else 3))
            if name == "inv":
                return ast.BinOp(ast.Constant(1), ast.Div(), first)
            if name in ("neg", "Neg"):
                return ast.UnaryOp(ast.USub(), first)
            if name == "log2":
                return self._ratio(first, ast.Constant(2))
        if name == "log" and len(args) == 2:
            return self._ratio(*args)
        return node

    @staticmethod
    def _ratio(x: ast.expr, base: ast.expr) -> ast.AST:
        log = ast.Name("log", ast.Load())
        return ast.BinOp(ast.Call(log, [x], []), ast.Div(), ast.Call(log, [base], []))
