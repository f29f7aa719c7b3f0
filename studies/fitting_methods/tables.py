"""Published IsoFLOP rows: the folder with `isoflops.csv` and `chinchilla_svg_245.csv`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from fitting import BadData
from studies.fitting_methods.sampling import Runs
from tables import read_table

COLUMNS = ("experiment", "params", "tokens", "budget", "loss", "outlier", "reason")
LARGEST_LOSSES_LEFT_OUT = 5


@dataclass(frozen=True)
class IsoflopData:
    """Rows of published IsoFLOP studies, read when asked for."""

    folder: Path

    @staticmethod
    def of(folder: str | Path) -> IsoflopData:
        folder = Path(folder)
        if not (folder / "isoflops.csv").is_file():
            raise BadData(
                f"{folder}: expected a folder with isoflops.csv (columns {', '.join(COLUMNS)}); "
                "pass it with --data-dir or SLD_ISOFLOP_DIR"
            )
        return IsoflopData(folder)

    @cached_property
    def table(self) -> pd.DataFrame:
        """isoflops.csv; the reason "none" stays a word."""
        table = read_table(self.folder / "isoflops.csv").frame()
        missing = [c for c in COLUMNS if c not in table.columns]
        if missing:
            raise BadData(f"{self.folder / 'isoflops.csv'}: no column {', '.join(missing)}")
        return table.astype({"outlier": str}).assign(outlier=lambda t: t["outlier"].str.lower() == "true")

    def rows(self, experiment: str, clean: bool = False) -> pd.DataFrame:
        """Rows of one experiment; `clean` leaves out those that quality control flagged."""
        rows = self.table[self.table["experiment"] == experiment]
        if not len(rows):
            raise BadData(
                f"{self.folder}: no experiment {experiment!r}; it has {', '.join(sorted(set(self.table['experiment'])))}"
            )
        return rows[~rows["outlier"]] if clean else rows

    def runs(self, experiment: str, clean: bool = False) -> Runs:
        return as_runs(self.rows(experiment, clean))

    def chinchilla_points(self, largest_budget: float = np.inf) -> Runs:
        """Points read from Chinchilla's figure 4, less the five largest losses, with C < `largest_budget`."""
        path = self.folder / "chinchilla_svg_245.csv"
        if not path.is_file():
            raise BadData(f"{path}: not there; it has the columns params, flops, loss")
        rows = read_table(path).frame()
        kept = rows[
            (rows["loss"] < rows["loss"].nlargest(LARGEST_LOSSES_LEFT_OUT).min())
            & (rows["flops"] < largest_budget)
        ]
        N, C, L = (kept[c].to_numpy(dtype=float) for c in ("params", "flops", "loss"))
        return Runs(N, C / (6 * N), L, C)

    def sha256(self) -> dict[str, str]:
        """Digest of every file that can be read here."""
        names = ("isoflops.csv", "chinchilla_svg_245.csv")
        found = [self.folder / n for n in names if (self.folder / n).is_file()]
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def as_runs(rows: pd.DataFrame) -> Runs:
    N, D, L, C = (rows[c].to_numpy(dtype=float) for c in ("params", "tokens", "loss", "budget"))
    return Runs(N, D, L, C)
