"""Calibrate and check the endpoint intervals of `harness curves predict`.

    SLD_CURVES_DIR=... python benchmarks/curve_intervals.py [--json]

Every completed run of three sets (delphi_midtraining, misfitting_c4 with 12 rows or more, multipowerlaw) is cut at each
prefix and continued. The error, final loss minus prediction, is measured in the continuation's own scale. The table
printed first is the one in harness/curves/calibration.py: 5 %, 50 % and 95 % quantiles of that ratio by prefix, each set
with the same weight. Below it, coverage and mean error with every run's own set of ratios left out of its table
(leave one run out), and with its whole set left out (leave one set out: what a user with other data may expect).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")  # must precede NumPy

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from harness.curves.calibration import PREFIXES, conformal, ratios  # noqa: E402

SETS = {
    "delphi_midtraining": ("trajectories.csv", "math_val_loss", "final_step", 12),
    "misfitting_c4": ("trajectories.csv", "c4_val_loss", "total_steps", 12),
    "multipowerlaw": ("loss_curves.csv", "loss", "total_steps", 12),
}


def runs_of(folder: Path) -> list[tuple[str, str, np.ndarray, np.ndarray]]:
    """(set, run, tau, loss) of every completed run with enough rows."""
    out = []
    for name, (file, loss, final, least) in SETS.items():
        table = pd.read_csv(folder / name / file)
        for run, rows in table.groupby("run_id", sort=False):
            rows = rows.sort_values("step")
            tau = rows["step"].to_numpy(dtype=float) / rows[final].to_numpy(dtype=float)
            y = rows[loss].to_numpy()
            if len(rows) >= least and tau[-1] >= 0.98 and np.isfinite(y).all():
                out.append((name, str(run), tau, y))
    return out


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default=os.environ.get("SLD_CURVES_DIR", "../shared/data/curves"))
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rows = []
    for i, (name, run, tau, loss) in enumerate(runs_of(Path(args.data))):
        if i % 40 == 0:
            print(f"run {i}", file=sys.stderr)
        rows += [(name, run, *r) for r in ratios(tau, loss)]
    table = pd.DataFrame(rows, columns=["set", "run", "prefix", "ratio", "scale"])
    found, checks = {}, []
    for prefix in PREFIXES:
        part = table[table["prefix"] == prefix]
        weight = (1 / part.groupby("set")["run"].transform("size")).to_numpy()
        found[prefix] = [round(q, 3) for q in conformal(part["ratio"].to_numpy(), weight)]
        for way in ("run", "set"):
            for name in SETS:
                own = part[part["set"] == name]
                inside, errors, widths = [], [], []
                for _, row in own.iterrows():
                    out = (part["run"] == row["run"]) if way == "run" else (part["set"] == name)
                    keep = ~out.to_numpy()
                    low, middle, high = conformal(part["ratio"].to_numpy()[keep], weight[keep])
                    inside.append(low <= row["ratio"] <= high)
                    errors.append(abs(middle - row["ratio"]) * row["scale"])
                    widths.append((high - low) * row["scale"])
                if len(own):
                    plain = float(np.mean(np.abs(own["ratio"] * own["scale"])))
                    checks.append(
                        (
                            way,
                            prefix,
                            name,
                            len(own),
                            np.mean(inside),
                            np.mean(errors),
                            plain,
                            np.mean(widths),
                        )
                    )
    checks = pd.DataFrame(
        checks, columns=["left_out", "prefix", "set", "runs", "coverage", "error", "plain_error", "width"]
    )
    if args.json:
        print(json.dumps({"table": found, "checks": checks.to_dict("records")}, indent=1))
        return 0
    for prefix, quantiles in found.items():
        print(f"    {prefix}: ({', '.join(map(str, quantiles))}),")
    print(checks.round(4).to_string(index=False))
    for way, part in checks.groupby("left_out"):
        print(
            f"leave one {way} out: coverage by set {part.groupby('set')['coverage'].mean().round(3).to_dict()}"
        )
        print(f"    all runs and prefixes {np.average(part['coverage'], weights=part['runs']):.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
