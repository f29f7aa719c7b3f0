"""The published IsoFLOP points, where they are at hand."""

import csv

import numpy as np
import pytest
import real_rows


@pytest.fixture(scope="session")
def isoflop():
    """Reader of the published points: isoflop("llama_3__raw_loss") -> N, D, L columns, N in 1e6 and D in 1e9."""
    folder = real_rows.needed("SLD_ISOFLOP_DIR", "isoflops.csv")

    def read(name, clean=False):
        with open(folder / "isoflops.csv", encoding="utf-8", newline="") as file:
            rows = [r for r in csv.DictReader(file) if r["experiment"] == name]
        rows = [r for r in rows if not (clean and r["outlier"] == "True")]
        fields = {"N": "params", "D": "tokens", "L": "loss", "C": "budget"}
        columns = {k: np.array([float(r[c]) for r in rows]) for k, c in fields.items()}
        columns["N"], columns["D"] = columns["N"] / 1e6, columns["D"] / 1e9
        return columns

    def points():
        with open(folder / "chinchilla_svg_245.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        N, C, L = (np.array([float(r[c]) for r in rows]) for c in ("params", "flops", "loss"))
        keep = np.sort(L)[-5] > L
        return {"N": N[keep], "D": C[keep] / (6 * N[keep]), "L": L[keep], "C": C[keep]}

    read.points = points
    return read
