"""Schedule-aware laws on the Multi-Power Law curves: fitted on three schedules, tested on six others.

    SLD_CURVES_DIR=... python benchmarks/schedule_laws.py [--cuts 4] [--json] [--left-out]

For each model size (25M, 100M, 400M) both laws are fitted on the runs whose role is `fit`, and predict every point of
the six `test` runs from their learning rates alone. Nothing is chosen on the test runs. Published test MAE of the
Multi-Power Law (arXiv 2503.12811): 0.00376, 0.00435, 0.00484 nats.

With --left-out the test runs are not touched: each `fit` run is left out in turn, the law fitted on the other two is adapted
to its first 30, 50 and 80 %, and the error of its predicted end is shown in mean residuals, which is what the interval of
`harness curves predict --reference` rests on.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")  # must precede NumPy

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from curves.answer import SPREAD  # noqa: E402
from curves.schedules import NAMES, Schedule, ScheduledCurve, fit_schedule_law  # noqa: E402

WARMUP = 0.5 * 3e-4 * 2160
"""Learning rate summed over the linear warm-up, before the first row of every curve."""


def curves_of(path: Path) -> dict[int, dict[str, list[tuple[str, ScheduledCurve]]]]:
    """Size in millions -> role -> (schedule's name, curve) in the file's order."""
    found: dict[int, dict[str, list[tuple[str, ScheduledCurve]]]] = {}
    for (size, role, name), rows in pd.read_csv(path).groupby(["params_m", "role", "schedule"], sort=False):
        step = rows["step"].to_numpy(dtype=float)
        lr = rows["lr"].to_numpy()
        warmup = WARMUP + lr[0] * (step[0] - 2160)
        curve = ScheduledCurve(Schedule(step, lr, warmup), rows["loss"].to_numpy())
        found.setdefault(int(size), {}).setdefault(role, []).append((name, curve))
    return found


def left_out(sets: dict, cuts: int) -> int:
    """Errors of adapted laws on fit runs they were not fitted on."""
    ratios = {law: [] for law in NAMES}
    print(f"{'size':>5} {'left out':<16} {'law':<12} {'seen':>5} {'error':>9} {'residuals':>10}")
    for size, roles in sets.items():
        for name, curve in roles["fit"]:
            for law in NAMES:
                fitted = fit_schedule_law([c for n, c in roles["fit"] if n != name], law, cuts=cuts)
                for seen in (0.3, 0.5, 0.8):
                    part = np.where(curve.schedule.step <= seen * curve.schedule.step[-1], curve.loss, np.nan)
                    adapted = fitted.adapt(ScheduledCurve(curve.schedule, part))
                    error = adapted.predict(curve.schedule)[-1] - curve.loss[-1]
                    ratios[law].append(abs(error) / max(adapted.mae, fitted.mae))
                    print(f"{size:>4}M {name:<16} {law:<12} {seen:5.1f} {error:9.5f} {ratios[law][-1]:10.2f}")
    for law, found in ratios.items():
        print(f"{law}: {sum(r <= SPREAD for r in found)} of {len(found)} within {SPREAD} mean residuals")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default=os.environ.get("SLD_CURVES_DIR", "../shared/data/curves"))
    parser.add_argument("--cuts", type=int, default=4)
    parser.add_argument(
        "--left-out", action="store_true", help="leave each fit run out, see its part, predict its end"
    )
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    path = Path(args.data) / "multipowerlaw" / "loss_curves.csv"
    if not path.is_file():
        parser.error(f"{path}: no such file; give --data or SLD_CURVES_DIR, the folder of curve sets")
    if args.left_out:
        return left_out(curves_of(path), args.cuts)
    rows = []
    for size, roles in curves_of(path).items():
        for law in NAMES:
            started = time.perf_counter()
            fitted = fit_schedule_law([c for _, c in roles["fit"]], law, cuts=args.cuts)
            seconds = time.perf_counter() - started
            errors = {name: fitted.predict(c.schedule) - c.loss for name, c in roles["test"]}
            ends = {name: float(e[-1]) for name, e in errors.items()}
            rows.append(
                {
                    "size_m": size,
                    "law": law,
                    "fit_mae": fitted.mae,
                    "test_mae": float(np.mean([np.mean(np.abs(e)) for e in errors.values()])),
                    "worst_run_mae": max(float(np.mean(np.abs(e))) for e in errors.values()),
                    "endpoint_mae": float(np.mean(np.abs(list(ends.values())))),
                    "seconds": seconds,
                    "constants": fitted.constants,
                    "at_bound": fitted.at_bound,
                    "test_mae_by_run": {n: float(np.mean(np.abs(e))) for n, e in errors.items()},
                }
            )
    if args.json:
        print(json.dumps(rows, indent=1))
        return 0
    print(
        f"{'size':>5} {'law':<12} {'fit MAE':>8} {'test MAE':>9} {'worst run':>10} {'endpoint':>9} {'s':>5}"
    )
    for r in rows:
        print(
            f"{r['size_m']:>4}M {r['law']:<12} {r['fit_mae']:8.5f} {r['test_mae']:9.5f} {r['worst_run_mae']:10.5f}"
            f" {r['endpoint_mae']:9.5f} {r['seconds']:5.1f}"
        )
        print("      " + "  ".join(f"{k}={v:.4g}" for k, v in r["constants"].items()), *r["at_bound"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
