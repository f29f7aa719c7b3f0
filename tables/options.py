"""The options that every command with a table shares."""

from __future__ import annotations

import argparse

from tables.read import Reading


def add_options(p: argparse.ArgumentParser, where: bool = True) -> None:
    """--where, --drop-missing, --drop-bad, --decimal, --fractions, --sheet."""
    group = p.add_argument_group("reading the table")
    if where:
        group.add_argument(
            "--where",
            action="append",
            default=[],
            metavar="COND",
            help="keep rows, as in 'C<=1e21' or outlier==False",
        )
    group.add_argument(
        "--drop-missing",
        action="store_true",
        help="leave out rows without a finite number where one is needed",
    )
    group.add_argument(
        "--drop-bad",
        action="store_true",
        help="leave out rows that can't be read (too many fields, words) and count them",
    )
    group.add_argument("--decimal", choices=(".", ","), help="the decimal mark, where the file doesn't tell")
    group.add_argument(
        "--fractions", choices=("count", "ratio"), help="whether 100/6000 is a count of a total or a ratio"
    )
    group.add_argument("--sheet", metavar="NAME", help="of an Excel workbook with several")


def reading(args: argparse.Namespace) -> Reading:
    """The reading asked for by the options."""
    return Reading(args.drop_bad, args.drop_missing, args.decimal, args.fractions, args.sheet)
