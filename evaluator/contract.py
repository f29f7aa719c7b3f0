"""What a program's text must look like, checked before it runs.

These checks give clear messages early. They are no fence: a determined program gets round any
check of its text, and the sandbox is what holds it.
"""

from __future__ import annotations

import ast
import re
import tokenize
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, overload

from evaluator.outcome import Failed, Failure

MAX_PROGRAM_BYTES = 200_000

ALLOWED_MODULES = (
    "numpy", "scipy", "math", "itertools", "functools", "collections", "dataclasses", "typing", "warnings",
)  # fmt: skip
"""Modules every program may import, wherever it runs. `__future__` is allowed too."""

EXTRA_MODULES = ("fitting",)
"""Modules of this project that our sandbox has too."""

PROGRAM_MODULES = (*ALLOWED_MODULES, *EXTRA_MODULES)
"""What a program may import here: the one list for prompts, edits, seeds, the evaluator and `score`."""

SIGNATURES = {
    "scaling_law_func": ("data_points", "params"),
    "fit_scaling_law": ("data_points", "loss_values"),
}

_START = re.compile(r"^\s*#\s*EVOLVE-BLOCK-START\b")
_END = re.compile(r"^\s*#\s*EVOLVE-BLOCK-END\b")


@lru_cache(maxsize=16)
def check(program: str, modules: tuple[str, ...] = PROGRAM_MODULES, markers: bool = True) -> Failed | None:
    """The first rule the text breaks, or None.

    Args:
        program: source text.
        modules: top-level modules it may import.
        markers: whether the lines around the part that evolves must be there; a score needs none.
    """
    return _text(program) or (_markers(program) if markers else None) or _tree(program, modules)


PARSE_TRIES = 5
"""CPython up to 3.12 counts the depth of a tree in a place that threads share, so a parse beside another may end
in a SystemError that says nothing of the program (python/cpython issue 106905). Asking again helps."""


class Unparsable(ValueError):
    """A text that can't be read as Python; one line says why.

    Attributes:
        line: of the text, or None where it can't be told.
    """

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


@contextmanager
def reading() -> Iterator[None]:
    """Whatever reading foreign Python raises, in `ast`, `tokenize` or a walk over the tree, becomes `Unparsable`.

    Wrap not only the parse but what is done with the tree too: `ast.unparse` and visitors recurse, and a number
    of thousands of digits upsets the first thing that prints it.

    Raises:
        Unparsable: in place of SyntaxError, ValueError, RecursionError, MemoryError, OverflowError,
            SystemError and tokenize.TokenError.
    """
    try:
        yield
    except Unparsable:
        raise
    except SyntaxError as error:
        raise Unparsable(str(error.msg)[:200], error.lineno) from None
    except (RecursionError, MemoryError):
        raise Unparsable("nested too deeply to be parsed") from None
    except (ValueError, OverflowError) as error:  # a null byte, a number of thousands of digits
        raise Unparsable(str(error)[:200]) from None
    except tokenize.TokenError as error:
        raise Unparsable(str(error.args[0])[:200]) from None
    except SystemError as error:
        raise Unparsable(f"the interpreter can't parse it ({str(error)[:100]})") from None


@overload
def parse(program: str, mode: Literal["exec"] = "exec") -> ast.Module: ...


@overload
def parse(program: str, mode: Literal["eval"]) -> ast.Expression: ...


def parse(program: str, mode: str = "exec") -> ast.AST:
    """Syntax tree of a program; safe to call from several threads.

    Args:
        mode: as of `ast.parse`.

    Raises:
        Unparsable: it does not parse, whatever the parser raised.
    """
    if len(program) > MAX_PROGRAM_BYTES:
        raise Unparsable(f"{len(program)} characters long; at most {MAX_PROGRAM_BYTES} are read")
    with reading():
        for _ in range(PARSE_TRIES - 1):
            try:
                return ast.parse(program, filename="program.py", mode=mode)
            except SystemError:
                continue
        return ast.parse(program, filename="program.py", mode=mode)


@dataclass(slots=True)
class Read:
    """A program's tree with the nodes that a check asks for, each kind in the order of `ast.walk`.

    Attributes:
        imports: statements. calls, attributes: expressions. binding: what gives something a name.
    """

    tree: ast.Module
    imports: list[ast.Import | ast.ImportFrom] = field(default_factory=list)
    calls: list[ast.Call] = field(default_factory=list)
    attributes: list[ast.Attribute] = field(default_factory=list)
    binding: list[ast.AST] = field(default_factory=list)


_BINDING = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.alias, ast.Name)
_BARE = frozenset(("ctx", "op", "ops", "id", "attr", "arg", "asname", "kind", "type_comment", "lineno"))
"""Fields in which no node that is asked for ever stands."""

_FIELDS = {
    kind: tuple(name for name in kind._fields if name not in _BARE)
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
}
"""Fields of a kind of node in which others may stand."""


@lru_cache(maxsize=8)
def _read(program: str) -> Read:
    """Parsed and walked once for all checks: most of what a search's own process does for a candidate.

    Raises:
        Unparsable: as `parse`.
    """
    with reading():
        read = Read(parse(program))
        kept: dict[type[ast.AST], list[Any]] = {
            **dict.fromkeys((ast.Import, ast.ImportFrom), read.imports),
            ast.Call: read.calls,
            ast.Attribute: read.attributes,
            **dict.fromkeys(_BINDING, read.binding),
        }
        todo: deque[ast.AST] = deque([read.tree])
        while todo:
            node = todo.popleft()
            kind = type(node)
            if kind in kept:
                kept[kind].append(node)
            for name in _FIELDS[kind]:
                value = getattr(node, name, None)
                if type(value) is list:
                    todo.extend([item for item in value if isinstance(item, ast.AST)])
                elif isinstance(value, ast.AST):
                    todo.append(value)
        return read


@lru_cache(maxsize=16)
def imported_modules(program: str) -> frozenset[str]:
    """Dotted names a program imports; empty when it does not parse."""
    try:
        read = _read(program)
    except Unparsable:
        return frozenset()
    names: set[str] = set()
    for node in read.imports:
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(names)


@lru_cache(maxsize=16)
def named_modules(program: str) -> tuple[str, ...]:
    """What a program imports, and the dotted names it makes of that: modules among them are loaded before it runs."""
    try:
        with reading():
            read = _read(program)
            known: dict[str, str] = {}
            for node in read.imports:
                if isinstance(node, ast.Import):
                    for alias in node.names:
                        known[alias.asname or alias.name.partition(".")[0]] = (
                            alias.name if alias.asname else alias.name.partition(".")[0]
                        )
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    known |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
            chains = {_dotted(node, known) for node in read.attributes}
            return tuple(sorted(imported_modules(program) | chains - {""}))
    except Unparsable:
        return ()


def _dotted(node: ast.expr, known: dict[str, str]) -> str:
    """The dotted name of `np.random.rand`, or "" of what does not begin with an imported name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in known:
        return ""
    return ".".join([known[node.id], *reversed(parts)])


def _text(program: str) -> Failed | None:
    try:
        size = len(program.encode("utf-8"))
    except UnicodeEncodeError as error:
        return Failed(
            Failure.SYNTAX, f"program: expected UTF-8 text; character {error.start} is not encodable"
        )
    if size > MAX_PROGRAM_BYTES:
        return Failed(
            Failure.FORBIDDEN, f"program: {size} bytes long; at most {MAX_PROGRAM_BYTES} are read. Shorten it"
        )
    return None


def _markers(program: str) -> Failed | None:
    lines = program.splitlines()
    starts = [i for i, line in enumerate(lines, 1) if _START.match(line)]
    ends = [i for i, line in enumerate(lines, 1) if _END.match(line)]
    if len(starts) == len(ends) == 1 and starts[0] < ends[0]:
        return None
    found = f"starts on lines {starts}, ends on lines {ends}" if starts or ends else "found neither line"
    return Failed(
        Failure.NO_EVOLVE_BLOCK,
        "program: expected one line '# EVOLVE-BLOCK-START' and after it one line '# EVOLVE-BLOCK-END': "
        + found,
    )


def _tree(program: str, modules: tuple[str, ...]) -> Failed | None:
    try:
        with reading():
            read = _read(program)
            return _functions(read) or _imports(read, modules) or _clock(read)
    except Unparsable as error:
        where = "program" if error.line is None else f"program line {error.line}"
        return Failed(Failure.SYNTAX, f"{where}: {error}")


def _functions(read: Read) -> Failed | None:
    for name, arguments in SIGNATURES.items():
        wanted = f"{name}({', '.join(arguments)})"
        if not any(_defines(node, name) for node in read.binding):
            return Failed(Failure.MISSING_FUNCTION, f"program: expected a function {wanted}, found none")
        plain = [n for n in read.tree.body if isinstance(n, ast.FunctionDef) and n.name == name]
        if plain and not _takes_two(plain[-1].args):
            return Failed(
                Failure.MISSING_FUNCTION,
                f"program line {plain[-1].lineno}: expected {wanted}, got {name}({ast.unparse(plain[-1].args)})",
            )
    return None


def _defines(node: ast.AST, name: str) -> bool:
    """Whether a statement binds `name`, wherever it stands; running it decides in the end."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name == name
    if isinstance(node, ast.alias):
        return (node.asname or node.name) == name
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id == name


def _takes_two(args: ast.arguments) -> bool:
    positional = len(args.posonlyargs) + len(args.args)
    required = positional - len(args.defaults)
    named_only = any(default is None for default in args.kw_defaults)
    return required <= 2 and not named_only and (positional >= 2 or args.vararg is not None)


def _imports(read: Read, modules: tuple[str, ...]) -> Failed | None:
    allowed = {*modules, "__future__"}
    for node in read.imports:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            names = ["." * node.level + (node.module or "")]
        for name in names:
            if name.partition(".")[0] not in allowed:
                return Failed(
                    Failure.FORBIDDEN,
                    f"program line {node.lineno}: may not import {name!r}; allowed are {', '.join(sorted(modules))}",
                )
    return None


def _clock(read: Read) -> Failed | None:
    """`datetime64("now")` has a resolution of a second, too coarse for a second fit to notice."""
    for node in read.calls:
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called != "datetime64":
            continue
        texts = {a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)}
        if texts & {"now", "today"}:
            return Failed(
                Failure.FORBIDDEN,
                f"program line {node.lineno}: may not read the clock; a law depends on its row alone",
            )
    return None
