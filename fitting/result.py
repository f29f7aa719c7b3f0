"""A fitted law: a solution, with doors to intervals, bootstraps and allocations."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from fitting.arrays import Array
from fitting.columns import by_name
from fitting.errors import BadOption
from fitting.planning.allocation import Allocation
from fitting.planning.allocation import allocate as best_allocation
from fitting.plots import plot as draw
from fitting.solve.plain import to_dict as as_plain
from fitting.solve.solution import Solution
from fitting.uncertainty.bootstrap import Bootstrap
from fitting.uncertainty.bootstrap import bootstrap as resample
from fitting.uncertainty.covariance import covariance as plain_covariance
from fitting.uncertainty.diagnose import warnings_of
from fitting.uncertainty.interval import Interval
from fitting.uncertainty.intervals import intervals as choose_intervals
from fitting.uncertainty.prediction import predicted
from fitting.uncertainty.sandwich import sandwich
from fitting.uncertainty.summary import as_html
from fitting.uncertainty.summary import summary as summary_of


@dataclass(frozen=True, repr=False)
class FittedLaw(Solution):
    """What `fit` returns: a `Solution` that can say how sure it is and what to do with it."""

    @property
    def warnings(self) -> list[str]:
        """What a reader must know before believing the constants; see `fitting.uncertainty.diagnose`."""
        return warnings_of(self)

    def covariance(self, kind: str = "sandwich", clusters: object = None) -> Array:
        """(P, P) covariance of the constants; rows and columns of constants on a bound are zero.

        kind "sandwich" lets every row have its own noise (and, with `clusters`, rows share theirs); "plain" has one for all.
        """
        if kind not in ("sandwich", "plain") or (kind == "plain" and clusters is not None):
            raise BadOption(
                f"covariance: expected kind 'sandwich' (clusters allowed) or 'plain', got {kind!r}"
            )
        return plain_covariance(self) if kind == "plain" else sandwich(self, clusters)

    def intervals(
        self,
        level: float = 0.95,
        method: str = "sandwich",
        names: Sequence[str] | None = None,
        **options: Any,
    ) -> dict[str, Interval]:
        """Confidence interval of each constant: method "sandwich", "covariance", "profile" or "bootstrap"."""
        return choose_intervals(self, level, method, names, **options)

    def bootstrap(self, n: int = 1000, kind: str = "case", **options: Any) -> Bootstrap:
        """Refit resampled rows, all in one batch; kind "case", "within", "cluster" or "wild"."""
        return resample(self, n, kind, **options)

    def allocate(self, C: ArrayLike, **options: Any) -> Allocation:
        """Best parameters and tokens for a compute budget C; see `fitting.planning.allocation.allocate`."""
        return best_allocation(self, C, **options)

    def predict(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        interval: float | None = None,
        noise: bool = False,
        group: str | None = None,
        **features: Any,
    ) -> Any:
        """Values of the law; with `interval=0.9` a `Prediction` with sandwich bands and the distance beyond the rows.

        noise: bands for a new row in place of the law. Warns where a row lies more than FAR_OUT decades beyond those fitted.
        """
        if interval is None:
            return super().predict(data, group=group, **features)
        return predicted(
            self, {**(by_name(data) if data is not None else {}), **features}, interval, noise, group
        )

    def summary(self, level: float = 0.95, method: str = "sandwich") -> str:
        """Constants with standard errors and intervals, goodness of fit, AIC and BIC, correlations, warnings."""
        return summary_of(self, level, method)

    def plot(self, kind: str = "fit", **options: Any) -> Any:
        """Matplotlib axes of kind "fit", "residuals", "isoflop", "profile" or "allocation"; see `fitting.plots.plot`."""
        return draw(self, kind, **options)

    def _repr_html_(self) -> str:
        return as_html(self)

    def save(self, path: str | Path) -> Path:
        """Write `to_dict` as JSON; `fitting.load` reads it back."""
        where = Path(path)
        where.write_text(json.dumps(self.to_dict(), indent=1) + "\n", encoding="utf-8")
        return where

    def to_dict(self) -> dict[str, Any]:
        """Everything that rebuilds the fit, as plain values for JSON."""
        return as_plain(self)
