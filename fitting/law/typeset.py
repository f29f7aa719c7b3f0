"""LaTeX of simple laws as plain text: fractions, powers, subscripts, fonts, Greek letters, products without a sign."""

from __future__ import annotations

import re

from fitting.errors import BadLaw

TOKEN = re.compile(
    r"\s+|\\(?:[A-Za-z]+|.)|[A-Za-zΑ-ω]+|\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+|\*\*|[\^_{}()\[\]+\-*/=~,|.&]|."
)
GREEK = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi",
         "omicron", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega"]  # fmt: skip
WORDS = {
    word for word in GREEK if len(word) > 2
}  # without a backslash they are names all the same: N^{alpha}
SPACES = {"\\,", "\\;", "\\:", "\\!", "\\ ", "\\quad", "\\qquad", "\\left", "\\right", "\\big", "\\Big", "\\bigl", "\\bigr",
          "\\Bigl", "\\Bigr", "\\displaystyle", "\\textstyle", "\\limits", "\\\\", "\\nonumber", "\\bigg", "\\Bigg"}  # fmt: skip
FONTS = {"\\mathrm", "\\text", "\\textrm", "\\mathit", "\\mathbf", "\\mathcal", "\\operatorname", "\\hat", "\\widehat", "\\tilde",
         "\\bar", "\\textit", "\\mathsf", "\\boldsymbol"}  # fmt: skip
EQUALS = ("=", "\\approx", "\\sim", "\\simeq", "~")
CALLS = {"\\log": "log", "\\ln": "log", "\\exp": "exp", "\\tanh": "tanh", "\\sqrt": "sqrt", "\\lg": "log10"}
MARKS = {"\\cdot": "*", "\\times": "*", "\\ast": "*", "\\div": "/", "\\approx": "=", "\\sim": "=", "\\simeq": "=", "\\lvert": "|",
         "\\rvert": "|", "\\lbrace": "(", "\\rbrace": ")", "\\{": "(", "\\}": ")", "\\lparen": "(", "\\rparen": ")"}  # fmt: skip


def from_latex(text: str, variables: tuple[str, ...]) -> str:
    """Plain text of a LaTeX formula; letters side by side are a product, but for names of `variables`."""
    text = re.sub(r"\\(?:begin|end)\{[a-z*]+\}|\$|\\\[|\\\]|\\\(|\\\)", " ", text)
    tokens = [t for t in TOKEN.findall(text) if t.strip() and t not in SPACES and t != "&"]
    return _Latex(tokens, variables).all().strip()


class _Latex:
    """Tokens of simple LaTeX, read once from left to right into plain text."""

    def __init__(self, tokens: list[str], variables: tuple[str, ...]):
        self.tokens, self.variables, self.at = tokens, variables, 0

    def all(self) -> str:
        return self.until(())

    def until(self, ends: tuple[str, ...]) -> str:
        out: list[str] = []
        while self.at < len(self.tokens) and self.tokens[self.at] not in ends:
            before = self.tokens[self.at]
            piece = self.piece()
            if not piece:
                continue
            left_side = (
                before == "(" and any(s in self.tokens[self.at :] for s in EQUALS) and "=" not in "".join(out)
            )
            if out and _ends_value(out[-1]) and _begins_value(piece) and not left_side:
                out.append("*")
            out.append(piece)
        self.at += self.at < len(self.tokens)
        return "".join(out)

    def piece(self) -> str:
        if self.at >= len(self.tokens):
            raise BadLaw("the LaTeX ends where something more was expected; give the whole formula")
        token = self.tokens[self.at]
        self.at += 1
        if token == "{":
            return f"({self.until(('}',))})"
        if token in ("(", "["):
            return f"({self.until((')', ']'))})"
        if token == "\\frac" or token in ("\\dfrac", "\\tfrac"):
            top, bottom = self.argument(), self.argument()
            return f"(({top})/({bottom}))"
        if token in CALLS:
            return self.function(CALLS[token])
        if token in MARKS:
            return MARKS[token]
        if token in FONTS:
            return self.subscripted(re.sub(r"[^\w]", "", self.argument(raw=True)))
        if token == "^":
            return f"**({self.argument()})"
        if token.startswith("\\"):
            word = token[1:].removeprefix("var")
            return self.subscripted("lam" if word == "lambda" else word)
        if token in WORDS and token not in self.variables:
            return self.subscripted("lam" if token == "lambda" else token)
        if token[0].isalpha():
            if token in self.variables or token in ("log", "exp", "ln", "tanh", "sqrt", "abs"):
                return (
                    self.subscripted(token)
                    if token in self.variables
                    else self.function({"ln": "log"}.get(token, token))
                )
            return "*".join([*token[:-1], self.subscripted(token[-1])])
        return token

    def function(self, name: str) -> str:
        power = ""
        if self.peek() == "_":
            self.at += 1
            base = self.argument(raw=True).strip("{}")
            name = {"10": "log10", "2": "log2", "e": "log"}.get(base, name) if name == "log" else name
        if self.peek() == "^":
            self.at += 1
            power = f"**({self.argument()})"
        if self.peek() in ("(", "{", "["):
            inside = self.argument() if self.peek() == "{" else self.piece()[1:-1]
        else:  # \log N: the next factor alone
            inside = self.piece()
            if self.peek() == "^":
                inside += self.piece()
        return f"{name}({inside}){power}"

    def argument(self, raw: bool = False) -> str:
        if self.peek() == "{":
            self.at += 1
            if raw:
                depth, words = 1, []
                while self.at < len(self.tokens) and depth:
                    token = self.tokens[self.at]
                    depth += (token == "{") - (token == "}")
                    self.at += 1
                    if depth and token not in FONTS:
                        words.append(token.lstrip("\\"))
                return "".join(words).replace("{", "").replace("}", "")
            return self.until(("}",))
        if self.peek() == "-":
            self.at += 1
            return "-" + self.argument()
        if self.at < len(self.tokens) and self.tokens[self.at][0].isdigit() and not raw:
            token = self.tokens[self.at]  # \frac12: one digit each
            if len(token) > 1 and token.isdigit():
                self.tokens[self.at] = token[1:]
                return token[0]
        token = self.peek()
        if token.isalpha() and len(token) > 1 and token not in WORDS:
            self.tokens[self.at] = token[1:]
            return token[0]
        return self.piece()

    def subscripted(self, name: str) -> str:
        if self.peek() != "_":
            return name
        self.at += 1
        below = re.sub(r"\W", "", self.argument(raw=True))
        joined = name + below if below.isdigit() and name + below in self.variables else f"{name}_{below}"
        return joined

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""


def _ends_value(text: str) -> bool:
    return bool(re.search(r"[\w)]$", text))


def _begins_value(text: str) -> bool:
    return bool(re.match(r"[\w(.]", text))
