"""The report card: `harness bench --suite sldbench --seeds 5`."""

from harness.bench.command import main

__all__ = ["main"]
