"""What is measured: every experiment as a list of runs, in the order in which they are worth having."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from measure.errors import BadRequest
from measure.packages import KINDS
from measure.run import CONTEXT, Run, families
from measure.sizes import counts

PLANE_WIDTHS = (8, 10, 12, 16, 20, 24, 32, 40, 48, 56)
PLANE_BUDGETS = tuple(1e10 * 2.0**k for k in range(6))
"""FLOPs, 6 times parameters (embedding left out) times tokens."""
PLANE_FIRST = (0, 0, 1, 2, 3, 3)
"""Place in `PLANE_WIDTHS` of the smallest of a budget's seven widths."""
PLANE_VOCABULARY = 512

VOCABULARIES = (128, 256, 448, 768, 1280, 2048)
VOCAB_WIDTHS = (8, 16, 32)
VOCAB_BETWEEN = (12, 24, 48)
"""Measured later: half of the sizes make a task already."""
VOCAB_CHARACTERS = tuple(24_000 * 2.0 ** (5 * k / 7) for k in range(8))

TASK_VOCABULARY = 256
"""Of the experiments in which vocabulary is not the question."""


def characters_a_token(vocabulary: int) -> float:
    """About how many characters a token has; plans alone use it, rows hold the measured number."""
    return 0.42 * math.log2(vocabulary) - 1.7


LARGE = 32
"""How many times more compute the larger tier takes; its widths grow by the square root of the square root."""
PLANE_LARGE_WIDTHS = (20, 24, 28, 40, 48, 56, 76, 96, 112, 132)
VOCAB_LARGE = ((32, 48, 64, 96, 128, 192), (512, 1024, 1792, 3072, 5120, 8192))


def plane(
    seed: int = 0, keep: tuple[int, ...] = (), widths: tuple[int, ...] = PLANE_WIDTHS, times: float = 1.0
) -> list[Run]:
    """Seven sizes for each of six budgets; `keep` leaves some widths alone, `times` multiplies the budgets."""
    runs = []
    for budget, first in zip((times * b for b in PLANE_BUDGETS), PLANE_FIRST, strict=True):
        for width in widths[first : first + 7]:
            if not keep or width in keep:
                active = counts(width, 2, PLANE_VOCABULARY, 1)["active"]
                steps = round(budget / (6 * active * 4 * CONTEXT))
                runs.append(Run("plane", width, PLANE_VOCABULARY, steps, seed=seed))
    return runs


def vocab_large() -> list[Run]:
    return [
        Run("vocab_large", width, v, round(LARGE * characters / characters_a_token(v) / (4 * CONTEXT)))
        for width, v, characters in itertools.product(*VOCAB_LARGE, VOCAB_CHARACTERS)
    ]


def vocab(
    widths: tuple[int, ...] = VOCAB_WIDTHS, vocabularies: tuple[int, ...] = VOCABULARIES, seed: int = 0
) -> list[Run]:
    return [
        Run("vocab", width, v, round(characters / characters_a_token(v) / (4 * CONTEXT)), seed=seed)
        for width, v, characters in itertools.product(widths, vocabularies, VOCAB_CHARACTERS)
    ]


def schedule() -> list[Run]:
    return [
        Run("schedule", width, TASK_VOCABULARY, steps, schedule=name)
        for width, steps, name in itertools.product(
            (24, 48), (500, 1000, 2000), ("cosine", "linear", "wsd", "constant")
        )
    ]


def data_constrained(seed: int = 0) -> list[Run]:
    return [
        Run("data_constrained", width, TASK_VOCABULARY, steps, unique=unique, seed=seed)
        for width in (12, 20, 32, 52, 72)
        for unique in (16_384, 32_768, 65_536, 131_072, 262_144)
        for steps in (64, 128, 256, 512, 1024, 2048)
    ]


def lr_bsz(seed: int = 0) -> list[Run]:
    return [
        Run("lr_bsz", width, TASK_VOCABULARY, tokens // (batch * CONTEXT), batch=batch, lr=lr, seed=seed)
        for width in (12, 24, 48, 72)
        for batch in (2, 4, 8, 16)
        for lr in (0.00125, 0.0025, 0.005, 0.01, 0.02, 0.04)
        for tokens in (32_768, 131_072, 524_288)
        if width < 72 or tokens < 500_000 or lr in (0.0025, 0.005, 0.01, 0.02)
    ]


def domain_mixture() -> list[Run]:
    draw = np.random.RandomState(5)
    shares = [np.full(5, 0.2), *np.eye(5), *draw.dirichlet(np.ones(5), 20)]
    mixtures = [tuple(float(x) for x in _rounded(s)) for s in shares]
    return [
        Run("domain_mixture", width, TASK_VOCABULARY, 400, mixture=m)
        for width in (12, 24, 40, 72)
        for m in mixtures
    ]


def sft(seed: int = 0) -> list[Run]:
    return [
        Run(
            "sft",
            width,
            TASK_VOCABULARY,
            1200,
            mixture=tuple(0.0 if k == kind else 0.25 for k in KINDS),
            tune_kind=kind,
            tune_examples=32 * 2**j,
            seed=seed,
        )
        for width in (16, 32, 64)
        for kind in KINDS
        for j in range(8)
    ]


def moe(seed: int = 0) -> list[Run]:
    return [
        Run("moe", width, TASK_VOCABULARY, 1000, experts=experts, seed=seed)
        for width in (12, 16, 24, 32, 48, 72)
        for experts in (1, 2, 4, 8)
    ]


def _rounded(shares: np.ndarray) -> np.ndarray:
    """Shares as multiples of 1/64, which add up to 1 without rounding."""
    parts = np.floor(shares * 64).astype(int)
    for k in np.argsort(parts - shares * 64)[: 64 - parts.sum()]:
        parts[k] += 1
    return parts / 64


PARTS: dict[str, Callable[[], list[Run]]] = {
    "vocab": vocab,
    "plane": plane,
    "vocab_seeds": lambda: [r for s in (1, 2) for r in vocab((8, 32), VOCABULARIES[::5], s)],
    "plane_seeds": lambda: [r for s in (1, 2) for r in plane(s, (12, 24, 48))],
    "vocab_between": lambda: vocab(VOCAB_BETWEEN),
    "schedule": schedule,
    "lr_bsz": lr_bsz,
    "data_constrained": data_constrained,
    "domain_mixture": domain_mixture,
    "sft": sft,
    "moe": moe,
    "other_seeds": lambda: [
        r
        for s in (1, 2)
        for r in (
            *(x for x in data_constrained(s) if x.width in (12, 72) and x.unique in (16_384, 262_144)),
            *(x for x in lr_bsz(s) if x.width in (12, 72) and x.batch == 4 and x.lr in (0.005, 0.02)),
            *(x for x in sft(s) if x.width in (16, 64) and x.tune_kind in ("code", "prose")),
            *(x for x in moe(s) if x.width in (12, 72)),
            *(
                replace(x, seed=s)
                for x in domain_mixture()
                if x.mixture == (0.203125, 0.203125, 0.203125, 0.203125, 0.1875)
            ),
        )
    ],
}
"""Part -> its runs. Parts named after seeds repeat rows of the others, for their noise."""
LARGER: dict[str, Callable[[], list[Run]]] = {
    "plane_large": lambda: plane(widths=PLANE_LARGE_WIDTHS, times=LARGE),
    "vocab_large": vocab_large,
}
"""For an accelerator; measured only when named."""


def planned(parts: list[str] | None = None) -> list[tuple[str, list[Run]]]:
    """(part, family) in the order they are measured.

    Raises:
        BadRequest: no such part.
    """
    known = PARTS | LARGER
    for name in parts or ():
        if name not in known:
            raise BadRequest(f"no experiment {name!r}; there are {', '.join(known)}")
    return [(name, family) for name in parts or PARTS for family in families(known[name]())]
