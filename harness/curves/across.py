"""`laws`, `joint`, `intervals` and `replay`: what reaches across runs."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

import numpy as np

from curves import (
    BY_FLOP,
    DELPHI_CENTRES,
    GLOBAL,
    LAW_FORMS,
    PREFIXES,
    SHAPES,
    Endpoint,
    coverage,
    fit_joint,
    load_delphi_endpoints,
    ratios,
    recipe_laws,
    remark,
    replay_stops,
    rolling_horizon,
)
from curves.calibration import bounds
from curves.laws import unit_of
from harness.curves.ours import LABELS, TERMS
from harness.curves.tables import (
    curve_options,
    curves_of,
    delphi,
    folder,
    ours,
    out,
    parser,
    prefixes,
    print_json,
    print_table,
    recipe_of,
)
from harness.errors import BadHistory
from harness.terminal.options import positive, share


def laws_main(argv: list[str]) -> int:
    """Endpoint laws per recipe: constants, fit quality, held-out errors, horizon."""
    p = parser(
        "laws",
        "Fit final loss against compute (or N, D) per recipe up to a cut-off, and check the law on all larger runs.",
        "  harness curves laws --cutoff 3e20\n  harness curves laws --form loglog --at 1e22,1e23\n"
        "  harness curves laws --csv runs.csv --labels mix --column C=flops --recipe mix",
    )
    curve_options(p)
    p.add_argument("--form", choices=LAW_FORMS, default="floor", help="E + A*(x/unit)**-alpha, or a line in log-log (default: floor)")  # fmt: skip
    p.add_argument(
        "--cutoff", type=positive, metavar="X", help="fit through this x (default: the third largest)"
    )
    p.add_argument("--axis", choices=["C", "N", "D"], default="C", help="x of the law (default: C)")
    p.add_argument("--recipe", metavar="NAMES", help="labels that make a recipe (default: those of the set)")
    p.add_argument("--at", default="", metavar="X", help="also predict at these x, comma separated")
    args = p.parse_args(argv)
    endpoints = _endpoints(args)
    rungs = sorted({e.x[args.axis] for e in endpoints if args.axis in e.x})
    if len(rungs) < 2:
        raise BadHistory(
            f"laws: expected runs at 2 or more {args.axis}, got {len(rungs)}; choose another --axis"
        )
    cutoff = args.cutoff or rungs[max(len(rungs) - 3, 0)]
    unit = unit_of(rungs, args.axis)
    laws, misses = recipe_laws(endpoints, cutoff, args.form, args.axis, unit)
    if not laws:
        raise BadHistory(
            f"laws: no recipe has enough endpoints with {args.axis} <= {cutoff:g}; raise --cutoff"
        )
    horizon = rolling_horizon(endpoints, args.form, args.axis, unit)
    try:
        asked = [float(x) for x in args.at.split(",") if x.strip()]
    except ValueError:
        raise BadHistory(f"--at: expected numbers, comma separated, got {args.at!r}") from None
    remarks = [
        remark([m for m in misses if m.x == x], f"{args.form} at {x:g}")
        for x in sorted({m.x for m in misses})
    ]
    if args.json:
        print_json(
            {
                "cutoff": cutoff,
                "laws": [{"recipe": k, **asdict(law), "at": dict(zip(args.at.split(","), law.predict(asked).tolist(), strict=True)) if asked else {}} for k, law in laws.items()],
                "held_out": [{**asdict(m), "percent": m.percent} for m in misses],
                "horizon": [dict(zip(("cutoff", "ratio", "mean_abs_percent", "mean_percent", "n"), r, strict=True)) for r in horizon],
                "remarks": remarks,
            }
        )  # fmt: skip
        return 0
    console = out()
    names = list(next(iter(laws.values())).constants)
    print_table(
        f"Endpoint laws ({args.form}) through {args.axis} = {cutoff:g}, unit {unit:g}",
        ["recipe", "n", *names, "R2", "RMSE", "RMSE log", *(f"at {x:g}" for x in asked), "at bound"],
        [[_text(k), f.n, *f.constants.values(), f.r2, f.rmse, f.rmse_log, *map(float, f.predict(asked) if asked else ()), ", ".join(f.at_bound)]
         for k, f in laws.items()], console,
    )  # fmt: skip
    print_table(
        "Held out", ["recipe", args.axis, "actual", "predicted", "error", "%"],
        [[_text(m.recipe), m.x, m.actual, m.predicted, m.predicted - m.actual, m.percent] for m in misses], console,
    )  # fmt: skip
    print_table(
        "Horizon: error by how far beyond the cut-off", ["cut-off", "x/cut-off", "mean |%|", "mean %", "endpoints"],
        [list(r) for r in horizon], console,
    )  # fmt: skip
    for line in remarks:
        console.print(line, markup=False)
    return 0


def _endpoints(args: argparse.Namespace) -> list[Endpoint]:
    names = recipe_of(args, LABELS[:1])  # of ours, both widths make one law along compute
    if delphi(args) and not args.where and names == ("mix", "lr_factor"):
        return load_delphi_endpoints(folder(args))  # more runs have a known end than a known curve
    found = []
    for c in curves_of(args):
        if c.complete:
            x = {k: float(v) for k, v in (("C", c.C), ("N", c.N), ("D", c.D)) if v}
            found.append(Endpoint(tuple(c.labels.get(n, "") for n in names), x, c.final, c.run))
    return found


def _text(recipe: tuple[str | float, ...]) -> str:
    return " ".join(str(x) for x in recipe)


def joint_main(argv: list[str]) -> int:
    """Joint trajectory fits in one scope or per compute scale."""
    p = parser(
        "joint",
        "Fit one model to the prefixes of many runs at once, linear in features of the run, and predict every end.",
        "  harness curves joint --where C=1e21 --prefixes 0.9\n"
        "  harness curves joint --scope global --form exp_drift --terms 'math_fraction,lr_factor,log_C'",
    )
    curve_options(p)
    p.add_argument("--form", choices=tuple(SHAPES), help="(default: all three)")
    p.add_argument("--scope", choices=["by_flop", "global"], default="by_flop", help="one model a compute scale, or one (default: by_flop)")  # fmt: skip
    p.add_argument("--terms", metavar="T", help="features and products, comma separated, as 'mix,lr,mix*lr'; numeric labels or log_N, log_D, log_C")  # fmt: skip
    p.add_argument(
        "--prefixes", type=prefixes, default=(0.5, 0.75, 0.9), metavar="P", help="(default: 0.5,0.75,0.9)"
    )
    args = p.parse_args(argv)
    curves = curves_of(args)
    default = TERMS[args.scope] if ours(args) else BY_FLOP if args.scope == "by_flop" else GLOBAL
    terms = tuple(t.strip() for t in args.terms.split(",") if t.strip()) if args.terms else default
    scopes = sorted({c.C for c in curves}, key=lambda x: x or 0.0) if args.scope == "by_flop" else [None]
    centres = dict(DELPHI_CENTRES)
    if not delphi(args):  # centred on the runs themselves
        centres = {
            n: float(np.mean([c.labels[n] for c in curves]))
            for n in {f.strip() for t in terms for f in t.split("*")}
            if all(isinstance(c.labels.get(n), (int, float)) for c in curves)
        }
    rows = []
    for form in (args.form,) if args.form else SHAPES:
        for prefix in args.prefixes:
            for scope in scopes:
                mine = [c for c in curves if args.scope == "global" or scope == c.C]
                found = fit_joint(mine, prefix, form, terms, centres)
                ends = [(c.run, found.endpoint(c), c.final) for c in mine if c.complete]
                errors = np.array([predicted - actual for _, predicted, actual in ends])
                rows.append((form, prefix, scope, found, ends, errors))
    if args.json:
        print_json(
            [
                {"form": form, "prefix": prefix, "C": scope, "theta": f.theta, "terms": f.terms, "coefficients": f.coefficients.tolist(),
                 "points": f.n, "converged": f.converged, "at_bound": f.at_bound, "mae": float(np.abs(e).mean()) if len(e) else None,
                 "predictions": [dict(zip(("run", "predicted", "actual"), end, strict=True)) for end in ends]}
                for form, prefix, scope, f, ends, e in rows
            ]
        )  # fmt: skip
        return 0
    print_table(
        f"Joint fits, {args.scope}: z = 1, {', '.join(terms)}",
        ["form", "prefix", "C", "points", "runs", "mean", "worst", "bias", "theta", "at bound"],
        [[form, prefix, "all" if scope is None else f"{scope:g}", f.n, f.runs, *((float(np.abs(e).mean()), float(np.abs(e).max()), float(e.mean())) if len(e) else (None,) * 3),
          ", ".join(f"{k}={v:.4g}" for k, v in f.theta.items()), ", ".join(f.at_bound)]
         for form, prefix, scope, f, _, e in rows], out(),
    )  # fmt: skip
    return 0


def intervals_main(argv: list[str]) -> int:
    """Coverage of endpoint intervals, each run's interval calibrated on all others."""
    p = parser(
        "intervals",
        "Calibrate endpoint intervals on a set's own backtest errors and measure how often they hold the end, each run left out in turn.",
        "  harness curves intervals --level 0.9",
    )
    curve_options(p)
    p.add_argument("--level", type=share, default=0.90, help="nominal share (default: 0.90)")
    p.add_argument("--leave", default="run", metavar="LABEL", help="leave out all runs of one label, or C, in turn (default: run)")  # fmt: skip
    p.add_argument("--prefixes", type=prefixes, default=PREFIXES[::2], metavar="P")
    p.add_argument("--rate-unknown", action="store_true", help="predict as if nobody knew the learning rate")
    args = p.parse_args(argv)
    curves = curves_of(args)
    found = ratios(curves, args.prefixes, not args.rate_unknown)
    groups = {c.run: c.C if args.leave == "C" else c.labels.get(args.leave) for c in curves}
    if args.leave != "run" and None in groups.values():
        raise BadHistory(f"--leave: not every run has {args.leave!r}; expected run, C or a label of all runs")
    covered = coverage(found, args.level, None if args.leave == "run" else groups)
    rows: list[list[Any]] = []
    for prefix in sorted({r.prefix for r in found}):
        mine = [r for r in found if r.prefix == prefix]
        low, _, high, reached = bounds(np.array([r.value for r in mine]), args.level)
        held, n = covered.get(prefix, (float("nan"), 0))
        rows.append([prefix, n, held, low, high, reached])
    head = ["prefix", "runs", "coverage", "low", "high", "level reached"]
    if args.json:
        print_json([dict(zip(head, row, strict=True)) for row in rows])
        return 0
    console = out()
    print_table(
        f"Endpoint intervals: endpoint + low..high scales; coverage with each {args.leave} left out",
        head,
        rows,
        console,
    )
    runs = sum(r[1] for r in rows)
    if runs:
        console.print(f"coverage over all prefixes: {sum(r[2] * r[1] for r in rows) / runs:.3f}")
    return 0


def replay_main(argv: list[str]) -> int:
    """Stop or continue, replayed on finished runs."""
    p = parser(
        "replay",
        "Stop every run whose interval lies above the best forecast's, on finished runs: regret and compute saved.",
        "  harness curves replay --prefixes 0.5 --by C\n  harness curves replay --risk 0.05",
    )
    curve_options(p)
    p.add_argument(
        "--prefixes", type=prefixes, default=(0.25, 0.5, 0.75), metavar="P", help="(default: 0.25,0.5,0.75)"
    )
    p.add_argument("--risk", type=share, default=0.10, help="1 - level of the intervals (default: 0.10)")
    p.add_argument("--by", default="C", metavar="NAMES", help="labels, or C, that make a group (default: C)")
    args = p.parse_args(argv)
    curves = curves_of(args)
    by = tuple(x.strip() for x in args.by.split(",") if x.strip())
    found = [r for p in args.prefixes for r in replay_stops(curves, p, risk=args.risk, by=by)]
    if args.json:
        print_json([asdict(r) for r in found])
        return 0
    print_table(
        "Stop or continue", ["prefix", "group", "runs", "stopped", "regret", "compute saved"],
        [[r.prefix, r.group, r.runs, len(r.stopped), r.regret, f"{100 * r.saved:.1f} %"] for r in found], out(),
    )  # fmt: skip
    return 0
