"""`backtest` and `search`: endpoint errors by method, prefix and scale, and from when a target is met."""

from __future__ import annotations

import argparse
import os
from dataclasses import asdict
from typing import Any

from curves import (
    BASELINES,
    PREFIXES,
    SOLVERS,
    VARIANTS,
    Backtested,
    backtest,
    best_map,
    search_by_scale,
    table,
    target_search,
)
from harness.curves.tables import (
    counter,
    curve_options,
    curves_of,
    out,
    parser,
    prefixes,
    print_json,
    print_table,
    recipe_of,
    regime,
)
from harness.terminal.options import amount, count, positive

METHODS = (*VARIANTS, "auto", *BASELINES)


def _options(p: argparse.ArgumentParser, methods: tuple[str, ...]) -> None:
    curve_options(p)
    p.add_argument("--prefixes", type=prefixes, default=PREFIXES, metavar="P", help="as 0.25,0.5 or 0.10:0.90:0.05 (default: the latter)")  # fmt: skip
    p.add_argument("--methods", default=",".join(methods), metavar="M", help=f"comma separated; known: {', '.join(METHODS)}")  # fmt: skip
    p.add_argument(
        "--solver", choices=SOLVERS, default=SOLVERS[0], help="projection (ours) or original (slow)"
    )
    p.add_argument(
        "--warmup", type=amount, default=0.0, metavar="TAU", help="leave out progress below this (default: 0)"
    )
    p.add_argument("--recipe", metavar="NAMES", help="labels of a recipe, for templates (default: those of the set)")  # fmt: skip
    p.add_argument(
        "--workers",
        type=count,
        default=min(2, os.cpu_count() or 1),
        metavar="N",
        help="processes (default: 2)",
    )


def _rows(args: argparse.Namespace) -> list[Backtested]:
    methods = tuple(m.strip() for m in args.methods.split(",") if m.strip())
    return backtest(
        curves_of(args), args.prefixes, methods, solver=args.solver, after=args.warmup, recipe=recipe_of(args),
        workers=args.workers, progress=counter("runs"),
    )  # fmt: skip


def backtest_main(argv: list[str]) -> int:
    """Endpoint error by method and prefix, by scale, and the map of best forms."""
    p = parser(
        "backtest",
        "Predict the end of every finished run from every prefix: mean, worst and signed error; which form is best where.",
        "  harness curves backtest --prefixes 0.25,0.5,0.75,0.9\n"
        "  harness curves backtest --csv runs.csv --column loss=val_loss --labels mix,lr --json",
    )
    _options(p, METHODS)
    args = p.parse_args(argv)
    rows = _rows(args)
    by_method = table(rows, lambda r: (r.prefix, r.method))
    by_scale = table(rows, lambda r: (r.prefix, r.C or 0.0, r.method))
    best = best_map(rows, lambda r: r.C or 0.0)
    if args.json:
        print_json(
            {
                "by_method": [{"prefix": k[0], "method": k[1], **asdict(s)} for k, s in by_method.items()],
                "by_scale": [
                    {"prefix": k[0], "C": k[1], "method": k[2], **asdict(s)} for k, s in by_scale.items()
                ],
                "best": [
                    {"prefix": k[0], "C": k[1], "method": m, "mae": s.mae} for k, (m, s) in best.items()
                ],
                "predictions": [asdict(r) for r in rows],
            }
        )
        return 0
    console = out()
    shown: list[tuple[Any, ...]] = [
        (*k, s.mae, s.worst, s.bias, s.n, s.at_bound) for k, s in by_method.items()
    ]
    print_table("Endpoint error (nats) by prefix and method", ["prefix", "method", "mean", "worst", "bias", "runs", "at bound"],
                sorted(shown, key=lambda r: (r[0], r[2])), console)  # fmt: skip
    scales = sorted({at for _, at in best})
    lines = []
    for prefix in sorted({prefix for prefix, _ in best}):
        cells = [best.get((prefix, at)) for at in scales]
        lines.append([prefix, *(f"{c[0]} {c[1].mae:.4f}" if c else "-" for c in cells)])
    if lines:
        print_table("Best form by prefix and compute scale, with its mean error", ["prefix", *(f"{s:.3g}" if s else "all runs" for s in scales)],
                    lines, console)  # fmt: skip
    return 0


def search_main(argv: list[str]) -> int:
    """The earliest prefixes from which no run of a regime is missed by more than a target."""
    p = parser(
        "search",
        "Find the (prefix, method) pairs whose worst endpoint error over every run of a regime stays within a target.",
        "  harness curves search --target 0.02\n"
        "  harness curves search --target 0.05 --regime mix=p33m67 --regime lr_factor=0.5",
    )
    _options(p, VARIANTS)
    p.add_argument(
        "--target",
        type=positive,
        default=0.02,
        metavar="T",
        help="largest allowed error, nats (default: 0.02)",
    )
    p.add_argument(
        "--regime", action="append", default=[], metavar="LABEL=VALUE", help="the regime (default: all runs)"
    )
    args = p.parse_args(argv)
    rows = _rows(args)
    inside, methods = regime(args.regime), tuple(args.methods.split(","))
    found = {
        "regime": target_search(rows, args.target, regime=inside, methods=methods),
        "all runs": target_search(rows, args.target, methods=methods),
    }
    for name, keep in (("regime", inside), ("all runs", lambda r: True)):
        for C, hits in search_by_scale(rows, args.target, regime=keep, methods=methods).items():
            found[f"{name}, C={C:g}"] = hits
    if args.json:
        print_json({name: [asdict(h) for h in hits] for name, hits in found.items()})
        return 0
    console = out()
    label = " and ".join(args.regime) or "all runs"
    for name, hits in found.items():
        title = f"Worst error <= {args.target:g}: {name.replace('regime', label, 1)}"
        if name.startswith("all runs") and not args.regime:
            continue  # the regime is all runs: the same table
        lines = [[h.prefix, h.method, h.score.worst, h.score.mae, h.score.n] for h in hits]
        if lines:
            print_table(title, ["prefix", "method", "worst", "mean", "runs"], lines, console)
        else:
            console.print(f"{title}: no pair meets it", markup=False)
    return 0
