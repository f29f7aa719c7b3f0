"""Folders of real rows, by their variables as they were when the tests began; nothing beside the checkout is looked for.

Read once: a test that takes a variable away for itself takes nothing from the others.
"""

import os
from pathlib import Path

import pytest

VARIABLES = ("SLD_DATA_DIR", "SLD_ISOFLOP_DIR", "SLD_CURVES_DIR", "SLD_CORPUS_DIR", "SLD_CASES_DIR")
GIVEN = {name: Path(value).expanduser() for name in VARIABLES if (value := os.environ.get(name))}


def folder(variable, *holds):
    """The folder, where its variable is set and it holds these; else None."""
    given = GIVEN.get(variable)
    return given if given is not None and all((given / name).exists() for name in holds) else None


def needed(variable, *holds):
    """The folder; the test is skipped without it, and counted as a test for want of rows."""
    found = folder(variable, *holds)
    return pytest.skip(reason(variable)) if found is None else found


def mark(variable, *holds):
    """The same for a whole test."""
    return pytest.mark.skipif(folder(variable, *holds) is None, reason=reason(variable))


def reason(variable):
    return f"no real rows: set {variable}"
