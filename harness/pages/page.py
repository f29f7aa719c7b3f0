"""A run as one HTML file that opens from disk: no network, nothing foreign runs in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from markupsafe import Markup

from harness.choosing.shares import made_of
from harness.errors import BadRun
from harness.pages.figures import KINDS, panel_svg
from harness.pages.numbers import number, score
from harness.pages.rows_panels import held_still, left_out
from harness.pages.search_panels import held_out_rows, thinned_out
from harness.pages.shell import assets, environment
from harness.pages.typeset import constant_markup, law_markup
from harness.pages.view import STATES, Point, RunView
from harness.proposers.formula.naming import readable

FILE = "report.html"

LEAST_CHANGE = 0.05
"""Per cent of an error, below which a step changed nothing that is worth a number."""

MOST_GROUPS = 12
"""Groups whose constants are listed."""


def run_page(view: RunView, no_traces: str = "") -> str:
    """The page of a run, whatever state it is in.

    Args:
        no_traces: why the rows can't be drawn, where they can't.
    """
    return environment().get_template("run.html.j2").render(**run_facts(view, no_traces), **assets())


def run_facts(
    view: RunView, no_traces: str = "", kinds: Sequence[str] = tuple(KINDS), key: str = ""
) -> dict[str, Any]:
    """What the template of a run is filled with.

    Args:
        kinds: of figures that are drawn.
        key: in front of the ids of figures, where a page shows several runs.
    """
    summary = view.summary
    features = view.features
    target = view.spec.target_names[0] if view.spec and len(view.spec.targets) == 1 else ""
    best = view.best
    text = summary.get("law") or (best.told.law or best.id if best else "")
    facts: dict[str, Any] = {
        "v": view,
        "title": summary.get("title") or (view.spec.title if view.spec else view.task or view.name),
        "state": STATES[view.state],
        "law": law_markup(text, features, target) if text else "",
        "best": best,
        "units": _units(view, text),
        "numbers": _numbers(view),
        "drawn": {
            kind: [(p, Markup(panel_svg(p, key))) for p in panels(view)] if kind in kinds else []
            for kind, (_, panels) in KINDS.items()
        },
        "held_still": held_still(view),
        "left_out": left_out(view),
        "thinned_out": thinned_out(view),
        "no_traces": no_traces or "what the law says of the rows is not kept in this run: harness report RUN gathers it",
        "lineage": _lineage(view, features),
        "failures": view.failures,
        "data_note": (summary.get("data") or {}).get("note", ""),
        "notes": [*(summary.get("notes") or []), *(f"marked: {m}" for m in summary.get("marks") or [])],
        "environment": _environment(view),
        "config": _shown_config(view.config),
        "program": _program(view),
    }  # fmt: skip
    facts |= _constants(view, features) | _scores(view) | _shortlist(view, features)
    named = [
        ("law", "law", True),
        ("rows", "beyond the rows", facts["drawn"]["data"]),
        ("scores", "scores", facts["drawn"]["scores"]),
        ("search", "search", facts["drawn"]["front"]),
        ("lineage", "lineage", facts["lineage"]),
        ("shortlist", "shortlist", facts["shortlist"]),
        ("failures", "failures", True),
        ("program", "program and environment", True),
    ]
    facts["sections"] = [(id, name) for id, name, there in named if there]
    return facts


def write_page(path: Path, text: str) -> None:
    """Write a page, complete or not at all.

    Raises:
        BadRun: the folder can't be written.
    """
    from harness.record.run_folder import write_atomically

    try:
        write_atomically(path, text)
    except OSError as error:
        raise BadRun(f"{path}: can't be written ({error.strerror}); choose another file with --to") from error


def _units(view: RunView, text: str) -> str:
    """The round units of the features that a law names, with what they count."""
    known = {c.name: c.unit for c in view.spec.features} if view.spec else {}
    named = set(re.findall(r"[A-Za-z_]\w*", text))
    parts = []
    for name, unit in (view.summary.get("units") or {}).items():
        if name in named:
            what = known.get(name, "")
            counted = f" {what}" if what not in ("", "1") else ""
            parts.append(f"{name} in {unit:g}{counted}" if unit != 1 else f"{name} in{counted}" if counted else "")  # fmt: skip
    return ", ".join(p for p in parts if p)


def _numbers(view: RunView) -> list[tuple[str, str]]:
    s = view.summary
    found = []
    if s.get("heldout"):
        found.append(("held-out R2, law", score(s["heldout"]["r2"])))
    elif s.get("heldout_failure"):
        found.append(("held-out rows", "failed"))
    if s.get("forecast"):
        found.append(("held-out R2, forecast", score(s["forecast"]["r2"])))
    if s.get("forecast_coverage") is not None:
        found.append(("in the 90 % interval", f"{100 * s['forecast_coverage']:.0f} %"))
    if s.get("validation"):
        found.append(("validation R2", score(s["validation"]["r2"])))
    elif view.best:
        found.append(("best validation error", number(view.best.error)))
    if s.get("n_constants"):
        found.append(("constants", str(s["n_constants"])))
    found.append(("evaluations", str(len(view.points))))
    if view.seconds:
        found.append(("searched", f"{view.seconds / 60:.1f} min" if view.seconds > 90 else f"{view.seconds:.0f} s"))  # fmt: skip
    return found


def _constants(view: RunView, features: tuple[str, ...]) -> dict[str, Any]:
    law = readable(view.summary.get("law") or "", features)
    groups = (view.summary.get("constants") or {}).items()
    intervals = view.traces.intervals if view.traces else {}
    rows = []
    for group, values in list(groups)[:MOST_GROUPS]:
        ends = intervals.get(group, {})
        rows.append((group, [(constant_markup(law.constant(n)), v, *ends.get(n, (v, None, None))[1:]) for n, v in values.items()]))  # fmt: skip
    told = any(high is not None and high == high for _, of in rows for _, _, _, high in of)
    note = (
        "90 % intervals from the curvature at these constants: one variance for all rows of a group, the law taken as true"
        if told
        else "no intervals: the rows don't determine the constants one by one, or the law is no formula"
    )
    return {"constants": rows, "constants_note": note, "more_groups": max(len(groups) - MOST_GROUPS, 0)}


def _scores(view: RunView) -> dict[str, Any]:
    s = view.summary
    official = (s.get("data") or {}).get("official")
    cards = {
        "this run's law": s.get("heldout"),
        "its forecast": s.get("forecast"),
        **(s.get("controls") or {}),
    }
    published = {p["system"]: p for p in s.get("published") or []}
    rows = []
    for name, r2, kind in held_out_rows(s):
        card, p = cards.get(name) or {}, published.get(name) or {}
        rows.append({"name": name, "r2": r2, "nmse": card.get("nmse"), "nmae": card.get("nmae"), "kind": {"law": "ours", "forecast": "ours, no program", "muted": "published"}.get(kind, kind), "source": p.get("source", ""), "ours": kind in ("law", "forecast")})  # fmt: skip
    note = "Published scores compare with these rows." if official and published else "Published scores are not shown: none is known for exactly these rows."  # fmt: skip
    ceiling = s.get("noise_ceiling_r2")
    if ceiling is not None and ceiling < 1:
        note += f" The dotted line is the noise ceiling of these rows, {ceiling:.4f}."
    folds = ((s.get("validation") or {}).get("log_errors") or {}).items()
    return {"score_rows": rows, "scores_note": note, "fold_rows": sorted(folds, key=lambda row: row[1])}


def _shortlist(view: RunView, features: tuple[str, ...]) -> dict[str, Any]:
    folds = list(dict.fromkeys(name for law in view.shortlist for name in law["folds"]))
    rows = [
        {
            "id": law["id"],
            "text": law["law"],
            "markup": law_markup(law["law"], features) if law["law"] else "free program",
            "edit": law["edit"],
            "n_constants": law["n_constants"],
            "errors": [law["folds"].get(name) for name in folds],
            "away": law.get("away"),
            "say": law["say"],
            "place": law["place"],
            "chosen": law["chosen"],
            "verdict": law["verdict"],
        }
        for law in view.shortlist
    ]
    made = made_of(len(view.summary.get("voters") or []), view.summary.get("shares") or {})
    return {"shortlist": rows, "folds": folds, "made_of": made if view.summary.get("forecast") else ""}


def _lineage(view: RunView, features: tuple[str, ...]) -> list[dict[str, Any]]:
    steps, before = [], None
    for p in view.lineage():
        told = p.told
        steps.append({"id": p.id, "edit": told.edit, "proposer": told.proposer, "mate": told.mate, "law": law_markup(told.law, features) if told.law else "free program", "said": _said(p, before), "reason": view.reasons.get(p.id, "")})  # fmt: skip
        before = p
    if not steps and view.winner:
        law = view.summary.get("law") or ""
        steps.append({"id": view.winner, "edit": "none", "proposer": "the choice", "mate": None, "law": law_markup(law, features), "said": "a control, which no search made", "reason": ""})  # fmt: skip
    elif steps and view.winner and steps[-1]["id"] != view.winner:
        heavy = view.winner.partition("l")[0]
        refit = next((law for law in view.shortlist if law["id"] == heavy), None)
        edit = refit["edit"] if refit else "fitted again with more weight on the outermost rows"
        if steps[-1]["id"] != heavy:
            steps.append({"id": heavy, "edit": edit, "proposer": "the choice", "mate": None, "law": "the same form, its fit leaning outwards", "said": "", "reason": ""})  # fmt: skip
        if heavy != view.winner:
            steps.append({"id": view.winner, "edit": "lighter", "proposer": "the choice", "mate": None, "law": "without the terms and factors that folds and forecast don't miss", "said": "", "reason": ""})  # fmt: skip
    return steps


def _said(p: Point, before: Point | None) -> str:
    if p.error is None:
        return f"failed: {p.status}"
    text = f"error {number(p.error)}, {p.n_constants} constants"
    if before is None or before.error is None:
        return text
    change = 100 * (p.error / before.error - 1)
    if abs(change) < LEAST_CHANGE:
        return f"{text}: as its parent's"
    return f"{text}: {number(abs(change), 2)} % {'lower' if change < 0 else 'higher'} than its parent"


def _environment(view: RunView) -> list[tuple[str, str]]:
    s, data = view.summary, view.summary.get("data") or {}
    pairs = [
        ("rows", data.get("kind")),
        ("hash of training rows", data.get("train_hash") or view.meta.get("train_hash")),
        ("hash of held-out rows", data.get("heldout_hash")),
        ("hash of the program", s.get("program_hash")),
        ("numbers in its text", s.get("text_numbers")),
        ("proposer and seed", f"{s['proposer']}, {s['seed']}" if s else None),
        ("ended by", s.get("ending")),
        ("started", view.started or None),
        ("software", s.get("software")),
        ("sandbox", s.get("sandbox")),
    ]
    return [(name, str(value)) for name, value in pairs if value not in (None, "")]


def _shown_config(config: dict[str, Any]) -> str:
    """The configuration without what is this machine's or may be secret: folders, values of headers, users in addresses."""
    shown_too = {k: v for k, v in config.items() if k != "data_dir"}
    return yaml.safe_dump(_masked(shown_too), sort_keys=False, allow_unicode=True) if shown_too else ""


def _masked(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        hide = name == "headers" or name.endswith("_headers")
        return {k: "(not shown)" if hide else _masked(v, str(k)) for k, v in value.items()}
    if isinstance(value, list):
        return [_masked(v, name) for v in value]
    if isinstance(value, str):
        return re.sub(r"(?<=://)[^/@\s]*@", "", value).partition("?")[0] if "://" in value else value
    return value


def _program(view: RunView) -> str:
    try:
        return (view.path / "best_program.py").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
