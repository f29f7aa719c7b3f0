"""`harness study check`: quality control of an IsoFLOP table."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

from fitting import BadData
from studies.fitting_methods.quality import NONE, REASONS, SPLINE_Z, Thresholds, check_table
from tables import Reading, Table, kept, read_table
from tables.options import reading
from tables.shown import cell, say

ALIASES = {
    "params": ("params", "parameters", "N"),
    "tokens": ("tokens", "D"),
    "loss": ("loss", "L"),
    "budget": ("budget", "C", "flops", "compute"),
}


def read(path: str, reading: Reading, where: list[str]) -> tuple[Table, pd.DataFrame]:
    """The table, and a frame of it with columns under their usual names too."""
    table = read_table(path, reading)
    usual = {n: o for n, others in ALIASES.items() for o in reversed(others) if o in table.columns}
    letters = {a: usual[n] for n, others in ALIASES.items() if n in usual for a in others}
    table = kept(table, where, aliases=letters)
    for name, others in ALIASES.items():
        if name not in usual:
            raise BadData(f"{path}: no column {' or '.join(others)}; it has {', '.join(table.names)}")
    table = table.complete(list(usual.values()), reading.drop_missing, reading.drop_bad)
    if not len(table):
        raise BadData(f"{path}: no rows are left")
    frame = table.frame()
    for name, column in usual.items():
        values = table.numbers(column)
        bad = np.flatnonzero(values <= 0)
        if len(bad):
            raise BadData(
                f"{path}: {column} must be a number > 0 in every row: {table.place(bad[0])} has {values[bad[0]]:g}"
            )
        frame[name] = values
    return table, frame


def check_command(args: argparse.Namespace) -> int:
    source, table = read(args.table, reading(args), args.where)
    for note in source.notes:
        say(f"note: {note}", err=args.json)
    original = source.names
    thresholds = Thresholds(
        radius=args.radius, least=args.least, spline_z=args.spline_z or Thresholds().spline_z
    )
    reasons = check_table(table, spline_z=None if args.spline_z else SPLINE_Z, thresholds=thresholds)
    names = table["experiment"] if "experiment" in table.columns else pd.Series("all rows", index=table.index)
    counts = pd.crosstab(names, reasons).reindex(columns=[NONE, *REASONS], fill_value=0)
    if args.out:
        texts = pd.DataFrame({name: source.labels(name) for name in original})
        flagged = texts.assign(outlier=(reasons != NONE).to_numpy(), reason=reasons.to_numpy())
        try:
            flagged.map(cell).to_csv(Path(args.out), index=False)
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
        say(
            f"{experiment}: {row[NONE]} of {row.sum()} rows kept" + (f"; {', '.join(found)}" if found else "")
        )
    print(
        f"in all {int((reasons == NONE).sum())} of {len(table)} rows kept"
        + (f"; wrote {args.out}" if args.out else "")
    )
    return 0
