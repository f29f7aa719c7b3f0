"""Target search: the earliest prefix from which a method never misses by more than a target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from curves.backtest import Backtested, Score, table
from curves.fit import VARIANTS
from fitting.errors import BadOption

TARGETS = (0.005, 0.01, 0.02, 0.05, 0.1)


@dataclass(frozen=True, slots=True)
class Hit:
    """A (prefix, method) that meets the target on every run of its regime."""

    prefix: float
    method: str
    score: Score
    scales: tuple[object, ...]


def target_search(
    rows: Sequence[Backtested],
    target: float = 0.02,
    *,
    regime: Callable[[Backtested], bool] = lambda r: True,
    methods: Sequence[str] = VARIANTS,
    most: int = 12,
) -> list[Hit]:
    """Pairs whose worst error over every run of the regime is <= target: earliest first, then worst, then mean error.

    A pair without a prediction for one of the regime's runs doesn't qualify.

    Args:
        target: largest allowed absolute endpoint error, nats. regime: which rows, as by mix and learning rate.
    """
    if not target > 0:
        raise BadOption(f"target: expected an error > 0, got {target:g}")
    chosen = [r for r in rows if regime(r)]
    runs = {r.run for r in chosen}
    scales = tuple(sorted({r.C for r in chosen if r.C is not None}))
    pairs = table([r for r in chosen if r.method in methods], lambda r: (r.prefix, r.method))
    hits = [
        Hit(prefix, method, found, scales)
        for (prefix, method), found in pairs.items()
        if found.n == len(runs) and found.worst <= target
    ]
    return sorted(hits, key=lambda h: (h.prefix, h.score.worst, h.score.mae))[:most]


def search_by_scale(
    rows: Sequence[Backtested],
    target: float = 0.02,
    *,
    regime: Callable[[Backtested], bool] = lambda r: True,
    methods: Sequence[str] = VARIANTS,
    most: int = 5,
) -> dict[float, list[Hit]]:
    """The same search within each compute scale of the regime."""
    chosen = [r for r in rows if regime(r)]
    scales = sorted({r.C for r in chosen if r.C is not None})
    return {
        C: target_search([r for r in chosen if r.C == C], target, methods=methods, most=most) for C in scales
    }


def choose_method(
    rows: Sequence[Backtested],
    selects: Callable[[Backtested], bool],
    slack: float = 1.10,
    plus: float = 0.002,
) -> tuple[float, str, Score, Score | None] | None:
    """The earliest (prefix, method) nearly as good as the best on the selecting runs, and its score on the others.

    Nearly: mean error <= slack x the best pair's + plus. Returns None without selecting rows.
    """
    inside = table([r for r in rows if selects(r)], lambda r: (r.prefix, r.method))
    if not inside:
        return None
    bar = slack * min(s.mae for s in inside.values()) + plus
    prefix, method = min((k for k, s in inside.items() if s.mae <= bar), key=lambda k: (k[0], inside[k].mae))
    outside = table([r for r in rows if not selects(r)], lambda r: (r.prefix, r.method)).get((prefix, method))
    return prefix, method, inside[prefix, method], outside
