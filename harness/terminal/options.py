"""Options that several commands share, and the kinds of value they take, each with a message for people."""

from __future__ import annotations

import argparse
from math import inf, isfinite


def add_sandbox_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--allow-weak-sandbox",
        action="store_true",
        help="run programs even where this machine can't keep them away from your files (harness doctor shows)",
    )


def add_runs_option(parser: argparse.ArgumentParser, name: str = "--out") -> None:
    parser.add_argument(name, default="runs", metavar="DIR", help="where run folders lie (default: runs)")


def add_run_options(parser: argparse.ArgumentParser, folder: str = "--out", optional: bool = False) -> None:
    """The run a command is about, and where its name is looked for."""
    parser.add_argument(
        "run", nargs="?" if optional else None, help=f"run folder, its name under {folder}, or latest"
    )
    add_runs_option(parser, folder)


def add_rows_option(parser: argparse.ArgumentParser) -> None:
    """`--data-dir` of a command about a run, whose rows are known."""
    parser.add_argument(
        "--data-dir", metavar="DIR", help="folder with the task's rows (default: as in the run)"
    )


def add_cluster_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--cluster",
        metavar="WHERE",
        help="score on a Dask cluster: tcp://HOST:PORT of its scheduler, or local:N for N processes here (docs/scale.md)",
    )


def add_data_options(parser: argparse.ArgumentParser, more: str = "") -> None:
    """`--data-dir` and `--source`, both stored as `data_dir`."""
    parser.add_argument(
        "--data-dir",
        metavar="DIR",
        help=f"folder with the tasks' rows{more} (default: SLD_DATA_DIR, cache, hub, then our own measurements)",
    )
    parser.add_argument(
        "--source",
        dest="data_dir",
        choices=("nano", "official"),
        help="nano: our own measurements, which come with the package; official: the benchmark's rows or none",
    )


def count(text: str) -> int:
    """An integer >= 1."""
    value = int(text) if text.isascii() and text.isdigit() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected an integer >= 1, got {text!r}")
    return value


def seed(text: str) -> int:
    """An integer >= 0."""
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"expected an integer >= 0, got {text!r}")
    return int(text)


def number(text: str) -> float:
    """A finite number."""
    value = _number(text)
    if not isfinite(value):
        raise argparse.ArgumentTypeError(f"expected a number, got {text!r}")
    return value


def positive(text: str) -> float:
    """A finite number > 0."""
    value = _number(text)
    if not 0 < value < inf:
        raise argparse.ArgumentTypeError(f"expected a number > 0, got {text!r}")
    return value


def amount(text: str) -> float:
    """A finite number >= 0."""
    value = _number(text)
    if not 0 <= value < inf:
        raise argparse.ArgumentTypeError(f"expected a number >= 0, got {text!r}")
    return value


def share(text: str) -> float:
    """A number between 0 and 1, neither of them."""
    value = _number(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"expected a share between 0 and 1, got {text!r}")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
