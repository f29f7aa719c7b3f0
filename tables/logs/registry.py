"""The trainers whose logs are known, the particular before the general. A new one: a file in `trainers/`, a line here, a test."""

from __future__ import annotations

from tables.logs.pattern import Reader
from tables.logs.trainers import (
    fairseq,
    foundry,
    general,
    hugging_face,
    json_between,
    keras,
    lightning,
    litgpt,
    llm_c,
    megatron,
    mmengine,
    modded_nanogpt,
    nanogpt,
    nemo,
    olmo,
    torchtitan,
)

TRAINERS: tuple[Reader, ...] = tuple(
    module.PATTERN
    for module in (
        megatron,
        nemo,
        olmo,
        foundry,
        torchtitan,
        modded_nanogpt,
        llm_c,
        litgpt,
        nanogpt,
        fairseq,
        mmengine,
        hugging_face,
        lightning,
        keras,
        json_between,
        general,
    )
)
