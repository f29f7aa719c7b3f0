"""Programs that differ in spelling only: one key for all of them.

Comments, blanks, docstrings, annotations and the names a program chooses for itself do not count.
"""

from __future__ import annotations

import ast
import hashlib
from functools import lru_cache

from evaluator import contract
from evaluator.contract import SIGNATURES


@lru_cache(maxsize=64)  # an answer is looked at when it comes and again when it becomes a candidate
def tree_key(program: str) -> str:
    """Digest of the normalised syntax tree.

    Raises:
        contract.Unparsable: it does not parse, or is nested too deeply to be walked.
    """
    tree = contract.parse(program)
    assert isinstance(tree, ast.Module)
    with contract.reading():
        text = ast.dump(_Plain(_own_names(tree)).visit(tree))
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def _own_names(tree: ast.Module) -> dict[str, str]:
    """Names the program binds itself -> v0, v1, ... in the order in which they appear."""
    found: dict[str, None] = {}
    imported = set()
    left: list[ast.AST] = [tree]
    while left:
        node = left.pop()
        left += reversed(list(ast.iter_child_nodes(node)))
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Store):
                found.setdefault(node.id)
        elif isinstance(node, ast.arg):
            found.setdefault(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.setdefault(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            imported |= {a.asname or a.name.split(".")[0] for a in node.names}
    own = [n for n in found if n not in imported and n not in SIGNATURES]
    return {name: f"v{i}" for i, name in enumerate(own)}


class _Plain(ast.NodeTransformer):
    """Renames own names, drops docstrings and annotations."""

    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    def _body(self, node: ast.Module | ast.FunctionDef | ast.ClassDef) -> None:
        kept = [s for s in node.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
        node.body = kept or [ast.Pass()]

    def visit_Module(self, node: ast.Module) -> ast.AST:
        self._body(node)
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self._body(node)
        node.returns = None
        node.name = self._names.get(node.name, node.name)
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        node.arg = self._names.get(node.arg, node.arg)
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self._names.get(node.id, node.id)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        own = isinstance(node.func, ast.Name) and node.func.id in self._names
        if own:
            for k in node.keywords:
                k.arg = self._names.get(k.arg or "", k.arg)
        return self.generic_visit(node)
