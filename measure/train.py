"""Trains a family of runs and gives each one's record as soon as it is known.

Runs of a family share their first steps: those are made once, and every run branches off with its own last
steps. A record is the same, bit for bit, when its run is made alone.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from measure.model import Transformer, build
from measure.order import Order, training_order, tuning_order, validation
from measure.packages import KINDS
from measure.rates import factors, optimizer, tail_rates, trunk_rates
from measure.run import CONTEXT, Run
from measure.sizes import counts
from measure.tokens import Corpus

BALANCE = 0.01
"""Weight of the router's balancing loss, which is no part of any loss that is written down."""
CHUNK = 64
"""Steps that are handed to the compiled loop at once."""
EVAL_BATCH = 16
EVERY = 25
"""Steps between the points of a curve where the schedule is the question."""
SPACING = 1.4
"""Ratio of the steps at which a curve has its points."""
State = tuple[Any, Any]


class Trainer:
    """The compiled step of one shape of model, and its text."""

    def __init__(self, run: Run, corpus: Corpus) -> None:
        self.corpus = corpus
        self.validation = validation(corpus)
        self.optimizer = optimizer()
        model = build(run.width, run.layers, run.vocabulary, run.experts, run.seed)
        arrays, self.static = eqx.partition(model, eqx.is_array)
        self.factors = factors(model)
        self.first: State = (arrays, self.optimizer.init(arrays))
        self._train = jax.jit(self._many_steps)
        self._losses = jax.jit(self._token_losses)

    def steps(
        self, state: State, order: Order, rates: np.ndarray, first: int, batch: int
    ) -> tuple[State, np.ndarray]:
        """Train on `len(rates)` steps from step `first` of an order; the state after, and each step's loss."""
        losses = []
        for at in range(0, len(rates), CHUNK):
            some = rates[at : at + CHUNK]
            begin = (first + at) * batch
            tokens = order.tokens(self.corpus, begin, begin + len(some) * batch)
            full = np.zeros((CHUNK, batch, CONTEXT + 1), dtype=np.int32)
            full[: len(some)] = tokens.reshape(len(some), batch, CONTEXT + 1)
            pace = np.zeros(CHUNK, dtype=np.float32)
            pace[: len(some)] = some
            state, loss = self._train(state, full, pace, len(some))
            losses.append(np.asarray(loss)[: len(some)])
        return state, np.concatenate(losses) if losses else np.zeros(0)

    def evaluate(self, state: State, every: int = 1) -> dict[str, np.ndarray]:
        """Kind -> losses of the targets of every `every`-th validation sequence."""
        found = {}
        for kind, rows in self.validation.items():
            some = rows[::every]
            padded = np.zeros((-(-len(some) // EVAL_BATCH) * EVAL_BATCH, CONTEXT + 1), dtype=np.int32)
            padded[: len(some)] = some
            parts = [
                np.asarray(self._losses(state[0], padded[i : i + EVAL_BATCH]))
                for i in range(0, len(padded), EVAL_BATCH)
            ]
            found[kind] = np.concatenate(parts)[: len(some)].astype(np.float64)
        return found

    def _many_steps(
        self, state: State, tokens: jax.Array, rates: jax.Array, n: jax.Array
    ) -> tuple[State, jax.Array]:
        def one(i: jax.Array, carry: tuple[State, jax.Array]) -> tuple[State, jax.Array]:
            (arrays, memory), losses = carry
            (_, loss), slope = jax.value_and_grad(self._objective, has_aux=True)(arrays, tokens[i])
            move, memory = self.optimizer.update(slope, memory, arrays)
            arrays = jax.tree.map(lambda a, m, f: a - rates[i] * f * m, arrays, move, self.factors)
            return (arrays, memory), losses.at[i].set(loss)

        return jax.lax.fori_loop(0, n, one, (state, jnp.zeros(len(rates))))

    def _objective(self, arrays: Any, tokens: jax.Array) -> tuple[jax.Array, jax.Array]:
        losses, balance = self._forward(arrays, tokens)
        return jnp.mean(losses) + BALANCE * balance, jnp.mean(losses)

    def _token_losses(self, arrays: Any, tokens: jax.Array) -> jax.Array:
        return self._forward(arrays, tokens)[0]

    def _forward(self, arrays: Any, tokens: jax.Array) -> tuple[jax.Array, jax.Array]:
        model: Transformer = eqx.combine(arrays, self.static)
        logits, balance = model(tokens[:, :-1])
        picked = jnp.take_along_axis(logits, tokens[:, 1:, None], axis=-1)[..., 0]
        return jax.nn.logsumexp(logits, axis=-1) - picked, balance


def train_family(
    runs: list[Run],
    corpus: Corpus,
    trainer: Trainer | None = None,
    clock: Callable[[], float] = time.process_time,
) -> Iterator[dict[str, Any]]:
    """Records of runs of one family, the one with the shortest trunk first."""
    head = runs[0]
    begun = clock()
    trainer = trainer or Trainer(head, corpus)
    longest = max(r.steps for r in runs)
    order = training_order(head, corpus, longest)
    most = max(r.trunk for r in runs)
    rates = trunk_rates(head, most)
    state, at = trainer.first, 0
    curve: list[dict[str, float]] = []
    since: list[np.ndarray] = []  # losses since the curve's last point
    for run in sorted(runs, key=lambda r: (r.trunk, r.steps, r.tune_examples)):
        points = [p for p in curve_points(run, most) if at < p <= run.trunk]
        for stop in dict.fromkeys([*points, run.trunk]):
            if stop > at:
                state, losses = trainer.steps(state, order, rates[at:stop], at, run.batch)
                at = stop
                since.append(losses)
            if stop in points:
                curve.append(_point(trainer, state, run.batch * at, rates[at - 1], np.concatenate(since)))
                since = []
        # Where a run branches off is a point of its own curve alone.
        own = [_point(trainer, state, run.batch * at, rates[at - 1], np.concatenate(since))] if since else []
        last, tail_curve = _tail(trainer, state, run, order)
        record = _record(run, trainer, last, [*curve, *own, *tail_curve], order)
        record["seconds"] = round(clock() - begun, 3)
        yield record
        begun = clock()


def _tail(trainer: Trainer, state: State, run: Run, order: Order) -> tuple[State, list[dict[str, float]]]:
    """The steps that are a run's own, with the points of its curve."""
    rates = tail_rates(run)
    if run.tune_kind:
        own, offset, first = tuning_order(run, trainer.corpus), run.steps, 0
    else:
        own, offset, first = order, 0, run.trunk
    end = first + len(rates)
    stops = [p for p in curve_points(run, end) if first < p < end]
    if run.schedule == "wsd" and not run.tune_kind and run.experiment != "schedule":
        stops = [(first + end) // 2] if end - first > 1 else []
    curve, at = [], first
    for stop in [*stops, end]:
        state, losses = trainer.steps(state, own, rates[at - first : stop - first], at, run.batch)
        at = stop
        curve.append(_point(trainer, state, run.batch * (offset + at), rates[at - first - 1], losses))
    return state, curve


def curve_points(run: Run, end: int) -> list[int]:
    """Steps at which a curve is read: evenly spaced where the schedule is the question, else by ratio."""
    if run.experiment == "schedule":
        return list(range(EVERY, end, EVERY))
    found, at = [], 16.0
    while at < end:
        found.append(round(at))
        at *= SPACING
    return found


def _point(trainer: Trainer, state: State, sequences: int, lr: float, losses: np.ndarray) -> dict[str, float]:
    """Where a run is: training loss since the last point, validation loss on every eighth sequence."""
    read = np.concatenate(list(trainer.evaluate(state, every=8).values()))
    return {
        "tokens": sequences * CONTEXT,
        "lr": float(f"{lr:.6g}"),
        "train_loss": round(float(np.mean(losses)), 5),
        "validation_loss": round(float(np.mean(read)), 5),
    }


def _record(
    run: Run, trainer: Trainer, state: State, curve: list[dict[str, float]], order: Order
) -> dict[str, Any]:
    """All that is known of a finished run."""
    corpus = trainer.corpus
    each = trainer.evaluate(state)
    losses = np.concatenate([each[kind].ravel() for kind in KINDS])
    targets = np.concatenate([trainer.validation[kind][:, 1:].ravel() for kind in KINDS])
    unigram = -float(np.mean(corpus.log_unigram[targets]))
    parts = counts(run.width, run.layers, run.vocabulary, run.experts)
    n = run.steps * run.batch
    mean = [float(corpus.characters[corpus.train[kind]].mean()) for kind in KINDS]
    unique = len(set(zip(order.kind[:n].tolist(), order.start[:n].tolist(), strict=True)))
    loss = float(np.mean(losses))
    return {
        "id": run.id,
        **asdict(run),
        "parameters": parts["non_embedding"] + parts["embedding"] + parts["head"],
        "non_embedding_parameters": parts["non_embedding"],
        "dense_parameters": parts["dense"],
        "head_parameters": parts["head"],
        "active_parameters": parts["active"],
        "tokens": run.tokens,
        "characters": round(run.tokens * float(np.dot(run.mixture, mean))),
        "unique_tokens": unique * CONTEXT,
        "flops": 6 * parts["active"] * run.tokens,
        "loss": loss,
        "unigram_loss": unigram,
        "unigram_normalized_loss": loss - unigram,
        "bits_per_character": float(losses.sum() / np.log(2) / corpus.characters[targets].sum()),
        **{f"loss_{kind}": float(np.mean(each[kind])) for kind in KINDS},
        "curve": curve,
        "text": corpus.digest,
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    import optax

    return {
        "python": platform.python_version(),
        "jax": jax.__version__,
        "equinox": eqx.__version__,
        "optax": optax.__version__,
        "numpy": np.__version__,
        "device": jax.devices()[0].device_kind,
        "machine": platform.machine(),
    }
