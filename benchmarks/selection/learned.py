"""A learned choice: a line from evidence on a law to the log of its error, fitted on the other sources.

It stands beside the hand rules in the report. Where it does not beat them on sources left out, they are what ships.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from benchmarks.selection.rules import Rule, band_of
from benchmarks.selection.table import Table, is_refit
from evaluator.scale import scale_error
from harness.choosing.forecast import cast_asked, seat
from harness.choosing.order import FLOOR, distinct, fold_errors, trust
from harness.choosing.weights import shipped

COLUMNS = (
    "trust",
    "lowest fold",
    "mean fold",
    "worst fold",
    "fitted rows",
    "away at the asked rows",
    "away at the probes",
    "constants",
    "refit",
)
FIRST = 20
"""A law's evidence is measured from the median of the table's first laws by trust."""

CAP = 3.0
"""Log error over the best in reach beyond which all laws are equally bad."""

RIDGE = 3.0


@dataclass(frozen=True, slots=True)
class Model:
    """Weights of the columns in their standard deviations over the fitted tables."""

    mean: np.ndarray
    sd: np.ndarray
    weights: np.ndarray

    def __call__(self, columns: np.ndarray) -> np.ndarray:
        """(M,) expected log error from (M, K) columns; lower is better."""
        return (columns - self.mean) / self.sd @ self.weights


def columns_of(table: Table) -> tuple[list[int], np.ndarray]:
    """Places of the laws that a choice looks at, and (M, K) evidence on them from training rows alone."""
    weights = shipped()
    order = trust(table.evidence, table.ground, weights)
    among = [*table.among, *table.variants]
    pool = distinct(sorted(among, key=lambda i: (order[i], i)), table.evidence, weights.pool)
    ground, band = table.ground, band_of(table, weights)
    panel = seat(table.evidence, ground, table.among, weights)
    votes = np.stack([table.evidence[i].probes for i in panel.voters])
    middle = np.median(votes, axis=0)
    errors = fold_errors(table.evidence, ground)
    folds = np.log(np.stack([errors[f.name] for f in ground.standard]))
    rows = []
    for i in pool:
        e = table.evidence[i]
        rows.append(
            [
                order[i],
                folds[:, i].min(),
                folds[:, i].mean(),
                folds[:, i].max(),
                math.log(max(scale_error(ground.z, e.train, ground.train.group), FLOOR)),
                math.log(max(scale_error(band.z, e.asked, ground.asked_group), FLOOR)),
                math.log(max(scale_error(middle, e.probes, ground.probe_group), FLOOR)),
                math.log(e.n_constants + 1),
                float(is_refit(e)),
            ]
        )
    columns = np.array(rows)
    return pool, columns - np.median(columns[:FIRST], axis=0)


def fit_model(found: list[Table], columns: dict[str, tuple[list[int], np.ndarray]]) -> Model:
    """Ridge on the log of the error over the best in reach, centred by table; sources tempered by the root of their tables."""
    counts = {s: sum(t.source == s for t in found) for s in {t.source for t in found}}
    xs, ys, votes = [], [], []
    for table in found:
        pool, X = columns[table.name]
        best = max(float(table.errors.min()), 1e-9)
        y = np.array(
            [min(math.log(max(table.error(table.evidence[i].asked), 1e-9) / best), CAP) for i in pool]
        )
        xs.append(X - X.mean(axis=0))
        ys.append(y - y.mean())
        votes.append(np.full(len(y), 1 / len(y) / math.sqrt(counts[table.source])))
    X, y, w = np.concatenate(xs), np.concatenate(ys), np.concatenate(votes)
    w = w / w.mean()
    sd = np.maximum(np.sqrt((w[:, None] * X**2).mean(axis=0)), 1e-9)
    Z = X / sd
    gram = Z.T @ (w[:, None] * Z) + RIDGE * len(found) * np.eye(Z.shape[1])
    return Model(np.zeros(Z.shape[1]), sd, np.linalg.solve(gram, Z.T @ (w * y)))


def learned_rules(found: list[Table]) -> dict[str, Rule]:
    """The learned law and forecast, each table by a model that saw nothing of its source."""
    columns = {t.name: columns_of(t) for t in found}
    models = {
        s: fit_model([t for t in found if t.source != s], columns) for s in sorted({t.source for t in found})
    }

    def law(table: Table) -> np.ndarray:
        pool, X = columns[table.name]
        return table.evidence[pool[int(np.argmin(models[table.source](X)))]].asked

    def forecast(voters: int) -> Rule:
        def rule(table: Table) -> np.ndarray:
            pool, X = columns[table.name]
            expected = models[table.source](X)
            order = np.full(len(table.evidence), np.inf)
            order[pool] = expected
            among = [i for i in pool if i in set(table.among)]
            weights = shipped()
            panel = seat(table.evidence, table.ground, among, weights, order, voters)
            return cast_asked(panel, table.ground, table.evidence, weights).z

        return rule

    return {
        "law: learned, sources left out": law,
        "forecast: twenty voters, learned order, sources left out": forecast(20),
        "forecast: five voters, learned order, sources left out": forecast(5),
    }


def model_lines(found: list[Table]) -> list[str]:
    """The weights that all tables together give, in standard deviations."""
    model = fit_model(found, {t.name: columns_of(t) for t in found})
    pairs = ", ".join(f"{name} {w:+.3f}" for name, w in zip(COLUMNS, model.weights, strict=True))
    return [f"Learned weights, all tables (log error for a standard deviation of each column): {pairs}."]
