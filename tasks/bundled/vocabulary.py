"""A simulated stand-in for the vocabulary task, for machines that can't reach the real rows.

The rows are drawn from the law of Tao et al. 2024 (Scaling Laws with Vocabulary, arXiv 2407.13623):

    loss = c0 + A1 / N**a1 + A2 / V**a2 + B / D**b

with N the parameters outside the vocabulary, V the vocabulary and D the characters seen. The seven
constants were refitted by us, on the 1080 training rows of the SLDBench task alone
(`programs/finetune_vocab/human_law.py`). The noise is as large as what that law leaves unexplained there, which
is mostly misfit: real points scatter about ten times less around their curves. The design copies the
study's: six model sizes, ten vocabularies, twenty evenly spaced points of training for each. A score on
these rows says how well a search finds this law again. It says nothing about real models.
"""

from __future__ import annotations

import numpy as np

from tasks.rows import Rows
from tasks.tables import ONE_GROUP

NOTE = (
    "These rows are simulated from the vocabulary law of Tao et al. 2024 (arXiv 2407.13623), because the "
    "benchmark's rows could not be had here. Give them with --data-dir or SLD_DATA_DIR."
)

SIZES = (33_222_784, 84_834_176, 150_834_176, 316_445_568, 631_668_352, 1_129_891_136)
VOCABULARIES = (4096, 6144, 8192, 10240, 16384, 24576, 32768, 48128, 64512, 96256)
MOST_CHARACTERS = (3.6e9, 9.0e9, 1.6e10, 3.5e10, 8.3e10, 1.65e11)
"""Characters seen at the end of training, for each size."""
POINTS = 20

# Refitted on the real training rows; N in 1e8, V in 1e4, D in 1e10.
C0, A1, ALPHA1, A2, ALPHA2, B, BETA = -5.839, 0.2276, 0.3185, 0.05648, -0.6558, 1.109, 0.3716
NOISE_SD = 0.114
SEED = 20240718


def law(N: np.ndarray, V: np.ndarray, D: np.ndarray) -> np.ndarray:
    """Unigram-normalised loss without noise; raw counts in, nats per token out."""
    return C0 + A1 * (N / 1e8) ** -ALPHA1 + A2 * (V / 1e4) ** -ALPHA2 + B * (D / 1e10) ** -BETA


def simulate() -> tuple[Rows, Rows]:
    """(train, held-out): the largest vocabulary is held out, as in the benchmark.

    Rounded to six decimals, so that every platform gives the same rows.
    """
    grid = [
        (N, V, top * k / POINTS)
        for N, top in zip(SIZES, MOST_CHARACTERS, strict=True)
        for V in VOCABULARIES
        for k in range(1, POINTS + 1)
    ]
    X = np.array(grid, dtype=float)
    # The legacy generator's stream is frozen; the new ones may change between versions of NumPy.
    noise = np.random.RandomState(SEED).normal(0.0, NOISE_SD, len(X))
    y = np.round(law(X[:, 0], X[:, 1], X[:, 2]) + noise, 6)[:, None]
    X[:, 2] = np.round(X[:, 2])
    rows = Rows(X, y, np.full(len(X), ONE_GROUP))
    largest = X[:, 1] == max(VOCABULARIES)
    return rows.take(~largest), rows.take(largest)


BUNDLED = {"finetune_vocab": simulate}
"""Task -> maker of its (train, held-out) rows."""
