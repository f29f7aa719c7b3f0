"""Why a search stopped."""

from __future__ import annotations

from enum import StrEnum


class Ending(StrEnum):
    """Why a search stopped."""

    BUDGET = "budget"
    EXHAUSTED = "exhausted"
    INTERRUPTED = "interrupted"
