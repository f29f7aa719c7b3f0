"""Command-line options that several commands share."""

from __future__ import annotations

import argparse


def add_sandbox_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--allow-weak-sandbox",
        action="store_true",
        help="run programs even where this machine can't keep them away from your files (harness doctor shows)",
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


def positive(text: str) -> float:
    """A finite number > 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number > 0, got {text!r}")
    return value


def amount(text: str) -> float:
    """A finite number >= 0."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number >= 0, got {text!r}")
    return value
