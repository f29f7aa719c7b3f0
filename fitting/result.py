"""A fitted law: a solution, with doors to intervals, bootstraps and allocations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fitting.errors import BadOption
from fitting.planning.allocation import Allocation
from fitting.planning.allocation import allocate as best_allocation
from fitting.solve.plain import to_dict as as_plain
from fitting.solve.solution import Solution
from fitting.uncertainty.bootstrap import Bootstrap
from fitting.uncertainty.bootstrap import bootstrap as resample
from fitting.uncertainty.covariance import Array
from fitting.uncertainty.covariance import covariance as plain_covariance
from fitting.uncertainty.diagnose import warnings_of
from fitting.uncertainty.interval import Interval
from fitting.uncertainty.intervals import intervals as choose_intervals
from fitting.uncertainty.sandwich import sandwich


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

    def bootstrap(self, n: int = 1000, kind: str = "case", **options) -> Bootstrap:
        """Refit resampled rows, all in one batch; kind "case", "within", "cluster" or "wild"."""
        return resample(self, n, kind, **options)

    def allocate(self, C, **options) -> Allocation:
        """Best parameters and tokens for a compute budget C; see `fitting.planning.allocation.allocate`."""
        return best_allocation(self, C, **options)

    def to_dict(self) -> dict:
        """Everything that rebuilds the fit, as plain values for JSON."""
        return as_plain(self)
