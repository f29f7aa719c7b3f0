"""Fit one law to a table: `harness fit data.csv --law "E + A*N**-alpha + B*D**-beta"`."""

from harness.fit.command import main

__all__ = ["main"]
