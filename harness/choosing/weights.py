"""The few numbers of the choice, in a file that a command fits again: `weights.json`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness.choosing.rows.methods import METHODS

FILE = Path(__file__).with_name("weights.json")


@dataclass(frozen=True, slots=True)
class Weights:
    """Numbers of the forecast, the law and the interval.

    Attributes:
        voters: distinct laws that a forecast is the median of.
        say_softness: how far behind the best a voter may be, in logs of its error, before its say falls to 1 / e.
        room, room_slope: how far a forecast may leave the range of a group's targets, in ranges: at the rows, and more for
            every range that a row lies beyond them.
        anchor: share of what the median misses at the last rows that is added to it.
        methods: names of those that know rows alone and are mixed with the laws' vote.
        mix_softness: how far behind the best a part may be, in logs of its error, before its share falls to 1 / e.
        flattery: how much lower, in logs, the folds' error of the chosen laws is for having been competed for.
        pool: best laws among which the one law is looked for.
        law_error: how much a law's own fold error counts beside its distance from the forecast.
        prior: what a law that goes a whole range of the targets the wrong way loses, in logs of its error.
        interval, interval_slope: half-width of the 90 % interval, in fold errors of the forecast: inside the rows, and
            how much more for every range beyond them.
    """

    voters: int = 20
    say_softness: float = 0.3
    room: float = 0.15
    room_slope: float = 0.5
    anchor: float = 0.5
    methods: tuple[str, ...] = tuple(METHODS)
    mix_softness: float = 0.2
    flattery: float = 0.2
    pool: int = 60
    law_error: float = 0.2
    prior: float = 2.0
    interval: float = 1.4
    interval_slope: float = 2.0


@cache
def shipped() -> Weights:
    """The numbers that come with the package, made by `python -m benchmarks.selection fit RUNS`."""
    kept = json.loads(FILE.read_text(encoding="utf-8"))["weights"]
    return Weights(**{**kept, "methods": tuple(kept["methods"])})
