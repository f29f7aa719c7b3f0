"""How many parameters a model has, part by part."""

from __future__ import annotations


def counts(width: int, layers: int, vocabulary: int, experts: int) -> dict[str, int]:
    """Parameters by part, and those that a token meets outside the embedding."""
    dense = layers * (12 * width * width + 2 * width) + width
    more = layers * (8 * width * width * (experts - 1) + width * experts) if experts > 1 else 0
    head = width * vocabulary
    router = layers * width * experts if experts > 1 else 0
    return {
        "non_embedding": dense + more,
        "dense": dense,
        "embedding": width * vocabulary,
        "head": head,
        "active": dense + router + head,
    }
