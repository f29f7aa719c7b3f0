"""Errors of the tasks package.

TaskError
├── UnknownTask      no task of that name (the message gives the nearest one)
├── BadSpec          a task description that contradicts itself
├── BadTable         rows that can't be used: missing column, NaN, wrong type
└── DataUnavailable  no source of the chain could deliver the rows
"""


class TaskError(Exception):
    """Base class: our input is wrong. Never charged to a program."""


class UnknownTask(TaskError):
    """No task of that name."""


class BadSpec(TaskError):
    """A task description that contradicts itself."""


class BadTable(TaskError):
    """Rows that can't be used."""


class DataUnavailable(TaskError):
    """No source could deliver the rows."""
