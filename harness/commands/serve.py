"""The local web app: `harness serve`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from harness.errors import HarnessError
from harness.terminal.edges import Parser, command
from harness.terminal.options import add_sandbox_option

EPILOG = """examples:
  harness serve
  harness serve --out runs/bench --port 8001
  harness serve --host 0.0.0.0

The pages: runs with live progress, leaderboards, one run, two laws side by side; score a program, add a table, start a run,
fit a law. It listens on this machine alone unless --host says otherwise; then everybody needs the token that is printed.
Searches that it starts go on when it is stopped.
exit codes: 0 done, 2 wrong usage or input, 130 stopped by Ctrl-C
"""


def port(text: str) -> int:
    """0 to 65535; 0 takes a free one."""
    value = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= value <= 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, got {text!r}")
    return value


def parser() -> Parser:
    p = Parser(prog="harness serve", description="Serve a runs folder as a local web app.", epilog=EPILOG)
    p.add_argument("--out", default="runs", metavar="DIR", help="the runs folder (default: runs)")
    p.add_argument(
        "--host", default="127.0.0.1", metavar="H", help="address to listen on (default: 127.0.0.1)"
    )
    p.add_argument(
        "--port", type=port, default=8000, metavar="N", help="port; 0 takes a free one (default: 8000)"
    )
    add_sandbox_option(p)
    return p


@command
def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    from harness.web.server import listen, serve

    root = Path(args.out)
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HarnessError(f"--out {root}: can't be used as a runs folder ({error.strerror})") from error
    return serve(listen(args.host, args.port), args.host, root, args.allow_weak_sandbox)


if __name__ == "__main__":
    sys.exit(main(None))
