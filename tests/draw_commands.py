"""Writes docs/commands.md from the commands' own parsers: `python -m tests.draw_commands` (or `make commands`).

Each command is called as a user would, and the parser that it makes is caught before it reads anything; a test compares the page with that.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable, Iterator
from unittest.mock import patch

from harness import cli
from harness.curves import COMMANDS as CURVES
from harness.terminal.edges import Parser
from tests.test_architecture import ROOT

PAGE = ROOT / "docs" / "commands.md"

HEAD = """# Commands

Every command and every option, made from the parsers by `make commands`; a test keeps the two together. All of them end with 0 (done),
1 (done, and the answer is no), 2 (wrong usage or input), 130 (stopped by Ctrl-C) or 141 (whoever read the output hung up).

| command | what it does |
|---|---|
"""


class Caught(BaseException):
    """The parser that a command was about to use."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self.parser = parser


def caught(main: Callable[..., object], *args: object) -> argparse.ArgumentParser:
    """The parser that `main` makes."""

    def stop(self: argparse.ArgumentParser, *_: object, **__: object) -> None:
        raise Caught(self)

    with patch.object(argparse.ArgumentParser, "parse_args", stop), patch.object(Parser, "parse_args", stop):
        try:
            main([], *args)
        except Caught as found:
            return found.parser
    raise AssertionError(f"{main} read no options")


def parsers() -> Iterator[tuple[int, argparse.ArgumentParser]]:
    """Depth of the heading and parser of every command and subcommand."""
    for module, _ in cli.COMMANDS.values():
        if module == "harness.curves":
            for inside, function, _ in CURVES.values():
                yield 2, caught(getattr(importlib.import_module(inside), function))
            continue
        extra = (Parser,) if module in cli.BELOW else ()
        parser = caught(importlib.import_module(module).main, *extra)
        yield 2, parser
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                yield from ((3, sub) for sub in action.choices.values())


def section(depth: int, parser: argparse.ArgumentParser) -> str:
    """A command: what it is for, its arguments as a table, its examples."""
    lines = [f"{'#' * depth} {parser.prog}", ""]
    if parser.description:
        lines += [cell(parser.description), ""]
    rows = [row(a) for a in parser._actions if shown(a)]
    if rows:
        lines += ["| argument | meaning |", "|---|---|", *rows, ""]
    if parser.epilog:
        lines += ["```text", parser.epilog.strip(), "```", ""]
    return "\n".join(lines)


def shown(action: argparse.Action) -> bool:
    hidden = isinstance(action, argparse._HelpAction | argparse._SubParsersAction)
    return not hidden and action.help != argparse.SUPPRESS


def row(action: argparse.Action) -> str:
    name = str(action.metavar or action.dest)
    if action.option_strings:
        takes = (
            "" if action.nargs == 0 else f" {'|'.join(map(str, action.choices)) if action.choices else name}"
        )
        text = ", ".join(action.option_strings) + takes
    else:
        text = name
    return f"| `{text.replace('|', chr(92) + '|')}` | {cell(action.help or '')} |"


def cell(text: str) -> str:
    """Text inside a table: one line, nothing that Markdown would read as a mark."""
    joined = " ".join(text.replace("%%", "%").split())
    for mark in ("|", "*", "_", "<", "[", "#"):
        joined = joined.replace(mark, chr(92) + mark)
    return joined


def page() -> str:
    listed = [f"| `harness {name}` | {cell(text)} |" for name, (_, text) in cli.COMMANDS.items()]
    return HEAD + "\n".join(listed) + "\n\n" + "\n".join(section(d, p) for d, p in parsers()).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
