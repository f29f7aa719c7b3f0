"""Everything the interactive page shows, as one plain value: runs, fits at every prefix, endpoint laws, joint fits.

All fits are made here; the page only draws them, averages their errors and filters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from curves import BASELINES, FORMS, LOSSES, Backtested, Curve, backtest, choose_method, fit_curves
from curves.joint import BY_FLOP, GLOBAL, SHAPES, JointFit, features, fit_joint
from curves.laws import Endpoint, recipe_laws, remark, unit_of
from fitting.errors import BadData
from harness.curves.ours import TERMS

PREFIXES = tuple(round(0.05 * i, 2) for i in range(2, 19))
JOINT_PREFIXES = (0.3, 0.5, 0.7, 0.9)
JOINT_TERMS = {"by_flop": BY_FLOP, "global": GLOBAL}
"""Features of a joint fit by scope, where the runs are not our own."""
TARGETS = (0.005, 0.01, 0.02, 0.05, 0.1)


def page_data(
    curves: Sequence[Curve],
    endpoints: Sequence[Endpoint],
    labels: tuple[str, str] = ("mix", "lr_factor"),
    title: str = "Loss curves",
    joint_prefixes: Sequence[float] = JOINT_PREFIXES,
    default_cutoff: float | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> dict:
    """The page's data.

    Args:
        curves: runs with C and the two labels; those not complete are drawn and not scored.
        endpoints: final losses by recipe (the two labels) and C; more runs than the curves may be there.
        default_cutoff: where the endpoint-law slider starts; None: the third largest scale.
        say: told what is being fitted.
    """
    scales = sorted({c.C for c in curves if c.C})
    laws = _laws(endpoints, default_cutoff)
    # scales beyond the slider's first stop are held out: ladders teach templates and choose the method
    held_out = laws["stops"][laws["start"]] if laws["stops"] else max(scales, default=0.0)
    found: dict[str, Any] = {
        "heldOut": held_out,
        "theta": {name: form.theta for name, form in FORMS.items()},
        "simple": [*BASELINES, "auto"],
        "title": title,
        "labels": labels,
        "prefixes": PREFIXES,
        "targets": TARGETS,
        "variants": [f"{form}_{loss}" for form in FORMS for loss in LOSSES],
        "scales": scales,
        "runs": [_run(c, labels) for c in curves],
        "laws": laws,
    }
    _add_fits(found["runs"], curves, say)
    say("simple methods")
    found["choice"] = _add_simple(found["runs"], curves, labels, held_out)
    found["joint"] = _joint(curves, scales, joint_prefixes, say)
    return found


def _run(curve: Curve, labels: tuple[str, str]) -> dict:
    return {
        "id": curve.run,
        "C": curve.C,
        "a": _word(curve.labels.get(labels[0], "")),
        "b": _word(curve.labels.get(labels[1], "")),
        "tau": [_round(v, 5) for v in curve.progress],
        "loss": [_round(v) for v in curve.loss],
        "complete": curve.complete,
        "fits": {},
    }


def _word(label: str | float) -> str:
    return f"{label:g}" if isinstance(label, float) else label


def _round(value: float, digits: int = 7) -> float:
    return float(f"{value:.{digits}g}")


def _add_fits(rows: list[dict], curves: Sequence[Curve], say) -> None:
    """rows[i]["fits"][variant][prefix index] = [F, A, theta...], null where the prefix can't be fitted."""
    for form in FORMS:
        for loss in LOSSES:
            say(f"{form} by {loss}")
            cells, prefixes = [], []
            for i, curve in enumerate(curves):
                for k, p in enumerate(PREFIXES):
                    seen = curve.progress <= p + 1e-12
                    # With no row near the prefix a fit would be scored at a prefix it has not seen.
                    if seen.sum() >= 3 and curve.progress[seen][-1] >= 0.6 * p:
                        cells.append((i, k))
                        prefixes.append((curve.progress[seen], curve.loss[seen]))
            for row in rows:
                row["fits"][f"{form}_{loss}"] = [None] * len(PREFIXES)
            for (i, k), fit in zip(cells, fit_curves(prefixes, form, loss), strict=True):
                rows[i]["fits"][f"{form}_{loss}"][k] = [
                    _round(v) for v in (fit.F, fit.A, *fit.theta.values())
                ]


def _add_simple(
    rows: list[dict], curves: Sequence[Curve], labels: tuple[str, str], held_out: float
) -> dict | None:
    """rows[i]["simple"][method][prefix index] = predicted end, or null; and what a choice on the ladder alone would take.

    Templates learn from the runs up to `held_out`, as in the published study.
    """
    methods = (*BASELINES, "auto")
    for row in rows:
        row["simple"] = {m: [None] * len(PREFIXES) for m in methods}
    if not any(c.complete for c in curves):
        return None

    def ladder(C: float | None) -> bool:
        return C is None or held_out * 1.000001 >= C

    found = backtest(curves, PREFIXES, methods, recipe=labels, donors=lambda c: ladder(c.C))
    at = {c.run: i for i, c in enumerate(curves)}
    for p in found:
        rows[at[p.run]]["simple"][p.method][PREFIXES.index(p.prefix)] = _round(p.predicted)
    forms = [
        Backtested(c.run, PREFIXES[k], variant, fit[0], c.final, C=c.C)
        for row, c in zip(rows, curves, strict=True)
        if c.complete
        for variant, fits in row["fits"].items()
        for k, fit in enumerate(fits)
        if fit is not None
    ]
    chosen = choose_method([*found, *forms], lambda p: ladder(p.C))
    if chosen is None:
        return None
    prefix, method, inside, outside = chosen
    return {"prefix": prefix, "method": method, "mean": inside.mae, "heldOutMean": outside.mae if outside else None}  # fmt: skip


def _laws(endpoints: Sequence[Endpoint], default: float | None) -> dict:
    """Fits of both forms at every stop of the slider."""
    rungs = sorted({e.x["C"] for e in endpoints if "C" in e.x})
    stops = rungs[1:]
    unit = unit_of(rungs)
    out: dict = {
        "unit": unit,
        "points": [
            {"a": _word(e.recipe[0]), "b": _word(e.recipe[1]), "C": e.x["C"], "loss": _round(e.loss)}
            for e in endpoints
            if "C" in e.x
        ],
        "stops": stops,
        "start": stops.index(default) if default in stops else max(len(stops) - 3, 0),
        "fits": {"floor": [], "loglog": []},
        "remarks": {"floor": [], "loglog": []},
    }
    for form in out["fits"]:
        for stop in stops:
            laws, misses = recipe_laws(endpoints, stop, form, unit=unit)
            out["fits"][form].append(
                [
                    {"a": _word(recipe[0]), "b": _word(recipe[1]), "n": law.n, "r2": law.r2, "rmse": law.rmse}
                    | {"rmse_log": law.rmse_log, "at_bound": list(law.at_bound), **law.constants}
                    for recipe, law in laws.items()
                ]
            )
            out["remarks"][form].append(remark(misses, form))
    return out


def _joint(curves: Sequence[Curve], scales: Sequence[float], prefixes: Sequence[float], say) -> dict:
    """Each method's three numbers of every run, L = c0 + c1*B(tau) + c2*tau, at every prefix."""
    fits, skipped = [], set()
    for scope, terms in (TERMS if all("decay" in c.labels for c in curves) else JOINT_TERMS).items():
        groups = [[i for i, c in enumerate(curves) if s == c.C] for s in scales]
        groups = groups if scope == "by_flop" else [list(range(len(curves)))]
        for form in SHAPES:
            for p in prefixes:
                say(f"joint {scope} {form} at {p:g}")
                rows: dict[int, list[float]] = {}
                for group in groups:
                    if len(group) < 3:
                        continue
                    members = [curves[i] for i in group]
                    try:
                        model = fit_joint(members, p, form, terms)
                    except BadData as error:
                        skipped.add(str(error))
                        continue
                    rows |= {i: _three(model, curves[i]) for i in group}
                if rows:
                    fits.append({"scope": scope, "form": form, "prefix": p, "runs": rows})
    return {"prefixes": list(prefixes), "fits": fits, "skipped": sorted(skipped)}


def _three(model: JointFit, curve: Curve) -> list[float]:
    c = model.coefficients @ features(curve, model.terms, model.centres)
    return [_round(v, 9) for v in (*c, *model.theta.values())]


def endpoints_of(curves: Sequence[Curve], labels: tuple[str, str]) -> list[Endpoint]:
    """Final losses of the completed runs that have a compute."""
    return [
        Endpoint(
            (c.labels.get(labels[0], ""), c.labels.get(labels[1], "")),
            {"C": c.C},
            float(np.asarray(c.loss)[-1]),
            c.run,
        )
        for c in curves
        if c.complete and c.C
    ]
