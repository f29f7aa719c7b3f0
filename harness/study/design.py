"""`harness study design`: bias and spread of a planned IsoFLOP study, and the cheapest one sharp enough."""

from __future__ import annotations

import argparse
import json
import math
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from fitting import BadOption, LossSurface
from studies.fitting_methods.design import PREDICTED, Limits, Plan, Suggestion, cheapest, predict, simulate
from studies.fitting_methods.sampling import Sampling
from studies.fitting_methods.surfaces import ALL
from tables.shown import Screen

NAMES = ("E", "A", "B", "alpha", "beta")
SURFACES = {name.lower().replace(" ", "-"): surface for name, surface in ALL.items()}


def surface_of(text: str) -> LossSurface:
    if text.lower() in SURFACES:
        return SURFACES[text.lower()]
    try:
        values = {k.strip(): float(v) for k, v in (part.split("=") for part in text.split(","))}
    except ValueError:
        values = {}
    if set(values) != set(NAMES):
        raise BadOption(
            f"--surface: expected one of {', '.join(SURFACES)}, or E=1.69,A=406,B=411,alpha=0.34,beta=0.28; got {text!r}"
        )
    if not all(math.isfinite(v) and (v > 0 or (n == "E" and v >= 0)) for n, v in values.items()):
        raise BadOption(f"--surface: A, B, alpha and beta must be > 0 and E >= 0, got {text!r}")
    return LossSurface(**values)


def plan_of(args: argparse.Namespace) -> Plan:
    try:
        budgets = tuple(sorted(float(c) for c in args.budgets.split(",")))
    except ValueError:
        budgets = ()
    if not budgets or not all(math.isfinite(c) and c > 0 for c in budgets):
        raise BadOption(f"--budgets: expected FLOPs > 0 with commas between, got {args.budgets!r}")
    if args.span <= 1:
        raise BadOption(f"--span: expected a factor above 1, got {args.span:g}")
    sampling = Sampling(
        math.log10(args.span),
        budgets=budgets,
        points=args.points,
        drift=math.log10(args.drift),
        scale=args.offset,
    )
    return Plan(surface_of(args.surface), sampling, args.noise)


def design_command(args: argparse.Namespace) -> int:
    plan = plan_of(args)
    console = Screen(stderr=True)
    with console.status(f"simulating {args.repeats} studies"):
        found = simulate(plan, args.repeats, args.seed, args.target)
    predicted = {m: predict(plan, m) for m in PREDICTED}
    suggestions: dict[str, Suggestion | None] = {}
    if args.precision is not None:
        limits = Limits(args.least_budgets, args.widest_span)
        for method in PREDICTED:
            with console.status(f"searching the cheapest design for {method}"):
                suggestions[method] = cheapest(plan, args.precision, method, limits=limits, seed=args.seed)
    if args.json:
        print(json.dumps(plain(as_dict(plan, predicted, found, suggestions)), indent=2))
        return 0
    show(args, plan, predicted, found, suggestions)
    return 0


def describe(plan: Plan) -> dict[str, Any]:
    s = plan.sampling
    return {
        "budgets": list(s.budgets),
        "points_per_budget": s.points,
        "span": 10**s.half_width,
        "runs": plan.rows,
        "flops": plan.cost,
    }


def as_dict(plan: Plan, predicted: dict, found, suggestions: dict) -> dict[str, Any]:
    out = {
        "plan": describe(plan),
        "predicted": {
            m: {"a_bias": p.bias, "a_spread": p.spread, "a_rmse": p.rmse} for m, p in predicted.items()
        },
        "simulated": found.set_index("method").to_dict("index"),
    }
    if suggestions:
        out["cheapest"] = {
            m: None if s is None else {**describe(s.plan), "simulated": s.simulated.iloc[0].to_dict()}
            for m, s in suggestions.items()
        }
    return out


def plain(value: Any) -> Any:
    """The same for JSON, which has no infinity and no NaN: null."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def show(args: argparse.Namespace, plan: Plan, predicted: dict, found, suggestions: dict) -> None:
    console = Screen()
    target = args.target or 10 * max(plan.sampling.budgets)
    console.print(
        f"{plan.rows} runs, {plan.cost:.3g} FLOPs; true a = {plan.surface.a:.4f}; {args.repeats} simulated studies, seed {args.seed}; "
        f"D_opt at {target:.3g} FLOPs",
        highlight=False,
    )
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("method")
    for name in ("bias of a", "spread", "predicted", "D_opt error, 90 %", "failed"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in found.itertuples():
        p = predicted.get(row.method)
        table.add_row(
            row.method,
            f"{row.a_bias:+.4f}",
            f"{row.a_spread:.4f}",
            "" if p is None else f"{p.bias:+.4f} {p.spread:.4f}",
            f"{row.D_error_low_pct:+.1f} to {row.D_error_high_pct:+.1f} %",
            f"{row.failed_pct:.0f} %",
        )
    console.print(table)
    for method, s in suggestions.items():
        if s is None:
            print(f"{method}: no design between these budgets reaches an RMSE of {args.precision:g}; "
                  "allow more budgets, wider spans (--widest-span), or a larger --precision")  # fmt: skip
            continue
        d = describe(s.plan)
        budgets = ", ".join(f"{c:.2g}" for c in d["budgets"])
        print(
            f"{method}: cheapest for an RMSE of {args.precision:g}: {d['points_per_budget']} runs at each of {budgets}, sizes within "
            f"{d['span']:.0f} times; {d['runs']} runs, {d['flops']:.3g} FLOPs ({d['flops'] / plan.cost:.2g} of the plan); RMSE "
            f"predicted {s.predicted.rmse:.4f}, simulated {s.simulated.iloc[0]['a_rmse']:.4f}"
        )
