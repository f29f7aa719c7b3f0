"""Names of proposers."""

from __future__ import annotations

OFFLINE = ("formula", "random")
"""Proposers that ask no model."""

PROPOSERS = (*OFFLINE, "llm", "mixed")
