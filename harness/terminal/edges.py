"""The edges of every command: one parser, one way to say what is wrong, one meaning of exit codes.

0 done; 1 done, and the answer is no (no law found, a broken rule); 2 wrong usage or input; 130 stopped by Ctrl-C;
141 whoever read the output hung up. Light on purpose: `--help` loads this and little else.
"""

from __future__ import annotations

import argparse
import difflib
import errno
import functools
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn, Protocol

WRONG, STOPPED, HUNG_UP = 2, 130, 141

OUR_ERRORS = frozenset(
    f"{package}.errors"
    for package in ("harness", "evaluator", "tasks", "tables", "fitting", "curves", "studies", "measure")
)
"""Modules whose exceptions are messages to the user; known by name, so that none has to be loaded."""


class Main(Protocol):
    """A command: its arguments (None: those of the process), an exit code."""

    def __call__(self, argv: list[str] | None = None) -> int: ...


def command(main: Main) -> Main:
    """A command's `main(argv)` behind the common edge: what we raise becomes one line and an exit code."""

    @functools.wraps(main)
    def at_the_edge(argv: list[str] | None = None) -> int:
        try:
            try:
                return main(argv)
            finally:
                sys.stdout.flush()
        except BrokenPipeError:
            _close_quietly()
            return HUNG_UP
        except KeyboardInterrupt:
            print("stopped", file=sys.stderr)
            return STOPPED
        except Exception as error:
            said = str(error) if is_ours(error) else _machines_words(error)
            if said is None:
                raise
            say_error(said)
            return WRONG

    return at_the_edge


def say_error(message: str) -> None:
    """One line on standard error; foreign text in it commands no terminal."""
    from tables.shown import shown  # loads a library, which only errors need

    print(shown(f"error: {message}"), file=sys.stderr)


def is_ours(error: BaseException) -> bool:
    """Whether an exception is of one of our packages' trees, and so a message to the user."""
    return any(kind.__module__ in OUR_ERRORS for kind in type(error).__mro__)


_REFUSALS = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
    errno.EFBIG: "raise the limit on file sizes (ulimit -f)",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
    errno.ENFILE: "close other programs' files",
    errno.ENOMEM: "free some memory",
    errno.EAGAIN: "raise the limit on processes (ulimit -u)",
    errno.EROFS: "choose a folder that can be written to",
    errno.EACCES: "choose a folder that can be written to",
    errno.EPERM: "choose a folder that can be written to",
    errno.EIO: "look after the disk",
}


def _machines_words(error: BaseException) -> str | None:
    """What to say where the machine refused something: a file that has a name, room, memory; None where it did not."""
    if isinstance(error, MemoryError):
        return "out of memory; nothing that was finished is lost"
    if not isinstance(error, OSError):
        return None
    if error.errno in _REFUSALS:
        return f"{error}; {_REFUSALS[error.errno]}. Nothing that was finished is lost"
    return str(error) if error.filename is not None or "temporary directory" in str(error) else None


def _close_quietly() -> None:
    """Nobody reads any more: let the interpreter flush into nothing as it ends."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, sys.stdout.fileno())
    except (OSError, ValueError):  # a test's stdout has no descriptor
        pass
    finally:
        os.close(nothing)


def meant(wrong: str, known: Iterable[str], what: str) -> str:
    """The words "did you mean 'x'?", or all there are where none is near."""
    names = list(known)
    near = difflib.get_close_matches(wrong, names, 1)
    return f"did you mean {near[0]!r}?" if near else f"{what} {', '.join(names)}"


def known_command(name: str, commands: Iterable[str]) -> str:
    """The name, where it is a command's; a usage error that says what was meant where it is none."""
    names = list(commands)
    if name not in names:
        say_error(f"no command {name!r}; {meant(name, names, 'expected one of')}")
        raise SystemExit(WRONG)
    return name


def usage_of(prog: str, what: str, commands: Mapping[str, str], begin: str = "") -> str:
    """The page of a command that has commands: name -> one line of help."""
    width = max(map(len, commands))
    lines = [f"  {name:<{width}}  {text}" for name, text in commands.items()]
    end = f"{prog} COMMAND --help explains a command{begin}"
    return "\n".join([f"usage: {prog} COMMAND [options]", "", what, "", "commands:", *lines, "", end])


class Parser(argparse.ArgumentParser):
    """argparse with errors of one line that say what was meant; its subcommands are of the same kind."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(*args, **kwargs)

    def error(self, message: str) -> NoReturn:
        say_error(f"{message} ({self.prog} --help explains)")
        raise SystemExit(WRONG)

    def parse_args(self, args: Iterable[str] | None = None, namespace: Any = None) -> Any:
        found, rest = self.parse_known_args(args, namespace)
        if rest:
            wrong = rest[0].partition("=")[0]
            if not wrong.startswith("-"):
                self.error(f"nothing more was expected, got {rest[0]!r}")
            near = difflib.get_close_matches(wrong, self._options(), 1)
            self.error(f"no option {wrong}" + (f"; did you mean {near[0]}?" if near else ""))
        return found

    def _options(self) -> list[str]:
        """Every option that is shown, the subcommands' too."""
        names = []
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                for sub in action.choices.values():
                    names += sub._options() if isinstance(sub, Parser) else []
            elif action.help != argparse.SUPPRESS:
                names += action.option_strings
        return names

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            name = (
                "command"
                if isinstance(action, argparse._SubParsersAction)
                else "/".join(action.option_strings)
            )
            known = [str(choice) for choice in action.choices]
            self.error(f"no {name} {str(value)!r}; {meant(str(value), known, 'expected one of')}")


def alias(parser: argparse._ActionsContainer, old: str, new: argparse.Action) -> None:
    """An option's former name: still taken, no longer shown."""
    parser.add_argument(
        old,
        dest=new.dest,
        type=new.type,  # type: ignore[arg-type]  # typeshed lacks None, the default
        nargs=new.nargs,
        default=argparse.SUPPRESS,
        help=argparse.SUPPRESS,
    )
