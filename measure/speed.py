"""How fast training is, next to what this machine's matrix products reach."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from measure.order import training_order
from measure.run import CONTEXT, Run
from measure.sizes import counts
from measure.tokens import Corpus, corpus
from measure.train import CHUNK, Trainer

WIDTHS = (12, 24, 48, 72, 128, 256)
STEPS = 2 * CHUNK


def speed(cache: Path) -> int:
    """Tokens and FLOPs a second of CPU time, by width; FLOPs count products alone, attention's included."""
    side = 1024
    a = jnp.asarray(np.random.RandomState(0).normal(size=(side, side)), dtype=jnp.float32)
    product = jax.jit(lambda x: x @ x)
    product(a).block_until_ready()
    best = max(2 * side**3 / _seconds(lambda: product(a).block_until_ready()) for _ in range(8))
    print(f"product of {side} x {side} matrices: {best / 1e9:.1f} GFLOP/s of CPU time")
    text = corpus(512, cache)
    for width in WIDTHS:
        print(_line(width, text, best), flush=True)
    return 0


def _line(width: int, text: Corpus, best: float) -> str:
    run = Run("speed", width, text.vocabulary, STEPS)
    trainer = Trainer(run, text)
    order = training_order(run, text, STEPS)
    rates = np.full(STEPS, 1e-3)

    def train() -> None:
        trainer.steps(trainer.first, order, rates, 0, run.batch)

    train()
    seconds = min(_seconds(train) for _ in range(3))
    n = counts(width, run.layers, run.vocabulary, 1)
    flops = run.tokens * (6 * n["active"] + 12 * run.layers * width * CONTEXT)
    return (
        f"width {width:>4}: {n['non_embedding']:>8} parameters, {run.tokens / seconds:>7.0f} tokens/s, "
        f"{flops / seconds / 1e9:5.1f} GFLOP/s, {100 * flops / seconds / best:3.0f} % of the product's rate"
    )


def _seconds(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun
