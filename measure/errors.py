"""Errors of `measure`.

MeasureError
|- MissingPart     a package of the extra, or a tool of the system, is not there
|- BadText         a package of text is not the one that is named
`- BadRequest      no such row, experiment or setting
"""

from __future__ import annotations


class MeasureError(Exception):
    """Base of all errors that this package raises on purpose."""


class MissingPart(MeasureError):
    """Something that has to be installed is not."""


class BadText(MeasureError):
    """A package of text that differs from the pinned one, or can't be read."""


class BadRequest(MeasureError):
    """A row, an experiment or a setting that is not there."""
