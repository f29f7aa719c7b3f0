"""Byte-pair tokenisers of several sizes, and the text as tokens.

Every tokeniser is trained on the same sample of the training text, with an equal part of each kind. What it
made of the text is kept in the cache, as one file a vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from measure.packages import KINDS
from measure.text import Text, gather

SAMPLE = 600_000
"""Characters of each kind that tokenisers are trained on."""
EXCERPT = 250
"""Characters that each validation document gives: the same text whatever the vocabulary."""
ALPHABET = [chr(c) for c in (9, 10, *range(32, 127))]


@dataclass(frozen=True, slots=True)
class Corpus:
    """The text under one vocabulary.

    Attributes:
        vocabulary: entries of the tokeniser.
        digest: of the text.
        train: kind -> (n,) uint16 tokens.
        validation: kind -> (n,) uint16 tokens.
        characters: (vocabulary,) characters of each token.
        log_unigram: (vocabulary,) log frequency of each token in training text, kinds weighted equally, with
            one count added to each.
    """

    vocabulary: int
    digest: str
    train: dict[str, np.ndarray]
    validation: dict[str, np.ndarray]
    characters: np.ndarray
    log_unigram: np.ndarray


def corpus(vocabulary: int, cache: Path) -> Corpus:
    """The text as tokens of a vocabulary, from the cache where it is there."""
    path = cache / "tokens" / f"v{vocabulary}.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = _encode(vocabulary, gather(cache))
        with (part := path.with_suffix(".part")).open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)
        part.rename(path)
    with np.load(path) as kept:
        return Corpus(
            vocabulary,
            str(kept["digest"]),
            {kind: kept[f"train_{kind}"] for kind in KINDS},
            {kind: kept[f"validation_{kind}"] for kind in KINDS},
            kept["characters"],
            kept["log_unigram"],
        )


def _encode(vocabulary: int, text: Text) -> dict[str, np.ndarray]:
    from tokenizers import Tokenizer
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import Sequence, Split
    from tokenizers.trainers import BpeTrainer

    tokenizer = Tokenizer(BPE())
    # Words keep the blank before them; runs of other blanks, digits and signs are pieces of their own.
    tokenizer.pre_tokenizer = Sequence([Split(_pattern(), behavior="isolated")])
    trainer = BpeTrainer(
        vocab_size=vocabulary, initial_alphabet=ALPHABET, limit_alphabet=len(ALPHABET), show_progress=False
    )
    tokenizer.train_from_iterator(_sample(text), trainer)
    if tokenizer.get_vocab_size() != vocabulary:
        raise AssertionError(f"asked for {vocabulary} tokens, the trainer made {tokenizer.get_vocab_size()}")
    arrays: dict[str, np.ndarray] = {"digest": np.array(text.digest)}
    lengths = np.zeros(vocabulary, dtype=np.int64)
    for token, index in tokenizer.get_vocab().items():
        lengths[index] = len(token)
    arrays["characters"] = lengths
    share = np.zeros(vocabulary)
    for kind in KINDS:
        ids = _ids(tokenizer, text.train[kind])
        arrays[f"train_{kind}"] = ids
        share += np.bincount(ids, minlength=vocabulary) / len(ids) / len(KINDS)
        arrays[f"validation_{kind}"] = _ids(tokenizer, [d[:EXCERPT] for d in text.validation[kind]])
    total = sum(len(arrays[f"train_{kind}"]) for kind in KINDS)
    arrays["log_unigram"] = np.log((share * total + 1.0) / (total + vocabulary))
    return arrays


def _pattern():
    from tokenizers import Regex

    return Regex(r" ?[A-Za-z]+|[0-9]| ?[^\sA-Za-z0-9]+|\n+|[ \t]+(?=\S)|\s+")


def _sample(text: Text):
    for kind in KINDS:
        left = SAMPLE
        for document in text.train[kind]:
            yield document[:left]
            left -= len(document)
            if left <= 0:
                break


def _ids(tokenizer, documents: list[str]) -> np.ndarray:
    """Tokens of documents one after the other, an empty line between them."""
    found = tokenizer.encode_batch([d + "\n\n" for d in documents])
    return np.concatenate([np.array(e.ids, dtype=np.uint16) for e in found])
