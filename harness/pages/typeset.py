"""Laws typeset as MathML, which browsers show without a script or a font; as plain text where they can't be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from markupsafe import Markup, escape

from fitting.errors import BadLaw
from fitting.law.latex import latex, symbol
from fitting.law.law import Law
from harness.proposers.formula.naming import readable
from tables.shown import one_line

LONG = 5
"""Letters of a name that may still have a subscript."""

_WORD = re.compile(r'(?:<mi mathvariant="normal">[^<]+</mi>){2,}')
"""A word that a converter spells letter by letter."""


def law_markup(text: str, features: Sequence[str] = (), target: str = "") -> Markup:
    """The law as markup that is safe to put into a page, whoever wrote it.

    Its terms are formulas of their own, between which a narrow page may break the line.

    Args:
        features: columns that it may use; everything else is a constant.
        target: named left of the equals sign.
    """
    return _law_markup(text, tuple(features), target)


@lru_cache(4096)
def _law_markup(text: str, features: tuple[str, ...], target: str) -> Markup:
    text = readable(text, features).text
    plain = Markup("<code>{}</code>").format(one_line(text))
    try:
        law = Law.parse(text, features)
        pieces = [latex(term) for term in (law.tree[1] if law.tree[0] == "add" else (law.tree,))]
    except (BadLaw, RecursionError):
        return plain
    signs = ["" if i == 0 and not p.startswith("-") else "−" if p.startswith("-") else "+" for i, p in enumerate(pieces)]  # fmt: skip
    found = [_mathml(_worded(p.removeprefix("-"), law.variables)) for p in pieces]
    if None in found:
        return plain
    terms = [Markup("<span>{} {}</span>").format(s, m) for s, m in zip(signs, found, strict=True)]
    if target:
        left = _mathml(_name(target)) or escape(one_line(target))
        terms.insert(0, Markup("<span>{} =</span>").format(left))
    whole = Markup('<span class="formula" role="math" aria-label="{}">{}</span>')
    return whole.format(one_line(text), Markup(" ").join(terms))


def _worded(tex: str, features: Sequence[str]) -> str:
    """Long names of columns written out as words, where our printer would make them towers of subscripts."""
    for name in sorted(features, key=len, reverse=True):
        if "_" in name and len(name) > LONG and re.fullmatch(r"\w+", name, re.ASCII):
            tex = tex.replace(symbol(name), f"\\text{{{name}}}")
    return tex


def constant_markup(name: str) -> Markup:
    """One constant's name; that of one target is `name[target]`."""
    stem, _, rest = name.partition("[")
    tail = escape(one_line(f"[{rest}")) if rest else Markup("")
    return (_mathml(_name(stem)) or escape(one_line(stem))) + tail


def _name(name: str) -> str:
    return _worded(symbol(name), [name]) if re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII) else ""


def _mathml(tex: str) -> Markup | None:
    from latex2mathml.converter import convert

    # A law's LaTeX holds its own names and numbers alone: letters, digits, and what our printer writes.
    if not tex or len(tex) > 6000 or not re.fullmatch(r"[\w\\{}^_ ()|+\-*/.,=]*", tex, re.ASCII):
        return None
    try:
        found = convert(tex, display="inline")
    except Exception:  # a converter that fails leaves the law in plain text
        return None
    found = _WORD.sub(lambda m: "<mi>" + re.sub("<[^>]*>", "", m[0]) + "</mi>", found)
    found = found.replace(' xmlns="http://www.w3.org/1998/Math/MathML" display="inline"', "")
    return Markup(found)


@lru_cache(256)
def tex(formula: str, display: str = "inline") -> Markup:
    """LaTeX of our own templates, which is trusted, as MathML; display: "inline" or "block"."""
    from latex2mathml.converter import convert

    return Markup(convert(formula, display=display))
