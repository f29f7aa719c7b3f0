"""A corpus made here: five kinds of text that differ in how often their tokens come."""

import numpy as np

from measure.packages import KINDS
from measure.tokens import Corpus


def made_corpus(vocabulary=24, length=6_000, seed=3):
    draw = np.random.RandomState(seed)

    def text(k, n):
        """Each token is mostly the one before it plus k + 1: something to be learned."""
        steps = np.where(draw.random_sample(n) < 0.8, k + 1, draw.randint(0, vocabulary, n))
        return (np.cumsum(steps) % vocabulary).astype(np.uint16)

    return Corpus(
        vocabulary,
        "made here",
        {kind: text(k, length) for k, kind in enumerate(KINDS)},
        {kind: text(k, 600) for k, kind in enumerate(KINDS)},
        np.full(vocabulary, 2),
        np.full(vocabulary, -np.log(vocabulary)),
    )
