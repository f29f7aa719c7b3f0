"""Which sequence comes when: the order of the text, from the seed alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from measure.errors import BadRequest
from measure.packages import KINDS
from measure.run import CONTEXT, Run
from measure.tokens import Corpus

SUBSET_SEED = 20_240_718
"""Draws which sequences are left when only some of the text may be seen; the same for every run."""
TUNE_OFFSET = 7_919


@dataclass(frozen=True, slots=True)
class Order:
    """Sequences of a run, in order.

    Attributes:
        kind: (n,) index of the kind of each sequence.
        start: (n,) its first token in that kind's text.
    """

    kind: np.ndarray
    start: np.ndarray

    def tokens(self, corpus: Corpus, first: int, last: int) -> np.ndarray:
        """(last - first, CONTEXT + 1) tokens of sequences `first` to `last`."""
        rows = [
            corpus.train[KINDS[k]][s : s + CONTEXT + 1]
            for k, s in zip(self.kind[first:last], self.start[first:last], strict=True)
        ]
        return np.stack(rows).astype(np.int32)


def training_order(run: Run, corpus: Corpus, steps: int) -> Order:
    """The order of a run's training text over `steps` steps; a shorter run's is a prefix of a longer one's."""
    n = steps * run.batch
    draw = np.random.RandomState([run.seed, 1])
    # One number a sequence, whatever the mixture: more steps never change earlier ones.
    kind = np.searchsorted(np.cumsum(run.mixture)[:-1], draw.random_sample(n), side="right")
    start = np.zeros(n, dtype=np.int64)
    for k, name in enumerate(KINDS):
        at = np.flatnonzero(kind == k)
        windows = (len(corpus.train[name]) - 1) // CONTEXT
        allowed = np.arange(windows)
        if run.unique:
            most = max(1, round(run.unique * run.mixture[k] / CONTEXT))
            allowed = np.random.RandomState([SUBSET_SEED, k]).permutation(windows)[:most]
        passes = -(-len(at) // len(allowed))
        order = [np.random.RandomState([run.seed, 2, k, p]).permutation(allowed) for p in range(passes)]
        start[at] = np.concatenate(order)[: len(at)] * CONTEXT if order else start[at]
    return Order(kind, start)


def tuning_order(run: Run, corpus: Corpus) -> Order:
    """Fine-tuning examples, each once; more examples begin with the fewer ones."""
    k = KINDS.index(run.tune_kind)
    windows = (len(corpus.train[run.tune_kind]) - 1) // CONTEXT
    if run.tune_examples > windows:
        raise BadRequest(f"{run.tune_kind}: asked for {run.tune_examples} examples, there are {windows}")
    chosen = np.random.RandomState([run.seed, TUNE_OFFSET, k]).permutation(windows)[: run.tune_examples]
    return Order(np.full(len(chosen), k), chosen * CONTEXT)


def validation(corpus: Corpus) -> dict[str, np.ndarray]:
    """Kind -> (n, CONTEXT + 1) tokens of its validation text."""
    found = {}
    for name in KINDS:
        text = corpus.validation[name]
        n = (len(text) - 1) // CONTEXT
        found[name] = np.stack([text[i * CONTEXT : i * CONTEXT + CONTEXT + 1] for i in range(n)]).astype(
            np.int32
        )
    return found
