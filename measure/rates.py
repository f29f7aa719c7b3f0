"""Learning rates: over the steps of a run, and from one part of a model to another."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from measure.model import Transformer
from measure.run import BASE_WIDTH, Run

TUNE_PEAK = 0.3
"""Peak rate of fine-tuning, as a share of that of training."""
TUNE_WARMUP = 10
WEIGHT_DECAY = 0.1


def trunk_rates(run: Run, steps: int) -> np.ndarray:
    """(steps,) rates of the part that a family shares: warm-up, then constant.

    Where fine-tuning follows, the last quarter falls to a tenth.
    """
    rates = np.full(steps, run.lr)
    warm = np.minimum(1.0, np.arange(1, steps + 1) / run.warmup)
    if run.tune_kind:
        last = max(1, steps // 4)
        rates[-last:] *= np.linspace(1.0, 0.1, last)
    return rates * warm


def tail_rates(run: Run) -> np.ndarray:
    """Rates of the steps that are a run's own, after its trunk."""
    if run.tune_kind:
        n = max(1, run.tune_examples // run.batch)
        at = np.arange(n)
        return TUNE_PEAK * run.lr * np.minimum(1.0, (at + 1) / TUNE_WARMUP) * (1.0 - at / n)
    n = run.steps - run.trunk
    at = np.arange(run.trunk, run.steps)
    warm = np.minimum(1.0, (at + 1) / run.warmup)
    if run.schedule == "wsd":
        return run.lr * warm * (1.0 - (np.arange(n) + 1) / n)
    if run.schedule == "constant":
        return run.lr * warm
    done = np.clip((at + 1 - run.warmup) / max(1, run.steps - run.warmup), 0.0, 1.0)
    shape = 1.0 - done if run.schedule == "linear" else 0.5 * (1.0 + np.cos(np.pi * done))
    return run.lr * warm * shape


def factors(model: Transformer) -> Transformer:
    """The factor of each array's rate: 1 for vectors and embeddings, BASE_WIDTH / width for matrices (muP)."""
    width = model.norm.shape[0]
    matrices = jax.tree.map(
        lambda a: BASE_WIDTH / width if a.ndim >= 2 else 1.0, eqx.filter(model, eqx.is_array)
    )
    return eqx.tree_at(lambda m: m.embedding, matrices, 1.0)


def optimizer() -> optax.GradientTransformation:
    """AdamW without its rate, which is multiplied on outside: clip, Adam, decay of matrices."""
    return optax.chain(
        optax.clip_by_global_norm(1.0),
        optax.scale_by_adam(b1=0.9, b2=0.98, eps=1e-10),
        optax.add_decayed_weights(
            WEIGHT_DECAY, mask=lambda tree: jax.tree.map(lambda a: jnp.ndim(a) >= 2, tree)
        ),
    )
