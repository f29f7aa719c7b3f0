"""Whether the models of a config can be asked, looked at before a run begins."""

from __future__ import annotations

import argparse

from harness.config import Config
from harness.errors import BadConfig
from harness.proposers.llm.prompts import Templates
from harness.proposers.llm.settings import accesses
from harness.proposers.names import OFFLINE


def check_models(args: argparse.Namespace, config: Config) -> None:
    """Refuse models that can't be asked, templates that can't be read, and options that would do nothing.

    Raises:
        BadConfig: with what to do.
    """
    if getattr(args, "cluster", None) and config.evolve.proposer not in OFFLINE:
        raise BadConfig(
            f"--cluster scores for the proposers {' and '.join(OFFLINE)}; {config.evolve.proposer} tells models of each "
            "fold as it comes, which needs this machine: leave --cluster out"
        )
    if config.evolve.proposer in OFFLINE:
        for option in ("model", "max_cost", "max_tokens"):
            if getattr(args, option) is not None:
                name = f"--{option.replace('_', '-')}"
                raise BadConfig(
                    f"{name} is for models; add --proposer llm or --proposer mixed, or leave it out"
                )
        return
    accesses(config.llm)
    Templates(config.llm.prompts)
    free = [m.model for m in config.llm.models if not (m.price_in or m.price_out)]
    if config.llm.max_cost is not None and free:
        raise BadConfig(
            f"--max-cost: no price is known for model {free[0]!r}; give price_in and price_out per million tokens "
            "in a config (see configs/llm.yaml), or limit tokens with --max-tokens"
        )
