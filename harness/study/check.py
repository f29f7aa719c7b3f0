"""`python -m harness.study check`: quality control of an IsoFLOP table."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

from fitting import BadData
from harness.terminal.options import positive
from studies.fitting_methods.quality import NONE, REASONS, SPLINE_Z, Thresholds, check_table

ALIASES = {
    "params": ("params", "parameters", "N"),
    "tokens": ("tokens", "D"),
    "loss": ("loss", "L"),
    "budget": ("budget", "C", "flops", "compute"),
}


def add_options(p: argparse.ArgumentParser) -> None:
    p.description = (
        "Flag rows of an IsoFLOP table that would mislead a fit: duplicates, thin budgets, runs off centre, outliers, "
        "budgets without curvature. Columns: params (or N), tokens (D), loss (L), budget (C), and experiment if there are several."
    )
    p.add_argument("table", help="CSV file with a header")
    p.add_argument("--out", metavar="FILE", help="write the table with the columns outlier and reason")
    p.add_argument("--spline-z", type=positive, metavar="Z", help="robust z of a spline outlier (default: 6; for the "
                   "published experiments what their source used)")  # fmt: skip
    p.add_argument("--radius", type=positive, default=2.5, metavar="X", help="rows farther from the vertex than X times "
                   "the nearer end are off centre (default: 2.5)")  # fmt: skip
    p.add_argument("--least", type=int, default=6, metavar="N", help="rows a budget needs (default: 6)")
    p.add_argument("--json", action="store_true", help="print the counts as JSON")


def read(path: str) -> pd.DataFrame:
    """The table with columns under their usual names; others are kept."""
    try:
        table = pd.read_csv(path)
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise BadData(f"{path}: can't be read as CSV ({error})") from None
    if not len(table):
        raise BadData(f"{path}: no rows")
    for name, others in ALIASES.items():
        found = [o for o in others if o in table.columns]
        if not found:
            raise BadData(
                f"{path}: no column {' or '.join(others)}; it has {', '.join(map(str, table.columns))}"
            )
        column = pd.to_numeric(table[found[0]], errors="coerce")
        bad = column.index[~(np.isfinite(column) & (column > 0))]
        if len(bad):
            raise BadData(
                f"{path}: {found[0]} must be a number > 0 in every row: row {bad[0]} has {str(table[found[0]][bad[0]])!r}"
            )
        table[name] = column
    return table


def check_command(args: argparse.Namespace) -> int:
    table = read(args.table)
    original = list(pd.read_csv(args.table, nrows=0).columns)
    thresholds = Thresholds(
        radius=args.radius, least=args.least, spline_z=args.spline_z or Thresholds().spline_z
    )
    reasons = check_table(table, spline_z=None if args.spline_z else SPLINE_Z, thresholds=thresholds)
    names = table["experiment"] if "experiment" in table.columns else pd.Series("all rows", index=table.index)
    counts = pd.crosstab(names, reasons).reindex(columns=[NONE, *REASONS], fill_value=0)
    if args.out:
        flagged = table[original].assign(outlier=reasons != NONE, reason=reasons)
        try:
            flagged.to_csv(Path(args.out), index=False)
        except OSError as error:
            raise BadData(f"--out {args.out}: can't be written ({error.strerror})") from None
    if args.json:
        print(
            json.dumps(
                {str(k): {r: int(v) for r, v in row.items()} for k, row in counts.iterrows()}, indent=2
            )
        )
        return 0
    for experiment, row in counts.iterrows():
        found = [f"{reason} {row[reason]}" for reason in REASONS if row[reason]]
        print(
            f"{experiment}: {row[NONE]} of {row.sum()} rows kept" + (f"; {', '.join(found)}" if found else "")
        )
    print(
        f"in all {int((reasons == NONE).sum())} of {len(table)} rows kept"
        + (f"; wrote {args.out}" if args.out else "")
    )
    return 0
