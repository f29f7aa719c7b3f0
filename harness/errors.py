"""Errors of the harness.

HarnessError
├── BadConfig     a configuration that can't be used; the message has the path of the wrong key
├── BadRun        a run folder that can't be used: missing, torn, of another task, in use
├── BadProgram    a program file that can't be read
├── BadOption     an option of a command that can't be used
├── BadCluster    a cluster that can't be reached, or workers that may not take part
└── BadHistory    a training run's log that can't be read or predicted from
"""


class HarnessError(Exception):
    """Base class: what was expected, what came, where, what to do."""


class BadConfig(HarnessError):
    """A configuration that can't be used."""


class BadRun(HarnessError):
    """A run folder that can't be used."""


class BadProgram(HarnessError):
    """A program file that can't be read."""


class BadHistory(HarnessError):
    """A training run's log that can't be read, or from which nothing can be predicted."""


class BadOption(HarnessError):
    """An option of a command that can't be used."""


class BadCluster(HarnessError):
    """A cluster that can't be reached, or a worker that may not take part."""
