"""The study of fitting methods: `harness study` lists it, `run` makes it, `design` plans an experiment."""

from harness.study.command import main

__all__ = ["main"]
