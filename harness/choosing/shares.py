"""Shares of a forecast: how much the laws' vote and each method count."""

from __future__ import annotations

from collections.abc import Mapping

LAWS = "laws"
"""Name of the laws' vote beside those of the methods."""

TOLD = 0.05
"""Shares of methods below this are not told."""


def made_of(n_laws: int, shares: Mapping[str, float]) -> str:
    """What a forecast is made of, in words: "20 laws (62%), kriging (25%)"."""
    laws = f"{n_laws} laws"
    if not shares:  # a run of before there were methods
        return f"{laws} and the last rows"
    told = sorted(
        (name for name, s in shares.items() if name != LAWS and s >= TOLD), key=lambda n: -shares[n]
    )
    parts = [f"{laws} ({shares[LAWS]:.0%})", *(f"{name} ({shares[name]:.0%})" for name in told)]
    return ", ".join(parts)
