"""`python -m harness.curves`: where will this run end, and which settings can be trusted to say so?"""

from __future__ import annotations

import importlib
import sys

from harness.errors import HarnessError

COMMANDS = {
    "predict": ("harness.curves_live", "predict the end of one run, finished or still growing"),
    "page": ("harness.curves_page", "write the study as one interactive HTML file"),
}
"""Subcommand -> the module whose `main(argv)` it is, and one line of help."""


def usage() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {text}" for name, (_, text) in COMMANDS.items()]
    head = ["usage: python -m harness.curves COMMAND [options]", "", "Predict loss curves.", "", "commands:"]
    return "\n".join([*head, *lines, "", "python -m harness.curves COMMAND --help explains a command"])


def main(argv: list[str] | None = None) -> int:
    args = sys.argv[1:] if argv is None else argv
    if not args or args[0] in ("-h", "--help", "help"):
        print(usage())
        return 0 if args else 2
    if args[0] not in COMMANDS:
        print(f"error: no command {args[0]!r}; expected one of {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    try:
        return importlib.import_module(COMMANDS[args[0]][0]).main(args[1:])
    except (HarnessError, ValueError) as error:
        if not isinstance(error, HarnessError) and not type(error).__module__.startswith("fitting"):
            raise
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
