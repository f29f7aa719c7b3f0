"""Curve prediction on the Delphi midtraining set, measured against the figures published for it.

    SLD_CURVES_DIR=... python benchmarks/curves.py [--original] [--json]

Prints: time of 21 runs x 17 prefixes x 8 variants with our solver on two processes; mean and worst endpoint error of the
variants and of the predictor (`auto`) at four prefixes; target search; endpoint laws; joint
fits; coverage of 90 % intervals with each run left out. `--original` adds the published procedure's own table (minutes)
and how our objective on the prefix compares. Nothing here is chosen by looking at endpoints.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import time
from pathlib import Path

for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")  # must precede NumPy

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np  # noqa: E402

from curves import (  # noqa: E402
    BASELINES,
    LAW_FORMS,
    SHAPES,
    VARIANTS,
    backtest,
    coverage,
    fit_curve,
    fit_joint,
    load_delphi,
    load_delphi_endpoints,
    ratios,
    recipe_laws,
    table,
    target_search,
)
from curves import original as original_procedure  # noqa: E402
from curves.forms import form_named  # noqa: E402
from curves.problem import problem  # noqa: E402

SHOWN = (0.25, 0.50, 0.75, 0.90)
PUBLISHED = {
    0.10: {"rational_mae": 0.050, "log_huber": 0.070, "rational_huber": 0.105},
    0.25: {"log_mae": 0.053, "rational_huber": 0.053, "power_huber": 0.058},
    0.50: {"rational_huber": 0.022, "power_huber": 0.033, "log_mae": 0.036},
    0.75: {"rational_huber": 0.010, "log_mae": 0.021, "rational_mae": 0.021},
    0.90: {"rational_mae": 0.0068, "power_mae": 0.0070, "rational_huber": 0.0071},
}
"""Mean endpoint error of the three best variants of an independent run of the published procedure."""

ROUNDINGS = 20
"""Starts, equal to twelve digits, over which the published procedure's errors are summed up."""


def measure(folder: str, original: bool) -> dict:
    curves = load_delphi(folder)
    found: dict = {}
    started = time.perf_counter()
    rows = backtest(curves, workers=2)
    found["seconds_8_variants"] = time.perf_counter() - started
    found["fits"] = len(rows)
    rows_all = rows + backtest(curves, SHOWN, ("auto", *BASELINES), workers=2)
    scores = table([r for r in rows_all if r.prefix in SHOWN], lambda r: (r.prefix, r.method))
    found["error"] = {f"{p:.2f} {m}": [s.mae, s.worst] for (p, m), s in scores.items()}
    found["default_against_best"] = {
        f"{p:.2f}": [scores[p, "auto"].mae, min(PUBLISHED[p].values())] for p in SHOWN
    }
    for target in (0.02, 0.05, 0.1):
        hits = target_search(rows, target)
        found[f"target_{target:g}"] = [hits[0].prefix, hits[0].method, hits[0].score.worst] if hits else None
    endpoints = load_delphi_endpoints(folder)
    for form in LAW_FORMS:
        laws, misses = recipe_laws(endpoints, 3e20, form)
        law = laws["p33m67", 0.5]
        found[f"law_{form}"] = {
            **law.constants,
            "at_1e22": float(law.predict(1e22)[0]),
            **{f"mean_abs_percent_{x:g}": float(np.mean([abs(m.percent) for m in misses if m.x == x])) for x in (1e21, 1e22)},
        }  # fmt: skip
    path = Path(folder) / "delphi_midtraining" / "published_joint_by_flop_power_drift_p90.csv"
    with path.open(newline="", encoding="utf-8") as file:
        published = {r["run_id"]: float(r["predicted"]) for r in csv.DictReader(file)}
    large = [c for c in curves if c.C == 1e21]
    for form in SHAPES:
        fit = fit_joint(large, 0.90, form)
        ends = {c.run: fit.endpoint(c) for c in large}
        found[f"joint_{form}"] = {"mae": float(np.mean([abs(ends[c.run] - c.final) for c in large]))}
        if form == "power_drift":
            found["joint_power_drift"]["largest_difference_from_published"] = max(
                abs(ends[run] - published[run]) for run in ends
            )
    covered = coverage(ratios(curves, SHOWN))
    found["coverage_90"] = {f"{p:.2f}": share for p, (share, _) in covered.items()}
    if original:
        found["original"] = _original(curves)
    return found


def _original(curves: list) -> dict:
    """The published procedure's errors beside the figures known of it, and objectives on the prefix."""
    out: dict = {}
    worse = total = 0
    for prefix, known in PUBLISHED.items():
        for variant in VARIANTS:
            form, loss = variant.rsplit("_", 1)
            errors = []
            for curve in curves:
                seen = curve.until(prefix)
                theirs = fit_curve(seen.progress, seen.loss, form, loss, "original")
                ours = fit_curve(seen.progress, seen.loss, form, loss)
                errors.append(abs(theirs.endpoint - curve.final))
                worse += ours.objective > 1.01 * theirs.objective + 1e-9
                total += 1
            if variant in known:
                means = [_rounded_mean(curves, prefix, form, loss, seed) for seed in range(ROUNDINGS)]
                median = float(np.median(means))
                out[f"{prefix:.2f} {variant}"] = {
                    "published": known[variant],
                    "single": float(np.mean(errors)),
                    "median_over_roundings": median,
                    "range": [min(means), max(means)],
                    "median_over_published": median / known[variant],
                }
        print(f"original: prefix {prefix:.2f} done", file=sys.stderr)
    out["our_objective_over_1_percent_worse"] = [int(worse), total]
    return out


def _rounded_mean(curves: list, prefix: float, form: str, loss: str, seed: int) -> float:
    """Mean endpoint error of the published procedure, its starts moved by as much as rounding moves them."""
    rng = np.random.default_rng(seed)
    errors = []
    for curve in curves:
        seen = curve.until(prefix)
        F, *_ = original_procedure.solve(problem(seen.progress, seen.loss, loss), form_named(form), rng)
        errors.append(abs(F - curve.final))
    return float(np.mean(errors))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default=os.environ.get("SLD_CURVES_DIR", "../shared/data/curves"))
    parser.add_argument("--original", action="store_true", help="run the published procedure too (minutes)")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if not (Path(args.data) / "delphi_midtraining").is_dir():
        parser.error(
            f"{args.data}: no folder delphi_midtraining there; give --data or SLD_CURVES_DIR, the folder of curve sets"
        )
    found = measure(args.data, args.original)
    if args.json:
        print(json.dumps(found, indent=1))
        return 0
    for name, value in found.items():
        if isinstance(value, dict):
            print(name)
            for key, x in value.items():
                print(f"  {key:<34} {_text(x)}")
        else:
            print(f"{name:<36} {_text(value)}")
    return 0


def _text(x: object) -> str:
    if isinstance(x, dict):
        return ", ".join(f"{k} {_text(v)}" for k, v in x.items())
    if isinstance(x, list):
        return "  ".join(_text(v) for v in x)
    return f"{x:.6g}" if isinstance(x, float) else str(x)


if __name__ == "__main__":
    sys.exit(main())
