"""Megatron-LM, Megatron-DeepSpeed, GPT-NeoX: one line an iteration, fields between bars."""

from tables.logs.pattern import INT, NUM, Pattern

PATTERN = Pattern(
    "Megatron-LM",
    " iteration      100/    6000 | consumed samples:  6400 | learning rate: 3.0E-04 | lm loss: 4.733700E+00 |",
    rows=(
        rf"(?:^|[\]|])\s*iteration\s+(?P<step>{INT})/\s*(?P<total>{INT})\s*\|",
        rf"validation loss at iteration (?P<step>{INT}).*?loss value: (?P<val_loss>{NUM})",
    ),
    pairs=rf"(?:\|\s*|^)(?P<key>[A-Za-z][\w ()/.-]*?):\s*(?P<value>{NUM})(?=\s*\|)",
)
