"""Expressions as text and as LaTeX."""

from __future__ import annotations

from fitting.law.expression import Node, neg, num, power

_GREEK = """
alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi
chi psi omega"""
GREEK = frozenset(_GREEK.split())


def symbol(name: str) -> str:
    r"""alpha -> \alpha, c12 -> c_{12}, D_unique -> D_{\mathrm{unique}}."""
    stem, _, tail = name.partition("_")
    if not tail and stem not in GREEK:
        digits = len(stem) - len(stem.rstrip("0123456789"))
        if digits and digits < len(stem):
            stem, tail = stem[:-digits], stem[-digits:]
    head = f"\\{stem}" if stem in GREEK else stem if len(stem) == 1 else f"\\mathrm{{{stem}}}"
    if not tail:
        return head
    if tail in GREEK:
        return f"{head}_{{\\{tail}}}"
    short = tail.isdigit() or len(tail) == 1
    below = tail.replace("_", "\\_")
    return f"{head}_{{{tail}}}" if short else f"{head}_{{\\mathrm{{{below}}}}}"


def _number(value: float) -> str:
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    text = repr(value)
    if "e" in text:
        mantissa, _, exponent = text.partition("e")
        return f"{mantissa} \\times 10^{{{int(exponent)}}}"
    return text


def latex(node: Node) -> str:
    """LaTeX of a tree: negative powers go below a fraction bar."""
    tag = node[0]
    if tag == "num":
        return _number(node[1])
    if tag in ("var", "con"):
        return symbol(node[1])
    if tag == "add":
        text = ""
        for part in node[1]:
            minus = _negative(part)
            piece = latex(neg(part) if minus else part)
            text += (" - " if minus else " + ") + piece if text else ("-" if minus else "") + piece
        return text
    if tag == "mul":
        return _product(node)
    if tag == "pow":
        if _negative(node[2]):
            return f"\\frac{{1}}{{{latex(power(node[1], neg(node[2])))}}}"
        if node[2] == num(0.5):
            return f"\\sqrt{{{latex(node[1])}}}"
        base = latex(node[1])
        return f"{base if node[1][0] in ('var', 'con') else _brackets(base)}^{{{latex(node[2])}}}"
    if node[1] == "abs":
        return f"\\left|{latex(node[2])}\\right|"
    name: str = node[1]
    special = {"log": "\\ln", "log10": "\\log_{10}", "log1p": "\\operatorname{log1p}"}
    return special.get(name, "\\" + name) + _brackets(latex(node[2]))


def _brackets(text: str) -> str:
    return f"\\left({text}\\right)"


def _negative(node: Node) -> bool:
    if node[0] == "num":
        return bool(node[1] < 0)
    return node[0] == "mul" and bool(node[1][0][0] == "num" and node[1][0][1] < 0)


def _product(node: Node) -> str:
    if _negative(node):
        return f"-{_guard(neg(node))}"
    above = [f for f in node[1] if not (f[0] == "pow" and _negative(f[2]))]
    below = [power(f[1], neg(f[2])) for f in node[1] if f[0] == "pow" and _negative(f[2])]
    top = " ".join(_guard(f) for f in above) or "1"
    if not below:
        return top
    if len(above) == 1 and above[0][0] == "add":
        top = latex(above[0])
    bottom = latex(below[0]) if len(below) == 1 else " ".join(_guard(f) for f in below)
    return f"\\frac{{{top}}}{{{bottom}}}"


def _guard(node: Node) -> str:
    return _brackets(latex(node)) if node[0] == "add" else latex(node)
