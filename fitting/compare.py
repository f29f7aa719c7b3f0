"""Several fits side by side, and a law tried where it has to predict: fitted below, scored above, step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fitting.arrays import Array
from fitting.columns import by_name, frame, numbers
from fitting.errors import BadData, BadOption, FitError
from fitting.fit import fit
from fitting.law.law import Law
from fitting.result import FittedLaw
from fitting.uncertainty.summary import information

SAME = 1e-9  # values of a column that lie so near are one


@dataclass(frozen=True)
class Rollout:
    """Errors of a law beyond the rows it was fitted to.

    Attributes:
        along: the column that grows.
        cut: (m,) largest value that was fitted; until: (m,) largest that was scored; n_fit, n_scored: (m,) rows.
        rmse, bias: (m,) root mean square and mean of observed - predicted, of logs for a log loss.
    """

    along: str
    cut: Array
    until: Array
    n_fit: Array
    n_scored: Array
    rmse: Array
    bias: Array

    @property
    def error(self) -> float:
        """Root mean square over all scored rows."""
        return float(np.sqrt(np.average(self.rmse**2, weights=self.n_scored)))

    def to_frame(self) -> Any:
        """One row a step, as a pandas data frame."""
        return frame({k: getattr(self, k) for k in ("cut", "until", "n_fit", "n_scored", "rmse", "bias")})


def rollout(
    law: Law | str, data: Mapping[str, Any], *, along: str, steps: int = 4, reach: float = 4.0, **options: Any
) -> Rollout:
    """Fit the rows below a cut, score those above it, and move the cut up.

    Args:
        along: the column that grows: N, D or C, say; it need not be in the law.
        steps: cuts; they part the upper half of the distinct values evenly.
        reach: rows up to so many times the cut are scored, and those of the next value in any case.
        options: of `fit` (target, loss, bounds, ...).

    Raises:
        FitError: at no cut are there enough rows on both sides.
    """
    have = by_name(data)
    if along not in have:
        raise BadData(f"rollout: no column {along!r}; the data have {', '.join(map(str, have))}")
    if not (isinstance(steps, int) and steps >= 1 and reach > 1):
        raise BadOption(f"rollout: expected steps >= 1 and reach > 1, got {steps!r} and {reach!r}")
    for option in ("weights", "groups"):
        if not isinstance(options.get(option), str | None):
            raise BadOption(f"rollout: {option} must be the name of a column here, so that rows keep theirs")
    x = numbers(along, have[along])
    values = np.unique(x)
    values = values[
        np.append(np.diff(values) > SAME * np.abs(values[:-1]), True)
    ]  # 6 N D of one budget is one
    middle, last = (len(values) - 1) // 2, len(values) - 2
    at = sorted(set(np.linspace(middle, last, steps).astype(int).tolist())) if len(values) > 2 else []
    rows: list[tuple[float, ...]] = []
    for i in at:
        low, high = x <= values[i], (x > values[i]) & (x <= max(reach * values[i], values[i + 1]))
        try:
            result = fit(law, {name: np.asarray(c)[low] for name, c in have.items()}, **options)
        except (BadData, FitError):
            continue
        if low.sum() <= len(result.constants):
            continue
        above = {name: np.asarray(c)[high] for name, c in have.items()}
        y = numbers(result.problem.rows.target, above[result.problem.rows.target])
        with np.errstate(all="ignore"):
            r = result.loss.residual(y, np.broadcast_to(result.predict(above), y.shape))
        rows.append(
            (values[i], x[high].max(), low.sum(), high.sum(), float(np.sqrt(np.mean(r * r))), float(r.mean()))
        )
    if not rows:
        raise FitError(
            f"rollout: no cut along {along} leaves enough rows below and any above; give more rows, or reach="
        )
    return Rollout(along, *(np.array(column, dtype=float) for column in zip(*rows, strict=True)))


@dataclass(frozen=True)
class Comparison:
    """Fits of the same rows, the best first by AICc.

    Attributes:
        names: of the laws; aic, aicc, bic, rmse, n_constants: (m,) in that order.
        rollout: (m,) error beyond the rows, nan where it was not asked for.
        worse: (m, 2) interval of each law's mean cost less the first one's, by paired resamples of rows.
    """

    names: tuple[str, ...]
    aic: Array
    aicc: Array
    bic: Array
    rmse: Array
    n_constants: Array
    rollout: Array
    worse: Array
    level: float = field(default=0.95)

    def to_frame(self) -> Any:
        """One row a law, as a pandas data frame."""
        columns = {k: getattr(self, k) for k in ("aic", "aicc", "bic", "rmse", "n_constants", "rollout")}
        low, high = self.worse.T
        return frame({"law": list(self.names), **columns, "worse_low": low, "worse_high": high})

    def __repr__(self) -> str:
        lines = [
            f"{'law':<40} {'constants':>9} {'AICc':>10} {'BIC':>10} {'RMSE':>10} {'rollout':>10}  cost above the first"
        ]
        for i, name in enumerate(self.names):
            cells = f"{int(self.n_constants[i]):>9} {self.aicc[i]:>10.2f} {self.bic[i]:>10.2f} {self.rmse[i]:>10.4g} {self.rollout[i]:>10.4g}"
            lines.append(f"{name[:40]:<40} {cells}  {self.worse[i, 0]:.3g} to {self.worse[i, 1]:.3g}")
        return "\n".join(lines)


def compare(
    results: Sequence[FittedLaw] | Mapping[str, FittedLaw],
    *,
    along: str | None = None,
    n: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """Which of several laws the rows speak for.

    Args:
        results: fits of the same rows with the same loss, in a list or by name.
        along: a column of the laws: `rollout` along it too.
        n, seed: paired resamples of the rows' costs, constants held.

    Raises:
        BadData: the fits have other rows; BadOption: another loss.
    """
    named = dict(results) if isinstance(results, Mapping) else _named(results)
    if len(named) < 2:
        raise BadOption(f"compare: expected two or more fits, got {len(named)}")
    fits = list(named.values())
    first = fits[0]
    for other in fits[1:]:
        if not np.array_equal(other.problem.rows.y, first.problem.rows.y):
            raise BadData("compare: the fits have different rows; fit all laws to the same data")
        if other.loss != first.loss:
            raise BadOption(
                f"compare: losses differ ({first.loss.describe()}, {other.loss.describe()}); use one for all"
            )
    facts = [information(r) for r in fits]
    order = np.argsort([f["aicc"] for f in facts], kind="stable")
    rows = first.problem.rows
    cost = np.array([r.loss.rows(r.loss.residual(rows.y, r.fitted)) for r in fits])
    cost = cost if rows.weights is None else cost * rows.weights
    above = cost - cost[order[0]]
    counts = np.random.default_rng(seed).multinomial(rows.n, np.full(rows.n, 1 / rows.n), n)
    tail = 50 * (1 - level)
    spread = np.percentile(counts @ above.T / rows.n, [tail, 100 - tail], axis=0).T
    beyond = [_rolled(r, along) for r in fits]
    pick = [int(i) for i in order]
    names = list(named)
    keys = ("aic", "aicc", "bic", "rmse", "n_constants")
    listed = {k: np.array([float(facts[i][k]) for i in pick]) for k in keys}
    return Comparison(
        tuple(names[i] for i in pick),
        **listed,
        rollout=np.array([beyond[i] for i in pick]),
        worse=spread[pick],
        level=level,
    )


def _named(results: Sequence[FittedLaw]) -> dict[str, FittedLaw]:
    """Fits by the text of their law; a law that comes again has its number behind."""
    named: dict[str, FittedLaw] = {}
    for result in results:
        text = result.law.text.strip()
        again = sum(other.law.text.strip() == text for other in named.values())
        named[f"{text} ({again + 1})" if again else text] = result
    return named


def _rolled(result: FittedLaw, along: str | None) -> float:
    if along is None:
        return float("nan")
    rows, problem = result.problem.rows, result.problem
    if problem.free:
        raise BadOption("compare: along= needs fits without constants of their own per group")
    data: dict[str, Any] = {**rows.columns, rows.target: rows.y}
    options: dict[str, Any] = {"target": rows.target, "loss": result.loss, "bounds": problem.box}
    if rows.weights is not None:
        data["_w"] = rows.weights
        options["weights"] = "_w"
    return rollout(result.law, data, along=along, **options).error
