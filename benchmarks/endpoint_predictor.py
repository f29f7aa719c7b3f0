"""The predictor of ends and its calibration, on the public curve sets and on our own, whole sets left out.

    SLD_CURVES_DIR=... python benchmarks/endpoint_predictor.py [--compare] [--table] [--json]

Every completed run with 12 rows or more (of `supercollapse` every fifth of a family and schedule; runs whose rate restarts
are left out) is cut at each prefix and predicted, with its learning rate and as if nobody knew it.

Without options: for each set in turn the table is made of the other sets alone, its width factor is chosen by leaving
those out in turn, and the set's ends are predicted: share of ends inside the 90 % interval and mean absolute error by kind of
schedule and prefix. Nothing of a set reaches its own table.

--compare chooses the predictor, on the public sets: for each set left out, the candidate with the least mean error on the other sets (each
kind of schedule of each set with one weight, errors over that of the last value seen) is scored on the set left out.
Candidates: the predictor over a grid of its settings, and the two that it replaced, of progress alone.

--table prints curves/public.py, made of all sets. --unit ahead measures errors in another unit, which was tried and left.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")  # must precede NumPy

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from curves import SETS, VARIANTS, Curve, fit_curves, load_set  # noqa: E402
from curves.calibration import LEVEL, PREFIXES, Ratio, Triple, bounds, can_forecast, forecast, ratios  # noqa: E402
from curves.endpoint import Settings, predict_endpoint  # noqa: E402
from fitting.errors import BadData  # noqa: E402
from harness.curves.ours import our_curves  # noqa: E402
from tasks.nano import SOURCE as OURS  # noqa: E402

SHOWN = (0.3, 0.5, 0.7, 0.9)
OTHERS = 0.25
"""Weight of runs of other kinds of schedule in a kind's table."""
NEAR, NEAR_WEIGHT = 0.2, 0.3
"""Ratios of prefixes that are no further off count in a prefix's quantiles too, by this weight."""
SETTINGS = [
    Settings(bite, 0.5, skip, late) for bite in (1.0, 1.3, 1.6) for skip in (0.05, 0.2) for late in (0.0, 1.0)
]


def runs_of(folder: Path) -> dict[str, list[Curve]]:
    """Set -> its runs, our own measurements last; labels hold the family a set is made of."""
    found: dict[str, list[Curve]] = {}
    for name in SETS:
        counts: Counter[str] = Counter()
        for c in load_set(name, folder):
            kind = f"{c.labels.get('family', name)} {c.labels.get('schedule', '')}"
            if not c.complete or c.n < 12 or "multicosine" in kind or c.rate is None:
                continue
            counts[kind] += 1
            if name == "supercollapse" and counts[kind] % 5 != 1:
                continue
            found.setdefault(name, []).append(c)
    return found | {OURS: our_curves()}


def family(name: str, curve: Curve) -> str:
    return str(curve.labels.get("family", name)).split("_")[0]


def ahead(curve: Curve, r: Ratio) -> float:
    """A unit of errors that was tried: r's scale by the share of the decay that was seen, and what the rest takes off."""
    assert curve.rate is not None
    if r.kind == "unknown" or curve.rate.end >= 0.999:
        return r.scale
    eta = float(curve.rate.at(np.array([r.prefix]))[0])
    seen = float(np.clip(1 - (eta - curve.rate.end) / (1 - curve.rate.end), 0.0, 1.0))
    return r.scale * seen + forecast(curve, r.prefix).gain


def rows_of(sets: dict[str, list[Curve]], unit: Callable[[Curve, Ratio], float]) -> pd.DataFrame:
    """One row a run, prefix and `known`: ratio, scale, kind asked for, kind in truth, set and family."""
    rows = []
    for name, curves in sets.items():
        print(f"{name}: {len(curves)} runs", file=sys.stderr, flush=True)
        for curve in curves:
            assert curve.rate is not None
            for known in (True, False):
                for r in ratios([curve], PREFIXES, known, name):
                    scale = unit(curve, r)
                    rows.append(
                        (
                            name,
                            family(name, curve),
                            r.run,
                            r.kind,
                            curve.rate.kind,
                            r.prefix,
                            r.value * r.scale / scale,
                            scale,
                        )
                    )
    return pd.DataFrame(rows, columns=["set", "family", "run", "kind", "truth", "prefix", "ratio", "scale"])


def table_of(rows: pd.DataFrame, kind: str, widen: float = 1.0) -> dict[float, Triple]:
    """Prefix -> quantiles for runs of one kind: each family of each kind counts once, other kinds OTHERS as much."""
    unknown = rows["kind"] == "unknown"
    part = rows[unknown] if kind == "unknown" else rows[~unknown]
    weight = 1 / part.groupby(["family", "truth", "prefix"])["run"].transform("size").to_numpy(dtype=float)
    if kind != "unknown":
        weight = weight * np.where(part["truth"] == kind, 1.0, OTHERS)
    found = {}
    for prefix in sorted(part["prefix"].unique()):
        off = np.abs(part["prefix"].to_numpy() - prefix)
        near = off <= NEAR + 1e-9
        here = (weight * np.where(off < 1e-9, 1.0, NEAR_WEIGHT))[near]
        low, middle, high, _ = bounds(part["ratio"].to_numpy()[near], weight=here)
        found[float(prefix)] = middle + widen * (low - middle), middle, middle + widen * (high - middle)
    return found


def left_out(rows: pd.DataFrame, widen: Callable[[str], float]) -> pd.DataFrame:
    """One row a prediction, its set left out of the table: error, width, factor of the width that would have held it."""
    out = []
    for name in rows["set"].unique():
        others, mine = rows[rows["set"] != name], rows[rows["set"] == name]
        factor = widen(name)
        for kind in mine["kind"].unique():
            table = table_of(others, kind, factor)
            for r in mine[mine["kind"] == kind].itertuples():
                low, middle, high = table[r.prefix]
                side = (high if r.ratio > middle else low) - middle
                out.append((name, r.kind, r.run, r.prefix, low <= r.ratio <= high, abs(r.ratio - middle) * r.scale,
                            abs(r.ratio) * r.scale, (high - low) * r.scale, (r.ratio - middle) / side))  # fmt: skip
    columns = ["set", "kind", "run", "prefix", "inside", "error", "plain", "width", "factor"]
    return pd.DataFrame(out, columns=columns)


def widening(rows: pd.DataFrame) -> float:
    """What widths must be multiplied by for sets left out to be held at LEVEL: a new set differs from all that are known.

    Every cell (kind, set, prefix) counts once.
    """
    found = left_out(rows, lambda _: 1.0)
    weight = 1 / found.groupby(["kind", "set", "prefix"])["run"].transform("size").to_numpy(dtype=float)
    order = np.argsort(found["factor"].to_numpy())
    share = np.cumsum(weight[order]) / weight.sum()
    return max(1.0, float(np.interp(LEVEL, share, found["factor"].to_numpy()[order])))


# Candidates


Predictor = Callable[[Curve, float], float]


def two_forms(curve: Curve, prefix: float) -> float:
    """The mean of the power and the rational form of progress, by Huber loss: what `predict` had."""
    part = curve.until(prefix, 0.05 * prefix)
    return float(
        np.mean([fit_curves([(part.progress, part.loss)], f, "huber")[0].F for f in ("power", "rational")])
    )


def inner_choice(curve: Curve, prefix: float) -> float:
    """The variant that best foretells the last loss seen from 0.7, 0.8 and 0.9 of the prefix, less half its bias."""
    part = curve.until(prefix, 0.05 * prefix)
    tau, y = part.progress, part.loss
    inside = [cut for k in (0.7, 0.8, 0.9) if 4 <= (cut := tau <= k * tau[-1]).sum() < len(tau)]
    jobs = [(tau[cut] / tau[-1], y[cut]) for cut in inside]
    errors = {}
    for variant in VARIANTS if jobs else ():
        form, loss = variant.rsplit("_", 1)
        errors[variant] = np.array([f.F for f in fit_curves(jobs, form, loss)]) - y[-1]
    best = min(errors, key=lambda v: np.abs(errors[v]).mean()) if errors else "rational_huber"
    form, loss = best.rsplit("_", 1)
    return fit_curves([(tau, y)], form, loss)[0].F - 0.5 * float(np.median(errors.get(best, np.zeros(1))))


def candidates() -> dict[str, Predictor]:
    def of(settings: Settings) -> Predictor:
        def predict(curve: Curve, prefix: float) -> float:
            part = curve.until(prefix)
            return predict_endpoint(part.progress, part.loss, curve.rate, settings).endpoint

        return predict

    found: dict[str, Predictor] = {
        f"bite {s.bite:g}, skip {s.skip:g}, late {s.late:g}": of(s) for s in SETTINGS
    }
    found["rate unknown"] = lambda curve, prefix: forecast(curve, prefix, known=False).endpoint
    return found | {"two forms": two_forms, "inner choice": inner_choice}


def compare(sets: dict[str, list[Curve]], most: int) -> pd.DataFrame:
    """Relative error of each candidate on each set and prefix; with at most `most` runs of a family and kind."""
    rows = []
    for name, curves in sets.items():
        counts: Counter[tuple[str, str]] = Counter()
        for curve in _spread(curves, name, most, counts):
            assert curve.rate is not None
            for prefix in SHOWN:
                if not can_forecast(curve, prefix):
                    continue
                last = abs(curve.until(prefix).loss[-1] - curve.final)
                for label, predictor in candidates().items():
                    try:
                        error = abs(predictor(curve, prefix) - curve.final)
                    except BadData:
                        error = last
                    rows.append((name, family(name, curve), curve.rate.kind, prefix, label, error, last))
        print(f"{name}: compared", file=sys.stderr, flush=True)
    found = pd.DataFrame(rows, columns=["set", "family", "kind", "prefix", "candidate", "error", "last"])
    means = found.groupby(["set", "family", "kind", "prefix", "candidate"])[["error", "last"]].mean()
    return (means["error"] / means["last"]).rename("relative").reset_index()


def _spread(curves: Sequence[Curve], name: str, most: int, counts: Counter[tuple[str, str]]) -> list[Curve]:
    groups: dict[tuple[str, str], list[Curve]] = {}
    for c in curves:
        assert c.rate is not None
        groups.setdefault((family(name, c), c.rate.kind), []).append(c)
    return [
        group[i]
        for group in groups.values()
        for i in np.unique(np.linspace(0, len(group) - 1, min(most, len(group))).round().astype(int))
    ]


def nested(relative: pd.DataFrame) -> list[dict[str, object]]:
    """For each set: the candidate chosen on the others, and relative errors of all candidates on the set."""
    out = []
    for name in relative["set"].unique():
        others, mine = relative[relative["set"] != name], relative[relative["set"] == name]
        score = others.groupby("candidate")["relative"].mean()
        here = mine.groupby("candidate")["relative"].mean()
        chosen = str(score.idxmin())
        ours = [c for c in here.index if c.startswith("bite")]
        out.append(
            {
                "left out": name,
                "chosen": chosen,
                "chosen error": here[chosen],
                "best of grid": here[ours].min(),
            }
            | {c: here[c] for c in ("rate unknown", "two forms", "inner choice")}
        )
    return out


def module_text(rows: pd.DataFrame) -> str:
    widen = widening(rows)
    kinds = [*sorted(set(rows["kind"]) - {"unknown"}), "unknown"]
    lines = [
        '"""Ratios (final - predicted)/scale of public runs and our own, by kind of schedule and prefix: low end, middle and high end.',
        "",
        f"The 5 % and 95 % quantiles are set {widen:.2f} times as far from the middle, which holds sets left out at 90 %.",
        "Made by `python benchmarks/endpoint_predictor.py --table`; numbers only, no row of any set.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "PUBLIC: dict[str, dict[float, tuple[float, float, float]]] = {",
    ]
    for kind in kinds:
        lines.append(f'    "{kind}": {{')
        for prefix, triple in table_of(rows, kind, widen).items():
            lines.append(f"        {prefix}: ({', '.join(f'{q:.3f}' for q in triple)}),")
        lines.append("    },")
    return "\n".join([*lines, "}", ""])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default=os.environ.get("SLD_CURVES_DIR", "../shared/data/curves"))
    parser.add_argument("--compare", action="store_true", help="choose among predictors, sets left out")
    parser.add_argument(
        "--most", type=int, default=8, help="with --compare: runs of a family and kind (default 8)"
    )
    parser.add_argument("--table", action="store_true", help="print curves/public.py")
    parser.add_argument(
        "--unit",
        choices=("fall", "ahead"),
        default="fall",
        help="what errors are measured in (default: fall)",
    )
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    sets = runs_of(Path(args.data))
    if args.compare:
        relative = compare({name: sets[name] for name in SETS}, args.most)
        found = nested(relative)
        if args.json:
            print(json.dumps({"nested": found, "cells": relative.to_dict("records")}, indent=1))
            return 0
        print("mean error over that of the last value seen, on the set left out")
        print(pd.DataFrame(found).round(3).to_string(index=False))
        print(relative.groupby(["candidate", "prefix"])["relative"].mean().unstack().round(3).to_string())
        return 0
    rows = rows_of(sets, {"fall": lambda _, r: r.scale, "ahead": ahead}[args.unit])
    if args.table:
        print(module_text(rows), end="")
        return 0
    factors = {name: widening(rows[rows["set"] != name]) for name in rows["set"].unique()}
    checks = left_out(rows, factors.__getitem__)
    if args.json:
        print(checks.to_json(orient="records", indent=1))
        return 0
    print("width factor, chosen on the other sets: " + ", ".join(f"{k} {v:.2f}" for k, v in factors.items()))
    shown = checks[checks["prefix"].isin(SHOWN)]
    for keys in (["kind", "prefix"], ["kind", "set", "prefix"]):
        part = shown.groupby(keys).agg(
            runs=("run", "nunique"), coverage=("inside", "mean"), error=("error", "mean"),
            uncorrected=("plain", "mean"), width=("width", "mean"),
        )  # fmt: skip
        print(part.round(4).to_string())
    return 0


if __name__ == "__main__":
    sys.exit(main())
