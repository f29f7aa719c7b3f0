"""Backtest: every method at every prefix of finished runs, scored on their ends."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np

from curves import baselines
from curves.calibration import can_forecast, forecast
from curves.curve import Curve
from curves.fit import VARIANTS, fit_curves
from fitting.errors import BadData, BadOption

PREFIXES = tuple(round(0.05 * i, 2) for i in range(2, 19))
"""0.10 to 0.90 in steps of 0.05; earlier prefixes lie inside many runs' warm-up."""
BASELINES = ("last_value", "linear", "template_global", "template_by_mix", "template_by_recipe")


Job = tuple[Curve, tuple[float, ...], tuple[str, ...], str, float]
"""A run, prefixes, methods of the fits, solver and warm-up: what a process is handed."""


@dataclass(frozen=True, slots=True)
class Backtested:
    """One method's endpoint of one run from one prefix.

    Attributes:
        run, labels, C: of the run. prefix, method: what was asked. predicted, actual: losses. seen_range: range of the
            losses seen. at_bound: constants on a bound (forms only).
    """

    run: str
    prefix: float
    method: str
    predicted: float
    actual: float
    labels: dict[str, str | float] = field(default_factory=dict)
    C: float | None = None
    seen_range: float = np.nan
    at_bound: tuple[str, ...] = ()

    @property
    def error(self) -> float:
        """predicted - actual: > 0 over-predicts."""
        return self.predicted - self.actual


def backtest(
    curves: Sequence[Curve],
    prefixes: Sequence[float] = PREFIXES,
    methods: Sequence[str] = VARIANTS,
    *,
    solver: str = "projection",
    after: float = 0.0,
    recipe: Sequence[str] = ("mix", "lr_factor"),
    donors: Callable[[Curve], bool] = lambda curve: True,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> list[Backtested]:
    """Predict the end of every completed run from every prefix.

    Args:
        methods: variants (form_loss), `auto` (the predictor), and names from BASELINES. solver: of the forms.
        after: warm-up left out of the fits (the predictor knows it by itself). recipe: labels of template_by_mix (the first) and _by_recipe (all).
        donors: completed runs that templates may learn from (never the run itself).
        workers: processes; runs are shared among them. progress: called with (runs done, runs).

    Returns:
        Rows by run, method, prefix; a method that can't predict (too few points or other runs) has no row.

    Raises:
        BadOption: an unknown method. BadData: no completed run.
    """
    known = (*VARIANTS, "auto", *BASELINES)
    for method in methods:
        if method not in known:
            raise BadOption(f"method: expected one of {', '.join(known)}, got {method!r}")
    done = [c for c in curves if c.complete]
    if not done:
        raise BadData("a backtest needs completed runs, and there is none; check the progress column")
    jobs = [
        (c, tuple(prefixes), tuple(m for m in methods if m not in BASELINES), solver, after) for c in done
    ]
    rows: list[Backtested] = []
    for i, (curve, found) in enumerate(zip(done, _mapped(jobs, workers), strict=True)):
        rows += found
        rows += _baselines(
            curve, [c for c in done if donors(c)], prefixes, [m for m in methods if m in BASELINES], recipe
        )
        if progress:
            progress(i + 1, len(done))
    return rows


def _mapped(jobs: list[Job], workers: int) -> Iterator[list[Backtested]]:
    if workers <= 1 or len(jobs) < 2:
        yield from map(_one_run, jobs)
        return
    ways = multiprocessing.get_all_start_methods()
    # a process with threads must not be forked: the copy may wait for ever for a lock
    alone = threading.active_count() == 1
    context = multiprocessing.get_context("fork" if "fork" in ways and alone else "spawn")
    with ProcessPoolExecutor(min(workers, len(jobs)), mp_context=context) as pool:
        yield from pool.map(_one_run, jobs)


def _one_run(job: Job) -> list[Backtested]:
    curve, prefixes, methods, solver, after = job
    parts = []
    for prefix in prefixes:
        inside = curve.progress <= prefix + 1e-12
        if inside.sum() >= 3:
            parts.append((prefix, curve.until(prefix)))
    rows = []
    for method in methods:
        if method == "auto":
            able = [(prefix, part) for prefix, part in parts if can_forecast(curve, prefix)]
            rows += [_row(curve, p, method, forecast(curve, p).endpoint, part) for p, part in able]
            continue
        form, loss = method.rsplit("_", 1)
        fits = fit_curves([(p.progress, p.loss) for _, p in parts], form, loss, solver, after=after)
        for (prefix, part), fit in zip(parts, fits, strict=True):
            rows.append(_row(curve, prefix, method, fit.endpoint, part, fit.at_bound))
    return rows


def _baselines(
    curve: Curve, done: Sequence[Curve], prefixes: Iterable[float], methods: list[str], recipe: Sequence[str]
) -> list[Backtested]:
    same = {"template_global": (), "template_by_mix": tuple(recipe[:1]), "template_by_recipe": tuple(recipe)}
    rows = []
    for method in methods:
        for prefix in prefixes:
            if curve.progress[0] > prefix:
                continue
            if method == "last_value":
                endpoint: float | None = baselines.last_value(curve, prefix)
            elif method == "linear":
                endpoint = baselines.linear(curve, prefix)
            else:
                endpoint = baselines.template(curve, prefix, done, same[method])
            if endpoint is not None:
                rows.append(_row(curve, prefix, method, endpoint, curve.until(prefix)))
    return rows


def _row(
    curve: Curve, prefix: float, method: str, endpoint: float, seen: Curve, at_bound: tuple[str, ...] = ()
) -> Backtested:
    return Backtested(
        curve.run, float(prefix), method, float(endpoint), curve.final, dict(curve.labels), curve.C,
        float(np.ptp(seen.loss)), at_bound,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Score:
    """Endpoint errors of one cell of a table: mean absolute, worst and mean signed error, and runs."""

    mae: float
    worst: float
    bias: float
    n: int
    at_bound: float = 0.0


def score(rows: Sequence[Backtested]) -> Score:
    errors = np.array([r.error for r in rows])
    share = float(np.mean([bool(r.at_bound) for r in rows]))
    return Score(
        float(np.abs(errors).mean()), float(np.abs(errors).max()), float(errors.mean()), len(errors), share
    )


def table(rows: Sequence[Backtested], key: Callable[[Backtested], Any]) -> dict[Any, Score]:
    """Scores of groups of rows, as in `table(rows, lambda r: (r.method, r.prefix))`, in the order of the keys."""
    ordered = sorted(rows, key=lambda r: str(key(r)))
    found = {k: score(list(part)) for k, part in groupby(ordered, key=key)}
    return dict(sorted(found.items(), key=lambda kv: kv[0]))


def best_map(
    rows: Sequence[Backtested], scale: Callable[[Backtested], Any] = lambda r: r.C
) -> dict[tuple[float, Any], tuple[str, Score]]:
    """(prefix, scale) -> the form variant of least mean error over the runs at that scale, with its score."""
    cells: dict[tuple[float, Any], tuple[str, Score]] = {}
    forms = [r for r in rows if r.method in VARIANTS]
    for (prefix, at, method), found in table(forms, lambda r: (r.prefix, scale(r), r.method)).items():
        if (prefix, at) not in cells or found.mae < cells[prefix, at][1].mae:
            cells[prefix, at] = method, found
    return cells
