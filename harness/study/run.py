"""Runs experiments one after another, their parts over processes, with a progress display."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from fitting import BadData, FittingError
from fitting.drawing import budgets
from harness.pages.theme import themed
from harness.study.pages import article, pictures_of, report, tells
from studies.fitting_methods.experiment import Context, Experiment, Findings
from studies.fitting_methods.page import write
from studies.fitting_methods.sampling import Runs
from studies.fitting_methods.tables import IsoflopData
from tasks import nano

NO_DATA = "it uses published rows: give the folder with isoflops.csv and chinchilla_svg_245.csv by --data-dir or SLD_ISOFLOP_DIR"

OUR_PLANE = "our own plane"


@dataclass
class StudyResult:
    """What a run wrote."""

    report: Path
    article: Path | None = None
    done: list[tuple[Experiment, Findings]] = field(default_factory=list)
    missing: list[tuple[Experiment, str]] = field(default_factory=list)
    seconds: dict[int, float] = field(default_factory=dict)
    failed: int = 0

    def to_dict(self) -> dict[str, Any]:
        return {
            "report": str(self.report),
            "article": str(self.article) if self.article else None,
            "experiments": [
                {
                    "number": e.number,
                    "name": e.name,
                    "seconds": round(self.seconds[e.number], 2),
                    "answer": list(f.answer),
                }
                for e, f in self.done
            ],
            "not_run": [{"number": e.number, "name": e.name, "reason": why} for e, why in self.missing],
        }


def run_study(
    chosen: Sequence[Experiment], data: IsoflopData | None, out: Path, workers: int, console: Console
) -> StudyResult:
    """Run, write every experiment's folder as it ends, then the report."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadData(f"--out {out}: can't be written ({error.strerror})") from None
    result, planes = StudyResult(out / "report.html"), our_planes()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with (
        Progress(*columns, console=console) as progress,
        Parallel(n_jobs=workers, return_as="generator") as pool,
    ):
        whole = progress.add_task("experiments", total=len(chosen))
        for e in chosen:
            began = time.monotonic()
            if e.needs_data and data is None:
                result.missing.append((e, NO_DATA))
            else:
                bar = progress.add_task(f"{e.number}. {e.title}", total=None)
                try:
                    findings = e.run(Context(data, spread(pool, progress, bar), planes))
                except FittingError as error:
                    result.missing.append((e, f"failed: {error}"))
                    result.failed += 1
                    progress.update(bar, total=1, description=f"{e.number}. {e.title} (failed)")
                    progress.advance(whole)
                    continue
                with themed():
                    write(e, findings, out)
                result.done.append((e, findings))
                seconds = result.seconds[e.number] = time.monotonic() - began
                progress.update(
                    bar, total=1, completed=1, description=f"{e.number}. {e.title} ({seconds:.1f} s)"
                )
            progress.advance(whole)
        if result.done:
            bar = progress.add_task("pages", total=None)
            _write_pages(result, data)
            progress.update(bar, total=1, completed=1)
    return result


def our_planes() -> dict[str, Runs]:
    """The isoFLOP plane of our own measurements, for an experiment that takes any measured plane."""
    found = nano.runs("plane")
    first = found["seed"] == "0"
    of = {name: found[column][first].astype(float) for name, column in nano.PLANE_COLUMNS.items()}
    # a run has whole steps, so its own FLOPs lie beside its budget's
    centres, group = budgets(of["C"])
    return {OUR_PLANE: Runs(**of | {"C": centres[group]})}


def _write_pages(result: StudyResult, data: IsoflopData | None) -> None:
    digests = data.sha256() if data else {nano.RUNS.name: hashlib.sha256(nano.RUNS.read_bytes()).hexdigest()}
    facts = [f"{name}: SHA-256 {digest}" for name, digest in digests.items()]
    pictures = pictures_of(result.done)
    result.report.write_text(report(result.done, result.missing, facts, pictures), encoding="utf-8")
    if tells(result.done):
        result.article = result.report.with_name("article.html")
        result.article.write_text(article(result.done, pictures), encoding="utf-8")


def spread(pool: Parallel, progress: Progress, bar: Any) -> Callable:
    """A map over processes that keeps the order of its items and moves a bar."""

    def apply(function: Callable, items: Iterable, label: str = "") -> list:
        items = list(items)
        progress.reset(bar, total=len(items))
        found = []
        for value in pool(delayed(function)(item) for item in items):
            found.append(value)
            progress.advance(bar)
        return found

    return apply
