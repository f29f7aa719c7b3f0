"""A small decoder-only transformer: RMSNorm, rotary positions, squared ReLU, no biases.

With `experts` above one, the wide layer of each block is a set of experts, of which the router sends a token
to one (top 1, as in Switch and Clark et al. 2022). All experts are computed and one is kept: on these sizes a
CPU is no slower that way, and no token is ever dropped.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

HEAD = 32
"""Width of an attention head, about."""


class Block(eqx.Module):
    norm_in: jax.Array
    norm_wide: jax.Array
    qkv: jax.Array
    out: jax.Array
    router: jax.Array | None
    up: jax.Array
    down: jax.Array
    heads: int = eqx.field(static=True)

    def __call__(self, x: jax.Array, cos: jax.Array, sin: jax.Array) -> tuple[jax.Array, jax.Array]:
        """(B, T, d) -> the same, and the router's balancing loss."""
        B, T, d = x.shape
        y = (_norm(x) * self.norm_in) @ self.qkv
        q, k, v = jnp.split(y.reshape(B, T, 3 * self.heads, d // self.heads), 3, axis=2)
        q, k = _rotate(_norm(q), cos, sin), _rotate(_norm(k), cos, sin)
        score = jnp.einsum("bthd,bshd->bhts", q, k) * (d // self.heads) ** -0.5
        score = jnp.where(jnp.tril(jnp.ones((T, T), bool)), score, -1e9)
        mixed = jnp.einsum("bhts,bshd->bthd", jax.nn.softmax(score, axis=-1), v)
        x = x + mixed.reshape(B, T, d) @ self.out
        y = _norm(x) * self.norm_wide
        if self.router is None:
            return x + jnp.square(jax.nn.relu(y @ self.up)) @ self.down, jnp.zeros(())
        gate = jax.nn.softmax(y @ self.router, axis=-1)
        chosen = jax.nn.one_hot(jnp.argmax(gate, axis=-1), gate.shape[-1])
        balance = gate.shape[-1] * jnp.sum(chosen.mean((0, 1)) * gate.mean((0, 1)))
        wide = jnp.square(jax.nn.relu(jnp.einsum("btd,edf->btef", y, self.up)))
        each = jnp.einsum("btef,efd->bted", wide, self.down)
        return x + jnp.einsum("bted,bte->btd", each, chosen * gate), balance


class Transformer(eqx.Module):
    embedding: jax.Array
    blocks: list[Block]
    norm: jax.Array
    head: jax.Array

    def __call__(self, tokens: jax.Array) -> tuple[jax.Array, jax.Array]:
        """(B, T) tokens -> (B, T, V) logits, and the sum of balancing losses."""
        x = self.embedding[tokens]
        heads = self.blocks[0].heads
        cos, sin = _angles(tokens.shape[1], x.shape[-1] // heads)
        balance = jnp.zeros(())
        for block in self.blocks:
            x, extra = block(x, cos, sin)
            balance = balance + extra
        return (_norm(x) * self.norm) @ self.head, balance


def build(width: int, layers: int, vocabulary: int, experts: int, seed: int) -> Transformer:
    """A model at its start. Drawn by NumPy's legacy generator, whose stream is frozen."""
    draw = np.random.RandomState(seed)

    def normal(*shape: int) -> jax.Array:
        return jnp.asarray(draw.normal(0.0, shape[-2] ** -0.5, shape), dtype=jnp.float32)

    def block() -> Block:
        more = (experts,) if experts > 1 else ()
        return Block(
            norm_in=jnp.ones(width),
            norm_wide=jnp.ones(width),
            qkv=normal(width, 3 * width),
            out=jnp.zeros((width, width)),
            router=normal(width, experts) if experts > 1 else None,
            up=normal(*more, width, 4 * width),
            down=jnp.zeros((*more, 4 * width, width)),
            heads=max(1, round(width / HEAD)),
        )

    return Transformer(
        embedding=jnp.asarray(draw.normal(0.0, 1.0, (vocabulary, width)), dtype=jnp.float32),
        blocks=[block() for _ in range(layers)],
        norm=jnp.ones(width),
        head=jnp.zeros((width, vocabulary)),
    )


def _norm(x: jax.Array) -> jax.Array:
    return x * jax.lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + 1e-6)


def _angles(length: int, width: int) -> tuple[jax.Array, jax.Array]:
    angle = np.arange(length)[:, None] * 10_000.0 ** (-np.arange(0, width, 2) / width)
    return jnp.cos(angle)[:, None], jnp.sin(angle)[:, None]


def _rotate(x: jax.Array, cos: jax.Array, sin: jax.Array) -> jax.Array:
    a, b = jnp.split(x, 2, axis=-1)
    return jnp.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1)
