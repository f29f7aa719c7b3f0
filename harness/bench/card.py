"""The report card of a suite: one table over all seeds, beside controls and published systems."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table

from harness.bench.hindsight import Seen
from harness.bench.suite import Cell
from harness.boards.standings import FAILED_R2, mean_sd
from harness.proposers.facts import identifiers
from harness.proposers.formula.naming import readable
from harness.terminal.printing import score_table
from tasks import Task

REFERENCES = ("SLDAgent / GPT-5, all ten runs", "NAI v9")
"""Published systems that have a column; names are matched by their beginning."""
NO_LAW = "none kept every rule"
HEAD = (
    "task", "runs", "R2, mean", "sd", "lowest", "not clipped", "groups", "forecast", "random laws", "best control", "in reach",
    "ceiling",
)  # fmt: skip


@dataclass(slots=True)
class Line:
    """Everything the card says of one task.

    Attributes:
        r2: held-out R2 of every run of the search, not clipped; a failed run is -1.
        forecast: the same of what many laws of a run forecast together.
        random: the same of the control search, by seed.
        groups: R2 inside each group with rows enough, over all runs.
        validation: R2 inside train, by run.
        controls: name -> R2.
        published: name -> R2.
        seen: hindsight of every run.
        tokens, money: what models took in each run; empty where none was asked.
        laws: as people read them; features: names in them that are columns; target: the one that they predict.
    """

    task: str
    r2: list[float] = field(default_factory=list)
    forecast: list[float] = field(default_factory=list)
    random: list[float] = field(default_factory=list)
    groups: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    controls: dict[str, float] = field(default_factory=dict)
    published: dict[str, float] = field(default_factory=dict)
    ceiling: float | None = None
    minutes: list[float] = field(default_factory=list)
    evaluations: list[int] = field(default_factory=list)
    constants: list[int] = field(default_factory=list)
    laws: list[str] = field(default_factory=list)
    features: tuple[str, ...] = ()
    target: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    seen: list[list[Seen]] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    money: list[float] = field(default_factory=list)


def clipped(values: list[float]) -> list[float]:
    """R2 as the benchmark counts it, in [-1, 1]."""
    return [max(-1.0, min(1.0, v)) for v in values]


def gather(found: list[tuple[Cell, dict[str, Any]]], tasks: dict[str, Task]) -> list[Line]:
    """Lines in the order of `tasks`, from the summaries of runs that have ended."""
    lines = {name: _line(task) for name, task in tasks.items()}
    for cell, summary in found:
        line = lines[cell.task]
        heldout = summary.get("heldout")
        r2 = FAILED_R2 if not heldout or heldout["r2"] is None else heldout["r2"]
        if cell.proposer == "random":
            line.random.append(r2)
            continue
        line.r2.append(r2)
        forecast = summary.get("forecast") or summary.get("average")  # the older name
        line.forecast.append(forecast["r2"] if forecast else r2)
        line.minutes.append(summary["seconds"] / 60)
        line.evaluations.append(summary["evaluations"])
        line.data = summary["data"]
        if summary.get("llm"):
            line.tokens.append(summary["llm"]["tokens_in"] + summary["llm"]["tokens_out"])
            line.money.append(summary["llm"]["cost"])
        line.laws.append(readable(summary["law"], line.features).text if summary["law"] else NO_LAW)
        line.constants.append(summary.get("n_constants") or 0)
        line.validation.append(summary["validation"]["r2"] if summary["law"] else math.nan)
        if summary["law"] is None:
            continue
        line.ceiling = summary["noise_ceiling_r2"]
        line.controls = {k: c["r2"] for k, c in summary["controls"].items() if c and c["r2"] is not None}
        groups = (heldout or {}).get("per_group") or {}
        line.groups += [g["r2"] for g in groups.values() if g["r2"] is not None and g["n_rows"] > 2]
    for name, line in lines.items():
        if not line.data.get("official"):
            continue  # published scores compare with the benchmark's own rows alone
        for reference in REFERENCES:
            for p in tasks[name].spec.published:
                if p.system.startswith(reference) and reference not in line.published:
                    line.published[reference] = p.r2
    return [line for line in lines.values() if line.r2]


def _line(task: Task) -> Line:
    target = task.spec.target_names[0] if len(task.spec.targets) == 1 else ""
    return Line(task.spec.name, features=identifiers(task.spec), target=target)


def best_in_reach(line: Line) -> float | None:
    """Mean over runs of the best held-out R2 among the run's own candidates: what no choice could beat."""
    best = [max((s.heldout_r2 for s in run if s.heldout_r2 is not None), default=None) for run in line.seen]
    known = [b for b in best if b is not None]
    return statistics.fmean(clipped(known)) if known else None


def markdown(lines: list[Line], about: list[str]) -> str:
    """The card as a page.

    Args:
        about: lines that say how it was made.
    """
    columns, rows, means = table_of(lines)
    out = ["# Report card", "", *about, "", _row(columns), _row(["---"] * len(columns)), *map(_row, rows)]
    if means:
        out.append(_row(means))
    out += ["", *EXPLAINED, "", "## Laws", ""]
    for line in lines:
        out += [f"### {line.task}", ""]
        out.append(
            f"Rows: train `{line.data['train_hash']}`, held-out `{line.data['heldout_hash']}`. {line.data['note']}".rstrip()
        )
        out += ["", "| seed | held-out R2 | validation R2 | constants | law |", "|---|---|---|---|---|"]
        for n, law in enumerate(line.laws):
            out.append(
                f"| {n} | {line.r2[n]:.4f} | {line.validation[n]:.4f} | {line.constants[n]} | `{law}` |"
            )
        for sentence in beside(line):
            out += ["", sentence]
        out.append("")
    return "\n".join(out)


def table_of(lines: list[Line]) -> tuple[list[str], list[list[str]], list[str]]:
    """Columns, a row a task, and the row of means, which one task has none of."""
    names = [r for r in REFERENCES if any(r in line.published for line in lines)]
    means = _means(lines, names) if len(lines) > 1 else []
    return [*HEAD, *names], [_cells(line, names) for line in lines], means


def beside(line: Line) -> list[str]:
    """What else there is to say of a task: what models took, its controls, and what its runs spent."""
    said = []
    if line.tokens:
        spent = "; ".join(
            f"seed {n}: {t} tokens, money {m:.4f}"
            for n, (t, m) in enumerate(zip(line.tokens, line.money, strict=True))
        )
        said.append(
            f"Models: {statistics.fmean(line.tokens):.0f} tokens and money {statistics.fmean(line.money):.4f} a run ({spent})."
        )
    controls = ", ".join(f"{k} {_number(v)}" for k, v in line.controls.items())
    said.append(
        f"Controls: {controls}. Evaluations {_range(line.evaluations)}, minutes {_range(line.minutes)}."
    )
    return said


EXPLAINED = (
    "- *R2, mean*, *sd*, *lowest*: held-out R2 over all runs, clipped to [-1, 1] as the benchmark does; a failed run is -1.",
    "- *groups*: median R2 inside a group, over groups with three held-out rows or more. Pooling over groups hides it.",
    "- *forecast*: R2 of what about twenty laws of a run and its last rows say together; no program, no budget of constants.",
    "- *random laws*: independent random laws of the same grammar under the same budget, chosen by the same rule.",
    "- *best control*: the highest of the simple methods, picked by looking: a yardstick, not a contestant.",
    "- *in reach*: mean over runs of the best held-out R2 among all laws a run had scored: the most that choosing could give.",
    "- *ceiling*: the best that any function of the features could reach on these rows.",
    "- Every run is in `runs.csv`, every group of a run in `groups.csv`, settings and hashes of the rows in `config.yaml`.",
)


def _cells(line: Line, names: list[str]) -> list[str]:
    mean, sd = mean_sd(clipped(line.r2))
    return [
        line.task,
        str(len(line.r2)),
        f"**{mean:.4f}**",
        _number(sd),
        _number(min(clipped(line.r2))),
        _number(statistics.fmean(line.r2)),
        _number(statistics.median(line.groups) if line.groups else None),
        _number(statistics.fmean(clipped(line.forecast))),
        _number(statistics.fmean(clipped(line.random)) if line.random else None),
        _number(max(clipped(list(line.controls.values())), default=None)),
        _number(best_in_reach(line)),
        _number(line.ceiling),
        *(_number(line.published.get(n)) for n in names),
    ]


def _means(lines: list[Line], names: list[str]) -> list[str]:
    def mean(values: list[float | None]) -> str:
        known = [v for v in values if v is not None]
        return _number(statistics.fmean(known)) if len(known) == len(lines) else "-"

    own = statistics.fmean(statistics.fmean(clipped(line.r2)) for line in lines)
    return [
        "**mean**",
        str(sum(len(line.r2) for line in lines)),
        f"**{own:.4f}**",
        "",
        "",
        "",
        "",
        mean([statistics.fmean(clipped(line.forecast)) for line in lines]),
        mean([statistics.fmean(clipped(line.random)) if line.random else None for line in lines]),
        mean([max(clipped(list(line.controls.values())), default=None) for line in lines]),
        mean([best_in_reach(line) for line in lines]),
        mean([line.ceiling for line in lines]),
        *(mean([line.published.get(n) for line in lines]) for n in names),
    ]


def screen_table(lines: list[Line]) -> Table:
    """The columns that fit a terminal."""
    title = "held-out R2, mean over all runs, clipped to [-1, 1]"
    shown = score_table("task", "runs", "R2", "sd", "forecast", "random", "in reach", "ceiling", title=title)
    for line in lines:
        cells = _cells(line, [])
        shown.add_row(*(cells[k].strip("*") for k in (0, 1, 2, 3, 7, 8, 10, 11)))
    if len(lines) > 1:
        cells = _means(lines, [])
        shown.add_row(*(cells[k].strip("*") for k in (0, 1, 2, 3, 7, 8, 10, 11)), style="bold")
    return shown


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _number(value: float | None) -> str:
    if value is None or value != value:
        return "-"
    return f"{value:.3g}" if abs(value) >= 100 else f"{value:.4f}"


def _range(values: list[float] | list[int]) -> str:
    if not values:
        return "-"
    low, high = min(values), max(values)
    text = (lambda v: f"{v:.1f}") if isinstance(low, float) else str
    return text(low) if text(low) == text(high) else f"{text(low)} to {text(high)}"
